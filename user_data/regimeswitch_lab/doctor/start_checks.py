"""Checks of how a bot begins: its first state, its pairs, and whether its notices reach anybody."""

import importlib
from collections.abc import Iterator
from typing import Any

from freqtrade.constants import AVAILABLE_PAIRLISTS
from freqtrade.plugins.pairlist.IPairList import SupportsBacktesting

from regimeswitch.bot.messages.channels import channels, complaint
from regimeswitch_lab.bot_config import listed
from regimeswitch_lab.doctor.findings import Finding, Severity
from regimeswitch_lab.doctor.subject import ExaminedBot


STATIC = "StaticPairList"


def check_state(subject: ExaminedBot) -> Iterator[Finding]:
    """A bot that begins stopped trains nothing and trades nothing until somebody starts it."""
    state = subject.config.merged.get("initial_state", "stopped")
    if state == "running":
        return
    if state == "paused":
        what = "the bot begins paused: it opens nothing until it is sent /start"
        yield Finding("info", "config.state", what, "initial_state", 'set it to "running"')
        return
    reachable = any(subject.part(name).get("enabled") for name in ("telegram", "api_server"))
    severity: Severity = "warning" if reachable else "serious"
    why = "" if "initial_state" in subject.config.given else ", freqtrade's default"
    what = f"the bot begins stopped{why}: it trains and trades nothing until it is sent /start"
    if not reachable:
        what += ", and neither Telegram nor the API is enabled to send it"
    yield Finding(severity, "config.state", what, "initial_state", 'set it to "running"')


def check_pairs(subject: ExaminedBot) -> Iterator[Finding]:
    """Lists that choose pairs while the bot runs, and pairs that freqtrade leaves out."""
    methods = [
        str(one.get("method", ""))
        for one in subject.config.merged.get("pairlists") or []
        if isinstance(one, dict)
    ]
    generators = [name for name in methods if _trait(name, "is_pairlist_generator")]
    if generators == [STATIC]:
        yield from _static(subject)
    yield from _moving(subject, methods, generators)
    yield from _currency(subject)


def _static(subject: ExaminedBot) -> Iterator[Finding]:
    if not listed(subject.part("exchange"), "pair_whitelist"):
        what = f"{STATIC} has no pair to trade: freqtrade refuses to start"
        fix = 'name pairs, e.g. ["BTC/USDT", "ETH/USDT"]'
        yield Finding("serious", "pairs.none", what, "exchange.pair_whitelist", fix)


def _moving(subject: ExaminedBot, methods: list[str], generators: list[str]) -> Iterator[Finding]:
    refusing = [name for name in methods if _backtests(name) == SupportsBacktesting.NO]
    moving = [
        name for name in methods if name in refusing or (name in generators and name != STATIC)
    ]
    if not moving:
        return
    what = f"{', '.join(moving)}: pairs come and go while the bot runs"
    if refusing:
        what += f", and freqtrade refuses to backtest with {', '.join(refusing)}"
    examined = ", ".join(subject.pairs) or "no pair"
    fix = (
        f"{examined} examined here: name those that you expect by --pairs; for a backtest give a "
        f"config with {STATIC} and exchange.pair_whitelist on top"
    )
    yield Finding("info", "pairs.dynamic", what, "pairlists", fix)


def _currency(subject: ExaminedBot) -> Iterator[Finding]:
    stake = subject.config.merged.get("stake_currency")
    other = [pair for pair in subject.pairs if not foreign_to(pair, stake)]
    foreign = [pair for pair in subject.pairs if pair not in other]
    if foreign:
        what = f"{', '.join(foreign)}: not priced in {stake}, so freqtrade leaves it out"
        severity: Severity = "warning" if other else "serious"
        yield Finding(
            *(severity, "pairs.currency", what, "exchange.pair_whitelist"),
            f"name pairs like BTC/{stake}, or change stake_currency",
        )


def foreign_to(pair: str, stake: Any) -> bool:
    """Whether a pair is priced in another currency than stakes are."""
    quote = pair.partition("/")[2].partition(":")[0]
    return isinstance(stake, str) and bool(stake) and quote != stake


def _trait(name: str, trait: str) -> Any:
    """What freqtrade says of a kind of list; None where it does not know it."""
    if name not in AVAILABLE_PAIRLISTS:
        return None
    modules = (name, name.lower())
    for module in modules:
        try:
            found = importlib.import_module(f"freqtrade.plugins.pairlist.{module}")
        except ModuleNotFoundError:
            continue
        return getattr(getattr(found, name), trait)
    return None


def _backtests(name: str) -> Any:
    return _trait(name, "supports_backtesting")


def check_notices(subject: ExaminedBot) -> Iterator[Finding]:
    """Exits that cannot be made, limits and outages are notified by the channels of freqtrade."""
    config = subject.config.merged
    found, live = channels(config), config.get("dry_run") is False
    problem = complaint(config)
    if problem:
        severity: Severity = "serious" if live else "warning"
        fix = "; ".join(one.remedy for one in found)
        where = ", ".join(one.name for one in found)
        what = "it takes no warnings: what the guards have to say stands in the log alone"
        yield Finding(severity, "notices.silent", what, where, fix)
    elif not found and live:
        what = "real money, and no channel: what the guards have to say stands in the log alone"
        yield Finding(
            *("warning", "notices.none", what, "telegram, webhook, discord"),
            "enable one of them",
        )
    for one in found:
        if not one.custom and not problem:
            what = "regime switches and bad candles stay in the log; warnings are sent all the same"
            yield Finding("info", "notices.custom", what, one.name, one.remedy_custom)
