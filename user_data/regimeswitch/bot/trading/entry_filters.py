"""Why no position is opened: one reason per candle, the same in backtests and live.

Costs are two fees and two times the slippage. The expected return of the models is only as large
as they have proven (see :mod:`regimeswitch.model.expected_return`); without proof it is zero and
nothing is opened.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException
from numpy.typing import NDArray

from regimeswitch.bot.freqai.columns import (
    EXPECTED_COLUMN,
    LIMIT_COLUMN,
    RATIO_COLUMN,
    REFUSAL_COLUMN,
)
from regimeswitch.market.regimes import by_regime
from regimeswitch.market.volatility import DAILY_ATR_COLUMN, WEIGHT_COLUMN
from regimeswitch.risk.model_additions import SCALE_COLUMN
from regimeswitch.settings import REGIME_NAMES, Settings


logger = logging.getLogger(__name__)

NO_PREDICTION = "no prediction"
DRIFTED = "the model is beyond a limit of drift"
BAD_CANDLE = "bad candle"
NO_RANGE = "no range"
UNKNOWN_REGIME = "regime unknown"
LATE_RULE = "rule candles missing"
UNKNOWN_VOLATILITY = "volatility unknown"
NO_EDGE = "no proven edge"
WEAK = "signal below threshold"
BELOW_COSTS = "expected move below costs"
VETO = "the models speak against it"
AGAINST = "the answer closes positions, too"
PASSING = ("", WEAK, BELOW_COSTS, AGAINST)
"""Reasons that come and go with every candle; they are not worth a line of the log each."""


def no_trade_reasons(
    frame: pd.DataFrame,
    strong: pd.Series,
    against: pd.Series,
    settings: Settings,
    short: bool = False,
) -> pd.Series:
    """Reason for each candle, empty where a position may be opened; the first that holds.

    :param frame: analysed candles
    :param strong: whether the models' answer passes the regime's threshold
    :param against: whether the same answer would close the position at once
    :param short: of a short position, which is opened in bear alone
    """
    allowed = ("bear",) if short else settings.entries.regimes
    regime = frame["regime"]
    known = regime.isin(REGIME_NAMES)
    withheld = settings.drift.action == "none" and LIMIT_COLUMN in frame
    checks: list[tuple[pd.Series | NDArray[np.bool_], object]] = [
        *_of_model_bot(frame),
        *([(frame[LIMIT_COLUMN] > 0, DRIFTED)] if withheld else []),
        (frame["do_predict"] != 1, NO_PREDICTION),
        (frame["bad_candle"], BAD_CANDLE),
        (~((frame["volume"] > 0) & (frame["stop_atr"] > 0)), NO_RANGE),
        (~known, UNKNOWN_REGIME),
        # The active regime outlives the candles of its rule: nothing is opened on it.
        (frame["regime_raw"].isna(), LATE_RULE),
        (~regime.isin(allowed), _unwanted(frame, allowed)),
    ]
    if settings.entries.require_edge:
        expected = _expected(frame)
        net = (-expected if short else expected) - costs_of(settings)
        margin = settings.entries.margin.model_dump()
        enough = net > by_regime(frame["regime_code"], margin)
        checks += [(expected == 0, NO_EDGE), (~strong, WEAK), (~enough, BELOW_COSTS)]
    else:
        checks.append((~strong, WEAK))
    checks.append((against, AGAINST))
    return _first_reason(checks, frame.index)


def _of_model_bot(frame: pd.DataFrame) -> list[tuple[pd.Series | NDArray[np.bool_], object]]:
    """Candles of a trading bot that are without a prediction."""
    if REFUSAL_COLUMN not in frame:
        return []
    return [(frame[REFUSAL_COLUMN] != "", frame[REFUSAL_COLUMN])]


def _unwanted(frame: pd.DataFrame, wanted: tuple[str, ...]) -> NDArray[np.object_]:
    """The active regime as a reason, with a wanted one that is about to take its place."""
    active = frame["regime"].to_numpy(dtype=object)
    pending = frame["regime_pending"].to_numpy(dtype=object) if "regime_pending" in frame else ()
    coming = [name if name in wanted else "" for name in pending] or [""] * len(frame)
    texts = {
        (name, next_one): f"regime {name if name in REGIME_NAMES else ''}"
        + (f", {next_one} pending" if next_one else "")
        for name, next_one in {*zip(active, coming, strict=True)}
    }
    found = [texts[one] for one in zip(active, coming, strict=True)]
    return np.array(found, dtype=object)


def _first_reason(
    checks: list[tuple[pd.Series | NDArray[np.bool_], object]], index: pd.Index
) -> pd.Series:
    first = np.full(len(index), len(checks))
    for place, (condition, _) in reversed([*enumerate(checks)]):
        first[np.asarray(condition, dtype=bool)] = place
    reasons = np.full(len(index), "", dtype=object)
    for place, (_, reason) in enumerate(checks):
        rows = first == place
        reasons[rows] = reason if isinstance(reason, str) else np.asarray(reason, object)[rows]
    return pd.Series(reasons, index=index)


def position_reasons(frame: pd.DataFrame, settings: Settings, short: bool = False) -> pd.Series:
    """Position mode: reason for each candle, empty where the pair's regime says to be in.

    :param frame: analysed candles
    :param short: of a short position, which is held in bear alone
    """
    wanted = ("bear",) if short else settings.entries.regimes
    regime = frame["regime"]
    known = regime.isin(REGIME_NAMES)
    stop_known = frame[DAILY_ATR_COLUMN] > 0 if settings.stop_multiple else True
    checks: list[tuple[pd.Series | NDArray[np.bool_], object]] = [
        (frame["bad_candle"], BAD_CANDLE),
        (frame["volume"] <= 0, NO_RANGE),
        (~known, UNKNOWN_REGIME),
        # The active regime outlives the candles of its rule: nothing is opened on it.
        (frame["regime_raw"].isna(), LATE_RULE),
        (~regime.isin(wanted), _unwanted(frame, wanted)),
        (~(frame[WEIGHT_COLUMN].notna() & stop_known), UNKNOWN_VOLATILITY),
        *_of_model_bot(frame),
    ]
    if SCALE_COLUMN in frame:
        checks.append((frame[SCALE_COLUMN] == 0, VETO))
    return _first_reason(checks, frame.index)


def size_ratios(frame: pd.DataFrame, settings: Settings) -> pd.Series:
    """Forecast size of the next move against the usual, within the bounds of the settings.

    1 where there is no forecast, or where ``risk.size_forecast`` is off.
    """
    if not settings.risk.size_forecast or RATIO_COLUMN not in frame:
        return pd.Series(1.0, index=frame.index)
    ratio = frame[RATIO_COLUMN].where(frame[RATIO_COLUMN] > 0, 1.0)
    most = settings.risk.max_size_ratio
    return ratio.astype(float).clip(1 / most, most)


def costs_of(settings: Settings) -> float:
    """Of a round trip, fraction."""
    return 2 * (settings.labels.fee + settings.entries.slippage)


def _expected(frame: pd.DataFrame) -> pd.Series:
    if EXPECTED_COLUMN not in frame:
        raise OperationalException(
            f"regimeswitch.entries.require_edge is true, but the model gives no {EXPECTED_COLUMN}; "
            "use --freqaimodel RegimeSwitchClassifier (or RegimeSwitchRegressor), or set "
            "entries.require_edge to false"
        )
    return frame[EXPECTED_COLUMN]


def log_reason_shares(pair: str, reasons: pd.Series) -> None:
    """Log, once for a whole backtest, on which part of the candles each reason held.

    Candles before the first prediction are the training range and do not count.
    """
    predicted = np.flatnonzero(reasons != NO_PREDICTION)
    reasons = reasons.iloc[int(predicted[0]) :] if len(predicted) else reasons
    shares = reasons.value_counts(normalize=True)
    listed = ", ".join(f"{name or 'may trade'} {share:.1%}" for name, share in shares.items())
    logger.info(f"{pair}: {listed} of {len(reasons)} candles")
