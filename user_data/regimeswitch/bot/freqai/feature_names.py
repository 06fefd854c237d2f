"""One vocabulary of features for all pairs.

FreqAI writes the pair into a feature's name, ``%-rsi-period_12_BTC/USDT_5m``, and gives a
correlated pair no second block for itself. Here the traded pair becomes ``{pair}``, and where a
pair is its own correlated pair its own columns stand in.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray


OWN = "{pair}"


def written(pair: str) -> str:
    """A pair as FreqAI writes it into column names."""
    return pair.replace(":", "")


def features_of(columns: Iterable[str]) -> list[str]:
    """The columns that FreqAI counts as features."""
    return [name for name in columns if "%" in name]


def vocabulary(columns: Mapping[str, Iterable[str]]) -> list[str]:
    """All features of all pairs in common names, in the order of their first appearance.

    :param columns: column names by pair
    """
    names: dict[str, None] = {}
    for pair, own in columns.items():
        names |= dict.fromkeys(_common(name, pair) for name in features_of(own))
    return list(names)


def in_common(frame: pd.DataFrame, pair: str, names: list[str]) -> NDArray[np.float32]:
    """Features of one pair in the order of the vocabulary, shape (n, names); NaN where missing.

    :raises KeyError: when a feature of the vocabulary is neither there nor stood in for
    """
    columns = standing_in(names, pair, frame.columns)
    matrix = frame[columns].to_numpy(dtype=np.float32)
    return np.where(np.isfinite(matrix), matrix, np.float32("nan"))


def standing_in(names: Iterable[str], pair: str, columns: Container[str]) -> list[str]:
    """The columns of a pair that hold the features of the vocabulary, in its order.

    :raises KeyError: when a feature of the vocabulary is neither there nor stood in for
    """
    return [_column(name, pair, columns) for name in names]


def renamed(names: Iterable[str], pair: str, other: str) -> list[str]:
    """Features of one pair by the names that another pair has for them."""
    return [_common(name, pair).replace(OWN, written(other)) for name in names]


def _common(name: str, pair: str) -> str:
    return name.replace(f"_{written(pair)}_", f"_{OWN}_")


def _column(name: str, pair: str, columns: Container[str]) -> str:
    own = name.replace(OWN, written(pair))
    if own not in columns:
        raise KeyError(f"{pair} has no feature {own}; give every pair the same features")
    return own
