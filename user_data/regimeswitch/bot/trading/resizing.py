"""Changes of open positions in position mode, from what freqtrade's hook knows.

Decided once for each candle, at its close: a backtest asks at the next open, a bot in every loop,
and both find the same candle, the same capital and the same last order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from freqtrade.persistence import Trade

from regimeswitch.bot.trading.stakes import Stakes
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.market.candles import closed_row, timeframe_seconds
from regimeswitch.market.volatility import WEIGHT_COLUMN
from regimeswitch.risk import rebalance
from regimeswitch.settings import Settings


ADDED, REDUCED = "rebalance_add", "rebalance_reduce"
"""Tags of the orders; an exit reason as well, until the position is closed for another."""
WHOLE_RESERVE = -1.0
"""Stop-loss for which freqtrade asks for half as much again as the exchange's minimum, the most it
asks for anywhere: what passes here passes its own checks, in backtests and live."""


@dataclass(frozen=True)
class Change:
    """An order that is wanted.

    :ivar stake: as freqtrade takes it from ``adjust_trade_position``: money to be put in, or below
        0 the part of the position's stake at cost that is to be sold
    """

    stake: float
    tag: str


class Resizing:
    """Brings positions to their targets.

    :param strategy: gives the analysed candles and the exchange's limits
    :param stakes: sizes entries, and so knows capital, slots and exposure
    """

    def __init__(self, strategy: Any, settings: Settings, stakes: Stakes) -> None:
        self._strategy, self._settings, self._stakes = strategy, settings, stakes

    @property
    def _step(self) -> int:
        """Length of a base candle, seconds; freqtrade sets the config's after this is made."""
        return timeframe_seconds(self._strategy.timeframe)

    def may_be_due(self, trade: Trade, now: datetime) -> bool:
        """Whether the shortest time between two changes is over; cheap, for every candle."""
        moment = int(now.timestamp()) // self._step * self._step
        last = int(trade.date_last_filled_utc.timestamp())
        return rebalance.is_due(moment, last, self._step, self._settings.risk)

    def change(self, trade: Trade, now: datetime, free: float) -> Change | None:
        """What is wanted of a position, as far as an order can be made of it; None = nothing.

        Nothing is changed while an order of any position is open: until then neither the position
        nor the capital is what it is going to be.

        :param now: UTC
        :param free: largest addition that free money and the exchange allow, stake currency
        """
        candle = self._candle(trade.pair, now)
        if candle is None or not self._is_wanted(candle, trade.is_short):
            return None
        if any(one.has_open_orders for one in Trade.get_trades_proxy(is_open=True)):
            return None
        own, price = self._settings.risk, float(candle["close"])
        value = trade.amount * price / trade.leverage
        exposure = self._stakes.exposure(trade.pair)
        capital = self._stakes.capital()
        record = EntryRecord.read(trade)
        # A position that the models made smaller at its entry stays so.
        weight = float(candle[WEIGHT_COLUMN]) * (1.0 if record is None else record.scale)
        others = rebalance.without(exposure, trade.stake_amount)
        target = self._stakes.target(weight, capital, others)
        wanted = rebalance.wanted_change(value, target, own)
        room = rebalance.addition_room(capital, trade.stake_amount, exposure, own)
        least = self._least(trade, price)
        change = rebalance.allowed_change(wanted, value, min(room, free), least)
        if change > 0:
            return Change(change, ADDED)
        if change < 0:
            return Change(change / value * trade.stake_amount, REDUCED)
        return None

    def _candle(self, pair: str, now: datetime) -> pd.Series | None:
        """The analysed candle that has just closed; None while it is not there."""
        frame, _ = self._strategy.dp.get_analyzed_dataframe(pair, self._strategy.timeframe)
        row = closed_row(frame, now, self._strategy.timeframe)
        if row < 0:
            return None
        late = now.timestamp() - frame["date"].iloc[row].timestamp() >= 2 * self._step
        return None if late else frame.iloc[row]

    @staticmethod
    def _is_wanted(candle: pd.Series, short: bool) -> bool:
        """Whether the candle would open the position: its regime, its quality, its volatility."""
        signal = candle.get("enter_short" if short else "enter_long")
        weight = float(candle.get(WEIGHT_COLUMN, math.nan))
        return signal == 1 and math.isfinite(weight)

    def _least(self, trade: Trade, price: float) -> float:
        exchange = self._strategy.dp._exchange
        least = exchange.get_min_pair_stake_amount(trade.pair, price, WHOLE_RESERVE, trade.leverage)
        return float(least or 0.0)
