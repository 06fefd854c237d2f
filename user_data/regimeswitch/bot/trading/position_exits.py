"""Stops and exits of positions from what freqtrade's hooks know, in backtests and live."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.enums import RunMode
from freqtrade.persistence import Trade
from freqtrade.strategy import stoploss_from_absolute

from regimeswitch.bot.trading.last_candle import LastCandle
from regimeswitch.bot.trading.regime_ends import closing_regimes, end_tag
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.market.candles import COUNTED, closed_row, timeframe_seconds
from regimeswitch.market.labels import RETURN_COLUMN
from regimeswitch.risk import sizing
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION


class Positions:
    """Ends positions; a trade is led by the record of the candle that opened it.

    :param strategy: gives the analysed candles, the wallets and the hyperoptable thresholds
    """

    def __init__(self, strategy: Any, settings: Settings) -> None:
        self._strategy = strategy
        self._settings = settings
        self._holds = settings.entries.mode == POSITION

    def record(self, pair: str, opened: datetime) -> EntryRecord:
        """What was known when a trade was opened."""
        return EntryRecord.of(self._frame(pair), opened, self._strategy.timeframe, self._settings)

    def stop(self, trade: Trade, now: datetime, rate: float) -> float | None:
        """The stop-loss as freqtrade wants it: distance from ``rate``, or None to leave it."""
        record = EntryRecord.read(trade)
        if record is None or not self._settings.stop_multiple:
            return None
        price = self._first_stop(trade, record)
        price = sizing.tighter(price, self._trail(trade, record, now), trade.is_short)
        distance: float = stoploss_from_absolute(
            price, rate, is_short=trade.is_short, leverage=trade.leverage
        )
        return distance

    def _first_stop(self, trade: Trade, record: EntryRecord) -> float:
        multiple = self._settings.stop_multiple
        entry = _first_price(trade) if self._holds else trade.open_rate
        return sizing.stop_price(entry, record.atr, trade.is_short, multiple, record.size)

    def keep_stop(self, trade: Trade) -> None:
        """Put a stop back to its distance from the first entry.

        freqtrade moves it by the average price whenever an addition raises that. In a bot and in a
        backtest it would not move by the same: one measures it from the price at the moment of the
        fill, the other from the price of the order.
        """
        record = EntryRecord.read(trade)
        if record is None or not self._settings.stop_multiple:
            return
        distance = stoploss_from_absolute(
            self._first_stop(trade, record), trade.open_rate, trade.is_short, trade.leverage
        )
        trade.adjust_stop_loss(trade.open_rate, distance, allow_refresh=True)
        trade.is_stop_loss_trailing = False

    def target(self, trade: Trade) -> float | None:
        """The profit at which a position is closed; None in position mode, which has no target."""
        record = EntryRecord.read(trade)
        if record is None or self._holds:
            return None
        ratio = sizing.take_profit_ratio(trade.open_rate, record.atr, self._settings.risk)
        return float(ratio * trade.leverage)

    def target_price(self, trade: Trade) -> float | None:
        """The price at which a position is closed by its target; None where it has none."""
        ratio = self.target(trade)
        if ratio is None:
            return None
        move = ratio / trade.leverage
        return float(trade.open_rate * (1 - move if trade.is_short else 1 + move))

    def may_leave(self, trade: Trade, now: datetime) -> bool:
        """Whether an exit signal of the candles closes a trade.

        One that was forced in a regime that closes positions is closed when that begins anew: not
        by the signal of the very regime it was opened in, as long as there was no other since.
        """
        record = EntryRecord.read(trade)
        if record is None:
            return True
        last = self.candle(trade.pair, now)
        # A strategy of somebody else's may give exit signals without tags.
        if last.row < 0 or "exit_tag" not in last.frame:
            return True
        own = end_tag(record.regime, self._settings, trade.is_short)
        return last.get("exit_tag") != own or self._left_since(trade, record, last)

    def candle(self, pair: str, now: datetime) -> LastCandle:
        """The last closed candle of a pair."""
        return LastCandle(self._frame(pair), now, self._strategy.timeframe)

    def overdue(self, trade: Trade, now: datetime, candle: LastCandle | None = None) -> str | None:
        """Why a trade is closed that is open although its regime has ended, as by an exit signal.

        The signal stands on one candle alone. A bot that did not see it, or whose order did not
        fill, closes the position on any later candle of the unwanted regime, for the same reason.

        :param candle: the last closed one, where it is looked at anyway
        """
        last = candle or self.candle(trade.pair, now)
        if last.row < 0:
            return None
        regime = last.get("regime")
        if regime not in closing_regimes(self._settings, trade.is_short):
            return None
        record = EntryRecord.read(trade)
        if record is None or record.regime != regime or self._left_since(trade, record, last):
            return end_tag(regime, self._settings, trade.is_short)
        return None

    def _left_since(self, trade: Trade, record: EntryRecord, last: LastCandle) -> bool:
        """Whether there was another regime than that of the entry since, up to a candle."""
        opened = last.row_at(trade.open_date_utc)
        since = last.frame["regime"].iloc[opened + 1 : last.row + 1].dropna()
        return bool((since != record.regime).any())

    def exit_reason(
        self, trade: Trade, now: datetime, rate: float, candle: LastCandle | None = None
    ) -> str | None:
        """Why a position is closed now: opened beyond its trailing stop, answer, time.

        :param candle: the last closed one, where it is looked at anyway
        """
        record = EntryRecord.read(trade)
        if record is not None and self._fell_through(trade, record, now, rate):
            return "trailing_stop"
        if not self._holds and self._answered_against(
            trade, record, candle or self.candle(trade.pair, now)
        ):
            return "short_over" if trade.is_short else "sell_signal"
        candles = self._settings.risk.max_hold_candles
        held = (now - trade.open_date_utc).total_seconds()
        if candles and held >= candles * timeframe_seconds(COUNTED):
            return "max_hold"
        return None

    def _fell_through(self, trade: Trade, record: EntryRecord, now: datetime, rate: float) -> bool:
        """Whether the price is past a trailing stop that was not in force when it got there.

        Freqtrade leaves a stop alone that would be set on the wrong side of the price. A price past
        the stop that was in force is freqtrade's to sell at, with the order type of its stops.
        """
        price = self._trail(trade, record, now)
        if math.isnan(price):
            return False
        stop = self._stop_in_force(trade, record, now)
        if trade.is_short:
            return price < rate < stop
        return stop < rate < price

    def _stop_in_force(self, trade: Trade, record: EntryRecord, now: datetime) -> float:
        """The stop as the candles before the last have left it."""
        if self._strategy.dp.runmode in (RunMode.DRY_RUN, RunMode.LIVE):
            if trade.stop_loss is None:
                return math.inf if trade.is_short else 0.0
            return float(trade.stop_loss)
        # A backtest has moved it already, by prices that the candle reaches only later.
        first = self._first_stop(trade, record)
        before = now - timedelta(seconds=timeframe_seconds(self._strategy.timeframe))
        return sizing.tighter(first, self._trail(trade, record, before), trade.is_short)

    def _trail(self, trade: Trade, record: EntryRecord, now: datetime) -> float:
        own = self._settings.risk
        if not own.trail_atr:
            return math.nan
        best = self._best_close(trade, now)
        return sizing.trailing_price(best, record.atr, trade.is_short, own, record.size)

    def _best_close(self, trade: Trade, now: datetime) -> float:
        """Best close of the good candles that have closed since the trade was opened."""
        frame = self._frame(trade.pair)
        last = closed_row(frame, now, self._strategy.timeframe)
        length = pd.Timedelta(seconds=timeframe_seconds(self._strategy.timeframe))
        since = frame.iloc[: last + 1]
        since = since[(since["date"] + length > trade.open_date_utc) & ~since["bad_candle"]]
        closes = since["close"].to_numpy(dtype=np.float64)
        if not len(closes):
            return math.nan
        return float(closes.min() if trade.is_short else closes.max())

    def _answered_against(self, trade: Trade, record: EntryRecord | None, last: LastCandle) -> bool:
        """Whether the models' last answer closes the trade, by the regime it was opened in.

        An answer that was known when the trade was opened does not: a signal against it opens
        nothing, and who forces an entry wants it all the same.
        """
        if last.row < 0 or last.row == last.row_at(trade.open_date_utc):
            return False
        if last.get("do_predict") != 1 or last.get("bad_candle"):
            return False
        entries = self._settings.entries
        if RETURN_COLUMN in last.frame.columns:
            forecast = float(last.get(RETURN_COLUMN))
            short = trade.is_short
            return forecast >= entries.expected_return if short else forecast <= entries.exit_return
        regime = record.regime if record is not None and record.regime else last.get("regime")
        side = "buy" if trade.is_short else "sell"
        threshold = getattr(self._strategy, f"{side}_{regime}", None)
        return threshold is not None and float(last.get(side)) >= float(threshold.value)

    def _frame(self, pair: str) -> pd.DataFrame:
        known: tuple[pd.DataFrame, datetime] = self._strategy.dp.get_analyzed_dataframe(
            pair, self._strategy.timeframe
        )
        return known[0]


def _first_price(trade: Trade) -> float:
    """Price of the first fill; additions change ``open_rate``, the mean of all."""
    filled = trade.select_filled_orders(trade.entry_side)
    return float(filled[0].safe_price if filled else trade.open_rate)
