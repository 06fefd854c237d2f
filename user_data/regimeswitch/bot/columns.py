"""Private and published columns of the models, and what is computed from candles beside them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException
from numpy.typing import NDArray

from regimeswitch.cleaning import bad_candles, mend
from regimeswitch.labels import forward_return, move_threshold
from regimeswitch.settings import Settings


CODE_COLUMN = "_regimeswitch_code"
ROW_COLUMN = "_regimeswitch_row"
THRESHOLD_COLUMN = "_regimeswitch_threshold"
PRIVATE = (CODE_COLUMN, THRESHOLD_COLUMN)

TRUST_COLUMN = "regime_trust"
EXPECTED_COLUMN = "expected_return"
SIZE_COLUMN = "expected_size"
RATIO_COLUMN = "size_ratio"
TRAINED_COLUMN = "trained_at"
"""End of the training of the model that made a prediction, epoch seconds."""
OUTPUTS = (TRUST_COLUMN, EXPECTED_COLUMN, SIZE_COLUMN, RATIO_COLUMN)


def label_of(columns: Iterable[str]) -> str:
    """The one target column.

    :raises OperationalException: when the strategy sets none or several
    """
    labels = [name for name in columns if "&" in name]
    if len(labels) != 1:
        raise OperationalException(
            f"RegimeSwitch's models learn one target, the strategy sets {labels}; keep one column "
            "that begins with &"
        )
    return labels[0]


def thresholds_of(candles: pd.DataFrame, timeframe: str, settings: Settings) -> NDArray[np.float64]:
    """The label threshold of each candle (fraction), known at its close; NaN in warm-up."""
    return move_threshold(mend(candles, timeframe, settings.safety), settings.labels, timeframe)


def moves_of(candles: pd.DataFrame, timeframe: str, settings: Settings) -> NDArray[np.float64]:
    """Forward return of each candle in its label threshold; NaN where not known within the frame.

    :param candles: up to the end of training and no further
    """
    bad = bad_candles(candles, timeframe, settings.safety)
    ahead = forward_return(candles, settings.labels, timeframe, bad).to_numpy()
    return np.asarray(ahead / thresholds_of(candles, timeframe, settings))
