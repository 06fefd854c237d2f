"""The gate in worlds whose truth is known: it switches where that helps and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from regimeswitch.market.labels import CLASSES
from regimeswitch.model.shrinkage import log_loss
from regimeswitch_lab.comparison_metrics import block_sums, compared, time_blocks
from worlds import HORIZON, World, blended, loss, single, world


THIRDS = {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}


@pytest.fixture(scope="module")
def turning() -> World:
    """The effect changes its sign with the regime."""
    return world({1: 0.5, 2: -0.5, 3: 0.5}, {1: 0.25, 2: 0.5, 3: 0.25})


def test_where_the_effect_turns_with_the_regime_the_gate_switches(turning: World) -> None:
    mine = loss(blended(turning.train), turning.test)
    plain, informed = (loss(single(turning.train, knows), turning.test) for knows in (False, True))
    print(f"blended {mine:.4f}, single {plain:.4f}, single with the regime {informed:.4f}")
    assert plain - mine >= 0.015
    assert mine <= informed


def test_a_rare_regime_is_served_best_by_its_own_sub_model() -> None:
    losses: dict[str, list[float]] = {"blended": [], "single": [], "informed": []}
    shares = {1: 0.49, 2: 0.49, 3: 0.02}
    for seed in range(2):
        rare = world({1: 0.6, 2: 0.6, 3: -0.6}, shares, 18_000, seed, stretch=40)
        later = rare.test.take(rare.test.regime == 3)
        assert len(later) > 200
        losses["blended"].append(loss(blended(rare.train), later))
        losses["single"].append(loss(single(rare.train, False), later))
        losses["informed"].append(loss(single(rare.train, True), later))
    print(losses)
    means = {name: np.mean(values) for name, values in losses.items()}
    assert means["blended"] < min(means["single"], means["informed"])


def test_meaningless_regimes_cost_nothing_and_get_no_weight() -> None:
    weights, differences = [], []
    for seed in range(6):
        same = world({1: 0.5, 2: 0.5, 3: 0.5}, THIRDS, 3000, seed)
        model = blended(same.train)
        weights += [found.weight for found in model.regime_validation_.values()]
        differences.append(loss(model, same.test) - loss(single(same.train, False), same.test))
    print(f"mean weight {np.mean(weights):.3f}, differences {np.round(differences, 4)}")
    assert np.mean(weights) < 0.1
    assert max(differences) < 0.002


@pytest.mark.parametrize("seed", range(3))
def test_without_anything_to_learn_the_skill_interval_covers_zero(seed: int) -> None:
    nothing = world({1: 0.0, 2: 0.0, 3: 0.0}, THIRDS, 3000, seed)
    model = blended(nothing.train)
    rows = nothing.test
    labels = np.array([CLASSES.index(name) for name in rows.y])
    shares = np.array([(nothing.train.y == name).mean() for name in CLASSES])
    reference = log_loss(labels)(np.tile(shares, (len(rows), 1)))
    block = time_blocks(rows.time, 288)
    answers = model.answers(rows.X, rows.regime, rows.pair)
    sums = block_sums(answers, labels, rows.move, reference, block, int(block.max()) + 1)
    low, high = compared({"blended": sums}, "blended", 0.001, 1)["blended"]["skill_ci"]
    assert low <= 0 <= high
    assert low > -0.005
    forecast = model.forecast(rows.X, rows.regime, rows.pair)
    assert np.mean(np.abs(forecast.move) > 0.3) < 0.01


def test_validation_off_serves_the_sub_models_as_they_are(turning: World) -> None:
    model = blended(turning.train, validates=False)
    assert set(model.weights_.sub_models.values()) == {1.0}
    assert {found.reason for found in model.regime_validation_.values()} == {
        "evidence.gate is off: not validated"
    }


def test_a_pair_that_moves_by_itself_is_fine_tuned() -> None:
    effects = {1: 0.5, 2: 0.5, 3: 0.5}
    lonely = world(effects, THIRDS, own_effects={"CCC/USDT": -0.5})
    shared, tuned = blended(lonely.train), blended(lonely.train, pair_trees=40)
    assert list(tuned.weights_.pairs) == ["CCC/USDT"] or tuned.weights_.pairs["CCC/USDT"] > 0.9
    own = lonely.test.pair == "CCC/USDT"
    alone, others = lonely.test.take(own), lonely.test.take(~own)
    assert loss(shared, alone) - loss(tuned, alone) > 0.02
    assert loss(tuned, others) < loss(shared, others) + 0.002


def test_weights_are_the_same_twice_and_with_two_threads(turning: World) -> None:
    models = [blended(turning.train, 20, jobs) for jobs in (1, 1, 2)]
    first, rows = models[0], turning.test
    answers = first.answers(rows.X, rows.regime, rows.pair)
    for other in models[1:]:
        assert other.regime_validation_ == first.regime_validation_
        assert other.pair_validation_ == first.pair_validation_
        assert other.weights_.sub_models == first.weights_.sub_models
        np.testing.assert_array_equal(other.answers(rows.X, rows.regime, rows.pair), answers)


def test_validation_names_rows_losses_and_placebo(turning: World) -> None:
    for found in blended(turning.train).regime_validation_.values():
        assert found.rows > 1000
        assert 0 < found.blocks < found.validation_rows
        assert {"frequencies", "base", "sub_model", "placebo"} == set(found.losses)
        assert found.losses["sub_model"] < found.losses["placebo"]
        assert found.reason


def test_calibration_is_not_fitted_on_what_is_tested(turning: World) -> None:
    model = blended(turning.train)
    assert model.calibrator_.fitted
    assert 0 < model.validation_rows_ < model.rows_
    assert set(model.calibration_errors_) == {"bull", "bear", "sideways"}
    assert all(entry["after"] < 0.05 for entry in model.calibration_errors_.values())


def test_a_move_is_expected_where_the_slope_is_certain(turning: World) -> None:
    model = blended(turning.train)
    rows = turning.test
    move = model.forecast(rows.X, rows.regime, rows.pair).move
    assert np.corrcoef(move, rows.move)[0, 1] > 0.3
    # The served slope is a lower bound: what comes true is at least what was said.
    assert (move * rows.move).sum() / (move**2).sum() > 0.9


def test_without_validation_rows_the_base_serves() -> None:
    few = world({1: 0.5, 2: -0.5, 3: 0.5}, THIRDS, 400)
    first = few.train.take(few.train.time < few.train.time.min() + 10 * HORIZON)
    model = blended(first)
    assert model.validation_rows_ == 0
    assert not any(model.weights_.sub_models.values())
    assert model.edge_.slopes == {}
