"""What a training logs, and what is saved of it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.training_report import log_text, metadata_of
from worlds import PAIRS, blended, world


THIRDS = {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}


@pytest.fixture(scope="module")
def turning() -> BlendedModel:
    return blended(world({1: 0.5, 2: -0.5, 3: 0.0}, THIRDS, 3000).train, pair_trees=10)


def test_one_training_is_logged_once_for_all_pairs(turning: BlendedModel) -> None:
    first, *lines = log_text(turning, "5m").split("\n")
    assert first == (
        f"{', '.join(PAIRS)}: model fitted on {turning.rows_:,} rows (1979-07-05 to 1979-07-26), "
        f"validated on {turning.validation_rows_:,}"
    )
    whole = turning.model_validation_
    served, rival = whole.losses["served"], whole.losses["frequencies"]
    assert lines[0] == (
        f"  log loss {served:.4g} against {rival:.4g} of class frequencies "
        f"(D2 {1 - served / rival:+.1%}, z {whole.z:.1f}), blend weight {whole.weight:.2f}"
    )
    weighted = {name: one for name, one in turning.regime_validation_.items() if one.weight > 0}
    assert weighted
    for name, one in weighted.items():
        assert f"{name} {one.weight:.2f} (gain over base, z {one.z:.1f})" in lines[1]
    parts = r", ".join(rf"{name} \d\.\d\d \([a-z ]+, z -?\d+\.\d\)" for name in NAMES.values())
    assert re.fullmatch(rf"  sub-model weights: {parts}", lines[1])
    assert lines[2].startswith("  pair fine-tuning weights: AAA/USDT 0")
    assert re.fullmatch(
        r"  expected return, calibration slope \(95 % lower bound\): "
        r"bull \d\.\d\d, bear \d\.\d\d, sideways \d\.\d\d",
        lines[3],
    )


def test_without_validation_the_weight_has_a_reason() -> None:
    model = blended(world({1: 0.5, 2: -0.5, 3: 0.0}, THIRDS, 600).train, validates=False)
    assert "blend weight 1.00 (evidence.gate is off: not validated)" in log_text(model, "5m")


def test_metadata_is_plain_json(turning: BlendedModel) -> None:
    kept = metadata_of(turning, PAIRS[0])
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    assert set(kept["evidence"]) == {"bull", "bear", "sideways"}
    assert np.isclose(kept["model"]["scores"]["served"], turning.model_validation_.losses["served"])
    assert kept["finish"]["rows"] > 0
    assert metadata_of(turning, "NEW/USDT")["finish"] == {}
