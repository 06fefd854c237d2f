"""The time range of a backtest, made definite before freqtrade and FreqAI read it.

FreqAI trains before the start of a range and predicts window by window up to its end. A range that
leaves one of them open, or reaches past the last candle, ends there in an exception.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqtrade.configuration import TimeRange
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType, RunMode, TradingMode
from freqtrade.exceptions import OperationalException
from freqtrade.plugins.pairlist.pairlist_helpers import expand_pairlist

from regimeswitch.bot.bot_settings import is_learning
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.market.warmup import warm_up_needs
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)

DAY = timeframe_seconds("1d")


@dataclass(frozen=True)
class Span:
    """Candles of one pair and timeframe; epoch seconds.

    :param begins: opening time of the first
    :param ends: closing time of the last
    """

    begins: int
    ends: int


def bound_timerange(config: dict[str, Any], settings: Settings) -> None:
    """Write a definite ``timerange`` into the configuration of a backtest; others are left alone.

    Call it while the strategy is made: freqtrade reads the range after that.

    :raises OperationalException: when no candle lies in the range
    """
    backtests = config.get("runmode") in (RunMode.BACKTEST, RunMode.HYPEROPT)
    # With the stored predictions of a bot, freqtrade takes the range from them.
    if not backtests or config.get("freqai_backtest_live_models") or "datadir" not in config:
        return
    spans = _spans_of(config, settings)
    # Missing files are reported pair by pair, with the command that brings them.
    if spans:
        given = config.get("timerange")
        text = definite_range(given, spans, seconds_before(config, settings))
        if text != given:
            logger.warning(f"the time range is {text}, of {given or 'all candles'}")
            config["timerange"] = text


def seconds_before(config: Mapping[str, Any], settings: Settings) -> int:
    """Length of the candles that lie before the first prediction: a warm-up, and one training."""
    learns = is_learning(config, settings)
    freqai = (config.get("freqai") or {}) if learns else {}
    parameters = freqai.get("feature_parameters", {}) if learns else None
    needs = warm_up_needs(settings, parameters, config.get("timeframe", "5m"))
    warm_up = max(need.least * timeframe_seconds(need.timeframe) for need in needs)
    return warm_up + int(freqai.get("train_period_days", 0)) * DAY


def definite_range(given: str | None, spans: Sequence[Span], before: int) -> str:
    """A range with start and end, inside the candles; as given where it is that already.

    Without a start it begins on the first day that has enough candles of every span before it.

    :param before: how much is enough, seconds
    :raises OperationalException: when it is no time range, or no candle lies in it
    """
    found = TimeRange.parse_timerange(given)
    ends = max(span.ends for span in spans)
    earliest = max(span.begins for span in spans) + before
    # freqtrade takes 1970 and what lies before it for no start at all.
    given_start = found.starttype is not None and found.startts > 0
    start = found.startts if given_start else -(-earliest // DAY) * DAY
    stop = min(found.stopts, ends) if found.stoptype else ends
    if start >= stop:
        begins = min(span.begins for span in spans)
        known = TimeRange("date", "date", begins, ends).timerange_str.replace("-", " to ")
        days = f", and the first {before / DAY:.0f} days are for warm-up and training"
        raise OperationalException(
            f"--timerange {given or ''!r} holds no candles; they reach from {known}"
            f"{'' if given_start else days}"
        )
    if given and (start, stop) == (found.startts, found.stopts):
        return given
    return str(TimeRange("date", "date", start, stop).timerange_str)


def _spans_of(config: dict[str, Any], settings: Settings) -> list[Span]:
    """Of the candle files that a backtest of this configuration needs."""
    handler = get_datahandler(Path(config["datadir"]), config.get("dataformat_ohlcv"))
    mode = TradingMode(config.get("trading_mode", TradingMode.SPOT))
    kind = CandleType.get_default(mode)
    known = [
        (pair, timeframe)
        for pair, timeframe, its in handler.ohlcv_get_available_data(config["datadir"], mode)
        if its == kind
    ]
    names = sorted({pair for pair, _ in known})
    pairs = set(_listed(config["exchange"].get("pair_whitelist", []), names)) or set(names)
    timeframes = {config.get("timeframe", "5m"), settings.regime.timeframe}
    if is_learning(config, settings):
        features = (config.get("freqai") or {}).get("feature_parameters", {})
        timeframes |= {*features.get("include_timeframes", [])}
    return [
        _span(handler, pair, timeframe, kind)
        for pair, timeframe in known
        if pair in pairs and timeframe in timeframes
    ]


def _listed(whitelist: list[str], names: list[str]) -> list[str]:
    try:
        found: list[str] = expand_pairlist(whitelist, names)
    except ValueError:
        # freqtrade itself tells of a pattern that is none, a moment later.
        return []
    return found


def _span(handler: Any, pair: str, timeframe: str, kind: CandleType) -> Span:
    first, last, _ = handler.ohlcv_data_min_max(pair, timeframe, kind)
    return Span(int(first.timestamp()), int(last.timestamp()) + timeframe_seconds(timeframe))
