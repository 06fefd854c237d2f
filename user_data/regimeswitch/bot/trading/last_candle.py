"""The last closed candle of a pair, looked up once for all that one decision asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import last_closed, utc_times


@dataclass(frozen=True, eq=False)
class LastCandle:
    """A row of a frame, as :func:`regimeswitch.market.candles.closed_row` finds it.

    :ivar frame: candles of ``timeframe``, sorted by date
    :ivar now: aware; the candle that closes at this very moment counts
    """

    frame: pd.DataFrame
    now: datetime
    timeframe: str

    @cached_property
    def _opened(self) -> NDArray[np.int64]:
        return utc_times(self.frame["date"]).view(np.int64)

    def row_at(self, moment: datetime) -> int:
        """Position of the last candle that had closed at a moment; -1 where none had."""
        return -1 if self.frame.empty else last_closed(self._opened, moment, self.timeframe)

    @cached_property
    def row(self) -> int:
        """Its position; -1 where none had closed."""
        return self.row_at(self.now)

    def get(self, name: str) -> Any:
        """Its value of a column.

        :raises KeyError: when there is no such column
        """
        return self.frame[name].iloc[self.row]
