"""Exits that are due and not made: seen from what freqtrade itself decides and tries.

freqtrade logs "Unable to exit trade" and tries again in the next loop, for as long as it takes.
Here the strategy's decision (``should_exit``, ``adjust_trade_position``) is compared with what is
there at the start of the next loop: an order, a closed trade, or neither. Nothing is decided here.
A reduction is no exit: it is noticed under words of its own, and only where something stood in its
way, since freqtrade leaves one alone that is too small for an order.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from freqtrade.exceptions import FreqtradeException
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy

from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Level
from regimeswitch.bot.patches import install
from regimeswitch.bot.trading.exit_reasons import Held, Reason, reason_of


NOT_MADE, MADE = "exit of {} is due and not made", "exit of {} is made"
"""Words by which the two notices are found."""
NOT_REDUCED, REDUCED = "reduction of {} is wanted and not made", "reduction of {} is made"
"""The same of reductions."""
PARTIAL = "partial exit"
BY_HAND = "exit"


@dataclass
class Due:
    """An exit that is due.

    :ivar what: its reasons, in freqtrade's words
    :ivar before: exit orders of the trade that had moved something by then
    :ivar part: whether it is a reduction
    :ivar loops: loops in a row in which it was due and not made
    """

    pair: str
    what: str
    before: int
    part: bool = False
    loops: int = 0


@dataclass
class _Loop:
    """What one loop has seen, by trade or pair.

    :ivar open: positions at its beginning
    :ivar reached: trades that freqtrade has looked at
    :ivar errors: what stood in the way of a pair's exit last
    """

    open: set[int] = field(default_factory=set)
    reached: set[int] = field(default_factory=set)
    due: dict[int, Due] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)


class ExitWatch:
    """Notices exits of one bot that are due and not made, and those that were made after all.

    :param loops: after how many loops in a row an exit counts as not made, where nothing has been
        refused for good
    :param more_exits: further exits of a trade at a price and moment, as of a stop on the exchange
        that no longer protects
    """

    def __init__(
        self,
        strategy: IStrategy,
        alarms: Alarms,
        loops: int,
        more_exits: Callable[[Any, float, datetime], list[Any]],
    ) -> None:
        self._strategy: Any = strategy
        self._exchange: Any = strategy.dp._exchange
        self._alarms, self._loops, self._more = alarms, loops, more_exits
        self._decide: Callable[..., list[Any]] = strategy.should_exit
        self._now = _Loop()
        self._known: dict[int, Due] = {}
        self._rates: dict[str, float] = {}
        self._blind: dict[int, int] = {}

    def install(self) -> None:
        """Wrap what freqtrade asks of the strategy, and how it asks for prices and orders."""
        install(
            "strategy",
            self._strategy,
            should_exit=lambda decide: self._should_exit,
            confirm_trade_exit=self._confirming,
            adjust_trade_position=self._adjusting,
        )
        install("exchange", self._exchange, get_rate=self._rating, create_order=self._ordering)

    def _should_exit(
        self, trade: Any, rate: float, current_time: datetime, **options: Any
    ) -> list[Any]:
        exits = self._decide(trade, rate, current_time, **options)
        self._now.reached.add(trade.id)
        self._rates[trade.pair] = rate
        exits = [*self._more(trade, rate, current_time), *exits]
        self._note(trade, exits)
        return exits

    def _note(self, trade: Any, exits: list[Any]) -> None:
        reasons = [one.exit_reason for one in exits if one.exit_flag]
        if reasons:
            self._now.due[trade.id] = Due(trade.pair, ", ".join(reasons), _sold(trade))

    def _confirming(self, confirm: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(confirm)
        def confirm_trade_exit(**options: Any) -> Any:
            answer = confirm(**options)
            if not answer:
                # The strategy does not want it: nothing is due.
                self._now.due.pop(options["trade"].id, None)
            return answer

        return confirm_trade_exit

    def _adjusting(self, adjust: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(adjust)
        def adjust_trade_position(**options: Any) -> Any:
            answer = adjust(**options)
            stake = answer[0] if isinstance(answer, tuple) else answer
            trade = options["trade"]
            if stake is not None and stake < 0:
                due = Due(trade.pair, PARTIAL, _sold(trade), part=True)
                self._now.due.setdefault(trade.id, due)
            return answer

        return adjust_trade_position

    def _rating(self, rate: Callable[..., float]) -> Callable[..., float]:
        @functools.wraps(rate)
        def get_rate(pair: str, *arguments: Any, **options: Any) -> float:
            try:
                return rate(pair, *arguments, **options)
            except FreqtradeException as error:
                if options.get("side") == "exit":
                    self._now.errors[pair] = error
                raise

        return get_rate

    def _ordering(self, create: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(create)
        def create_order(**options: Any) -> Any:
            pair, side = options["pair"], options["side"]
            try:
                order = create(**options)
            except FreqtradeException as error:
                self._refused(pair, side, error)
                raise
            self._now.errors.pop(pair, None)
            return order

        return create_order

    def _refused(self, pair: str, side: str, error: Exception) -> None:
        """An exit's order that was tried is due, whoever wanted it."""
        for trade in Trade.get_trades_proxy(pair=pair, is_open=True):
            if trade.exit_side == side:
                self._now.errors[pair] = error
                self._now.due.setdefault(trade.id, Due(pair, BY_HAND, _sold(trade)))

    def look(self, now: datetime) -> None:
        """At the start of a loop: what has become of the exits of the last one?"""
        last, self._now = self._now, _Loop()
        trades = {trade.id: trade for trade in Trade.get_trades_proxy(is_open=True)}
        self._now.open = {number for number, trade in trades.items() if trade.has_open_position}
        self._check_unreached(last, trades, now)
        for number, due in last.due.items():
            if number in trades and not _is_made(trades[number], due):
                self._not_made(trades[number], due, last.errors.get(due.pair))
        for number in [one for one in self._known if one not in trades or one not in last.due]:
            self._over(number, trades.get(number))
        for number in [one for one in self._known if _is_made(trades[one], last.due[one])]:
            self._over(number, trades[number])

    def _not_made(self, trade: Any, due: Due, error: Exception | None) -> None:
        if due.part and error is None:
            return
        if trade.id in self._known and self._known[trade.id].part != due.part:
            self._over(trade.id, trade)
        known = self._known.setdefault(trade.id, due)
        known.loops += 1
        reason = reason_of(error, self._held(trade))
        if known.loops < self._loops and not reason.final:
            return
        words = NOT_REDUCED if due.part else NOT_MADE
        self._alarms.set(
            _key(trade.id, due),
            f"{words.format(trade.pair)} ({known.what}): {reason.why}. Held: "
            f"{self._held(trade)}. {reason.then}",
            level=Level.ACTION if reason.final else Level.WARNING,
        )

    def _over(self, number: int, trade: Any) -> None:
        due = self._known.pop(number)
        made = trade is None or _sold(trade) > due.before or _open_exits(trade)
        kind, words = ("reduction", REDUCED) if due.part else ("exit", MADE)
        text = words.format(due.pair) if made else f"{kind} of {due.pair} is not due any more"
        self._alarms.clear(_key(number, due), f"{text} ({due.what})")

    def _check_unreached(self, last: _Loop, trades: dict[int, Any], now: datetime) -> None:
        """Positions that freqtrade could not look at, as without a price: by the last known one."""
        blind = [one for one in last.open - last.reached if one in self._now.open]
        self._blind = {one: self._blind.get(one, 0) + 1 for one in blind}
        for number in blind:
            trade = trades[number]
            if number not in last.due and not _open_exits(trade):
                exits = self._exits_at_last_price(trade, now)
                reasons = [one.exit_reason for one in exits if one.exit_flag]
                if reasons:
                    last.due[number] = Due(trade.pair, ", ".join(reasons), _sold(trade))
        self._notify_blind([one for one in blind if one not in last.due], trades, last)

    def _notify_blind(self, blind: list[int], trades: dict[int, Any], last: _Loop) -> None:
        long = [trades[one] for one in blind if self._blind[one] >= self._loops]
        if long:
            pairs = ", ".join(sorted({trade.pair for trade in long}))
            reason = reason_of(last.errors.get(long[0].pair), self._held(long[0]))
            self._alarms.set(
                "blind",
                f"{pairs}: stops and exits cannot be looked at: {reason.why}. {reason.then}",
            )
        elif not blind:
            self._alarms.clear("blind", "stops and exits of all positions are looked at again")

    def _exits_at_last_price(self, trade: Any, now: datetime) -> list[Any]:
        price = self._price(trade)
        strategy = self._strategy
        frame, _ = strategy.dp.get_analyzed_dataframe(trade.pair, strategy.timeframe)
        enter, leave, _ = strategy.get_exit_signal(
            trade.pair, strategy.timeframe, frame, is_short=trade.is_short
        )
        # A copy, as freqtrade hands out itself: no stop may be moved by a price of before.
        found: list[Any] = self._decide(
            copy.deepcopy(trade), price, now, enter=enter, exit_=leave, force_stoploss=0
        )
        return found

    def _price(self, trade: Any) -> float:
        """The last price that is known of a pair."""
        candles = self._strategy.dp.ohlcv(trade.pair, self._strategy.timeframe, copy=False)
        if not candles.empty:
            return float(candles["close"].iloc[-1])
        return self._rates.get(trade.pair, float(trade.open_rate))

    def _held(self, trade: Any) -> Held:
        wallets = self._strategy.wallets
        base = trade.safe_base_currency
        market = self._exchange.markets.get(trade.pair)
        least = market["limits"]["cost"]["min"] if market else None
        return Held(
            pair=trade.pair,
            coin=base,
            amount=float(trade.amount),
            price=self._price(trade),
            quote=trade.safe_quote_currency,
            owned=float(wallets.get_free(base) + wallets.get_used(base)),
            least=float(least or 0.0),
            listed=market is not None,
        )


def _key(number: int, due: Due) -> str:
    return f"{'reduction' if due.part else 'exit'} {number}"


def _sold(trade: Any) -> int:
    """Exit orders that have moved something."""
    return sum(1 for order in trade.orders if _is_exit(trade, order) and order.safe_filled > 0)


def _open_exits(trade: Any) -> bool:
    return any(_is_exit(trade, order) and order.ft_is_open for order in trade.orders)


def _is_exit(trade: Any, order: Any) -> bool:
    return bool(order.ft_order_side == trade.exit_side)


def _is_made(trade: Any, due: Due) -> bool:
    return _open_exits(trade) or _sold(trade) > due.before


__all__ = ["MADE", "NOT_MADE", "Due", "ExitWatch", "Reason"]
