"""What position mode says on every candle, by the functions of the bot itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.bot.freqai.regime_candles import own_candles, pair_regimes
from regimeswitch.bot.trading.entry_filters import position_reasons
from regimeswitch.market.candles import OHLCV, timeframe_seconds
from regimeswitch.market.cleaning import bad_candles, cleaned
from regimeswitch.market.volatility import DAILY_ATR_COLUMN, WEIGHT_COLUMN, position_columns
from regimeswitch.settings import REGIME_NAMES, Settings
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.money.stored import StoredCandles


Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class PositionMarket:
    """Prices and signals of all pairs on one clock; arrays have shape (candles, pairs).

    Row t is the candle in which orders are filled, at its open; signals, weights, distances and
    marks in it are those known at the close of the candle before.

    :ivar dates: opening time of each candle
    :ivar timeframe: of the candles
    :ivar open: raw, as freqtrade fills orders; NaN where the pair has no candle, as elsewhere
    :ivar mark: last good close before the candle
    :ivar enter: the regime says to be in
    :ivar leave: an unwanted regime is the active one
    :ivar weight: share of a slot, see :func:`regimeswitch.market.volatility.target_weights`
    :ivar atr: daily ATR, price units
    :ivar regime: code of the active regime, 0 = unknown
    :ivar began: row in which the active regime became known, below 0 where before the range
    """

    pairs: tuple[str, ...]
    dates: pd.DatetimeIndex
    timeframe: str
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    mark: Floats
    enter: Flags
    leave: Flags
    weight: Floats
    atr: Floats
    regime: Codes
    began: Rows

    @property
    def days(self) -> NDArray[np.int64]:
        """Number of the day of each candle, 0 = the first."""
        days = self.dates.to_numpy("datetime64[D]").astype(np.int64)
        return np.asarray(days - days[0])

    @property
    def moments(self) -> Rows:
        """Opening time of each candle, epoch seconds."""
        return np.asarray(self.dates.to_numpy("datetime64[s]").astype(np.int64))


FAR_BEFORE = -(2**40)
"""Row of a regime whose beginning is not known: before any stop."""


def read_market(
    stored: StoredCandles, pairs: Sequence[str], timeframe: str, settings: Settings
) -> PositionMarket:
    """Prices and signals of a range.

    :param timeframe: of the base candles
    :raises InputError: when a file is missing, or no pair has a candle after its warm-up
    """
    parts = [_pair(stored, pair, timeframe, settings) for pair in pairs]
    known = [part["date"] for part in parts if len(part)]
    if not known:
        raise InputError(
            f"no pair has a {timeframe} candle after {stored.warm_up} candles of warm-up; take a "
            "later --timerange, or download earlier candles"
        )
    first = min(dates.iloc[0] for dates in known)
    last = max(dates.iloc[-1] for dates in known)
    clock = pd.date_range(first, last, freq=pd.Timedelta(seconds=timeframe_seconds(timeframe)))
    whole = [part.set_index("date").reindex(clock) for part in parts]

    def column(name: str, empty: float = np.nan) -> Floats:
        found = [np.asarray(frame[name], dtype=np.float64) for frame in whole]
        return np.nan_to_num(np.stack(found, axis=1), nan=empty, posinf=np.inf, neginf=-np.inf)

    rows = np.arange(len(clock))[:, None]
    age = column("regime_age")
    began = np.where(np.isnan(age), FAR_BEFORE, rows - np.nan_to_num(age))
    return PositionMarket(
        pairs=tuple(pairs),
        dates=clock,
        timeframe=timeframe,
        open=column("open"),
        high=column("high"),
        low=column("low"),
        close=column("close"),
        mark=column("mark"),
        enter=column("enter", 0).astype(np.bool_),
        leave=column("leave", 0).astype(np.bool_),
        weight=column(WEIGHT_COLUMN),
        atr=column(DAILY_ATR_COLUMN),
        regime=column("regime_code", 0).astype(np.int8),
        began=began.astype(np.int64),
    )


def _pair(stored: StoredCandles, pair: str, timeframe: str, settings: Settings) -> pd.DataFrame:
    """One row for each candle in which the pair can be traded."""
    frame = stored.candles(pair, timeframe)
    if len(frame) <= stored.warm_up + 1:
        return pd.DataFrame(columns=[*COLUMNS, "date"])
    parts = [
        frame[OHLCV],
        pair_regimes(frame, pair, stored, timeframe, settings),
        position_columns(
            *own_candles(frame, pair, stored, timeframe, settings), settings, timeframe
        ),
    ]
    signals = pd.concat(parts, axis=1)
    signals["bad_candle"] = bad_candles(frame, timeframe, settings.safety).any(axis=1)
    signals["enter"] = position_reasons(signals, settings) == ""
    unwanted = [name for name in REGIME_NAMES if name not in settings.entries.regimes]
    signals["leave"] = signals["regime"].isin(unwanted)
    signals["mark"] = cleaned(frame, timeframe, settings.safety)["close"]
    signals[list(KNOWN_BEFORE)] = signals[list(KNOWN_BEFORE)].shift(1)
    # freqtrade drops the warm-up, and the first candle after it, which no signal comes before.
    result: pd.DataFrame = signals.iloc[stored.warm_up + 1 :][["date", *COLUMNS]]
    return result


KNOWN_BEFORE = (
    *("enter", "leave", "mark"),
    *(WEIGHT_COLUMN, DAILY_ATR_COLUMN, "regime_code", "regime_age"),
)
COLUMNS = ("open", "high", "low", "close", *KNOWN_BEFORE)
