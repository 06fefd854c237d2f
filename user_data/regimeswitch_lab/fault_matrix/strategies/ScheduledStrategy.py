"""A plain strategy that trades by the calendar, so that a test knows what it should have done."""

from datetime import datetime
from typing import Any

import pandas as pd
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy

from regimeswitch.bot.bot_settings import settings_from
from regimeswitch.bot.guards import Guards


GROW, SHRINK = "grow", "shrink"


class ScheduledStrategy(IStrategy):
    """Buys every so many candles and sells some candles later; see section ``schedule``.

    Keys of the section: ``every``, ``hold`` (seconds), ``offset`` (epoch seconds), ``resting``
    (a period, epoch seconds, in which entries ask for a price that is not reached), ``discount``
    (how far below the price that is, fraction), ``changes`` (how many seconds after the moment of
    an entry the position grows by a share of its first stake, or shrinks where it is negative),
    ``shrinking`` (a period, epoch seconds, in which reductions ask for a price that is not
    reached).
    """

    timeframe = "5m"
    minimal_roi = {"0": 10.0}  # noqa: RUF012
    stoploss = -0.5
    startup_candle_count = 20
    process_only_new_candles = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        none = {"discount": 0.05, "changes": [], "shrinking": [0.0, 0.0]}
        self.schedule = none | config["schedule"]
        self.position_adjustment_enable = bool(self.schedule["changes"])
        self.guards = Guards(settings_from(config))

    def bot_start(self, **kwargs: Any) -> None:
        """Put the guards between the bot and the exchange."""
        self.guards.install(self)

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """Let the guards look."""
        self.guards.loop_started(self, current_time)

    def populate_indicators(self, dataframe: pd.DataFrame, metadata: Any) -> pd.DataFrame:
        """Nothing is computed."""
        return dataframe

    def populate_entry_trend(self, dataframe: pd.DataFrame, metadata: Any) -> pd.DataFrame:
        """In when the last candle closes at a moment of the schedule."""
        closes = dataframe["date"].dt.as_unit("s").astype("int64") + 300
        due = ((closes - self.schedule["offset"]) % self.schedule["every"] == 0).to_numpy()
        # What was seen when it was decided: opening time and the four prices.
        rows = zip(
            (closes[due] - 300).tolist(),
            dataframe.loc[due, ["open", "high", "low", "close"]].to_numpy().tolist(),
            strict=True,
        )
        tags = [" ".join(map(str, (begin, *prices))) for begin, prices in rows]
        dataframe["enter_long"] = due.astype(int)
        dataframe["enter_tag"] = pd.Series(tags, dataframe.index[due], object)
        return dataframe

    def populate_exit_trend(self, dataframe: pd.DataFrame, metadata: Any) -> pd.DataFrame:
        """Never; see :meth:`custom_exit`."""
        return dataframe

    def confirm_trade_entry(
        self,
        pair: str,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        current_time: datetime,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> bool:
        """Only where the guards have nothing against it."""
        return not self.guards.refusal(pair, current_time)

    def custom_entry_price(
        self,
        pair: str,
        trade: Trade | None,
        current_time: datetime,
        proposed_rate: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Out of reach where the schedule wants an order that rests."""
        start, end = self.schedule["resting"]
        far = start <= current_time.timestamp() < end
        return proposed_rate * (1 - self.schedule["discount"]) if far else proposed_rate

    def custom_exit_price(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        proposed_rate: float,
        current_profit: float,
        exit_tag: str | None,
        **kwargs: Any,
    ) -> float:
        """Out of reach where the schedule wants a reduction that rests."""
        start, end = self.schedule["shrinking"]
        far = exit_tag == SHRINK and start <= current_time.timestamp() < end
        return proposed_rate * (1 + self.schedule["discount"]) if far else proposed_rate

    def adjust_trade_position(
        self, trade: Trade, current_time: datetime, current_rate: float, **kwargs: Any
    ) -> tuple[float, str] | None:
        """The last change of the schedule that is due and was not made, one order at a time.

        The trade's orders tell what was made: nothing was filled since the change became due.
        """
        has_filled = trade.nr_of_successful_entries > 0
        if not has_filled or trade.has_open_orders or self._is_over(trade, current_time):
            return None
        opened = trade.open_date_utc.timestamp()
        begin = opened - (opened - self.schedule["offset"]) % self.schedule["every"]
        last = trade.date_last_filled_utc.timestamp()
        first = trade.select_filled_orders(trade.entry_side)[0].stake_amount_filled
        for seconds, share in reversed(self.schedule["changes"]):
            if begin + seconds <= current_time.timestamp():
                tag = GROW if share > 0 else SHRINK
                if last >= begin + seconds or self.guards.change_refusal(
                    trade.pair, current_time, tag, grows=share > 0
                ):
                    return None
                return share * first, tag
        return None

    def _is_over(self, trade: Trade, now: datetime) -> bool:
        return bool((now - trade.open_date_utc).total_seconds() >= self.schedule["hold"])

    def custom_exit(
        self,
        pair: str,
        trade: Trade,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **kwargs: Any,
    ) -> str | None:
        """Out after the scheduled time."""
        return "scheduled" if self._is_over(trade, current_time) else None
