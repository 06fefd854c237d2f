"""The regime inside a bot: which candles its rule gets, and how it comes to FreqAI's models.

Live, FreqAI keeps a long history of every pair and timeframe it trains on; the data provider has
the newest candles. Both are joined. The rule is window-stable, so a longer history can only make
more rows known, never different.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.columns import CODE_COLUMN, RIVALS, THRESHOLD_COLUMN, thresholds_of
from regimeswitch.bot.patches import install, is_installed
from regimeswitch.bot.searched_candles import cleaned_once
from regimeswitch.market.candles import OHLCV, resample, utc_dates, utc_times
from regimeswitch.market.regimes import regime_columns
from regimeswitch.market.volatility_forecast import rival_columns
from regimeswitch.model.learners import Task
from regimeswitch.settings import RegimeSettings, Settings
from regimeswitch.settings.modes import POSITION


History = Mapping[str, Mapping[str, pd.DataFrame]]


def rule_candles(
    dp: DataProvider,
    pair: str,
    base: pd.DataFrame,
    timeframe: str,
    settings: RegimeSettings,
    history: History | None = None,
) -> pd.DataFrame | None:
    """Candles of the rule's timeframe of the anchor pair; None when ``base`` itself will do.

    :param base: the traded pair's own candles
    :param timeframe: of ``base``
    :param history: FreqAI's ``historic_data`` in live, by pair and timeframe
    :raises OperationalException: when a reference pair has no candles at all
    """
    anchor = settings.anchor_of(pair)
    if anchor == pair and settings.timeframe == timeframe:
        return None
    known = dict((history or {}).get(anchor, {}))
    parts = [known.get(settings.timeframe), _newest(dp, anchor, settings.timeframe)]
    joined = joined_candles(parts)
    if joined.empty:
        shorter = [known.get(timeframe), base if anchor == pair else None]
        joined = resample(joined_candles(shorter), settings.timeframe, timeframe)
    if joined.empty and anchor != pair:
        raise OperationalException(
            f"regimeswitch.regime.anchor {anchor}: no {settings.timeframe} candles; add the pair "
            f"to the data (freqtrade download-data --pairs {anchor} --timeframes "
            f'{settings.timeframe}) or set the anchor to "self"'
        )
    return None if joined.empty else joined


def _newest(dp: DataProvider, pair: str, timeframe: str) -> pd.DataFrame | None:
    """The data provider's candles; live, only of what the bot fetches, or it warns each candle."""
    if dp.runmode in (RunMode.DRY_RUN, RunMode.LIVE):
        fetched = {(name, frame) for name, frame, _ in dp.available_pairs}
        if (pair, timeframe) not in fetched:
            return None
    frame: pd.DataFrame = dp.get_pair_dataframe(pair, timeframe)
    return frame


def joined_candles(parts: list[pd.DataFrame | None]) -> pd.DataFrame:
    """Candles of several sources in order of time; the last source wins, dates get one type."""
    frames = _plain_candles([part for part in parts if part is not None and not part.empty])
    if not frames:
        return pd.DataFrame(columns=OHLCV)
    if len(frames) == 1:
        return frames[0]
    if len(frames) == 2 and (earlier := _rows_before(*frames)) is not None:
        return pd.concat([frames[0].iloc[:earlier], frames[1]], ignore_index=True)
    joined = pd.concat(frames, ignore_index=True).drop_duplicates("date", keep="last")
    return joined.sort_values("date", ignore_index=True)


def _plain_candles(parts: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """The columns of candles alone, dates of one type; the very frames where they are that."""
    frames = [_candles_of(part) for part in parts]
    types = {frame["date"].dtype for frame in frames}
    if len(types) == 1 and all(getattr(one, "tz", None) is UTC for one in types):
        return frames
    return [frame.assign(date=utc_dates(frame["date"])) for frame in frames]


def _candles_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The candles of a frame, itself where it has no other column; not to be written to."""
    return frame if list(frame.columns) == OHLCV else frame[OHLCV]


def _rows_before(known: pd.DataFrame, newer: pd.DataFrame) -> int | None:
    """How many rows of older candles come before all newer ones, which have every later date.

    :return: None where the newer candles lack one of them, or dates do not ascend
    """
    old, new = (frame["date"].to_numpy("datetime64[ms]") for frame in (known, newer))
    if not all(bool((one[1:] > one[:-1]).all()) for one in (old, new)):
        return None
    earlier = int(np.searchsorted(old, new[0]))
    overlap = old[earlier:]
    places = np.searchsorted(new, overlap)
    if len(overlap) and (places[-1] == len(new) or not np.array_equal(new[places], overlap)):
        return None
    return earlier


def pair_regimes(
    frame: pd.DataFrame,
    pair: str,
    dp: DataProvider,
    timeframe: str,
    settings: Settings,
    history: History | None = None,
) -> pd.DataFrame:
    """Regime columns of one pair inside a bot; the one way from a bot to the pure function.

    :param frame: candles of ``pair``; index and length are kept
    :param timeframe: of ``frame``
    :param history: FreqAI's ``historic_data`` in live, by pair and timeframe
    """
    candles, rule = _candles_of(frame), settings.regime
    longer = rule_candles(dp, pair, candles, timeframe, rule, history)
    if longer is not None:
        longer = cleaned_once(longer, rule.timeframe, settings.safety)
    base = cleaned_once(candles, timeframe, settings.safety)
    columns = regime_columns(base, rule, longer, timeframe)
    known = (history or {}).get(pair, {}).get(timeframe)
    if known is None or frame.empty or pd.notna(columns["regime_age"].iloc[-1]):
        return columns
    # The last switch lies before the candles that the bot has fetched: FreqAI's reach further.
    whole = cleaned_once(joined_candles([known, candles]), timeframe, settings.safety)
    further = regime_columns(whole, rule, longer, timeframe)
    rows = np.searchsorted(utc_times(whole["date"]), utc_times(candles["date"]))
    reaching: pd.DataFrame = further.iloc[rows].set_axis(frame.index)
    return reaching


def own_candles(
    frame: pd.DataFrame,
    pair: str,
    dp: DataProvider,
    timeframe: str,
    settings: Settings,
    history: History | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Base candles and the rule's of the pair itself, cleaned; also where another pair decides.

    Parameters as in :func:`pair_regimes`.
    """
    own = settings.regime.model_copy(update={"anchor": "self"})
    given = _candles_of(frame)
    base = cleaned_once(given, timeframe, settings.safety)
    candles = rule_candles(dp, pair, given, timeframe, own, history)
    return base, base if candles is None else cleaned_once(candles, own.timeframe, settings.safety)


def with_earlier_candles(
    frame: pd.DataFrame, pair: str, dp: DataProvider, timeframe: str
) -> pd.DataFrame:
    """``frame`` with the stored candles before it: plots come without the training range."""
    stored = dp.get_pair_dataframe(pair, timeframe)
    if stored.empty or frame.empty:
        return frame
    earlier = stored.loc[stored["date"] < frame["date"].iloc[0], OHLCV]
    joined: pd.DataFrame = pd.concat([earlier, frame], ignore_index=True)
    return joined


class RegimeCandles:
    """Puts the regime of each candle on the frames that FreqAI learns from and predicts.

    It is a private column that is added at the end of ``feature_engineering_standard``, the one
    place that backtests, live training and the live single row have in common. So the models work
    with any FreqAI strategy.

    :param drawer: FreqAI's data drawer, which has the histories of a running bot
    """

    def __init__(self, settings: Settings, task: Task, drawer: Any) -> None:
        self._settings, self._drawer = settings, drawer
        self._with_rivals = settings.entries.mode == POSITION and task == "regressor"
        self._last: tuple[str, pd.Series, pd.DataFrame] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Empty, as that of FreqAI's own models: workers of hyperopt predict nothing."""
        return {}

    def put_into(self, strategy: IStrategy) -> None:
        """From now on the strategy's features come with the regime."""
        if not is_installed(strategy, "feature_engineering_standard"):
            making = partial(self._adding, strategy)
            install("strategy", strategy, feature_engineering_standard=making)

    def _adding(self, strategy: IStrategy, original: Any) -> Any:
        def feature_engineering_standard(
            dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
        ) -> pd.DataFrame:
            frame: pd.DataFrame = original(dataframe, metadata=metadata, **kwargs)
            return self._added(frame, metadata["pair"], strategy)

        return feature_engineering_standard

    def _added(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        candles = frame[OHLCV]
        columns = self._of(candles, pair, strategy)
        self._last = (pair, utc_dates(frame["date"]), columns)
        codes = columns["regime_code"].to_numpy()
        thresholds = thresholds_of(candles, strategy.timeframe, self._settings)
        frame = frame.assign(**{CODE_COLUMN: codes, THRESHOLD_COLUMN: thresholds})
        if not self._with_rivals:
            return frame
        timeframe, history = strategy.timeframe, self._drawer.historic_data
        own = own_candles(candles, pair, strategy.dp, timeframe, self._settings, history)
        rivals = rival_columns(*own, self._settings, timeframe)
        return pd.concat([frame, rivals.set_axis(list(RIVALS), axis=1)], axis=1)

    def published(
        self, frame: pd.DataFrame, pair: str, strategy: IStrategy, live: bool
    ) -> pd.DataFrame:
        """The regime columns of a frame; live, those of the features where they are of its candles.

        :param frame: candles of ``pair``; index and length are kept
        """
        last = self._last
        if (
            not live
            or last is None
            or last[0] != pair
            or not last[1].equals(utc_dates(frame["date"]))
        ):
            return self._of(frame, pair, strategy)
        return last[2].set_axis(frame.index)

    def of_chart(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        """The regime columns of a chart, which has its start-up candles alone.

        The last switch may lie before them.
        """
        longer = with_earlier_candles(candles, pair, strategy.dp, strategy.timeframe)
        regimes = self._of(longer, pair, strategy)
        shown: pd.DataFrame = regimes.iloc[len(longer) - len(candles) :].set_axis(candles.index)
        return shown

    def _of(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        return pair_regimes(
            *(frame, pair, strategy.dp, strategy.timeframe),
            *(self._settings, self._drawer.historic_data),
        )
