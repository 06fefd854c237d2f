"""Checks of what others could read or reach: keys in files, the bot's API, permissions."""

import ipaddress
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from regimeswitch_lab.confidential import confidential
from regimeswitch_lab.doctor.findings import Finding, Severity
from regimeswitch_lab.doctor.subject import ExaminedBot


LEAST_PASSWORD, LEAST_JWT = 12, 32
DEFAULT_JWTS = ("super-secret", "somethingrandom", "somethingRandomSomethingRandom123")
CONSUMER = "external_message_consumer"
COMMON = ("freqtrader", "freqtrade", "superpassword", "superpass", "changeme", "regimeswitch")
# Not secret enough to speak of as long as they are in nobody else's hands.
_PERSONAL = ("chat_id", "topic_id", "authorized_users")


def check_files(subject: ExaminedBot) -> Iterator[Finding]:
    """Keys, tokens and passwords that are written in a configuration file, by kind."""
    for path, content in subject.config.files:
        names: dict[tuple[str, Severity], list[str]] = {}
        for place in confidential(content):
            if place[-1] not in _PERSONAL:
                name = ".".join(place)
                names.setdefault(_kind_of(place[0], name), []).append(name)
        for (kind, severity), written in names.items():
            verb = "is" if len(written) == 1 else "are"
            what = f"{', '.join(written)} {verb} written in the file"
            fix = f"take it out and give it by environment, {', '.join(_variables(written))}"
            if _readable(path):
                severity, what = "serious", f"{what}, which others may read"
                fix += f", or at least chmod 600 {path}"
            yield Finding(severity, kind, what, str(path), f"{fix}; if others saw it, renew it")


def _variables(names: list[str]) -> list[str]:
    found = []
    for name in names:
        if name.startswith(CONSUMER):
            # freqtrade reads a list as a whole.
            found.append(f"FREQTRADE__{CONSUMER.upper()}__PRODUCERS")
        elif "ccxt" in name:
            found += ["FREQTRADE__EXCHANGE__KEY", "FREQTRADE__EXCHANGE__SECRET"]
        else:
            found.append(f"FREQTRADE__{name.replace('.', '__').upper()}")
    return list(dict.fromkeys(found))


def _readable(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IRGRP))


def _kind_of(first: str, name: str) -> tuple[str, Severity]:
    if first == "exchange":
        return "secrets.exchange", "serious"
    if name == "telegram.token":
        return "secrets.telegram", "serious"
    return ("secrets.api", "warning") if first == "api_server" else ("secrets.other", "warning")


def check_api(subject: ExaminedBot) -> Iterator[Finding]:
    """Who can reach the bot's API, and with which password."""
    api = subject.part("api_server")
    if not api.get("enabled"):
        return
    address = str(api.get("listen_ip_address", ""))
    if not _is_loopback(address):
        severity: Severity = "warning" if subject.in_container else "serious"
        yield Finding(
            *(severity, "api.open", f"it listens on {address}, for other machines too"),
            "api_server.listen_ip_address",
            "use 127.0.0.1 and an SSH tunnel or VPN; in a container publish it on 127.0.0.1 alone",
        )
    password, user = str(api.get("password", "")), str(api.get("username", ""))
    if not user or not password:
        what = "there is no username or password"
    elif password.lower() in COMMON or password == user:
        what = "the password is one that everybody tries first"
    elif len(password) < LEAST_PASSWORD:
        what = f"the password has {len(password)} characters"
    else:
        what = ""
    if what:
        yield Finding(
            *("serious", "api.password", f"{what}: who reaches it can trade"),
            "api_server.password",
            "set FREQTRADE__API_SERVER__USERNAME and __PASSWORD, at least 12 random characters",
        )
    jwt = str(api.get("jwt_secret_key", ""))
    if jwt in DEFAULT_JWTS or len(jwt) < LEAST_JWT:
        known = "is freqtrade's own" if jwt in DEFAULT_JWTS else "is short or missing"
        yield Finding(
            *("serious", "api.jwt", f"the secret {known}: tokens can be forged"),
            "api_server.jwt_secret_key",
            "set FREQTRADE__API_SERVER__JWT_SECRET_KEY, 32 or more random characters",
        )
    if "*" in (api.get("CORS_origins") or []):
        yield Finding(
            *("serious", "api.cors", "any web page may talk to the bot", "api_server.CORS_origins"),
            "name the addresses of FreqUI, or leave the list empty",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def check_permissions(subject: ExaminedBot) -> Iterator[Finding]:
    """Who may read and write the configuration and the databases."""
    for path, content in subject.config.files:
        mode = path.stat().st_mode
        if mode & stat.S_IWOTH:
            yield Finding(
                *("serious", "permissions.config", "everybody may write to it", str(path)),
                f"chmod o-w {path}",
            )
        elif _personal_only(content) and _readable(path):
            yield Finding(
                *("serious", "permissions.secrets", "it says whose bot it is, others may read it"),
                str(path),
                f"chmod 600 {path}",
            )
    for path in databases(subject.userdir):
        if path.stat().st_mode & stat.S_IWOTH:
            yield Finding(
                *("serious", "permissions.database", "everybody may write to it", str(path)),
                f"chmod 600 {path}",
            )


def _personal_only(content: dict[str, Any]) -> bool:
    """With secrets in it as well, that is one finding of :func:`check_files`."""
    places = confidential(content)
    return bool(places) and all(place[-1] in _PERSONAL for place in places)


def databases(userdir: Path) -> list[Path]:
    """The databases that lie in a user_data folder."""
    return sorted(path for path in userdir.glob("*.sqlite") if path.is_file())
