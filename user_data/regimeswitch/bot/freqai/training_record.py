"""What is kept and logged of a training: rows, scores, weights and the reason of each."""

from __future__ import annotations

import json
from typing import Any

from regimeswitch.model.factory import TrainedModel
from regimeswitch.model.volatility_model import VolatilityModel


def metadata_of(model: TrainedModel, pair: str) -> dict[str, Any]:
    """What is saved beside the model: rows, scores, placebo, weights and reason of each regime."""
    ensemble = model.ensemble_
    record: dict[str, Any] = {
        "rows": ensemble.rows_,
        "sub_models": ensemble.reasons_,
        "regime_feature": ensemble.regime_feature,
        "judged_rows": model.judged_rows_,
    }
    if isinstance(model, VolatilityModel):
        record["volatility"] = {
            name: {**vars(one), "served": one.served} for name, one in model.served_.items()
        }
        record["har"] = vars(model.har_)
    else:
        record |= {
            "model": vars(model.model_verdict_),
            "evidence": {name: vars(verdict) for name, verdict in model.verdicts_.items()},
            "finish": vars(model.pair_verdicts_[pair]) if pair in model.pair_verdicts_ else {},
            "calibration_error": model.ece_,
            "edge": {
                name: {**vars(slope), "served": slope.proven}
                for name, slope in model.edge_.slopes.items()
            },
        }
    # As JSON has it: no numpy numbers, no infinity.
    cleaned: dict[str, Any] = json.loads(
        json.dumps(record, default=float).replace("Infinity", "null")
    )
    return cleaned


def told(model: TrainedModel, pair: str) -> str:
    """The evidence in one line of the log."""
    if isinstance(model, VolatilityModel):
        return _volatility_told(model)
    whole = model.model_verdict_
    parts = [f"all models: trust {whole.trust:.2f} ({whole.reason})"]
    for name, verdict in model.verdicts_.items():
        parts.append(f"{name} trust {verdict.trust:.2f} ({verdict.rows} rows; {verdict.reason})")
    finish = model.finish_trust_.get(pair, 0.0)
    edges = ", ".join(f"{name} {slope.proven:.2f}" for name, slope in model.edge_.slopes.items())
    return f"{'; '.join(parts)}; own finish {finish:.2f}; proven share of forecasts: {edges or 0}"


SCORES = {"EWMA": "EWMA", "HAR": "HAR", "base": "base", "sub_model": "sub-model"}
"""Forecasts whose scores are logged, and how they are called."""


def _volatility_told(model: VolatilityModel) -> str:
    parts = []
    for name, one in model.served_.items():
        scores = [
            f"{text} {one.scores[key]:.3f}" for key, text in SCORES.items() if key in one.scores
        ]
        parts.append(f"{name} {', '.join([*scores, f'served {one.served}'])} ({one.reason})")
    return f"volatility of the next 24 hours, QLIKE: {'; '.join(parts)}"
