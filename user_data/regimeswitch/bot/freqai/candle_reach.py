"""Before a backtest: do the candle files of a pair reach far enough back to train?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.data.dataprovider import DataProvider
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds

from regimeswitch.market.candles import utc_dates
from regimeswitch.market.warmup import PERIODS, feature_candles


logger = logging.getLogger(__name__)

LOST = 0.1
"""Share of the first training window that warm-up may take before a line says so."""
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Reach:
    """How far back a pair and its correlated pairs reach.

    :ivar shortest: the timeframe whose candles begin last, a correlated pair before it
    :ivar begins: its first candle
    :ivar slowest: the timeframe whose features are known last
    :ivar known: when they are; every row before lacks a feature
    """

    shortest: str
    begins: pd.Timestamp
    slowest: str
    known: pd.Timestamp


def check_history(
    dp: DataProvider, pair: str, config: dict[str, Any], others: Sequence[str] = ()
) -> None:
    """Are all candle files of a pair there, and do they begin early enough to train?

    :param others: pairs of the same backtest; where one of them reaches far enough, a pair that
        does not is no error but a line of the log
    :raises OperationalException: naming the pair, the timeframe and the command that helps
    """
    reach = _reach(dp, pair, config)
    starts = TimeRange.parse_timerange(config.get("timerange")).startts
    if not starts:
        return
    start = pd.Timestamp(starts, unit="s", tz="UTC")
    problem = _problem(reach, start, config)
    if not problem:
        _tell_lost_days(pair, reach, start, config)
    elif any(_is_long_enough(dp, other, start, config) for other in others if other != pair):
        logger.warning(f"{pair}: {problem}; it is traded from {_joins(reach, config):%Y-%m-%d} on")
    else:
        days = pd.Timedelta(days=int(config["freqai"]["train_period_days"]))
        earliest = max(reach.begins + days, reach.known + DAY).ceil("D")
        raise OperationalException(
            f"{pair}: {problem}; start at {earliest:%Y%m%d} or later, download earlier candles "
            f"(freqtrade download-data --pairs {pair} --prepend), or lower "
            "freqai.train_period_days"
        )


def _is_long_enough(
    dp: DataProvider, pair: str, start: pd.Timestamp, config: dict[str, Any]
) -> bool:
    try:
        return not _problem(_reach(dp, pair, config), start, config)
    except OperationalException:
        return False


def _reach(dp: DataProvider, pair: str, config: dict[str, Any]) -> Reach:
    parameters = config["freqai"]["feature_parameters"]
    needs = feature_candles(parameters, config["timeframe"])
    begins: dict[str, pd.Timestamp] = {}
    known: dict[str, pd.Timestamp] = {}
    for name in dict.fromkeys([pair, *parameters.get("include_corr_pairlist", [])]):
        for timeframe, count in sorted(needs.items()):
            candles = dp.get_pair_dataframe(name, timeframe)
            if candles.empty:
                raise OperationalException(
                    f"{name}: no {timeframe} candles in {config['datadir']}; run "
                    f"`freqtrade download-data --pairs {name} --timeframes {timeframe}` or take "
                    f"{timeframe} out of freqai.feature_parameters.include_timeframes"
                )
            label = timeframe if name == pair else f"{name} {timeframe}"
            begins[label] = utc_dates(candles["date"]).iloc[0]
            warm_up = pd.Timedelta(seconds=count * timeframe_to_seconds(timeframe))
            known[label] = begins[label] + warm_up
    shortest = max(begins, key=lambda name: begins[name])
    slowest = max(known, key=lambda name: known[name])
    return Reach(shortest, begins[shortest], slowest, known[slowest])


def _timeframe(label: str) -> str:
    return label.split()[-1]


def _joins(reach: Reach, config: dict[str, Any]) -> pd.Timestamp:
    """Freqtrade cuts training and start-up candles off the beginning of every pair."""
    seconds = int(config.get("startup_candle_count", 0)) * timeframe_to_seconds(config["timeframe"])
    days = pd.Timedelta(days=int(config["freqai"]["train_period_days"]))
    return max(reach.known, reach.begins + days + pd.Timedelta(seconds=seconds))


def _problem(reach: Reach, start: pd.Timestamp, config: dict[str, Any]) -> str:
    """Why nothing can be trained before ``start``; empty when something can."""
    days = int(config["freqai"]["train_period_days"])
    needed = start - pd.Timedelta(days=days)
    if reach.begins > needed + pd.Timedelta(
        seconds=timeframe_to_seconds(_timeframe(reach.shortest))
    ):
        return (
            f"{reach.shortest} candles begin at {reach.begins:%Y-%m-%d %H:%M}, but the timerange "
            f"from {start:%Y%m%d} needs them from {needed:%Y-%m-%d} ({days} days of training)"
        )
    if reach.known >= start:
        return (
            f"{_known(reach, config)}: none of the {days} days of training before {start:%Y%m%d} "
            "has all features"
        )
    return ""


def _tell_lost_days(pair: str, reach: Reach, start: pd.Timestamp, config: dict[str, Any]) -> None:
    window = pd.Timedelta(days=int(config["freqai"]["train_period_days"]))
    lost = reach.known - (start - window)
    if lost > LOST * window:
        left = f"{(window - lost) / DAY:.0f} of {window / DAY:.0f} days"
        logger.warning(
            f"{pair}: {_known(reach, config)}: the first training has {left}; download earlier "
            f"candles (freqtrade download-data --pairs {pair} --prepend)"
        )


def _known(reach: Reach, config: dict[str, Any]) -> str:
    parameters = config["freqai"]["feature_parameters"]
    count = feature_candles(parameters, config["timeframe"])[_timeframe(reach.slowest)]
    return (
        f"features of {reach.slowest} are known from {reach.known:%Y-%m-%d} on only, after the "
        f"{count} candles that {PERIODS} {parameters['indicator_periods_candles']} needs"
    )
