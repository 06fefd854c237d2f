"""The features of a running bot's newest candle, without a frame of all candles' features.

FreqAI puts each feature of every fetched candle on one frame, copies that frame for each block and
each hook, predicts its last row and drops the features: two thirds of what a candle costs. A
strategy whose hooks look at candles alone (:func:`reads_candles_alone`) needs none of it: here its
hooks are asked in FreqAI's order and the last row is taken from what they return. The first candle
of a pair goes FreqAI's way, and so do all later ones if both ways do not agree on it bit by bit.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from regimeswitch.bot.freqai.fast_merge import ascending_dates, seen_candles
from regimeswitch.bot.freqai.feature_names import features_of
from regimeswitch.market.candles import OHLCV


logger = logging.getLogger(__name__)

HOOKS = (
    *("feature_engineering_expand_all", "feature_engineering_expand_basic"),
    "feature_engineering_standard",
)
MARK = "reads_candles_alone"
KEPT_ROWS = 3
"""Last rows of a block that are looked at: of longer ones the last that has closed is not always
the last."""
Hook = TypeVar("Hook", bound=Callable[..., pd.DataFrame])
Row = dict[str, float]


class NotPlainError(Exception):
    """A block that FreqAI has to put together itself."""


def reads_candles_alone(hook: Hook) -> Hook:
    """Mark a feature hook that reads date and prices of its frame and writes to none of it.

    A hook that overrides a marked one is not marked unless it says so itself.
    """
    vars(hook)[MARK] = True
    return hook


class NewestFeatures:
    """Populates frames of one pair after another; of the features the last row alone.

    :param config: freqtrade's, with the section ``freqai``
    """

    def __init__(self, config: dict[str, Any]) -> None:
        freqai = config["freqai"]
        features = freqai["feature_parameters"]
        self._timeframe = str(config["timeframe"])
        self._timeframes: list[str] = features["include_timeframes"]
        self._periods: list[int] = features["indicator_periods_candles"]
        self._shifts = int(features.get("include_shifted_candles", 0))
        self._possible = (
            not features.get("include_corr_pairlist")
            and int(freqai.get("conv_width", 1)) == 1
            and not config.get("reduce_df_footprint")
        )
        self._agrees: dict[str, bool] = {}
        self._targets: dict[str, list[str]] = {}
        self._longer: dict[tuple[str, str], tuple[bytes, list[str], NDArray[np.float64]]] = {}
        self._row: Row = {}

    def populating(self, last_alone: Callable[[], bool]) -> Any:
        """Makes the replacement of a kitchen's ``use_strategy_to_populate_indicators``.

        :param last_alone: whether FreqAI is going to predict the last row and no other
        """

        def making(populate: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
            def use_strategy_to_populate_indicators(
                strategy: IStrategy,
                *others: Any,
                pair: str = "",
                prediction_dataframe: pd.DataFrame | None = None,
                **more: Any,
            ) -> pd.DataFrame:
                self._row = {}
                candles = prediction_dataframe
                asked = {"pair": pair, "prediction_dataframe": candles, **more}
                if candles is None or not self._is_possible(strategy, candles):
                    return populate(strategy, *others, **asked)
                if self._agrees.get(pair) and last_alone():
                    served = self._served(strategy, pair, candles)
                    if served is not None:
                        return served
                whole = populate(strategy, *others, **asked)
                if pair not in self._agrees:
                    self._compare(strategy, pair, candles, whole)
                return whole

            return use_strategy_to_populate_indicators

        return making

    def with_features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The row that is going to be predicted, with its features where they are held here."""
        if not self._row:
            return rows
        values = np.array([list(self._row.values())], dtype=np.float64)
        features = pd.DataFrame(values, rows.index, list(self._row))
        joined: pd.DataFrame = pd.concat([rows, features], axis=1)
        return joined

    def _is_possible(self, strategy: IStrategy, candles: pd.DataFrame) -> bool:
        return (
            self._possible
            and list(candles.columns) == OHLCV
            and len(candles) > self._shifts
            and all(getattr(getattr(type(strategy), name), MARK, False) for name in HOOKS)
        )

    def _served(self, strategy: IStrategy, pair: str, candles: pd.DataFrame) -> pd.DataFrame | None:
        """The frame of a candle that is going to be predicted; None = FreqAI has to make it."""
        try:
            frame, self._row = self._newest(strategy, pair, candles)
        except NotPlainError:
            return None
        # Nothing is learned from it: targets are there for their names alone.
        return frame.assign(**dict.fromkeys(self._targets[pair], np.nan))

    def _compare(
        self, strategy: IStrategy, pair: str, candles: pd.DataFrame, whole: pd.DataFrame
    ) -> None:
        """Find out, on a candle that has all features, whether both ways give the same."""
        names = features_of(whole.columns)
        expected = whole[names].iloc[-1].to_numpy(dtype=np.float64)
        if not np.isfinite(expected).all():
            return
        try:
            frame, row = self._newest(strategy, pair, candles)
        except NotPlainError:
            self._agrees[pair] = False
            return
        self._targets[pair] = [name for name in whole.columns if "&" in name]
        rest = whole.drop(columns=[*names, *self._targets[pair]])
        self._agrees[pair] = (
            list(row) == names
            and np.array_equal(np.array(list(row.values())), expected)
            and rest.equals(frame)
        )
        if not self._agrees[pair]:
            logger.warning(
                f"{pair}: a feature hook of {type(strategy).__name__} is marked as reading candles "
                "alone and gives other features without the other blocks; FreqAI populates all "
                "candles from now on, which takes longer. Take reads_candles_alone off that hook"
            )

    def _newest(
        self, strategy: IStrategy, pair: str, candles: pd.DataFrame
    ) -> tuple[pd.DataFrame, Row]:
        """Candles without features and targets, and the features of the last one by name."""
        metadata = {"pair": pair}
        frame = strategy.feature_engineering_standard(candles.copy(), metadata=metadata)
        names = features_of(frame.columns)
        own = dict(zip(names, frame[names].iloc[-1].to_numpy(dtype=np.float64), strict=True))
        frame = frame.drop(columns=names)
        row: Row = {}
        for timeframe in self._timeframes:
            row |= self._block(strategy, pair, timeframe, candles)
        row |= own
        return frame, {name.replace(":", ""): value for name, value in row.items()}

    def _block(self, strategy: IStrategy, pair: str, timeframe: str, candles: pd.DataFrame) -> Row:
        """Features of one timeframe, as the last base candle sees them."""
        if timeframe == self._timeframe:
            names, values = self._features(strategy, pair, timeframe, candles)
            place = len(values) - 1
        else:
            longer = strategy.dp.get_pair_dataframe(pair=pair, timeframe=timeframe)
            if list(longer.columns) != OHLCV or longer.empty:
                raise NotPlainError
            names, values = self._remembered(strategy, pair, timeframe, longer)
            seen = self._seen(candles["date"], longer["date"], timeframe)
            place = seen - (len(longer) - len(values))
            if place < self._shifts:
                raise NotPlainError
        row = dict(
            zip([f"{name}_{pair}_{timeframe}" for name in names], values[place], strict=True)
        )
        for n in range(1, self._shifts + 1):
            shifted = [f"{name}_shift-{n}_{pair}_{timeframe}" for name in names]
            row |= dict(zip(shifted, values[place - n], strict=True))
        return row

    def _seen(self, dates: pd.Series, longer: pd.Series, timeframe: str) -> int:
        """Row of the longer candle that the last base candle sees."""
        known, opened = ascending_dates(dates), ascending_dates(longer)
        if known is None or opened is None or dates.dtype != longer.dtype:
            raise NotPlainError
        return int(seen_candles(known, opened, self._timeframe, timeframe)[-1])

    def _remembered(
        self, strategy: IStrategy, pair: str, timeframe: str, candles: pd.DataFrame
    ) -> tuple[list[str], NDArray[np.float64]]:
        """The last rows of a block whose candles are longer and stay the same for a while."""
        numbers = candles[OHLCV[1:]].to_numpy(dtype=np.float64)
        digest = hashlib.blake2b(numbers.tobytes(), digest_size=16)
        digest.update(candles["date"].to_numpy("datetime64[ms]").tobytes())
        known = self._longer.get((pair, timeframe))
        if known is None or known[0] != digest.digest():
            names, values = self._features(strategy, pair, timeframe, candles)
            known = digest.digest(), names, values
            self._longer[pair, timeframe] = known
        return known[1], known[2]

    def _features(
        self, strategy: IStrategy, pair: str, timeframe: str, candles: pd.DataFrame
    ) -> tuple[list[str], NDArray[np.float64]]:
        """What the hooks of a block return, one after another: names, and the last rows."""
        metadata = {"pair": pair, "tf": timeframe}
        made = [
            (
                str(period),
                strategy.feature_engineering_expand_all(candles, period, metadata=metadata),
            )
            for period in self._periods
        ]
        basic = strategy.feature_engineering_expand_basic(candles, metadata=metadata)
        names: list[str] = []
        parts = []
        for suffix, block in (*made, ("gen", basic)):
            added = list(block.columns[len(OHLCV) :])
            if list(block.columns[: len(OHLCV)]) != OHLCV or len(block) != len(candles):
                raise NotPlainError
            if not all(name.startswith("%") and not name.startswith("%%") for name in added):
                raise NotPlainError
            names += [f"{name}_{suffix}" for name in added]
            last = block.iloc[-KEPT_ROWS - self._shifts :, len(OHLCV) :]
            parts.append(last.to_numpy(dtype=np.float64))
        return names, np.hstack(parts)
