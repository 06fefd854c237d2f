"""Section ``"regimeswitch"`` of config.json: every key with its unit, default and range.

Parsed once with :func:`load_settings` into frozen models. A mistake is one :class:`SettingsError`
that names each wrong key, its value, what is allowed and, for a mistyped key, the nearest one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from regimeswitch.settings.bots_settings import BotsSettings
from regimeswitch.settings.entry_settings import EntrySettings
from regimeswitch.settings.errors import explain
from regimeswitch.settings.message_settings import MessageSettings
from regimeswitch.settings.modes import POSITION, not_read, with_defaults_of_mode
from regimeswitch.settings.regime_settings import RegimeSettings
from regimeswitch.settings.renamed import old_names, with_hashed_names, with_new_names
from regimeswitch.settings.risk_settings import RiskSettings
from regimeswitch.settings.safety_settings import SAFETY_OF_MODELS, SafetySettings
from regimeswitch.settings.section_base import RegimeName, Section
from regimeswitch.settings.timeframes import COUNTED, candles_spanning


LearnerName = Literal["lightgbm", "xgboost", "random_forest"]
MIN_WINDOW = 10
"""Candles below which a deviation says nothing, whatever the base timeframe."""
FEATURE_VERSION = 4


class SettingsError(ValueError):
    """A section "regimeswitch" that cannot be used; the text says what to change."""


class LabelSettings(Section):
    """What the models learn to foresee."""

    kind: Literal["threshold", "triple_barrier"] = Field(
        "threshold",
        description="threshold = where the close stands after the horizon; "
        "triple_barrier = which of two prices is touched first within it",
    )
    horizon: int = Field(12, ge=1, le=2000, description="how far ahead, 5-minute candles")
    unit: Literal["volatility", "atr"] = Field(
        "volatility",
        description="unit of multiple: standard deviation of returns over the horizon, or ATR of "
        "a 5-minute candle",
    )
    multiple: float = Field(0.8, gt=0, le=20, description="size of the move that counts, in units")
    window: int = Field(
        288,
        ge=MIN_WINDOW,
        le=4000,
        description="what the unit is measured on, 5-minute candles; with a longer base timeframe "
        f"at least {MIN_WINDOW} of its candles",
    )
    fee: float = Field(0.001, ge=0, le=0.05, description="exchange fee per side, fraction")
    cover_fees: bool = Field(
        True, description="a move smaller than two fees is hold, however large in units"
    )

    def horizon_in(self, timeframe: str) -> int:
        """``horizon`` in candles of a base timeframe.

        :param timeframe: the base timeframe
        :return: at least 1, rounded up
        :raises ValueError: when the timeframe cannot be read
        """
        return candles_spanning(self.horizon, timeframe)

    def window_in(self, timeframe: str) -> int:
        """``window`` in candles of a base timeframe.

        :param timeframe: the base timeframe
        :return: at least :data:`MIN_WINDOW`, rounded up
        :raises ValueError: when the timeframe cannot be read
        """
        return candles_spanning(self.window, timeframe, MIN_WINDOW)


class ModelSettings(Section):
    """Which learners the sub-models are and how they are put together."""

    learner: LearnerName = Field("lightgbm", description="learner of the base and the sub-models")
    per_regime: dict[RegimeName, LearnerName] = Field(
        default_factory=dict, description='another learner for a regime, e.g. {"bear": "xgboost"}'
    )
    sub_models: Literal["separate", "warm_start", "none"] = Field(
        "warm_start",
        description="separate = each learns from its regime's rows alone; "
        "warm_start = the base's trees first, then its own on its regime's rows; "
        "none = one model for all regimes",
    )
    rows: Literal["shared", "pair"] = Field(
        "shared",
        description="shared = models learn from the rows of all whitelisted pairs, one training "
        "serves every pair; pair = each pair from its own rows alone",
    )
    row_step: int = Field(
        3,
        ge=1,
        le=2000,
        description="shared: every how many 5-minute candles a row is kept at least; neighbouring "
        "labels overlap; never more than the horizon",
    )
    row_budget: int = Field(
        80_000,
        ge=1000,
        description="shared: rows of one training over all pairs, number; with more pairs fewer "
        "candles of each are kept",
    )
    pair_finetune_trees: int = Field(
        40,
        ge=0,
        le=5000,
        description="shared: pair fine-tuning, trees on top of the base for a single pair where "
        "validation gives them a weight; 0 = none; not in forecasts of volatility",
    )
    own_trees: int = Field(
        40, ge=1, le=5000, description="trees a sub-model adds in warm_start, number"
    )
    min_rows: int = Field(
        500, ge=10, description="rows a regime needs for a sub-model; below, the base serves it"
    )
    parameters: dict[LearnerName, dict[str, Any]] = Field(
        default_factory=dict, description="parameters of a learner, over the defaults"
    )
    seed: int = Field(42, ge=0, le=2**31 - 1, description="seed of every learner")
    jobs: int = Field(
        2, ge=1, le=64, description="sub-models trained side by side, each on one thread"
    )

    def row_step_in(self, timeframe: str) -> int:
        """``row_step`` in candles of a base timeframe.

        :param timeframe: the base timeframe
        :return: at least 1, rounded up
        :raises ValueError: when the timeframe cannot be read
        """
        return candles_spanning(self.row_step, timeframe)

    def parameters_of(self, learner: str) -> dict[str, Any]:
        """The parameters given for a learner, over its defaults.

        :param learner: a key of ``parameters``, e.g. ``lightgbm``
        :return: empty where none are given; names are those of the learner's own package
        """
        return next((given for name, given in self.parameters.items() if name == learner), {})


class EvidenceSettings(Section):
    """How models are validated at every training."""

    gate: bool = Field(
        True,
        description="weigh each sub-model by its gain on later rows; false = serve the "
        "sub-models as they are",
    )
    tail: float = Field(
        0.3,
        ge=0.05,
        le=0.8,
        description="share of the training window, at its end, that models are validated on, "
        "fraction",
    )
    folds: int = Field(
        2,
        ge=1,
        le=10,
        description="parts of the tail, each validated by what lies before it, number",
    )
    calibrate: bool = Field(
        True, description="calibrate probabilities on the validation rows (temperature scaling)"
    )


class Settings(Section):
    """The whole section ``regimeswitch``."""

    regime: RegimeSettings = Field(default_factory=RegimeSettings)
    labels: LabelSettings = Field(default_factory=LabelSettings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings)
    entries: EntrySettings = Field(default_factory=EntrySettings)
    risk: RiskSettings = Field(default_factory=RiskSettings)
    safety: SafetySettings = Field(default_factory=SafetySettings)
    messages: MessageSettings = Field(default_factory=MessageSettings)
    bots: BotsSettings = Field(default_factory=BotsSettings)

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_mode(cls, section: Any) -> Any:
        return with_defaults_of_mode(section)

    @model_validator(mode="after")
    def _keys_of_mode(self) -> Settings:
        unread = list(not_read(self, self.entries.mode))
        if unread:
            other = "signal" if self.entries.mode == "position" else "position"
            raise ValueError(
                f'entries.mode is "{self.entries.mode}", which does not read {", ".join(unread)}; '
                f'leave them out, or set entries.mode to "{other}"'
            )
        return self

    @property
    def stop_multiple(self) -> float:
        """Distance of the stop-loss in multiples of the mode's ATR; 0 = none."""
        holds = self.entries.mode == POSITION
        return self.risk.stop_daily_atr if holds else self.risk.stop_atr

    def model_hash(self, also: Mapping[str, Any] | None = None, timeframe: str = COUNTED) -> str:
        """Eight hex digits over all that changes a trained model.

        :param also: further things that change models, e.g. the training period
        :param timeframe: the base timeframe; that of 5 minutes adds nothing
        """
        trained = {"regime": True, "labels": True, "models": True, "evidence": True}
        parts = self.model_dump(mode="json", include={**trained, "safety": SAFETY_OF_MODELS})
        parts["models"].pop("jobs")
        if self.entries.mode == POSITION:
            # A regressor learns another target, with the exponential mean as a rival.
            half_life = self.risk.volatility_half_life_days
            parts["target"] = {"mode": POSITION, "half_life_days": half_life}
        base = {} if timeframe == COUNTED else {"timeframe": timeframe}
        further = {**(also or {}), **base}
        parts = with_hashed_names(parts)
        text = json.dumps([FEATURE_VERSION, parts, further], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def load_settings(section: Mapping[str, Any] | None) -> Settings:
    """Parse the section ``regimeswitch``.

    :param section: the parsed JSON of the section, under new or old names of the keys
        (:mod:`regimeswitch.settings.renamed`); None or empty gives the defaults
    :raises SettingsError: with one line for each mistake
    """
    if section is not None and not isinstance(section, Mapping):
        raise SettingsError(f'"regimeswitch": {section!r} must be an object of sections')
    given = dict(section or {})
    try:
        return Settings.model_validate(with_new_names(given))
    except ValidationError as error:
        written = {(part, new): old for part, old, new in old_names(given)}
        lines = [explain(dict(detail), Settings, written) for detail in error.errors()]
        raise SettingsError("\n".join(lines)) from None
