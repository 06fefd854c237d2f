"""Whether the installed freqtrade fits: what is wrapped is looked at first, whatever its version.

A release that fits is accepted, be it known or not. One that does not is refused with what has
moved; ``safety.allow_untested_freqtrade`` lets parameters differ, where no order depends on them.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import ccxt
import freqtrade
from freqtrade.exceptions import OperationalException

from regimeswitch.bot.compatibility import internals, sources
from regimeswitch.bot.patches import CLASSES, Owner, Part, allow, members_of
from regimeswitch.bot.signatures import Member, Misfit, misfits, named


logger = logging.getLogger(__name__)

GUARDED: tuple[Part, ...] = ("connection", "candles", "trades")
"""What a bot on paper needs; a live one needs ``orders`` too, a model ``models``."""
TESTED = ("2026.3", "2026.4", "2026.5", "2026.5.1", "2026.6", "2026.8", "2026.9")
"""Releases that passed every check of ``regimeswitch contract``; see docs/compatibility.md."""
FAILED = {
    "2026.7": "FreqAI of this release does not merge predictions of a candle that it got twice, as "
    "the first one after a start; no candle of a bot is analysed",
}
"""Releases whose bots failed in a way that cannot be seen beforehand, and how."""
SAMPLES = ("ccxt", "ccxt.async_support", "ccxt.pro")
"""Modules of the three kinds of exchange clients that freqtrade uses."""


@dataclass(frozen=True)
class Subject:
    """What is looked at: the objects of a bot, or the classes that they would be made of.

    :ivar clients: exchange clients; orders are placed with the first
    """

    clients: Sequence[Any] = field(default_factory=lambda: sample_clients())
    exchange: Any = field(default_factory=lambda: named("freqtrade.exchange.Binance"))

    @classmethod
    def of(cls, exchange: Any) -> Subject:
        """The parts of a bot's exchange, as far as it has them; None where there is none."""
        if exchange is None:
            return cls()
        names = ("_api", "_api_async", "_ws_async")
        found = [getattr(exchange, name, None) for name in names]
        return cls([one for one in found if one is not None] or sample_clients(), exchange)


def sample_clients() -> list[Any]:
    """The classes of Binance's clients."""
    return [importlib.import_module(name).binance for name in SAMPLES]


@dataclass(frozen=True)
class Check:
    """One thing that has to be as it was.

    :ivar name: what is right when it passes
    """

    name: str
    part: Part
    look: Callable[[Subject], Iterable[Misfit]]

    def run(self, subject: Subject) -> list[Misfit]:
        """What is different; a class or module that is gone is a misfit like others."""
        try:
            return list(self.look(subject))
        except (ImportError, AttributeError, OSError, SyntaxError) as error:
            return [Misfit(f"{self.name}: {error}", fatal=True)]


def _members(path: str, members: list[Member]) -> Callable[[Subject], list[Misfit]]:
    return lambda subject: misfits(named(path), members)


def _patched(owner: Owner, part: Part, *members: Member) -> Callable[[Subject], list[Misfit]]:
    """What a part of the bot replaces of an owner, and what else is used of it."""
    (path,) = CLASSES[owner]
    return lambda subject: misfits(named(path), [*members_of(owner, part), *members])


def _source(look: Callable[[], Iterable[Misfit]]) -> Callable[[Subject], Iterable[Misfit]]:
    return lambda subject: look()


def _of_clients(subject: Subject) -> list[Misfit]:
    members = [*members_of("client"), *internals.CLIENT]
    found = [one for client in subject.clients for one in misfits(client, members)]
    return [*found, *misfits(named(CLASSES["session"][0]), members_of("session"))]


def _of_orders(subject: Subject) -> list[Misfit]:
    members = [*members_of("order client"), *internals.ORDER_CLIENT]
    return misfits(subject.clients[0], members)


def _of_exchange(subject: Subject) -> list[Misfit]:
    return misfits(subject.exchange, [*members_of("exchange"), *internals.EXCHANGE])


def _of_models(subject: Subject) -> list[Misfit]:
    found = misfits(named("freqtrade.freqai.freqai_interface.IFreqaiModel"), internals.MODEL)
    known = FAILED.get(freqtrade.__version__)
    return [*([Misfit(known, fatal=True)] if known else []), *found]


CHECKS = [
    Check("requests of the exchange client can be watched", "connection", _of_clients),
    Check(
        "freqtrade's exchange has what is wrapped and read",
        "connection",
        _of_exchange,
    ),
    Check(
        "the data provider has what is called and read",
        "connection",
        _members("freqtrade.data.dataprovider.DataProvider", internals.DATA_PROVIDER),
    ),
    Check(
        "the guards' errors are survived by freqtrade",
        "connection",
        _source(sources.errors_are_survived),
    ),
    Check(
        "candles come by the known ways alone",
        "candles",
        _source(sources.candles_come_the_known_ways),
    ),
    Check(
        "exits of the strategy can be overridden",
        "trades",
        _patched("strategy", "trades", *internals.STRATEGY),
    ),
    Check(
        "trades have what is called and read",
        "trades",
        _members("freqtrade.persistence.Trade", internals.TRADE),
    ),
    Check(
        "the database keeps values",
        "trades",
        _members("freqtrade.persistence.KeyValueStore", internals.STORE),
    ),
    Check(
        "wallets have what is called",
        "trades",
        _members("freqtrade.wallets.Wallets", internals.WALLETS),
    ),
    Check(
        "warnings can be sent",
        "connection",
        _patched("messages", "connection", *internals.RPC),
    ),
    Check(
        "orders of trades have what is read",
        "trades",
        _members("freqtrade.persistence.Order", internals.ORDER_OF_TRADE),
    ),
    Check("orders of the exchange client can be wrapped", "orders", _of_orders),
    Check(
        "orders come by the known ways alone",
        "orders",
        _source(sources.orders_come_the_known_ways),
    ),
    Check("freqtrade sends no order again", "orders", _source(sources.orders_are_sent_once)),
    Check(
        "orders can be given to trades",
        "orders",
        _members("freqtrade.persistence.Order", internals.ORDER),
    ),
    Check(
        "adopted trades have every field",
        "orders",
        _source(sources.adopted_trades_are_whole),
    ),
    Check(
        "prices and fees of adopted trades are known",
        "orders",
        lambda subject: misfits(subject.exchange, internals.EXCHANGE_OF_ADOPTION),
    ),
    Check(
        "a bot starts in the known order",
        "orders",
        _source(sources.start_has_the_known_order),
    ),
    Check("FreqAI's model can be overridden", "models", _of_models),
    Check("a training needs no logger", "models", _patched("FreqAI", "models")),
    Check("a strategy's features can be added to", "models", _patched("strategy", "models")),
    Check(
        "FreqAI's drawer can be wrapped",
        "models",
        _patched("drawer", "models", *internals.DRAWER),
    ),
    Check(
        "FreqAI's kitchen can be wrapped",
        "models",
        _patched("kitchen", "models", *internals.KITCHEN),
    ),
    Check("digits of prices can be counted quickly", "models", _patched("backtest", "models")),
    Check(
        "candle files can be downloaded and loaded",
        "models",
        _members("freqtrade.data.history", internals.HISTORY),
    ),
    Check(
        "FreqAI's files are the known ones",
        "models",
        _source(sources.models_are_written_as_known),
    ),
]


def releases() -> str:
    """What is installed, in words."""
    return f"freqtrade {freqtrade.__version__} with ccxt {ccxt.__version__}"


def is_tested() -> bool:
    """Whether the installed freqtrade passed every check, those that run a bot included."""
    return freqtrade.__version__ in TESTED


@cache
def misfits_by_check() -> dict[str, list[str]]:
    """What does not fit in the installed release, by the name of the check that found it."""
    found = {check.name: [one.what for one in check.run(Subject())] for check in CHECKS}
    return {name: misfits for name, misfits in found.items() if misfits}


def check_parts(parts: Iterable[Part], subject: Subject, allowed: bool) -> None:
    """Look at what a bot is about to wrap.

    :param allowed: ``safety.allow_untested_freqtrade``
    :raises OperationalException: naming all that does not fit, and what to do
    """
    wanted = set(parts)
    found = [
        (check, misfit) for check in CHECKS if check.part in wanted for misfit in check.run(subject)
    ]
    refused = [
        misfit for check, misfit in found if misfit.fatal or check.part == "orders" or not allowed
    ]
    if refused:
        raise OperationalException(_refusal([misfit.what for misfit in refused], wanted))
    for _, misfit in found:
        allow(misfit)
        tell_once(
            logging.WARNING,
            f"{releases()}: {misfit.what}; gone on with, by "
            "regimeswitch.safety.allow_untested_freqtrade",
        )
    if not found and not is_tested():
        tell_once(
            logging.INFO,
            f"{releases()} is not among the releases that were tested ({', '.join(TESTED)}), but "
            "all that is needed of it is there; `regimeswitch contract` tries it in a minute",
        )


@cache
def tell_once(level: int, text: str) -> None:
    """Log a line, though strategy, guards and model all look at the same release."""
    logger.log(level, text)


def _refusal(found: list[str], parts: set[Part]) -> str:
    guards = (
        ""
        if "models" in parts
        else ", or set regimeswitch.safety.guards to false and trade without guards"
    )
    return (
        f"{releases()} does not fit RegimeSwitch: {'; '.join(found)}. Install freqtrade "
        f"{TESTED[-1]} with the versions of requirements.lock{guards}. `regimeswitch contract` "
        "tells all that does not fit; what only takes other parameters, and places no orders, is "
        "gone on with when regimeswitch.safety.allow_untested_freqtrade is true"
    )
