"""An account that trades the signals of position mode, as freqtrade's backtester books them.

From event to event, because stakes follow the capital and limits follow the equity of all pairs.
Every decision is a pure function of the bot's: stakes, caps, stop prices, limits.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regimeswitch.bot.trading.marked_equity import DAILY, PEAK
from regimeswitch.market.candles import candles_spanning, timeframe_seconds
from regimeswitch.market.regimes import NAMES
from regimeswitch.risk import rebalance, sizing
from regimeswitch.risk.loss_limits import DAY_SECONDS, LimitState, limits_after
from regimeswitch.risk.sizing import Exposure
from regimeswitch.settings import Settings
from regimeswitch_lab.money.book import SimulatedOrder, SimulatedTrade
from regimeswitch_lab.money.position_signals import Floats, PositionMarket


Ints = NDArray[np.int64]

STOP, MAX_HOLD, END = "stop_loss", "max_hold", "force_exit"
SIGNAL = "regime_"
FARTHEST_STOP = 0.01
"""Of the entry price: freqtrade's own stop-loss in position mode, where there is no other."""
TOLERATED = 1.3
"""freqtrade raises a stake to the exchange's minimum when it is at most this much larger."""


@dataclass(frozen=True)
class Terms:
    """What an account begins with.

    :ivar wallet: stake currency
    :ivar ratio: freqtrade's ``tradable_balance_ratio``
    :ivar cost: fee and slippage of one side, fraction
    :ivar slots: positions that the capital is split into
    :ivar full: a fixed slot in stake currency; None = ``risk.stake_fraction`` of capital / slots
    :ivar least: smallest stake that the exchange takes, stake currency
    """

    wallet: float
    ratio: float
    cost: float
    slots: int
    full: float | None = None
    least: float = 0.0


@dataclass(frozen=True)
class _Open:
    """A position: what it was opened with, and the row in which it ends without a limit.

    :ivar stake: at cost, additions and reductions included
    :ivar changes: so far
    """

    row: int
    price: float
    bought: float
    stake: float
    weight: float
    regime: str
    ends: int
    reason: str
    last_price: float
    changes: tuple[SimulatedOrder, ...] = ()

    @property
    def last(self) -> int:
        """Row of its last order."""
        return self.changes[-1].row if self.changes else self.row


class SimulatedAccount:
    """One run; :func:`simulate` is what is called."""

    def __init__(self, market: PositionMarket, settings: Settings, terms: Terms) -> None:
        self.market, self.settings, self.terms = market, settings, terms
        count = len(market.pairs)
        self.trades: list[SimulatedTrade] = []
        self.open: dict[int, _Open] = {}
        self.realised = self.paid = 0.0
        self.amounts = np.zeros(count)
        self.state: LimitState | None = None
        self.marks = np.nan_to_num(market.mark)
        self.moments = market.moments
        self.day_begins = market.days != np.r_[-1, market.days[:-1]]
        self.lasts = _last_rows(market)
        self.next_enter, self.next_leave = (_next(flag) for flag in (market.enter, market.leave))
        self.began = np.maximum.accumulate(market.began, axis=0)
        self.longest = candles_spanning(settings.risk.max_hold_candles, market.timeframe, least=0)
        # The first row in which each pair may be opened at all.
        self.free_from = np.zeros(count, dtype=np.int64)

    def run(self) -> list[SimulatedTrade]:
        """Trade from the first candle to the last, in which everything is sold."""
        end = len(self.market.dates) - 1
        row = 0
        self._look(0, 0)
        while True:
            closing = self._refusal(row)
            if closing == DAILY and not self.settings.risk.daily_close:
                closing = ""
            held = list(self.open)
            for pair in held:
                if self.settings.risk.rebalance_band and not self._refusal(row):
                    self._resize(row, pair)
                self._leave(row, pair, closing)
            if row >= end:
                break
            if not self._refusal(row):
                wanted = (self.next_enter[row] == row) & (self.free_from <= row)
                for pair in np.flatnonzero(wanted).tolist():
                    if pair not in held:
                        self._enter(row, pair)
            row = self._look(row + 1, min(self._next_event(row), end))
        for pair in list(self.open):
            last = int(self.lasts[pair])
            self._close(last, pair, float(self.market.open[last, pair]), END)
        return self.trades

    def _next_event(self, row: int) -> int:
        """The next row in which a position ends, is changed, or may be opened."""
        ends = min((position.ends for position in self.open.values()), default=len(self.moments))
        if self.settings.risk.rebalance_band:
            ends = min((self._next_change(row + 1, pair) for pair in self.open), default=ends)
        after = np.maximum(self.free_from, row + 1)
        inside = np.minimum(after, len(self.moments) - 1)
        enters = self.next_enter[inside, np.arange(len(after))]
        enters[list(self.open)] = len(self.moments)
        return min(ends, int(enters.min()))

    def _look(self, begin: int, until: int) -> int:
        """Equity at each candle's close from one row to another; where a limit ends it sooner.

        The limits are asked in the rows that can change what they know: the first of a day, a new
        high, a fall that is large enough, the end of a pause.
        """
        rows = slice(begin, until + 1)
        profit = np.full(until + 1 - begin, self.realised)
        if self.open:
            worth = self.marks[rows] @ self.amounts
            profit += worth * (1 - self.terms.cost) - self.paid
        begun = self.terms.wallet * self.terms.ratio
        for number in self._worth_asking(profit, rows, begun):
            row, gain = begin + int(number), float(profit[number])
            before = self.state
            self.state = limits_after(
                before, int(self.moments[row]), gain, begun, gain, self.settings.risk
            )
            if before is None or self._refused_more(before):
                return row
        return until

    def _refused_more(self, before: LimitState) -> bool:
        assert self.state is not None
        return self.state.stopped > before.stopped or (
            self.state.paused_until > before.paused_until
        )

    def _worth_asking(self, profit: Floats, rows: slice, begun: float) -> Ints:
        state, own = self.state, self.settings.risk
        if state is None:
            return np.zeros(1, dtype=np.int64)
        moments = self.moments[rows]
        begins = self.day_begins[rows]
        peaks = np.maximum.accumulate(np.r_[state.peak, profit])
        asked = begins | (profit > peaks[:-1])
        firsts = np.maximum.accumulate(np.where(begins, np.arange(len(profit)), -1))
        start = np.where(firsts >= 0, profit[firsts], state.start)
        if own.max_daily_loss:
            asked |= start - profit >= own.max_daily_loss * (begun + start) * (1 - ROUNDING)
        if own.max_drawdown:
            fallen = own.max_drawdown * (begun + peaks[1:]) * (1 - ROUNDING)
            asked |= peaks[1:] - profit >= fallen
        if state.paused_until:
            over = np.searchsorted(moments, state.paused_until)
            asked |= np.arange(len(profit)) == over
        # The last row decides on entries: it is always known.
        asked[-1] = True
        return np.flatnonzero(asked)

    def _refusal(self, row: int) -> str:
        assert self.state is not None
        moment = int(self.moments[row])
        if self.state.stopped and moment // DAY_SECONDS == self.state.day:
            return DAILY
        return PEAK if moment < self.state.paused_until else ""

    def _leave(self, row: int, pair: int, closing: str) -> None:
        position = self.open[pair]
        price = float(self.market.open[row, pair])
        by_signal = position.ends == row and position.reason.startswith(SIGNAL)
        if by_signal or (position.ends == row and not closing):
            self._close(row, pair, position.last_price, position.reason)
        elif closing and not math.isnan(price):
            self._close(row, pair, price, closing)

    def _enter(self, row: int, pair: int) -> None:
        market = self.market
        price, weight = float(market.open[row, pair]), float(market.weight[row, pair])
        stake = self._stake(weight)
        if not price > 0 or not stake > 0:
            return
        ends, reason, last_price = self._end_of(row, pair, price)
        regime = NAMES[int(market.regime[row, pair])]
        amount = stake / price
        self.open[pair] = _Open(row, price, amount, stake, weight, regime, ends, reason, last_price)
        self.amounts[pair] = amount
        self.paid += stake * (1 + self.terms.cost)
        if ends == row:
            self._close(row, pair, last_price, reason)

    def _money(self) -> tuple[float, float]:
        """Capital with open positions at cost, and how much of it is tied up in them."""
        tied = sum(position.stake for position in self.open.values())
        return (self.terms.wallet + self.realised) * self.terms.ratio, tied

    def _stake(self, weight: float) -> float:
        own, terms = self.settings.risk, self.terms
        capital, tied = self._money()
        wanted = sizing.slot_stake(capital, terms.slots, weight, own, terms.full)
        allowed = sizing.allowed_stake(wanted, capital, Exposure(len(self.open), tied), own)
        stake = min(allowed, capital - tied)
        if stake * TOLERATED < terms.least:
            return 0.0
        return min(max(stake, terms.least), capital - tied)

    def _end_of(self, row: int, pair: int, price: float) -> tuple[int, str, float]:
        """Row, reason and price of a position's end: its regime, its longest time, its stop."""
        market, longest = self.market, self.longest
        leave = int(self.next_leave[row, pair])
        held = row + longest if longest else len(self.moments)
        ends, reason = (held, MAX_HOLD) if held < leave else (leave, "")
        if ends < len(self.moments) and not reason:
            reason = f"{SIGNAL}{NAMES[int(market.regime[ends, pair])]}"
        stop = self._stop_price(price, float(market.atr[row, pair]))
        below = market.low[row : min(ends, len(self.moments)), pair] <= stop
        if below.any():
            ends = row + int(np.argmax(below))
            # The whole candle below the stop: freqtrade then sells at its open.
            high, opened = market.high[ends, pair], market.open[ends, pair]
            return ends, STOP, float(opened if stop > high else stop)
        if ends > self.lasts[pair]:
            return len(self.moments), END, math.nan
        return ends, reason, float(market.open[ends, pair])

    def _target(self, pair: int) -> tuple[float, float, float]:
        """Whole slot, largest target and largest addition of an open position."""
        own, terms, position = self.settings.risk, self.terms, self.open[pair]
        capital, tied = self._money()
        exposure = Exposure(len(self.open), tied, position.stake)
        others = rebalance.without(exposure, position.stake)
        slot = sizing.slot_stake(capital, terms.slots, 1.0, own, terms.full)
        room = rebalance.addition_room(capital, position.stake, exposure, own)
        return slot, sizing.allowed_stake(capital, capital, others, own), min(room, capital - tied)

    def _change(self, row: int, pair: int) -> float:
        """What is bought, or sold below 0, of a position in a row, stake currency; 0 = nothing."""
        position, own = self.open[pair], self.settings.risk
        step = timeframe_seconds(self.market.timeframe)
        due = rebalance.is_due(int(self.moments[row]), int(self.moments[position.last]), step, own)
        if self._is_over(row, pair) or not due or not self.market.enter[row, pair]:
            return 0.0
        slot, most, room = self._target(pair)
        value = float(self.amounts[pair] * self.market.mark[row, pair])
        weight = float(self.market.weight[row, pair])
        target = min(slot * weight, most)
        wanted = rebalance.wanted_change(value, target, own)
        return rebalance.allowed_change(wanted, value, room, self.terms.least)

    def _is_over(self, row: int, pair: int) -> bool:
        """Whether a position ends in a row before anything is bought or sold at its open."""
        position = self.open[pair]
        if row < position.ends:
            return False
        # A stop is hit within the candle, unless that opens beyond it.
        opened = float(self.market.open[row, pair])
        stopped = row == position.ends and position.reason == STOP
        return not stopped or opened <= position.last_price

    def _next_change(self, row: int, pair: int) -> int:
        """The next row in which a position is changed, if nothing else happens; ends at its end."""
        position, market, own = self.open[pair], self.market, self.settings.risk
        hours = math.ceil(own.rebalance_hours * 3600 / timeframe_seconds(market.timeframe))
        begin = max(row, position.last + hours)
        rows = slice(begin, min(position.ends + 1, len(self.moments)))
        slot, most, room = self._target(pair)
        target = np.minimum(slot * market.weight[rows, pair], most)
        change = target - self.amounts[pair] * market.mark[rows, pair]
        out = np.abs(change) > target * own.rebalance_band
        if room <= self.terms.least:
            out &= change < 0
        for found in (np.flatnonzero(out & market.enter[rows, pair]) + begin).tolist():
            if self._change(found, pair):
                return int(found)
        return position.ends

    def _resize(self, row: int, pair: int) -> None:
        """Buy or sell a part of a position, at the open of a row."""
        change, price = self._change(row, pair), float(self.market.open[row, pair])
        if not change or not price > 0:
            return
        position, held, cost = self.open[pair], float(self.amounts[pair]), self.terms.cost
        value = held * float(self.market.mark[row, pair])
        amount = change / price if change > 0 else change / value * held
        stake = change if change > 0 else change / value * position.stake
        if change < 0:
            self.realised += -amount * price * (1 - cost) + stake * (1 + cost)
        self.paid += stake * (1 + cost)
        self.amounts[pair] = held + amount
        changes = (*position.changes, SimulatedOrder(row, price, amount))
        self.open[pair] = replace(position, stake=position.stake + stake, changes=changes)

    def _stop_price(self, price: float, atr: float) -> float:
        multiple = self.settings.stop_multiple
        if not multiple:
            return price * FARTHEST_STOP
        return sizing.stop_price(price, atr, False, multiple)

    def _close(self, row: int, pair: int, price: float, reason: str) -> None:
        position, cost = self.open.pop(pair), self.terms.cost
        amount = float(self.amounts[pair])
        self.realised += amount * price * (1 - cost) - position.stake * (1 + cost)
        self.paid -= position.stake * (1 + cost)
        self.amounts[pair] = 0.0
        self.free_from[pair] = row + 1
        if reason == STOP:
            # Not again in the regime that it was stopped out in.
            again = int(np.searchsorted(self.began[:, pair], row, side="right"))
            self.free_from[pair] = max(again, row + 1)
        self.trades.append(
            SimulatedTrade(
                pair,
                opened=position.row,
                closed=row,
                bought=position.price,
                sold=price,
                amount=position.bought,
                weight=position.weight,
                regime=position.regime,
                reason=reason,
                changes=position.changes,
            )
        )


ROUNDING = 1e-9
"""Rows so near to a limit are asked, too."""


def simulate(market: PositionMarket, settings: Settings, terms: Terms) -> list[SimulatedTrade]:
    """Trades of position mode, in the order in which they end.

    :param settings: in position mode, long positions alone
    """
    return SimulatedAccount(market, settings, terms).run()


def _last_rows(market: PositionMarket) -> Ints:
    """Row of each pair's last candle."""
    there = ~np.isnan(market.open)
    return np.asarray(len(there) - 1 - np.argmax(there[::-1], axis=0))


def _next(flags: NDArray[np.bool_]) -> Ints:
    """The row, this one or a later one, in which each flag is next set; the length where never."""
    count = len(flags)
    rows = np.where(flags, np.arange(count)[:, None], count)
    return np.asarray(np.minimum.accumulate(rows[::-1], axis=0)[::-1])
