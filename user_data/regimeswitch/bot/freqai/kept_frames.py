"""Populated frames of a backtest, kept on disk between two looks at them.

All pairs learn together in each window, and FreqAI goes through all windows of one pair before it
comes to the next: each frame is looked at once per window. Features are nearly all of a frame, so
they lie in a file without a name that is mapped into memory: pages are read when they are looked
at, and are gone when the look is over. So memory does not grow with pairs or with the range.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from regimeswitch.bot.freqai.feature_names import features_of


@dataclass(frozen=True, eq=False)
class KeptFrame:
    """One frame, features in single precision, as models see them.

    :ivar others: the columns that are no features
    :ivar names: of the features
    :ivar descriptor: of a file with the features, one after the other; it ends with this object, or
        the process
    """

    others: pd.DataFrame
    names: list[str]
    descriptor: int

    @classmethod
    def of(cls, frame: pd.DataFrame, folder: Path) -> KeptFrame:
        """Keep a frame.

        :param folder: of the model, which a backtest writes to in any case
        :raises OSError: when the disk is full
        """
        names = features_of(frame.columns)
        with tempfile.TemporaryFile(dir=folder) as file:
            for name in names:
                column = frame[name].to_numpy(dtype=np.float32)
                file.write(np.ascontiguousarray(column).data)
            file.flush()
            # Copied: the few columns that are left would keep the memory of all alive.
            others = frame.drop(columns=names).copy()
            # A number, since a collector may end a file object before this one and warn of it.
            kept = cls(others, names, os.dup(file.fileno()))
        weakref.finalize(kept, os.close, kept.descriptor)
        return kept

    @property
    def frame(self) -> pd.DataFrame:
        """A new frame of the same rows; the features come last. What is written into it is its own.

        Copy on write, in pandas and of the mapped file.
        """
        shape = (len(self.names), len(self.others))
        if not all(shape):
            values = np.empty(shape, dtype=np.float32)
        else:
            mapped = mmap.mmap(self.descriptor, 0, access=mmap.ACCESS_COPY)
            values = np.frombuffer(mapped, dtype=np.float32).reshape(shape)
        features = pd.DataFrame(values.T, self.others.index, self.names, copy=False)
        joined: pd.DataFrame = pd.concat([self.others, features], axis=1)
        return joined
