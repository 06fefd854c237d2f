"""What a signature does not tell, read in freqtrade's source: who calls whom, in what order.

Each function gives what is different, nothing where all is as it was.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any

import ccxt
from freqtrade.exceptions import DependencyException, TemporaryError
from freqtrade.exchange import Exchange, binance
from freqtrade.exchange import exchange as exchange_module

from regimeswitch.bot.compatibility.internals import FILE_WRITERS, MODEL_FILES
from regimeswitch.bot.connection.responses import NoAnswer, Withheld
from regimeswitch.bot.orders import adoption
from regimeswitch.bot.orders.in_flight import NotPlaced
from regimeswitch.bot.signatures import Misfit, named, source_of


ORDER_SENDERS = {
    "create_order": {"create_order", "create_stoploss"},
    "cancel_order": {"cancel_order"},
    "edit_order": set(),
    "create_orders": set(),
    "cancel_orders": set(),
    "cancel_all_orders": set(),
}
"""Methods of freqtrade's Exchange that may call these of the exchange client."""
CANDLE_FETCHERS = {"fetch_ohlcv": {"_async_get_candle_history"}}
CANDLE_PARAMETERS = ["self", "pair", "timeframe", "candle_type", "since_ms"]
STREAM_CALLS = ("_exchange_ws.get_ohlcv", "_exchange_ws.schedule_ohlcv")
START_STEPS = ("init_db(", "self.strategy.dp =", "ft_bot_start()")
"""Of a bot, in their order: what is done in ``bot_start`` needs the others."""
BOT = "freqtrade.freqtradebot.FreqtradeBot"
"""Looked up when it is read: it imports the API server, which a backtest does without."""


@cache
def _methods() -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Methods of freqtrade's exchange by name, the general one's and Binance's."""
    found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
    for module in (exchange_module, binance):
        for node in ast.walk(ast.parse(source_of(module))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append(node)
    return found


@cache
def _callers(name: str) -> set[str]:
    """Methods that call a method of the exchange client."""
    wanted = {f"self._api.{name}", f"self._api_async.{name}"}
    return {
        method
        for method, nodes in _methods().items()
        for node in nodes
        if wanted & {ast.unparse(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    }


@cache
def _stream_users() -> list[str]:
    """Methods that use candle streams without asking whether they may."""
    return [
        name
        for name, nodes in _methods().items()
        for text in map(ast.unparse, nodes)
        if any(call in text for call in STREAM_CALLS) and "self._can_use_websocket(" not in text
    ]


def _other_callers(known: dict[str, set[str]]) -> Iterator[Misfit]:
    for name, methods in known.items():
        found = _callers(name)
        if found != methods:
            expected = ", ".join(sorted(methods)) or "nobody"
            now = ", ".join(sorted(found)) or "nobody"
            yield Misfit(f"{name} of the exchange client is called by {now}, expected {expected}")


def orders_come_the_known_ways() -> Iterator[Misfit]:
    """Every order and cancellation passes what the order guard wraps."""
    return _other_callers(ORDER_SENDERS)


def orders_are_sent_once() -> Iterator[Misfit]:
    """freqtrade does not send an order again by itself."""
    if hasattr(Exchange.create_order, "__wrapped__"):
        yield Misfit("Exchange.create_order has a decorator, which may send an order twice")
    retries = inspect.getclosurevars(Exchange.create_stoploss).nonlocals.get("retries")
    if retries != 0:
        yield Misfit(f"Exchange.create_stoploss is retried (retries={retries}, expected 0)")


def errors_are_survived() -> Iterator[Misfit]:
    """The guards' errors make freqtrade go on, without emergency exits and pauses."""
    for error in (NoAnswer, Withheld, NotPlaced):
        if not issubclass(error, ccxt.OperationFailed | ccxt.ExchangeError) or issubclass(
            error, ccxt.DDoSProtection | ccxt.InvalidOrder | ccxt.BadRequest
        ):
            yield Misfit(f"{error.__name__} is of another kind in this ccxt: {error.__mro__}")
    if not issubclass(TemporaryError, DependencyException):
        yield Misfit("TemporaryError is no DependencyException: it ends freqtrade's loop")


def adopted_trades_are_whole() -> Iterator[Misfit]:
    """A trade that is written for an order found later has all that freqtrade gives a new one."""
    bot: Any = named(BOT)
    entry = _fields_of_trade(textwrap.dedent(inspect.getsource(bot.execute_entry)))
    ours = _fields_of_trade(source_of(adoption))
    if ours != entry:
        yield Misfit(
            "a new trade of FreqtradeBot.execute_entry has other fields: "
            f"{', '.join(sorted(ours ^ entry))}"
        )


def _fields_of_trade(source: str) -> set[str]:
    calls = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call)]
    made = [one for one in calls if ast.unparse(one.func) == "Trade"]
    return {str(keyword.arg) for one in made for keyword in one.keywords}


def start_has_the_known_order() -> Iterator[Misfit]:
    """Database and data provider are there in ``bot_start``; adopted orders are looked at."""
    bot: Any = named(BOT)
    started = inspect.getsource(bot.__init__)
    places = [started.find(step) for step in START_STEPS]
    if -1 in places or places != sorted(places):
        yield Misfit(f"FreqtradeBot.__init__ does not do, in this order: {', '.join(START_STEPS)}")
    if "startup_update_open_orders" not in inspect.getsource(bot.startup):
        yield Misfit("FreqtradeBot.startup does not look at open orders")


def candles_come_the_known_ways() -> Iterator[Misfit]:
    """Candles are fetched by the one method that is wrapped, and streams are asked for first."""
    yield from _other_callers(CANDLE_FETCHERS)
    for node in _methods().get("_async_get_candle_history", []):
        now = [one.arg for one in node.args.args]
        if now != CANDLE_PARAMETERS:
            yield Misfit(f"Exchange._async_get_candle_history({', '.join(now)})")
    for name in _stream_users():
        yield Misfit(f"Exchange.{name} uses candle streams without asking whether it may")


def models_are_written_as_known() -> Iterator[Misfit]:
    """FreqAI writes the files that are looked after, and trains as it is overridden to."""
    drawer: Any = named("freqtrade.freqai.data_drawer.FreqaiDataDrawer")
    model: Any = named("freqtrade.freqai.freqai_interface.IFreqaiModel")
    for method, attribute in FILE_WRITERS:
        if f"self.{attribute}" not in inspect.getsource(getattr(drawer, method)):
            yield Misfit(f"FreqaiDataDrawer.{method} does not write {attribute}")
    written = source_of(drawer)
    for ending in MODEL_FILES:
        kind = ending.split(".")[0].removeprefix("_")
        if kind not in written and kind.upper() not in written:
            yield Misfit(f"FreqAI writes no file {ending}")
    if "self.extract_data_and_train_model(" not in source_of(model):
        yield Misfit("FreqAI trains by another method than extract_data_and_train_model")
