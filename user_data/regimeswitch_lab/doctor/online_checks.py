"""Checks that ask the exchange: clock, used request weight, and what the key may do.

The exchange is the one that the configuration leads to. Keys come from the environment; one from a
file is used as the bot would use it.
"""

import time
from collections.abc import Iterator
from typing import Any

import ccxt

from regimeswitch.bot.guards import EXCHANGE
from regimeswitch_lab.bot_config import section
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import ExaminedBot


TIMEOUT_MS = 10_000
WEIGHT_HEADER = "x-mbx-used-weight-1m"
# Binance refuses signed requests whose time is this far from its own.
MOST_DRIFT_SECONDS = 5.0
KEYS = "FREQTRADE__EXCHANGE__KEY and FREQTRADE__EXCHANGE__SECRET"
NEVER = {
    "enableWithdrawals": "withdraw",
    "enableInternalTransfer": "transfer to other accounts",
    "permitsUniversalTransfer": "transfer between wallets",
}
UNUSED = {"enableMargin": "borrow on margin", "enableFutures": "trade futures"}


def client_of(subject: ExaminedBot) -> ccxt.binance:
    """A client with the addresses, proxies and keys that the bot would use."""
    exchange = subject.part("exchange")
    options = {**section(exchange, "ccxt_config"), **section(exchange, "ccxt_sync_config")}
    keys = {"apiKey": exchange.get("key") or "", "secret": exchange.get("secret") or ""}
    given = {name: value for name, value in keys.items() if value}
    return ccxt.binance({"timeout": TIMEOUT_MS, **given, **options})


def machine_clock() -> float:
    """This machine's clock, epoch seconds."""
    return time.time()


def check_online(subject: ExaminedBot, client: ccxt.binance) -> Iterator[Finding]:
    """Everything that only the exchange knows."""
    where = "exchange"
    name = subject.part("exchange").get("name")
    if name != EXCHANGE:
        # Its keys are none of Binance's business.
        yield Finding(
            *("warning", "online.exchange", f"{name!r} was not asked: only {EXCHANGE} is known"),
            *("exchange.name", "look yourself at clock, limits and rights of the key"),
        )
        return
    try:
        before = machine_clock()
        answer = client.public_get_time()
        after = machine_clock()
    except (ccxt.DDoSProtection, ccxt.RateLimitExceeded) as error:
        yield Finding(
            *("serious", "online.banned", f"this address is refused: {_short(error)}", where),
            "wait until the ban is over; find the other programs on this IP address",
        )
        return
    except ccxt.BaseError as error:
        yield Finding(
            *("serious", "online.unreachable", f"no usable answer: {_short(error)}", where),
            "check network, proxy and exchange.ccxt_config",
        )
        return
    yield from _drift(subject, int(answer["serverTime"]) / 1000, before, after)
    yield from _weight(subject, client.last_response_headers or {})
    yield from _key(subject, client)


def _drift(subject: ExaminedBot, there: float, before: float, after: float) -> Iterator[Finding]:
    # Their clock was read somewhere between the two.
    drift = there - after if there > after else min(there - before, 0.0)
    allowed = subject.settings.safety.clock_drift_seconds
    if abs(drift) > allowed:
        severe = abs(drift) > MOST_DRIFT_SECONDS
        yield Finding(
            *("serious" if severe else "warning", "online.clock"),
            f"this machine's clock is {abs(drift):.1f} s {'behind' if drift > 0 else 'ahead'}",
            "exchange",
            "synchronise the clock (systemd-timesyncd or chrony)",
        )


def _weight(subject: ExaminedBot, headers: dict[str, Any]) -> Iterator[Finding]:
    used = {name.lower(): value for name, value in headers.items()}.get(WEIGHT_HEADER, "0")
    limit, share = subject.settings.safety.weight_limit, subject.settings.safety.weight_share
    if not str(used).isdigit() or int(used) <= limit * share / 2:
        return
    full = int(used) > limit * share
    yield Finding(
        *("serious" if full else "warning", "online.weight"),
        f"{used} of {limit} a minute are used on this IP address",
        "exchange",
        "other programs share it: stop them, or give the bot an address of its own",
    )


def _key(subject: ExaminedBot, client: ccxt.binance) -> Iterator[Finding]:
    where, live = "the API key", subject.config.merged.get("dry_run") is False
    if not client.apiKey or not client.secret:
        yield Finding(
            *("serious" if live else "info", "online.no_key", "there is no key to look at", where),
            f"for live trading set {KEYS}",
        )
        return
    try:
        rights = client.sapi_get_account_apirestrictions()
    except ccxt.BaseError as error:
        yield Finding(
            *("serious", "online.key", f"it is not accepted: {_short(error)}", where),
            "renew the key; allow this machine's address; synchronise the clock",
        )
        return
    yield from check_rights(rights, live)


def check_rights(rights: dict[str, Any], live: bool) -> Iterator[Finding]:
    """What a key may do, as Binance's apiRestrictions says it."""
    where = "the API key"
    fix = "take this right away in Binance's API management"
    for name, meaning in NEVER.items():
        if rights.get(name):
            yield Finding("serious", "online.withdrawals", f"it may {meaning}", where, fix)
    for name, meaning in UNUSED.items():
        if rights.get(name):
            yield Finding("warning", "online.rights", f"it may {meaning}", where, fix)
    if not rights.get("ipRestrict"):
        yield Finding(
            *("warning", "online.ip", "it can be used from every address", where),
            "restrict it to this machine's address in Binance's API management",
        )
    if not rights.get("enableSpotAndMarginTrading"):
        yield Finding(
            *("serious" if live else "info", "online.trading", "it may not trade", where),
            "allow spot trading in Binance's API management",
        )


def _short(error: Exception) -> str:
    """The first line of an error, without addresses that could carry a key."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.partition("?")[0][:200]
