"""What a freqtrade config says to RegimeSwitch: settings, and the FreqAI identifier.

The identifier gets a hash of all that changes a trained model. FreqAI itself reuses whatever
lies in the identifier's folder and compares feature names only.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds

from regimeswitch.market.warmup import BASE_TIMEFRAME, startup_candles
from regimeswitch.model.factory import learner_parameters
from regimeswitch.model.learners import LearnerError, LearnerMissingError, Task, make_learner
from regimeswitch.settings import Settings, SettingsError, load_settings
from regimeswitch.settings.modes import SIGNAL
from regimeswitch.settings.renamed import ACCEPTED_UNTIL, old_names


logger = logging.getLogger(__name__)

_NO_SECTION = (
    'the config has no section "freqai"; RegimeSwitch trains its models with FreqAI. Start from '
    "the config.json that comes with RegimeSwitch"
)

_HASHED_FREQAI = (
    "train_period_days",
    "feature_parameters",
    "data_split_parameters",
    "model_training_parameters",
)
_SUFFIX = re.compile(r"-rs[0-9a-f]{8}$")


def settings_from(config: dict[str, Any]) -> Settings:
    """The section ``regimeswitch`` of a freqtrade config; old names of keys are logged.

    :raises OperationalException: with all its mistakes in one message
    """
    log_old_names(config)
    try:
        settings = load_settings(config.get("regimeswitch"))
    except SettingsError as error:
        raise OperationalException(
            f"config section regimeswitch cannot be used:\n{error}"
        ) from None
    if settings.entries.short and config.get("trading_mode", "spot") == "spot":
        raise OperationalException(
            "regimeswitch.entries.short is true, but trading_mode is spot, where nothing can be "
            'sold short; set it to false or trading_mode to "futures"'
        )
    return settings


def log_old_names(config: Mapping[str, Any]) -> None:
    """Log each key of the section ``regimeswitch`` that has a new name, once in a process."""
    for part, old, new in old_names(config.get("regimeswitch")):
        _log_old_name(part, old, new)


@cache
def _log_old_name(part: str, old: str, new: str) -> None:
    logger.warning(
        f"regimeswitch.{part}.{old} is called {new} now; rename it: the old name is accepted until "
        f"version {ACCEPTED_UNTIL}"
    )


def trains(config: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the bot trains models: the regimes of position mode need none.

    :raises OperationalException: when it has to, and FreqAI is switched off
    """
    if settings.entries.mode == SIGNAL and not config.get("freqai"):
        raise OperationalException(_NO_SECTION)
    if settings.entries.mode == SIGNAL and not _freqai_is_on(config):
        raise OperationalException(
            'regimeswitch.entries.mode is "signal", which trades on forecasts, and freqai.enabled '
            'is not true; set it to true, or entries.mode to "position"'
        )
    return is_learning(config, settings)


def is_learning(config: Mapping[str, Any], settings: Settings) -> bool:
    """Whether candles are needed to train on; as :func:`trains`, of a config that may be wrong."""
    if settings.entries.mode == SIGNAL:
        return True
    return _freqai_is_on(config) and settings.models.sub_models != "none"


def _freqai_is_on(config: Mapping[str, Any]) -> bool:
    return bool((config.get("freqai") or {}).get("enabled"))


def switch_freqai_off(config: dict[str, Any]) -> None:
    """FreqAI stays out of a bot that trains no model: it would load months of candles to train on.

    Models are not trained in position mode with ``models.sub_models`` "none", and in a trading bot,
    which gets its predictions from others.

    Call it while the strategy is made, before freqtrade looks whether FreqAI is wanted.
    """
    if _freqai_is_on(config):
        config["freqai"]["enabled"] = False
        logger.info("nothing is trained in this bot (regimeswitch.models.sub_models, bots.role)")


def mark_identifier(config: dict[str, Any], settings: Settings) -> str:
    """Append the settings hash to ``freqai.identifier`` (once) and return the new identifier.

    Freqtrade's backtest cache is turned off: it compares config and strategy file only, and would
    give yesterday's result after a change in the package.
    """
    config["backtest_cache"] = "none"
    freqai = config.get("freqai")
    if not freqai and not is_learning(config, settings):
        return ""
    if not freqai:
        raise OperationalException(_NO_SECTION)
    also = {key: freqai.get(key) for key in _HASHED_FREQAI}
    also["model"] = config.get("freqaimodel")
    also["strategy"] = config.get("strategy")
    plain = _SUFFIX.sub("", str(freqai.get("identifier", "regimeswitch")))
    base = config.get("timeframe") or BASE_TIMEFRAME
    freqai["identifier"] = f"{plain}-rs{settings.model_hash(also, base)}"
    return str(freqai["identifier"])


def models_hash(config: Mapping[str, Any]) -> str:
    """The settings hash of an identifier that :func:`mark_identifier` has marked, eight hex digits.

    :param config: of freqtrade, with a section ``freqai``
    """
    return str(config["freqai"]["identifier"])[-8:]


def startup_from(config: dict[str, Any], settings: Settings) -> int:
    """The strategy's ``startup_candle_count``.

    :param config: with the base timeframe
    :raises OperationalException: for a base timeframe that cannot be used, or when Binance does
        not serve as many candles
    """
    learns = trains(config, settings)
    parameters = config["freqai"].get("feature_parameters", {}) if learns else None
    try:
        return startup_candles(settings, parameters, config["timeframe"])
    except SettingsError as error:
        raise OperationalException(f"the configuration cannot be used:\n{error}") from None


def check_rule_timeframe(config: dict[str, Any], settings: Settings) -> None:
    """Whether base candles can be put together to the rule's, whatever strategy made the config.

    :raises OperationalException: when the rule's timeframe is shorter than the base timeframe
    """
    rule, base = settings.regime.timeframe, str(config["timeframe"])
    if timeframe_to_seconds(rule) < timeframe_to_seconds(base):
        raise OperationalException(
            f'regimeswitch.regime.timeframe: "{rule}" is shorter than the base timeframe "{base}"; '
            f'allowed: "{base}" or longer'
        )


def configured_learners(settings: Settings) -> dict[str, str]:
    """Each learner that the settings use, with the first key that names it."""
    models = settings.models
    keys: dict[str, str] = {models.learner: "regimeswitch.models.learner"}
    for regime, name in models.per_regime.items():
        keys.setdefault(name, f"regimeswitch.models.per_regime.{regime}")
    return keys


def check_learners(settings: Settings, task: Task, config: dict[str, Any]) -> None:
    """Try to make every configured learner: FreqAI swallows what is raised in training.

    :raises OperationalException: naming the learner, the key that wants it and what to do
    """
    given = config["freqai"].get("model_training_parameters", {})
    for name, key in configured_learners(settings).items():
        try:
            make_learner(name, task, learner_parameters(name, settings.models, given))
        except LearnerMissingError as error:
            raise OperationalException(f"{key}: {error}") from None
        except LearnerError as error:
            raise OperationalException(str(error)) from None
