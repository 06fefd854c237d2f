"""Loss limits of a bot: marked equity at every candle's close, in backtests and live alike.

Equity is looked at once per candle, with open positions at the last good close: a wick or a
bad quote stops nothing, and a backtest sees what the bot sees. What must be known of the past
is one row in freqtrade's database, so a restart forgets nothing.
"""

from __future__ import annotations

import json
import logging
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode
from freqtrade.exceptions import ExchangeError
from freqtrade.persistence import KeyValueStore, LocalTrade, Trade
from numpy.typing import NDArray

from regimeswitch.bot.connection.books import best_prices
from regimeswitch.bot.freqai.stored_predictions import VIEWS
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Message
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.searched_candles import cleaned_once
from regimeswitch.market.candles import timeframe_seconds, utc_dates
from regimeswitch.market.cleaning import is_far_price
from regimeswitch.risk.loss_limits import DAY_SECONDS, LimitState, day_of, limits_after
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)

_KEY, _PRICE = "regimeswitch_floor", "regimeswitch_price"
DAILY, PEAK, UNKNOWN_EQUITY = "daily_loss_limit", "drawdown_stop", "equity unknown"


class Marks:
    """The last good close of a pair before a moment.

    A running bot asks the order book where the last candle jumped further than
    ``safety.spike_fraction``: a limit must neither miss a crash nor trip on a garbled price. A
    backtest has no book and goes by the candle's volume alone, see
    :func:`regimeswitch.market.candles.find_bad_candles`.
    """

    def __init__(self, dp: DataProvider, timeframe: str, settings: Settings) -> None:
        self._dp = dp
        self._timeframe = timeframe
        self._settings = settings
        self._stored: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

    def price(self, pair: str, moment: int) -> tuple[float, bool]:
        """The price, NaN where there is none, and whether it is of the candle that just closed.

        :param moment: epoch seconds
        """
        running = self._dp.runmode in (RunMode.DRY_RUN, RunMode.LIVE)
        candles = self._dp.get_pair_dataframe(pair, self._timeframe) if running else None
        closes_at, closes = self._closes(pair, candles)
        row = int(np.searchsorted(closes_at, moment, side="right")) - 1
        if row < 0:
            return float("nan"), False
        fresh = bool(closes_at[row] > moment - timeframe_seconds(self._timeframe))
        if candles is not None and fresh and self._jumped(candles.iloc[: row + 1]):
            return self._asked(pair, float(closes[row]))
        return float(closes[row]), fresh

    def _jumped(self, candles: pd.DataFrame) -> bool:
        return is_far_price(candles, self._timeframe, self._settings.safety)

    def _asked(self, pair: str, otherwise: float) -> tuple[float, bool]:
        """The middle of the book; what is not known counts as late and is asked for again."""
        try:
            bid, ask = best_prices(self._dp, pair)
        except ExchangeError as error:
            logger.warning(f"{pair}: the last candle jumped, and its price is not known: {error}")
            return otherwise, False
        return (bid + ask) / 2, True

    def _closes(
        self, pair: str, candles: pd.DataFrame | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if candles is not None:
            return self._read(candles)
        if pair not in self._stored:
            self._stored[pair] = self._read(self._dp.historic_ohlcv(pair, self._timeframe))
        return self._stored[pair]

    def _read(self, candles: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if candles.empty:
            return np.empty(0, dtype=np.int64), np.empty(0)
        good = cleaned_once(candles, self._timeframe, self._settings.safety)
        length = timeframe_seconds(self._timeframe)
        opened = np.asarray(utc_dates(good["date"]).astype("int64"), dtype=np.int64) // 1000
        return opened + length, np.asarray(good["close"], dtype=np.float64)


class LossLimits:
    """Stops entries, and closes positions where wanted, beyond a loss limit.

    :param strategy: the running strategy, with its data provider and wallets
    :ivar equity: marked at the last look, stake currency; None = there was none yet
    """

    def __init__(self, strategy: Any, settings: Settings) -> None:
        self._strategy = strategy
        self._settings = settings
        self._step = timeframe_seconds(strategy.timeframe)
        self._marks = Marks(strategy.dp, strategy.timeframe, settings)
        self._state: LimitState | None = None
        self._looked = 0
        self._known = False
        self._known_prices: dict[int, float] = {}
        self.equity: float | None = None
        self._running = strategy.dp.runmode in (RunMode.DRY_RUN, RunMode.LIVE)
        self._alarms = (
            Messenger.of(strategy).alarms("loss_limit") if self._running else Alarms(_nobody)
        )
        # A chart has neither trades nor a database; analyses backtest in a mode of their own.
        self._trades = strategy.dp.runmode not in VIEWS
        if self._running:
            self._state, self._looked = _stored()

    def look(self, now: datetime) -> None:
        """At the beginning of every loop: once for each candle that has closed."""
        if not self._trades:
            return
        moment = int(now.timestamp()) // self._step * self._step
        if moment < self._looked and not self._running:
            # Another backtest of the same process, as in hyperopt.
            self._state, self._looked = None, 0
        if moment <= self._looked:
            self._known = True
            return
        self._known = False
        profit, fresh = self._profit(moment)
        begun = float(self._strategy.wallets.get_starting_balance())
        opening = self._opening(moment, profit)
        self._state = limits_after(self._state, moment, profit, begun, opening, self._settings.risk)
        # A candle that comes late is waited for: the look is repeated in the next loop.
        self._looked = moment if fresh else self._looked
        if self._running:
            _store(self._state, self._looked)
        self._known = True
        self.equity = begun + profit
        self._notify(profit)

    def refusal(self, now: datetime) -> str:
        """Why no entry may be made; empty where it may."""
        if not self._known or self._state is None:
            return UNKNOWN_EQUITY
        if self._state.stopped:
            return DAILY
        return PEAK if now.timestamp() < self._state.paused_until else ""

    def exit_reason(self, now: datetime) -> str:
        """Why open positions are closed; empty where they may stay."""
        reason = self.refusal(now)
        closes = {DAILY: self._settings.risk.daily_close, PEAK: True}
        return reason if closes.get(reason, False) else ""

    def _profit(self, moment: int) -> tuple[float, bool]:
        """Marked profit now, and whether every price is of the candle that just closed."""
        total = self._realised()
        complete = True
        for trade in Trade.get_trades_proxy(is_open=True):
            price, fresh = self._price(trade, moment)
            complete = complete and fresh
            total += _worth(trade, price)
        return total, complete

    def _price(self, trade: Any, moment: int) -> tuple[float, bool]:
        """As :meth:`Marks.price`; the last known price of a pair that has none any more."""
        if not self._running:
            return self._marks.price(trade.pair, moment)
        price, fresh = self._safe_price(trade.pair, moment)
        known = self._last_known(trade)
        if not np.isfinite(price):
            price = known
        elif price != known:
            # Kept with the trade: after a restart there are no candles of a delisted pair.
            trade.set_custom_data(_PRICE, price)
            self._known_prices[trade.id] = price
        # Of a pair that is not traded no candle will come that could be waited for.
        market = self._strategy.dp._exchange.markets.get(trade.pair)
        return price, fresh or market is None or not market.get("active", True)

    def _price_at(self, trade: Any, moment: int) -> float:
        """The price at a moment of the past, or the last known one."""
        if not self._running:
            return self._marks.price(trade.pair, moment)[0]
        price, _ = self._safe_price(trade.pair, moment)
        return price if np.isfinite(price) else self._last_known(trade)

    def _last_known(self, trade: Any) -> float:
        if trade.id not in self._known_prices:
            stored = trade.get_custom_data(_PRICE)
            self._known_prices[trade.id] = float("nan") if stored is None else float(stored)
        return self._known_prices[trade.id]

    def _safe_price(self, pair: str, moment: int) -> tuple[float, bool]:
        """One pair's trouble must not end the limits of the others."""
        key = f"price {pair}"
        try:
            found = self._marks.price(pair, moment)
        except Exception as error:
            if key not in self._alarms.raised:
                logger.error(f"{pair}: its candles cannot be read: {error}", exc_info=True)
            why = f"{type(error).__name__}: {error}"
            self._alarms.set(
                key,
                f"{pair}: its candles cannot be read ({why}); loss limits count the position by "
                "its last known price",
            )
            return float("nan"), False
        self._alarms.clear(key, f"{pair}: its candles can be read again")
        return found

    def _realised(self) -> float:
        return float(
            Trade.get_total_closed_profit() if self._running else LocalTrade.bt_total_profit
        )

    def _opening(self, moment: int, profit: float) -> float:
        """Profit at 00:00, also where the bot did not run then."""
        midnight = day_of(moment) * DAY_SECONDS
        if self._state is None or day_of(moment) == self._state.day or moment == midnight:
            return profit
        began = datetime.fromtimestamp(midnight, UTC)
        later = Trade.get_trades_proxy(is_open=False, close_date=began.replace(tzinfo=None))
        total = self._realised()
        total -= sum(float(trade.close_profit_abs or 0.0) for trade in later)
        for trade in [*later, *Trade.get_trades_proxy(is_open=True)]:
            if trade.open_date_utc < began:
                total += _worth_by(trade, self._price_at(trade, midnight), began)
        return total

    def _notify(self, profit: float) -> None:
        state = self._state
        assert state is not None
        if state.stopped:
            closing = ", positions are closed" if self._settings.risk.daily_close else ""
            self._alarms.set(
                DAILY,
                f"daily loss limit: {state.day_loss(profit):.2%} of equity lost since 00:00 UTC; "
                f"no entries until the next day{closing}",
            )
        else:
            self._alarms.clear(DAILY, "daily loss limit: a new day, entries are made again")
        if state.paused_until:
            until = datetime.fromtimestamp(state.paused_until, UTC)
            self._alarms.set(
                PEAK,
                f"drawdown stop: {state.drawdown(profit):.2%} of the highest equity lost; "
                f"positions are closed, no entries until {until:%Y-%m-%d %H:%M} UTC",
            )
        else:
            self._alarms.clear(PEAK, "drawdown stop: the pause is over, entries are made")


def _nobody(message: Message) -> None:
    """Nobody watches a backtest."""


def _worth(trade: Any, price: float) -> float:
    """Profit of a position at a price, its realised part included; 0 before it has filled."""
    if not trade.amount or trade.nr_of_successful_entries == 0:
        return 0.0
    rate = price if np.isfinite(price) else trade.open_rate
    return float(trade.realized_profit or 0.0) + float(trade.calc_profit(rate))


def _worth_by(trade: Any, price: float, moment: datetime) -> float:
    """Profit of a position at a moment of the past, from what had been filled by then.

    :param price: of that moment
    """
    money = coins = 0.0
    for order in trade.select_filled_orders():
        if order.order_filled_utc is None or order.order_filled_utc > moment:
            continue
        enters = order.ft_order_side == trade.entry_side
        amount = order.safe_amount_after_fee * (1 if enters != trade.is_short else -1)
        fee = trade.fee_open if enters else trade.fee_close
        coins += amount
        money -= (amount + abs(amount) * fee) * order.safe_price
    rate = price if np.isfinite(price) else trade.open_rate
    return float(money + (coins - abs(coins) * trade.fee_close) * rate)


def _store(state: LimitState, looked: int) -> None:
    KeyValueStore.store_value(_KEY, json.dumps([looked, *astuple(state)]))


def _stored() -> tuple[LimitState | None, int]:
    text = KeyValueStore.get_string_value(_KEY)
    if not text:
        return None, 0
    try:
        looked, *values = json.loads(text)
        return LimitState(*values), int(looked)
    except (ValueError, TypeError):
        logger.warning(
            f"the loss limits begin anew: {_KEY} of the database is not readable: {text!r}"
        )
        return None, 0
