"""Label settings small enough for short frames, shared by the tests of the labels."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from regimeswitch.settings import LabelSettings


quick = settings(deadline=None, max_examples=20)
KINDS = ("threshold", "triple_barrier")
ROWS = 160
configs = st.builds(
    LabelSettings,
    kind=st.sampled_from(KINDS),
    horizon=st.integers(1, 20),
    unit=st.sampled_from(["volatility", "atr"]),
    window=st.integers(10, 40),
    multiple=st.sampled_from([0.5, 1.0, 2.0]),
    cover_fees=st.booleans(),
)


def small(**over: Any) -> LabelSettings:
    return LabelSettings(**{"horizon": 6, "window": 20, "multiple": 0.8, **over})


def listed(labels: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else value for value in labels]
