"""What a training says of itself: log lines, and the metadata saved beside a model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.factory import TrainedModel
from regimeswitch.model.shrinkage import ValidatedWeight
from regimeswitch.model.training_set import TrainingSpan
from regimeswitch.model.volatility_model import EVERYWHERE, VolatilityModel


MAX_PAIRS = 6
"""Pairs of a training that are named in the log; the others are counted."""
FORECASTS = {"EWMA": "EWMA", "HAR": "HAR", "base": "base", "sub_model": "sub-model"}
"""Volatility forecasts whose QLIKE is logged, and how they are called."""


def log_text(model: TrainedModel, timeframe: str) -> str:
    """One training in a few lines: rows, dates, validation, weights and their reasons.

    :param model: fitted
    :param timeframe: base timeframe, whose candles the rows' times count
    :return: lines joined by newlines, each but the first indented
    """
    if isinstance(model, VolatilityModel):
        lines = list(_volatility_lines(model))
    else:
        lines = list(_blend_lines(model))
    return "\n  ".join([_first_line(model, timeframe), *lines])


def _first_line(model: TrainedModel, timeframe: str) -> str:
    kind = "volatility model" if isinstance(model, VolatilityModel) else "model"
    dates = " to ".join(_day(n, timeframe) for n in (model.span_.first, model.span_.last))
    rows = f"fitted on {model.rows_:,} rows ({dates})"
    return f"{_pairs(model.span_)}: {kind} {rows}, validated on {model.validation_rows_:,}"


def _pairs(span: TrainingSpan) -> str:
    named, more = span.pairs[:MAX_PAIRS], len(span.pairs) - MAX_PAIRS
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _day(candle: int, timeframe: str) -> str:
    seconds = candle * timeframe_seconds(timeframe)
    return str(np.datetime64(seconds, "s").astype("datetime64[D]"))


def _blend_lines(model: BlendedModel) -> Iterator[str]:
    classifies = hasattr(model.ensemble_, "classes_")
    yield _whole(model.model_validation_, classifies)
    yield f"sub-model weights: {_listed(model.regime_validation_)}"
    if model.pair_validation_:
        yield f"pair fine-tuning weights: {_listed(model.pair_validation_)}"
    if model.edge_.slopes:
        slopes = ", ".join(f"{name} {one.lower:.2f}" for name, one in model.edge_.slopes.items())
        yield f"expected return, calibration slope (95 % lower bound): {slopes}"


def _whole(found: ValidatedWeight, classifies: bool) -> str:
    """Loss of the blend against that of class frequencies, or of the mean for a regressor."""
    weight = f"blend weight {found.weight:.2f}"
    if not found.losses:
        return f"{weight} ({found.reason})"
    served, rival = found.losses["served"], found.losses["frequencies"]
    measure, of = ("log loss", "class frequencies") if classifies else ("squared error", "the mean")
    gain = [f"D2 {1 - served / rival:+.1%}"] if rival > 0 else []
    gain += [f"z {found.z:.1f}"] if found.z is not None else []
    text = f"{measure} {served:.4g} against {rival:.4g} of {of} ({', '.join(gain)}), {weight}"
    return text if found.weight else f"{text} ({found.reason})"


def _listed(found: Mapping[Any, ValidatedWeight]) -> str:
    return ", ".join(f"{name} {one.weight:.2f} ({one.reason})" for name, one in found.items())


def _volatility_lines(model: VolatilityModel) -> Iterator[str]:
    yield "mean QLIKE of the next 24 hours' variance (0 = exact), and what is served:"
    for name, one in model.served_.items():
        losses = [
            f"{text} {one.losses[key]:.3f}" for key, text in FORECASTS.items() if key in one.losses
        ]
        served = f"served {one.served} ({one.reason})"
        text = f"{name}: {', '.join([*losses, served])}"
        if name == EVERYWHERE:
            yield text
        else:
            yield f"{text}; sub-model weight {one.sub_model:.2f} ({one.sub_model_reason})"


def metadata_of(model: TrainedModel, pair: str) -> dict[str, Any]:
    """What is saved beside the model of one pair.

    :param model: fitted
    :param pair: whose fine-tuning is meant
    :return: rows, losses, placebo, weights and reasons by regime; JSON's types alone, None for
        what is infinite
    """
    ensemble = model.ensemble_
    record: dict[str, Any] = {
        "rows": ensemble.rows_,
        "sub_models": ensemble.reasons_,
        "regime_feature": ensemble.regime_feature,
        "judged_rows": model.validation_rows_,
    }
    if isinstance(model, VolatilityModel):
        record["volatility"] = {
            name: {
                "rows": one.rows,
                "judged": one.validation_rows,
                "blocks": one.blocks,
                "scores": one.losses,
                "rival": one.rival,
                "weight": one.weight,
                "sub_model": one.sub_model,
                "reason": one.reason,
                "sub_model_reason": one.sub_model_reason,
                "served": one.served,
            }
            for name, one in model.served_.items()
        }
        record["har"] = vars(model.har_)
    else:
        tuned = model.pair_validation_.get(pair)
        record |= {
            "regime_feature_losses": model.feature_losses_,
            "model": _saved(model.model_validation_),
            "evidence": {name: _saved(one) for name, one in model.regime_validation_.items()},
            "finish": {} if tuned is None else _saved(tuned),
            "calibration_error": model.calibration_errors_,
            "edge": {
                name: {**vars(slope), "served": slope.lower}
                for name, slope in model.edge_.slopes.items()
            },
        }
    # As JSON has it: no numpy numbers, no infinity.
    cleaned: dict[str, Any] = json.loads(
        json.dumps(record, default=float).replace("Infinity", "null")
    )
    return cleaned


def _saved(one: ValidatedWeight) -> dict[str, Any]:
    return {
        "rows": one.rows,
        "judged": one.validation_rows,
        "effective": one.blocks,
        "scores": one.losses,
        "trust": one.weight,
        "reason": one.reason,
    }
