"""No way back into a regime that a stop has thrown a position out of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
from freqtrade.enums import ExitType
from freqtrade.persistence import Trade

from regimeswitch.market.candles import closed_row, timeframe_seconds


STOPS = {
    ExitType.STOP_LOSS.value,
    ExitType.TRAILING_STOP_LOSS.value,
    ExitType.STOPLOSS_ON_EXCHANGE.value,
    ExitType.LIQUIDATION.value,
}
STOPPED = "stopped out in this regime"


def stopped_out(strategy: Any, pair: str, now: datetime) -> str:
    """Why a pair is not entered again; empty where it may be.

    The candle that follows a stop still says bull: without this the position would be opened again
    at once, and the stop would have cost fees and saved nothing.

    :param strategy: gives the analysed candles
    :param now: UTC
    """
    frame, _ = strategy.dp.get_analyzed_dataframe(pair, strategy.timeframe)
    return stopped_by(frame, pair, now, strategy.timeframe)


def stopped_by(frame: pd.DataFrame, pair: str, now: datetime, timeframe: str) -> str:
    """As :func:`stopped_out`, from candles that freqtrade does not know yet.

    :param frame: analysed candles of the pair
    :param timeframe: of them
    """
    row = closed_row(frame, now, timeframe)
    if row < 0:
        return ""
    began = _began(frame, row, timeframe)
    stops = (
        trade.close_date_utc
        for trade in Trade.get_trades_proxy(pair=pair, is_open=False)
        if trade.exit_reason in STOPS and trade.close_date_utc is not None
    )
    return STOPPED if any(closed >= began for closed in stops) else ""


def _began(frame: pd.DataFrame, row: int, timeframe: str) -> datetime:
    """When the regime of a row became the active one; before anything where that was not seen.

    The age reaches further back than the frame does: freqtrade shows a thousand candles of it.
    """
    age = frame["regime_age"].iloc[row]
    if pd.isna(age):
        return datetime.min.replace(tzinfo=UTC)
    length = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    began: datetime = (frame["date"].iloc[row] + length * (1 - int(age))).to_pydatetime()
    return began
