"""What a trade keeps of the candle that opened it, in freqtrade's own database."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

import pandas as pd
from freqtrade.persistence import Trade

from regimeswitch.bot.freqai.columns import EXPECTED_COLUMN, SIZE_COLUMN, TRAINED_COLUMN
from regimeswitch.bot.trading.entry_filters import costs_of, size_ratios
from regimeswitch.market.candles import closed_row
from regimeswitch.market.volatility import DAILY_ATR_COLUMN, VOLATILITY_COLUMN, WEIGHT_COLUMN
from regimeswitch.risk.model_additions import FORECAST_COLUMN, SCALE_COLUMN
from regimeswitch.risk.sizing import Outlook
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION


_KEY = "regimeswitch_entry"


@dataclass(frozen=True)
class EntryRecord:
    """What was known at the close of the last candle before a trade was opened.

    :param regime: active regime, empty where it was UNKNOWN
    :param atr: in price units; NaN where it was not known
    :param size: forecast size of the next move against the usual
    :param trained_at: end of the training of the model that gave the signal, epoch seconds; 0 =
        unknown
    :param pending: another regime was serving its grace period
    :param expected: expected move, as far as it was proven, fraction
    :param move: expected absolute move, fraction; NaN = unknown
    :param weight: share of a slot by the pair's volatility, position mode; None = unknown
    :param scale: share of that stake which a veto of the models has left, position mode
    :param volatility: exponential mean, a year, fraction, position mode; None = unknown
    :param forecast: of the next 24 hours' volatility, as ``volatility``
    """

    regime: str
    atr: float
    size: float = 1.0
    trained_at: float = 0.0
    pending: bool = False
    expected: float = 0.0
    move: float | None = None
    weight: float | None = None
    scale: float = 1.0
    volatility: float | None = None
    forecast: float | None = None

    @property
    def share(self) -> float:
        """Share of a slot that is put into the position, position mode; NaN = unknown."""
        return math.nan if self.weight is None else self.weight * self.scale

    @classmethod
    def of(cls, frame: pd.DataFrame, opened: datetime, timeframe: str, settings: Settings) -> Self:
        """From the analysed candles; only candles closed at or before ``opened`` are looked at."""
        row = closed_row(frame, opened, timeframe)
        if row < 0:
            return cls("", math.nan)
        candle = frame.iloc[row : row + 1]
        last = candle.iloc[0]
        pending = last.get("regime_pending")
        move = float(last.get(SIZE_COLUMN, math.nan))
        holds = settings.entries.mode == POSITION
        return cls(
            regime=_text(last["regime"]),
            atr=float(last[DAILY_ATR_COLUMN if holds else "stop_atr"]),
            # The disaster stop of position mode is so many ATR, whatever is forecast.
            size=1.0 if holds else float(size_ratios(candle, settings).iloc[0]),
            trained_at=float(last.get(TRAINED_COLUMN, 0.0)),
            pending=bool(_text(pending)),
            expected=float(last.get(EXPECTED_COLUMN, 0.0)),
            move=move if math.isfinite(move) else None,
            weight=_number(last.get(WEIGHT_COLUMN)),
            scale=float(last.get(SCALE_COLUMN, 1.0)),
            volatility=_number(last.get(VOLATILITY_COLUMN)),
            forecast=_number(last.get(FORECAST_COLUMN)) or None,
        )

    def outlook(self, price: float, short: bool, settings: Settings) -> Outlook:
        """What sizing needs to know.

        :param price: of the entry
        """
        costs = costs_of(settings)
        return Outlook(
            regime=self.regime,
            size=self.size,
            pending=self.pending,
            stop=settings.stop_multiple * self.atr * self.size / price,
            edge=(-self.expected if short else self.expected) - costs,
            move=math.nan if self.move is None else self.move,
            costs=costs,
        )

    def write(self, trade: Trade) -> None:
        """Keep it with the trade."""
        trade.set_custom_data(_KEY, asdict(self))

    @classmethod
    def read(cls, trade: Trade) -> Self | None:
        """None for a trade without a usable record, which is left to the fixed stop-loss."""
        kept: dict[str, Any] | None = trade.get_custom_data(_KEY)
        if not kept or not math.isfinite(kept["atr"]):
            return None
        return cls(**{name: value for name, value in kept.items() if name in _FIELDS})


_FIELDS = frozenset(field.name for field in fields(EntryRecord))


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
