"""Writes entry and exit signals into a frame of candles."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def put_signals(
    frame: pd.DataFrame, rows: NDArray[np.bool_], column: str, tag: str, tags: pd.Series
) -> None:
    """Set signal and tag on some candles; what stands on the others is left alone, or is missing.

    :param frame: written to, shape (n, ...)
    :param rows: which of them, shape (n,)
    :param column: of the signal, 1
    :param tag: column of the tags
    :param tags: text, shape (n,), on the frame's index; read on ``rows`` alone
    """
    values = {column: pd.Series(1.0, frame.index), tag: tags}
    for name, given in values.items():
        # freqtrade sets up no such column: writing a whole one is ten times as fast as making
        # one by writing into some rows.
        if name in frame:
            frame.loc[rows, name] = given[rows]
        else:
            frame[name] = given.where(rows)
