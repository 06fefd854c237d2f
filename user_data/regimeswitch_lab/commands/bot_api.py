"""Asks a running bot through freqtrade's REST API; passwords are sent and never shown."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from regimeswitch_lab.bot_config import BotConfig, section
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.dry_run_command import (
    DEFAULT_USERNAME,
    PASSWORD_VARIABLE,
    USERNAME_VARIABLE,
)


TIMEOUT_SECONDS = 20
ANYWHERE = ("", "0.0.0.0", "::")
"""Addresses that a bot listens on and nobody can be asked at."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CREDENTIALS = (
    "username and password come from api_server of the config, from "
    "FREQTRADE__API_SERVER__USERNAME and FREQTRADE__API_SERVER__PASSWORD, or from "
    f"{USERNAME_VARIABLE} and {PASSWORD_VARIABLE}"
)


@dataclass(frozen=True)
class BotApi:
    """The API of one bot.

    :ivar url: scheme, host and port
    """

    url: str
    username: str
    password: str = field(repr=False)

    def ask(self, path: str, **query: str | int) -> Any:
        """The parsed answer to a GET request.

        :param path: after ``/api/v1/``
        :raises InputError: when there is none, or a refusal, with what to change
        """
        address = f"{self.url}/api/v1/{path}"
        if query:
            address += f"?{urllib.parse.urlencode(query)}"
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        request = urllib.request.Request(address, headers={"Authorization": f"Basic {token}"})
        try:
            with self._opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise InputError(self._refusal(error)) from None
        except (urllib.error.URLError, OSError) as error:
            raise InputError(
                f"no bot answers on {self.url} ({getattr(error, 'reason', error)}); is it running, "
                "with api_server.enabled true? --api-url names another address"
            ) from None
        except ValueError:
            raise InputError(
                f"what answers on {self.url} is no freqtrade; --api-url names another address"
            ) from None

    def _opener(self) -> urllib.request.OpenerDirector:
        """Without a proxy where the bot is on this machine."""
        host = urllib.parse.urlsplit(self.url).hostname
        handlers = [urllib.request.ProxyHandler({})] if host in LOOPBACK else []
        return urllib.request.build_opener(*handlers)

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        if error.code in (401, 403):
            return f"the bot on {self.url} refuses username and password; {CREDENTIALS}"
        try:
            answer = json.load(error)
        except ValueError:
            answer = {}
        detail = (
            answer.get("detail") or answer.get("error") if isinstance(answer, Mapping) else None
        )
        return f"the bot on {self.url} answers {error.code}: {detail or error.reason}"


def bot_api(config: BotConfig, url: str | None, environment: Mapping[str, str]) -> BotApi:
    """The API of the bot that runs with a configuration.

    :param url: of the command line; None = the address that the configuration gives
    :param environment: e.g. ``os.environ``; what freqtrade reads of it is in ``config``
    :raises InputError: when the API is switched off, its address no url, or a password missing
    """
    api = section(config.merged, "api_server")
    if url is None and not api.get("enabled"):
        raise InputError(
            "api_server.enabled is false in the config: such a bot answers no questions; set it "
            "to true and restart the bot, or name --api-url of a bot that answers"
        )
    # The password belongs to the user, whichever of both is missing.
    username = api.get("username") or environment.get(USERNAME_VARIABLE) or DEFAULT_USERNAME
    password = api.get("password") or environment.get(PASSWORD_VARIABLE) or ""
    if not password:
        raise InputError(f"there is no password for the bot's API; {CREDENTIALS}")
    return BotApi(_address(api) if url is None else checked(url), str(username), str(password))


def checked(url: str) -> str:
    """An address as it is used.

    :raises InputError: when it is none, or carries a password, which others could read
    """
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InputError(f"--api-url must be an address like http://127.0.0.1:8080 (got {url!r})")
    if parts.username or parts.password:
        raise InputError(f"--api-url must not carry username or password; {CREDENTIALS}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _address(api: Mapping[str, Any]) -> str:
    host = str(api.get("listen_ip_address") or "")
    host = "127.0.0.1" if host in ANYWHERE else host
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{api.get('listen_port', 8080)}"
