"""Base timeframe, and warm-up: candles before the first row on which everything is known.

Freqtrade loads ``startup_candle_count`` candles of EACH timeframe before a backtest's first
training and at the start of a bot, so that every need is counted in candles of its own timeframe
and the largest of them is the strategy's count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regimeswitch.market.candles import COUNTED, timeframe_seconds
from regimeswitch.market.features import longest_period, warm_up_candles
from regimeswitch.market.volatility import DAILY_ATR_DAYS, volatility_candles
from regimeswitch.market.volatility_features import warm_up_candles as activity_candles
from regimeswitch.market.volatility_forecast import WEEK_DAYS, day_candles, month_days
from regimeswitch.settings import MAX_STARTUP_CANDLES, Settings, SettingsError
from regimeswitch.settings.modes import POSITION, SIGNAL


BASE_TIMEFRAME = COUNTED
"""The default of the strategy and the commands."""
BASE_TIMEFRAMES = ("5m", "15m", "30m", "1h")
"""Base timeframes that the features are made for: whole candles fill an hour."""
SETTLING_CANDLES = 400
"""Rule candles in which the bands settle; a longer rule leaves less of them."""
PERIODS = "freqai.feature_parameters.indicator_periods_candles"
SHIFTS = "freqai.feature_parameters.include_shifted_candles"


@dataclass(frozen=True)
class Need:
    """What one part of the configuration needs at the start.

    :ivar key: of the configuration
    :ivar candles: of ``timeframe``
    :ivar least: without so many nothing is known at all
    """

    key: str
    timeframe: str
    candles: int
    least: int


def feature_candles(parameters: Mapping[str, Any], base: str) -> dict[str, int]:
    """Candles before the last feature of each timeframe is known, by timeframe.

    :param parameters: FreqAI's ``feature_parameters``
    :param base: the base timeframe
    """
    periods = [int(one) for one in parameters.get("indicator_periods_candles") or []]
    block = warm_up_candles(periods) + int(parameters.get("include_shifted_candles") or 0)
    timeframes = list(parameters.get("include_timeframes") or [])
    return {
        name: max(block, activity_candles(base)) if name == base else block
        for name in dict.fromkeys([base, *timeframes])
    }


def warm_up_needs(
    settings: Settings, parameters: Mapping[str, Any] | None, base: str
) -> list[Need]:
    """All needs of a configuration.

    :param settings: the parsed section ``regimeswitch``
    :param parameters: as in :func:`feature_candles`; None = no model is trained
    :param base: the base timeframe
    :raises ValueError: when a timeframe cannot be read
    """
    rule = settings.regime
    needs = [
        Need(PERIODS, timeframe, count, count)
        for timeframe, count in feature_candles(parameters or {}, base).items()
        if parameters is not None
    ]
    needs.append(
        Need(
            "regimeswitch.regime",
            rule.timeframe,
            rule.candles_needed + SETTLING_CANDLES,
            rule.candles_needed,
        )
    )
    if settings.entries.mode == POSITION:
        needs += _position_needs(settings)
        if parameters is not None:
            needs += _forecast_needs(settings, base)
    counts = {"regimeswitch.regime.grace_candles": rule.grace_in(base) + 1}
    if parameters is not None:
        counts["regimeswitch.labels.window"] = settings.labels.window_in(base) + 1
    if settings.entries.mode == SIGNAL:
        counts["regimeswitch.risk.atr_period"] = settings.risk.atr_period_in(base) + 1
    return [*needs, *(Need(key, base, count, count) for key, count in counts.items())]


def _position_needs(settings: Settings) -> list[Need]:
    rule, key = settings.regime.timeframe, "regimeswitch.risk.volatility_half_life_days"
    moves = volatility_candles(rule, settings.risk.volatility_half_life_days) + 1
    a_day = 86_400 // timeframe_seconds(rule)
    # The day in which a bot starts is not over, and the first candle lies anywhere in its day.
    days = (DAILY_ATR_DAYS + 2) * a_day + 1
    stop = "regimeswitch.risk.stop_daily_atr"
    return [Need(key, rule, moves, moves), Need(stop, rule, days, days)]


def _forecast_needs(settings: Settings, base: str) -> list[Need]:
    """What the rival forecasts of the next day's volatility look back on."""
    rule, key = settings.regime.timeframe, "regimeswitch.entries.mode"
    month = month_days(rule) * day_candles(rule) + 1
    week = WEEK_DAYS * day_candles(base) + 1
    return [Need(key, rule, month, month), Need(key, base, week, week)]


def check_base(timeframe: str, rule: str) -> None:
    """The base timeframe of a strategy or command with features; the models alone take any.

    :param timeframe: the base timeframe
    :param rule: the timeframe of the rule, which is not shorter
    :raises SettingsError: when the features are not made for it, or the rule's is shorter
    """
    longest = timeframe_seconds(rule)
    allowed = [name for name in BASE_TIMEFRAMES if timeframe_seconds(name) <= longest]
    if timeframe not in allowed:
        raise SettingsError(
            f'timeframe: "{timeframe}" cannot be used; allowed: {_quoted(allowed)}, for which the '
            f'features are made and which regimeswitch.regime.timeframe "{rule}" is not shorter '
            "than (options -i and --timeframe too); longer timeframes belong into "
            "freqai.feature_parameters.include_timeframes"
        )


def check_length(timeframe: str, rule: str) -> None:
    """The base timeframe where there are no features: any that the rule's is not shorter than.

    :param timeframe: the base timeframe
    :param rule: the timeframe of the rule
    :raises SettingsError: when it is shorter than that of 5 minutes, or longer than the rule's
    """
    shortest, longest = timeframe_seconds(BASE_TIMEFRAME), timeframe_seconds(rule)
    if not shortest <= timeframe_seconds(timeframe) <= longest:
        raise SettingsError(
            f'timeframe: "{timeframe}" cannot be used; allowed without models: "{BASE_TIMEFRAME}" '
            f'to "{rule}", the timeframe of the rule (regimeswitch.regime)'
        )


def check_included(parameters: Mapping[str, Any], base: str) -> None:
    """Features come from the base timeframe and longer ones, as freqtrade has it.

    :param parameters: as in :func:`feature_candles`
    :param base: the base timeframe
    :raises SettingsError: naming the shorter timeframes
    """
    included = list(parameters.get("include_timeframes") or [])
    shorter = [one for one in included if timeframe_seconds(one) < timeframe_seconds(base)]
    if shorter:
        raise SettingsError(
            f"freqai.feature_parameters.include_timeframes: {_quoted(shorter)} is shorter than the "
            f'base timeframe "{base}"; allowed: "{base}" and longer ones'
        )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def startup_candles(settings: Settings, parameters: Mapping[str, Any] | None, base: str) -> int:
    """The strategy's ``startup_candle_count``.

    :param settings: the parsed section ``regimeswitch``
    :param parameters: FreqAI's ``feature_parameters``; None = no model is trained
    :param base: the base timeframe
    :return: candles, of each timeframe; at most what Binance serves at the start of a bot
    :raises SettingsError: when Binance does not serve as many (only features can need more), or
        for a base timeframe that cannot be used
    """
    if parameters is not None:
        check_base(base, settings.regime.timeframe)
        check_included(parameters, base)
    else:
        check_length(base, settings.regime.timeframe)
    needs = warm_up_needs(settings, parameters, base)
    if max(need.least for need in needs) > MAX_STARTUP_CANDLES:
        raise SettingsError(_too_long(parameters or {}, max(need.least for need in needs)))
    return min(max(need.candles for need in needs), MAX_STARTUP_CANDLES)


def _too_long(parameters: Mapping[str, Any], count: int) -> str:
    shifted = int(parameters.get("include_shifted_candles") or 0)
    if shifted + warm_up_candles([]) > MAX_STARTUP_CANDLES:
        most = MAX_STARTUP_CANDLES - warm_up_candles([])
        key, value = SHIFTS, shifted
    else:
        most = longest_period(MAX_STARTUP_CANDLES - shifted)
        key, value = PERIODS, max(int(one) for one in parameters["indicator_periods_candles"])
    return (
        f"{key}: {value} needs {count} candles of each timeframe before the first complete row, "
        f"but Binance serves at most {MAX_STARTUP_CANDLES} at the start of a bot; allowed: up to "
        f"{most}. For a longer view take a shorter period on a longer timeframe "
        "(freqai.feature_parameters.include_timeframes)"
    )
