"""Keys of freqtrade that a config puts over the strategy's own, and what they would break.

freqtrade lets a config override attributes of a strategy. Most of them do what they say: stoploss,
minimal_roi, trailing_stop, order_types, unfilledtimeout and others. Some switch off, without a
word, what the section "regimeswitch" promises; a bot does not start with these. A limit that is
logged and not enforced costs more than a bot whose start ends in a message.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from freqtrade.exceptions import OperationalException

from regimeswitch.settings import RiskSettings, Settings
from regimeswitch.settings.modes import POSITION


logger = logging.getLogger(__name__)

THRESHOLD_SPACES = ("all", "default", "buy", "sell")
"""Spaces of ``freqtrade hyperopt`` that hold the thresholds of signal mode."""
WIDE_STOP = 0.3
"""A fixed stop-loss further away than this, fraction, is a disaster stop."""
NEAR_STOP = 3.0
"""A stop nearer than this, daily ATR, is met in regimes that go on."""


def check_overrides(config: Mapping[str, Any], settings: Settings) -> None:
    """Refuse what breaks a promise; name what has no effect.

    :raises OperationalException: with all such keys, each with its fix
    """
    found = [f"{key} {what}; {fix}" for key, what, fix in refused(config, settings)]
    if found:
        listed = "\n".join(found)
        raise OperationalException(f"the config overrides what RegimeSwitch needs:\n{listed}")
    for key, what in cuts(config.get("original_config", config), settings):
        logger.warning(
            f"{key} {what} before its regime ends, and the pair is not entered again in that "
            "regime after a stop; measured over years, such cuts have cost more than they saved"
        )
    given = config.get("original_config", config)
    if given.get("position_adjustment_enable") and not settings.risk.rebalance_band:
        logger.warning(
            "position_adjustment_enable is true; RegimeSwitch changes positions only with "
            "regimeswitch.risk.rebalance_band above 0, and what is added by hand is not under the "
            "caps of regimeswitch.risk"
        )


def refused(config: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Keys that a bot does not start with, what each would do, and the fix."""
    risk, holds = settings.risk, settings.entries.mode == POSITION
    if config.get("use_exit_signal") is False and holds:
        yield (
            "use_exit_signal",
            "is false: freqtrade then asks for no exit, and a position would not be closed when "
            "its regime ends",
            "set it to true",
        )
    elif config.get("use_exit_signal") is False:
        limits = ", ".join(f"risk.{name}" for name in _closing(risk))
        if limits:
            yield (
                "use_exit_signal",
                "is false: freqtrade then asks the strategy for no exit, and "
                f"{limits} would close nothing",
                "set it to true; to close by prices and limits alone, set entries.sell to 1.0 in "
                "each regime and entries.exit_regimes to []",
            )
    given = config.get("original_config", config)
    if given.get("position_adjustment_enable") is False and risk.rebalance_band:
        yield (
            "position_adjustment_enable",
            "is false: risk.rebalance_band would change no position",
            "leave it out, or set risk.rebalance_band to 0",
        )
    if config.get("exit_profit_only"):
        yield (
            "exit_profit_only",
            "is true: while an exit signal stands, freqtrade then asks for no other reason, and "
            "loss limits would close nothing",
            "set it to false",
        )
    if config.get("use_custom_stoploss") is False and settings.stop_multiple:
        stops = "risk.stop_daily_atr" if holds else "risk.stop_atr and risk.trail_atr"
        yield (
            "use_custom_stoploss",
            f"is false: {stops} would place no stop",
            "leave it out; a nearer fixed stop is set by stoploss, which holds as well",
        )


def check_spaces(config: Mapping[str, Any], settings: Settings) -> None:
    """Refuse a hyperopt over thresholds that position mode does not read: all epochs would agree.

    :param config: of a hyperopt
    :raises OperationalException: naming the spaces
    """
    given = config.get("spaces") or ["default"]
    spaces = [name for name in given if name in THRESHOLD_SPACES]
    if settings.entries.mode == POSITION and spaces:
        raise OperationalException(
            f'--spaces {" ".join(spaces)}: regimeswitch.entries.mode is "position", where the '
            "thresholds of buy and sell decide nothing and every epoch would be the same; name "
            'other spaces, e.g. --spaces stoploss, or set entries.mode to "signal"'
        )


def cuts(config: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, str]]:
    """Keys that close positions before their regime ends, in position mode, and what each does.

    :param config: as its files say it, without what freqtrade has filled in
    """
    if settings.entries.mode != POSITION:
        return
    if config.get("stoploss") is not None and config["stoploss"] > -WIDE_STOP:
        yield "stoploss", f"closes a position at a loss of {-config['stoploss']:.0%}"
    if config.get("minimal_roi"):
        yield "minimal_roi", "closes positions at a profit"
    if config.get("trailing_stop"):
        yield "trailing_stop", "closes positions that fall back"
    if settings.risk.max_hold_candles:
        yield "regimeswitch.risk.max_hold_candles", "closes positions by their age"
    yield from _near_limits(settings.risk)


def _near_limits(risk: RiskSettings) -> Iterator[tuple[str, str]]:
    """Limits and the disaster stop where they stand nearer than measured to be harmless."""
    limits = {
        "max_daily_loss": (risk.max_daily_loss if risk.daily_close else 0, "after a loss in a day"),
        "max_drawdown": (risk.max_drawdown, "after a loss since the peak"),
    }
    for key, (limit, when) in limits.items():
        if 0 < limit < RiskSettings.model_fields[key].default:
            yield f"regimeswitch.risk.{key}", f"closes all positions {when} of {limit:.0%}"
    if 0 < risk.stop_daily_atr < NEAR_STOP:
        what = f"closes a position at a loss of {risk.stop_daily_atr:g} daily ATR"
        yield "regimeswitch.risk.stop_daily_atr", what


def _closing(risk: RiskSettings) -> Iterator[str]:
    """Rules of the settings that close a position by the exit that the strategy gives."""
    if risk.max_daily_loss and risk.daily_close:
        yield "max_daily_loss"
    if risk.max_drawdown:
        yield "max_drawdown"
    if risk.max_hold_candles:
        yield "max_hold_candles"
    if risk.trail_atr:
        yield "trail_atr"


def check_startup(config: Mapping[str, Any], needed: int) -> None:
    """Refuse a ``startup_candle_count`` of the config's that leaves regimes and features unknown.

    A larger one is freqtrade's to honour.

    :param needed: what the settings need, base candles
    :raises OperationalException: when the files or the environment give less
    """
    # Analyses of freqtrade change the key itself, to see what less does.
    given = config.get("original_config", {}).get("startup_candle_count")
    if given is not None and given < needed:
        raise OperationalException(
            f"startup_candle_count {given}: the settings need {needed} candles; leave it out of "
            "the config, it is worked out"
        )


def check_label_period(config: Mapping[str, Any], settings: Settings) -> None:
    """Log where FreqAI's label period is not the horizon of the labels in base candles.

    With a longer one models are validated at that distance from their rows, on fewer blocks of
    time; a shorter one is not read.

    :param config: with a section ``freqai`` and the base timeframe
    """
    base = str(config["timeframe"])
    horizon = settings.labels.horizon_in(base)
    given = (config["freqai"].get("feature_parameters") or {}).get("label_period_candles")
    if given is not None and given != horizon:
        logger.warning(
            f"freqai.feature_parameters.label_period_candles {given} is not the horizon of the "
            f"labels, {horizon} candles of {base}; set it to {horizon}"
        )


def full_stake(config: Mapping[str, Any]) -> float | None:
    """A number given as freqtrade's ``stake_amount``, stake currency; None for "unlimited"."""
    given = config.get("stake_amount")
    return float(given) if isinstance(given, (int, float)) else None
