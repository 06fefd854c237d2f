"""Section ``"regimeswitch"`` of config.json: every key with its unit, default and range.

Parsed once with :func:`load_settings` into frozen models. A mistake is one :class:`SettingsError`
that names each wrong key, its value, what is allowed and, for a mistyped key, the nearest one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from regimeswitch.candles import timeframe_seconds
from regimeswitch.mistakes import explain


RegimeName = Literal["bull", "bear", "sideways"]
LearnerName = Literal["lightgbm", "xgboost", "random_forest"]
REGIME_NAMES: tuple[RegimeName, ...] = ("bull", "bear", "sideways")
MAX_STARTUP_CANDLES = 4999
FEATURE_VERSION = 3
Fraction = Annotated[float, Field(ge=0, le=1)]


class SettingsError(ValueError):
    """A section "regimeswitch" that cannot be used; the text says what to change."""


class Section(BaseModel):
    """A frozen part of the configuration that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class RegimeSettings(Section):
    """How the regime of a candle is found."""

    rule: Literal["trend", "change", "volatility", "vote"] = Field(
        "trend", description="which rule gives the regime; vote = majority of the three others"
    )
    timeframe: Literal["5m", "15m", "1h", "4h", "1d"] = Field(
        "1h", description="timeframe of the rule's candles, merged causally into the base timeframe"
    )
    anchor: str = Field(
        "self",
        pattern=r"^(self|[A-Za-z0-9]+/[A-Za-z0-9]+(:[A-Za-z0-9]+)?)$",
        description='whose candles decide: "self" or a reference pair such as "BTC/USDT"',
    )
    average: Literal["sma", "ema"] = Field("sma", description="kind of moving average")
    average_period: int = Field(200, ge=5, le=1000, description="average length, rule candles")
    unit: Literal["atr", "percent"] = Field(
        "atr", description="unit of trend_enter and trend_exit: ATR multiples or percent of price"
    )
    atr_period: int = Field(200, ge=5, le=1000, description="length of the ATR, rule candles")
    trend_enter: float = Field(
        3.0,
        gt=0,
        le=100,
        description="distance from the average that starts bull (or, below, bear)",
    )
    trend_exit: float = Field(
        1.0, ge=0, le=100, description="distance from the average below which bull or bear ends"
    )
    change_days: int = Field(30, ge=1, le=365, description="span of the price change, days")
    change_bull: float = Field(0.10, gt=0, le=10, description="change that starts bull, fraction")
    change_bear: float = Field(-0.10, ge=-1, lt=0, description="change that starts bear, fraction")
    change_exit: float = Field(
        0.03, ge=0, le=10, description="absolute change below which bull or bear ends, fraction"
    )
    volatility_window: int = Field(
        200, ge=20, le=2000, description="past that ATR and band width are compared with, candles"
    )
    bollinger_period: int = Field(20, ge=5, le=500, description="Bollinger band length, candles")
    volatility_enter: float = Field(
        0.20, ge=0, le=10, description="excess over their past mean that starts trending, fraction"
    )
    volatility_exit: float = Field(
        0.0, ge=0, le=10, description="excess below which the market is choppy again, fraction"
    )
    grace_candles: int = Field(
        36,
        ge=1,
        le=2000,
        description="grace period: base candles a new regime must hold without a break; 1 = none",
    )

    @model_validator(mode="after")
    def _bands_and_history(self) -> RegimeSettings:
        for enter, leave in (
            ("trend_enter", "trend_exit"),
            ("change_bull", "change_exit"),
            ("volatility_enter", "volatility_exit"),
        ):
            if getattr(self, leave) > getattr(self, enter):
                raise ValueError(
                    f"{leave} ({getattr(self, leave)}) must not exceed {enter} "
                    f"({getattr(self, enter)}); typical: {leave} a third of {enter}"
                )
        if self.change_exit > -self.change_bear:
            raise ValueError(
                f"change_exit ({self.change_exit}) must not exceed -change_bear "
                f"({-self.change_bear}); typical: a third of it"
            )
        if self.candles_needed > MAX_STARTUP_CANDLES:
            raise ValueError(
                f"rule {self.rule!r} needs {self.candles_needed} candles of {self.timeframe}, but "
                f"Binance serves at most {MAX_STARTUP_CANDLES} at the start of a bot; use a longer "
                'timeframe (typical: "1h") or a shorter period'
            )
        return self

    def anchor_of(self, pair: str) -> str:
        """The pair whose candles decide the regime of ``pair``."""
        return pair if self.anchor == "self" else self.anchor

    @property
    def change_candles(self) -> int:
        """``change_days`` in rule candles."""
        return self.change_days * 86400 // timeframe_seconds(self.timeframe)

    @property
    def candles_needed(self) -> int:
        """Rule candles before the first verdict of the chosen rule."""
        average = self.average_period * (EMA_LENGTHS if self.average == "ema" else 1)
        trend = max(average, self.atr_period + 1)
        change = self.change_candles + 1
        swing = max(self.atr_period + 1, self.bollinger_period) + self.volatility_window
        volatility = max(average, swing)
        needs = {"trend": trend, "change": change, "volatility": volatility}
        return max(needs.values()) if self.rule == "vote" else needs[self.rule]


EMA_LENGTHS = 4
"""An EMA is cut off after this many periods, where 0.03 % of its weight is left."""


class LabelSettings(Section):
    """What the models learn to foresee."""

    kind: Literal["threshold", "triple_barrier"] = Field(
        "threshold",
        description="threshold = where the close stands after the horizon; "
        "triple_barrier = which of two prices is touched first within it",
    )
    horizon: int = Field(12, ge=1, le=2000, description="how far ahead, base candles")
    unit: Literal["volatility", "atr"] = Field(
        "volatility",
        description="unit of multiple: standard deviation of returns over the horizon, or ATR",
    )
    multiple: float = Field(0.8, gt=0, le=20, description="size of the move that counts, in units")
    window: int = Field(288, ge=10, le=4000, description="candles that the unit is measured on")
    fee: float = Field(0.001, ge=0, le=0.05, description="exchange fee per side, fraction")
    cover_fees: bool = Field(
        True, description="a move smaller than two fees is hold, however large in units"
    )


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
        description="shared: every how many candles a row is kept at least; neighbouring labels "
        "overlap; never more than the horizon",
    )
    row_budget: int = Field(
        80_000,
        ge=1000,
        description="shared: rows of one training over all pairs, number; with more pairs fewer "
        "candles of each are kept",
    )
    pair_trees: int = Field(
        40,
        ge=0,
        le=5000,
        description="shared: trees that finish the base for a single pair where that earns its "
        "weight; 0 = none",
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

    def parameters_of(self, learner: str) -> dict[str, Any]:
        """The parameters given for a learner, over its defaults."""
        return next((given for name, given in self.parameters.items() if name == learner), {})


class EvidenceSettings(Section):
    """How the models prove, at every training, what they are worth."""

    gate: bool = Field(
        True,
        description="weigh each sub-model by what it proved on later rows; false = serve the "
        "sub-models as they are",
    )
    tail: float = Field(
        0.3,
        ge=0.05,
        le=0.8,
        description="share of the training window, at its end, that models are judged on, fraction",
    )
    folds: int = Field(
        2, ge=1, le=10, description="parts of the tail, each judged by what lies before it, number"
    )
    calibrate: bool = Field(
        True, description="calibrate probabilities on the judged rows (temperature scaling)"
    )


class RegimeNumbers(Section):
    """One number per regime."""

    bull: float = 0.0
    bear: float = 0.0
    sideways: float = 0.0


class BuyProbabilities(RegimeNumbers):
    """Probability of buy that opens, by regime."""

    bull: Fraction = Field(0.35, description="in bull, 0 to 1")
    bear: Fraction = Field(0.50, description="in bear, 0 to 1")
    sideways: Fraction = Field(0.40, description="in sideways, 0 to 1")


class SellProbabilities(RegimeNumbers):
    """Probability of sell that closes, by regime."""

    bull: Fraction = Field(0.45, description="in bull, 0 to 1")
    bear: Fraction = Field(0.40, description="in bear, 0 to 1")
    sideways: Fraction = Field(0.45, description="in sideways, 0 to 1")


class EdgeMargins(RegimeNumbers):
    """What must be left of an expected move after all costs, by regime."""

    bull: float = Field(0.0, ge=-1, le=1, description="in bull, fraction")
    bear: float = Field(0.0, ge=-1, le=1, description="in bear, fraction")
    sideways: float = Field(0.0, ge=-1, le=1, description="in sideways, fraction")


class EntrySettings(Section):
    """When a position is opened and closed."""

    regimes: tuple[RegimeName, ...] = Field(
        ("bull", "sideways"),
        description="regimes in which long positions are opened; bear is left out in spot",
    )
    buy: BuyProbabilities = Field(
        default_factory=BuyProbabilities, description="probability of buy that opens, by regime"
    )
    sell: SellProbabilities = Field(
        default_factory=SellProbabilities, description="probability of sell that closes, by regime"
    )
    require_edge: bool = Field(
        True,
        description="open only where the expected move, as far as it is proven on later rows than "
        "the models learned from, pays fees and slippage; false = thresholds alone",
    )
    margin: EdgeMargins = Field(
        default_factory=EdgeMargins,
        description="what must be left of the expected move after all costs, by regime, fraction",
    )
    slippage: float = Field(
        0.0005, ge=0, le=0.05, description="price lost to slippage per side, fraction"
    )
    expected_return: float = Field(
        0.004, ge=0, le=1, description="regressor: forecast return that opens, fraction"
    )
    exit_return: float = Field(
        -0.002, ge=-1, le=0, description="regressor: forecast return that closes, fraction"
    )
    leave_regimes: tuple[RegimeName, ...] = Field(
        ("bear",), description="regimes whose beginning closes long positions"
    )
    short: bool = Field(
        False, description="futures only: open shorts in bear from the probability of sell"
    )

    @model_validator(mode="after")
    def _no_entry_that_leaves_at_once(self) -> EntrySettings:
        both = sorted(set(self.regimes) & set(self.leave_regimes))
        if both:
            raise ValueError(
                f"regimes and leave_regimes both name {', '.join(both)}: positions would be closed "
                "on the candle that opens them; take it out of one of the two"
            )
        return self


class RegimeScale(RegimeNumbers):
    """Share of the full stake, by regime."""

    bull: Fraction = Field(1.0, description="in bull, fraction")
    bear: Fraction = Field(0.5, description="in bear, fraction")
    sideways: Fraction = Field(0.7, description="in sideways, fraction")


class RiskSettings(Section):
    """How much is put into a position and where it ends."""

    stake_fraction: Fraction = Field(0.2, description="capital per position, fraction")
    scale: RegimeScale = Field(
        default_factory=RegimeScale, description="share of the full stake, by regime, fraction"
    )
    atr_period: int = Field(288, ge=5, le=4000, description="ATR behind the stops, base candles")
    stop_atr: float = Field(8.0, gt=0, le=200, description="stop-loss, ATR multiples from entry")
    take_atr: float = Field(12.0, gt=0, le=400, description="take-profit, ATR multiples from entry")
    size_forecast: bool = Field(
        True,
        description="the forecast size of the move widens the stop and lowers the stake by the "
        "same factor, or the other way round",
    )
    size_most: float = Field(
        2.0, ge=1, le=10, description="largest such factor, and one over the smallest"
    )
    max_hold_candles: int = Field(
        0, ge=0, description="a position is closed after this many base candles; 0 = never"
    )


class SafetySettings(Section):
    """What counts as a candle that cannot be true."""

    spike_fraction: float = Field(
        0.5,
        gt=0.01,
        le=100,
        description="a price this far from the last good and the previous close is impossible, "
        "fraction, for 5m candles",
    )

    def spike_limit(self, timeframe: str) -> float:
        """``spike_fraction`` for a timeframe: it grows with its square root, as price moves do."""
        return self.spike_fraction * float(max(timeframe_seconds(timeframe) / 300, 1.0) ** 0.5)


class Settings(Section):
    """The whole section ``regimeswitch``."""

    regime: RegimeSettings = Field(default_factory=RegimeSettings)
    labels: LabelSettings = Field(default_factory=LabelSettings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings)
    entries: EntrySettings = Field(default_factory=EntrySettings)
    risk: RiskSettings = Field(default_factory=RiskSettings)
    safety: SafetySettings = Field(default_factory=SafetySettings)

    def model_hash(self, also: Mapping[str, Any] | None = None) -> str:
        """Eight hex digits over all that changes a trained model.

        :param also: further things that change models, e.g. the training period
        """
        parts = self.model_dump(
            mode="json", include={"regime", "labels", "models", "evidence", "safety"}
        )
        parts["models"].pop("jobs")
        text = json.dumps([FEATURE_VERSION, parts, also or {}], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def load_settings(section: Mapping[str, Any] | None) -> Settings:
    """Parse the section ``regimeswitch``.

    :param section: the parsed JSON of the section; None or empty gives the defaults
    :raises SettingsError: with one line for each mistake
    """
    if section is not None and not isinstance(section, Mapping):
        raise SettingsError(f'"regimeswitch": {section!r} must be an object of sections')
    try:
        return Settings.model_validate(dict(section or {}))
    except ValidationError as error:
        lines = [explain(dict(detail), Settings) for detail in error.errors()]
        raise SettingsError("\n".join(lines)) from None
