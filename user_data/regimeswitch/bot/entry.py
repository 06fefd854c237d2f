"""What a trade keeps of the candle that opened it, in freqtrade's own database."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Self

import pandas as pd
from freqtrade.persistence import Trade

from regimeswitch.bot.standing import size_ratios
from regimeswitch.candles import timeframe_seconds
from regimeswitch.settings import Settings


_KEY = "regimeswitch_entry"


@dataclass(frozen=True)
class EntryRecord:
    """Regime, ATR and forecast size of the last candle that had closed when a trade was opened.

    :param regime: active regime, empty where it was UNKNOWN
    :param atr: in price units; NaN where it was not known
    :param size: forecast size of the next move against the usual
    """

    regime: str
    atr: float
    size: float = 1.0

    @classmethod
    def of(cls, frame: pd.DataFrame, opened: datetime, timeframe: str, settings: Settings) -> Self:
        """From the analysed candles; only candles closed at or before ``opened`` are looked at."""
        length = pd.Timedelta(seconds=timeframe_seconds(timeframe))
        closed = frame[frame["date"] + length <= opened]
        if closed.empty:
            return cls("", math.nan)
        last = closed.iloc[-1]
        regime = last["regime"]
        size = float(size_ratios(closed.iloc[-1:], settings).iloc[0])
        return cls(regime if isinstance(regime, str) else "", float(last["stop_atr"]), size)

    def write(self, trade: Trade) -> None:
        """Keep it with the trade."""
        trade.set_custom_data(_KEY, asdict(self))

    @classmethod
    def read(cls, trade: Trade) -> Self | None:
        """None for a trade without a usable record, which is left to the fixed stop-loss."""
        kept = trade.get_custom_data(_KEY)
        if not kept or not math.isfinite(kept["atr"]):
            return None
        return cls(**kept)
