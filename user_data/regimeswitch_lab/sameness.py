"""What a command that builds models without a bot cannot do as the bot does it.

Such a key is refused by name: figures of other models than the bot's would look like the bot's.
"""

from collections.abc import Iterator
from typing import Any

from freqtrade.exceptions import OperationalException

from regimeswitch.bot.overrides import check_overrides
from regimeswitch.settings.modes import POSITION
from regimeswitch_lab.bot_config import BotConfig, section
from regimeswitch_lab.inputs import InputError


CLASSIFIER = "RegimeSwitchClassifier"
REGRESSOR = "RegimeSwitchRegressor"
STRATEGY = "RegimeSwitchStrategy"
PLAIN_FEATURES: dict[str, Any] = {
    "principal_component_analysis": False,
    "use_SVM_to_remove_outliers": False,
    "use_DBSCAN_to_remove_outliers": False,
    "DI_threshold": 0,
    "inlier_metric_window": 0,
    "noise_standard_deviation": 0,
    "buffer_train_data_candles": 0,
    "shuffle_after_split": False,
    "reverse_train_test_order": False,
}
"""Refused keys of ``freqai.feature_parameters``, and the values at which they do nothing."""
BUILT_FEATURES = (
    *("include_timeframes", "indicator_periods_candles", "include_corr_pairlist"),
    *("include_shifted_candles", "weight_factor", "label_period_candles"),
)
"""Keys that ``prove`` does what a bot does with."""
READ_BY_NOTHING = ("plot_feature_importances", "svm_params", "outlier_protection_percentage")
"""Keys that change no model while those of :data:`PLAIN_FEATURES` do nothing."""


FREQAI_TEST_SIZE = 0.25
"""Share of the rows that FreqAI keeps from a training where no ``test_size`` is given."""


def require_plain_models(config: BotConfig) -> None:
    """Refuse what makes a bot's models other than ``prove`` builds them.

    :raises InputError: naming every such key
    """
    found = list(_other_models(config))
    if found:
        listed = "\n".join(
            f"{key} {value!r}: set it to {neutral!r}" for key, value, neutral in found
        )
        raise InputError(
            "prove cannot build models with these keys, and without them it would judge other "
            f"models than the bot's; `regimeswitch money` runs the bot's own:\n{listed}"
        )


def _other_models(config: BotConfig) -> Iterator[tuple[str, Any, Any]]:
    freqai = section(config.merged, "freqai")
    features = section(freqai, "feature_parameters")
    for key, neutral in PLAIN_FEATURES.items():
        if features.get(key) not in (None, neutral):
            yield f"freqai.feature_parameters.{key}", features[key], neutral
    split = section(freqai, "data_split_parameters")
    absent = 0 if config.settings.models.rows == "shared" or not freqai else FREQAI_TEST_SIZE
    if (size := split.get("test_size", absent)) not in (None, 0):
        yield "freqai.data_split_parameters.test_size", size, 0
    if freqai.get("continual_learning"):
        yield "freqai.continual_learning", True, False
    model = config.merged.get("freqaimodel")
    if model not in (None, *_own_models(config)):
        yield "freqaimodel", model, CLASSIFIER


def require_own_strategy(config: BotConfig, command: str) -> None:
    """Refuse another strategy or model than the ones that a command runs.

    :raises InputError: naming the key
    """
    allowed = {"strategy": [STRATEGY], "freqaimodel": _own_models(config)}
    for key, (own, *others) in allowed.items():
        given = config.merged.get(key)
        if given not in (None, own, *others):
            raise InputError(
                f"{key} {given!r}: {command} runs {own}, whose result would not be your bot's; "
                f"set it to {own!r}"
            )


def _own_models(config: BotConfig) -> list[str]:
    """Models of a bot: in position mode the rule decides, whichever of the two it trains."""
    holds = config.settings.entries.mode == POSITION
    return [CLASSIFIER, *([REGRESSOR] if holds else [])]


def require_bot(config: BotConfig) -> None:
    """Refuse what no bot starts with, before minutes of work and in one message.

    :raises InputError: naming the keys
    :raises SettingsError: of the section ``regimeswitch``
    """
    try:
        check_overrides(config.merged, config.settings)
    except OperationalException as error:
        raise InputError(str(error)) from None
