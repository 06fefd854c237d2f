"""The configuration and environment with which freqtrade talks to the embedded exchange only."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freqtrade.constants import ENV_VAR_PREFIX


# Every address that ccxt knows for Binance, by the path of the interface behind it. Those that
# are not served answer with an error; left out, they would reach the real exchange.
API_PATHS = {
    "public": "api/v3",
    "private": "api/v3",
    "v1": "api/v1",
    "sapi": "sapi/v1",
    "sapiV2": "sapi/v2",
    "sapiV3": "sapi/v3",
    "sapiV4": "sapi/v4",
    "fapiPublic": "fapi/v1",
    "fapiPublicV2": "fapi/v2",
    "fapiPublicV3": "fapi/v3",
    "fapiPrivate": "fapi/v1",
    "fapiPrivateV2": "fapi/v2",
    "fapiPrivateV3": "fapi/v3",
    "fapiData": "futures/data",
    "dapiPublic": "dapi/v1",
    "dapiPrivate": "dapi/v1",
    "dapiPrivateV2": "dapi/v2",
    "dapiData": "futures/data",
    "eapiPublic": "eapi/v1",
    "eapiPrivate": "eapi/v1",
    "papi": "papi/v1",
    "papiV2": "papi/v2",
}
# The same of websockets: streams, and requests over a websocket. Only those of spot are served.
STREAM_PATHS: dict[str, str | dict[str, str]] = {
    "spot": "stream/ws",
    "margin": "stream/ws",
    "linear": "fstream/ws",
    "inverse": "dstream/ws",
    "stock": "equity/ws",
    "option": "option/public/ws",
    "optionMarket": "option/market/ws",
    "optionPrivate": "option/private/ws",
    "papi": "pm/ws",
    "ws-api": {"spot": "ws-api/v3", "linear": "ws-fapi/v1", "inverse": "ws-dapi/v1"},
}
# Where ccxt has addresses: the exchange's, its test network's and those of its demo mode.
URL_SETS = ("api", "test", "demo")
# freqtrade's schema wants the names even where nothing is sent.
NO_TELEGRAM: dict[str, Any] = {"enabled": False, "token": "", "chat_id": ""}
# Every name that ccxt has for a proxy of its requests.
PROXY_KEYS = (
    "proxy",
    "proxies",
    "proxyUrl",
    "proxy_url",
    "httpProxy",
    "http_proxy",
    "httpsProxy",
    "https_proxy",
    "socksProxy",
    "socks_proxy",
    "aiohttp_proxy",
)
NO_PROXY = {"no_proxy": "*", "NO_PROXY": "*"}
# freqtrade's environment wins over its files; of the exchange section only these are harmless.
ENVIRONMENT_PREFIX = "FREQTRADE__EXCHANGE__"
ENVIRONMENT_KEPT = ("PAIR_WHITELIST", "PAIR_BLACKLIST")


# Of freqtrade's other settings in the environment, those that a live run must decide itself.
DECIDED_LIVE = ("dry_run", "db_url", "telegram")


@dataclass(frozen=True)
class LiveAccount:
    """An account on the embedded exchange for a bot that does not trade on paper.

    :ivar key: worth nothing outside the embedded exchange, as is the secret
    :ivar database: the bot's own, of this account alone
    """

    key: str
    secret: str = field(repr=False)
    database: Path


def overlay(
    url: str, *, whole: bool = False, final: bool = False, live: LiveAccount | None = None
) -> dict[str, object]:
    """Configuration that comes after the user's own files.

    :param url: address of the exchange, e.g. ``http://127.0.0.1:8480``
    :param whole: there are no files of the user's own: add what freqtrade then needs
    :param final: the last candle that is served has closed. A download otherwise takes it for a
        forming one and leaves it out
    :param live: trade with this account; without one there are no keys, so that a configuration
        that says ``dry_run: false`` cannot trade
    """
    key, secret = (live.key, live.secret) if live else ("", "")
    # ccxt takes keys from its own options as well, and those win.
    ccxt = {**ccxt_options(url), "apiKey": key, "secret": secret}
    exchange: dict[str, object] = {
        "name": "binance",
        # All names that freqtrade has for it; the first two would win over the third.
        **dict.fromkeys(("api_key", "apiKey", "key"), key),
        "secret": secret,
        "enable_ws": False,
        "only_from_ccxt": True,
        # The two special sections win over the first, so a proxy in one of them would too.
        "ccxt_config": ccxt,
        "ccxt_sync_config": ccxt,
        "ccxt_async_config": ccxt,
    }
    if final:
        exchange["_ft_has_params"] = {"ohlcv_partial_candle": False}
    if whole:
        exchange["pair_whitelist"] = []
    found: dict[str, object] = {"exchange": exchange}
    if whole:
        found = {"stake_currency": "", "dry_run": True, **found}
    if live is not None:
        found |= {
            "dry_run": False,
            "db_url": f"sqlite:///{live.database.resolve()}",
            # Its owner would take the messages for those of a bot that trades their money.
            "telegram": NO_TELEGRAM,
        }
    return found


def ccxt_options(url: str) -> dict[str, Any]:
    """Options for ccxt's Binance client: the addresses, spot only, unthrottled, no proxies."""
    api: dict[str, object] = {name: f"{url}/{path}" for name, path in API_PATHS.items()}
    api["ws"] = stream_urls(url.replace("http", "ws", 1), STREAM_PATHS)
    return {
        "enableRateLimit": False,
        "options": {"fetchMarkets": {"types": ["spot"]}},
        "urls": dict.fromkeys(URL_SETS, api),
        # None and not "", which ccxt would count as a proxy.
        **dict.fromkeys(PROXY_KEYS),
    }


def stream_urls(url: str, paths: Mapping[str, str | Mapping[str, str]]) -> dict[str, object]:
    """The addresses of websockets, in ccxt's order."""
    return {
        name: f"{url}/{path}" if isinstance(path, str) else stream_urls(url, path)
        for name, path in paths.items()
    }


def child_environment(
    environment: Mapping[str, str],
    *,
    live: bool = False,
    decided: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """The environment without proxies and without freqtrade's exchange settings.

    :param live: also without a mode, a database and Telegram
    :param decided: a configuration that comes after the user's; freqtrade's environment would win
        over that, so the variables of its keys are left out
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.lower().endswith("_proxy")
        and not _exchange_setting(name)
        and not (live and _is_decided(name, dict.fromkeys(DECIDED_LIVE)))
        and not _is_decided(name, decided or {})
    }
    return kept | NO_PROXY


def _exchange_setting(name: str) -> bool:
    upper = name.upper()
    setting = upper.removeprefix(ENVIRONMENT_PREFIX)
    return setting != upper and setting not in ENVIRONMENT_KEPT


def _is_decided(name: str, decided: Mapping[str, object]) -> bool:
    """Whether a variable gives a key, or a part of a key, that a configuration gives."""
    if not name.startswith(ENV_VAR_PREFIX):
        return False
    found: object = decided
    for key in name.removeprefix(ENV_VAR_PREFIX).lower().split("__"):
        if not isinstance(found, Mapping):
            return True
        if key not in found:
            return False
        found = found[key]
    return True


@contextlib.contextmanager
def no_proxy() -> Iterator[None]:
    """Requests of this process go to the loopback themselves, whatever proxy the machine has."""
    before = {name: os.environ.get(name) for name in NO_PROXY}
    os.environ.update(NO_PROXY)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def no_settings_around() -> Iterator[None]:
    """This process and its children without freqtrade's settings of the environment.

    For bots whose whole configuration is made by a command.
    """
    taken = {name: os.environ[name] for name in list(os.environ) if name.startswith(ENV_VAR_PREFIX)}
    for name in taken:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(taken)
