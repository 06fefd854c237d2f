"""All features of one pair from its candles, by FreqAI's keys, with FreqAI's names and order.

In a bot FreqAI asks the strategy for the features of one timeframe at a time and joins them. This
is the same without FreqAI: a test compares both, column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from regimeswitch.market.candles import merge_causally
from regimeswitch.market.cleaning import cleaned
from regimeswitch.market.features import basic_features, calendar_features, period_features
from regimeswitch.market.volatility_features import volatility_features
from regimeswitch.settings import SafetySettings


Candles = Callable[[str, str], pd.DataFrame]
"""From pair and timeframe to candles as the exchange gave them."""
NEVER_STALE = 10**9
"""Seconds. In FreqAI the last closed candle stands until the next, however late that is."""


@dataclass(frozen=True)
class FeaturePlan:
    """The keys of FreqAI that decide which features there are, and in which order.

    :param timeframe: base timeframe
    :param timeframes: ``include_timeframes``, the base timeframe among them
    :param periods: ``indicator_periods_candles``
    :param shifts: ``include_shifted_candles``: earlier candles whose features are added
    :param correlated: ``include_corr_pairlist``: pairs whose features are added
    """

    timeframe: str
    timeframes: tuple[str, ...]
    periods: tuple[int, ...]
    shifts: int = 0
    correlated: tuple[str, ...] = ()

    @classmethod
    def of(cls, features: Mapping[str, Any], timeframe: str) -> FeaturePlan:
        """The plan of a config.

        :param features: ``freqai.feature_parameters``; absent keys have the defaults of the
            project's config
        :param timeframe: base timeframe; FreqAI puts it first where it is not included

        >>> FeaturePlan.of({"include_timeframes": ["1h"]}, "5m").timeframes
        ('5m', '1h')
        """
        included = tuple(features.get("include_timeframes", ["1h"]))
        if timeframe not in included:
            included = (timeframe, *included)
        return cls(
            timeframe,
            included,
            tuple(features.get("indicator_periods_candles", [12, 36])),
            int(features.get("include_shifted_candles", 0) or 0),
            tuple(features.get("include_corr_pairlist", []) or []),
        )


def all_features(
    pair: str, candles: Candles, plan: FeaturePlan, safety: SafetySettings
) -> pd.DataFrame:
    """Features of one pair, as FreqAI puts them together.

    :param pair: that is traded
    :param candles: also asked for the correlated pairs
    :param plan: of :meth:`FeaturePlan.of`
    :param safety: the section ``safety``: candles that cannot be true are cleaned first
    :return: a row for each base candle of the pair, numbered from 0, known at its close; NaN in
        warm-up. A row sees candles of longer timeframes, and of other pairs, that have closed.
    """
    raw = candles(pair, plan.timeframe)
    base = cleaned(raw, plan.timeframe, safety)
    standard = [calendar_features(base), volatility_features(base, plan.timeframe)]
    parts = [
        *_blocks(pair, base["date"], candles, plan, safety),
        *(part.reset_index(drop=True) for part in standard),
    ]
    for other in plan.correlated:
        if other != pair:
            parts += _blocks(other, base["date"], candles, plan, safety)
    return pd.concat(parts, axis=1)


def _blocks(
    pair: str, dates: pd.Series, candles: Candles, plan: FeaturePlan, safety: SafetySettings
) -> list[pd.DataFrame]:
    """One block for each timeframe, its rows those of base candles of ``dates``."""
    return [
        _merged(dates, plan, timeframe, _block(pair, candles, timeframe, plan, safety))
        for timeframe in plan.timeframes
    ]


def _block(
    pair: str, candles: Candles, timeframe: str, plan: FeaturePlan, safety: SafetySettings
) -> pd.DataFrame:
    """Features of one pair and timeframe, and ``date``."""
    clean = cleaned(candles(pair, timeframe), timeframe, safety)
    base = timeframe if timeframe == plan.timeframe else None
    parts = [period_features(clean, n, base).add_suffix(f"_{n}") for n in plan.periods]
    block = pd.concat([*parts, basic_features(clean, base).add_suffix("_gen")], axis=1)
    shifted = [block.shift(n).add_suffix(f"_shift-{n}") for n in range(1, plan.shifts + 1)]
    named = pd.concat([block, *shifted], axis=1).add_suffix(f"_{pair.replace(':', '')}_{timeframe}")
    return named.assign(date=clean["date"])


def _merged(
    dates: pd.Series, plan: FeaturePlan, timeframe: str, block: pd.DataFrame
) -> pd.DataFrame:
    if timeframe == plan.timeframe and block["date"].reset_index(drop=True).equals(
        dates.reset_index(drop=True)
    ):
        return block.drop(columns="date").reset_index(drop=True)
    return merge_causally(dates, plan.timeframe, block, timeframe, stale_seconds=NEVER_STALE)
