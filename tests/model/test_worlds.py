"""The gate in worlds whose truth is known: it switches where that helps and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from regimeswitch.market.labels import CLASSES
from regimeswitch.model.shrinkage import log_loss
from regimeswitch_lab.comparison_metrics import block_sums, compared, time_blocks
from worlds import HORIZON, World, gated, loss, single, world


THIRDS = {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}


@pytest.fixture(scope="module")
def turning() -> World:
    """The effect changes its sign with the regime."""
    return world({1: 0.5, 2: -0.5, 3: 0.5}, {1: 0.25, 2: 0.5, 3: 0.25})


def test_where_the_effect_turns_with_the_regime_the_gate_switches(turning: World) -> None:
    mine = loss(gated(turning.train), turning.test)
    plain, informed = (loss(single(turning.train, knows), turning.test) for knows in (False, True))
    print(f"gated {mine:.4f}, single {plain:.4f}, single with the regime {informed:.4f}")
    assert plain - mine >= 0.015
    assert mine <= informed


def test_a_rare_regime_is_served_best_by_its_own_sub_model() -> None:
    losses: dict[str, list[float]] = {"gated": [], "single": [], "informed": []}
    shares = {1: 0.49, 2: 0.49, 3: 0.02}
    for seed in range(2):
        rare = world({1: 0.6, 2: 0.6, 3: -0.6}, shares, 18_000, seed, stretch=40)
        later = rare.test.take(rare.test.regime == 3)
        assert len(later) > 200
        losses["gated"].append(loss(gated(rare.train), later))
        losses["single"].append(loss(single(rare.train, False), later))
        losses["informed"].append(loss(single(rare.train, True), later))
    print(losses)
    means = {name: np.mean(values) for name, values in losses.items()}
    assert means["gated"] < min(means["single"], means["informed"])


def test_meaningless_regimes_cost_nothing_and_earn_no_trust() -> None:
    trusts, differences = [], []
    for seed in range(6):
        same = world({1: 0.5, 2: 0.5, 3: 0.5}, THIRDS, 3000, seed)
        model = gated(same.train)
        trusts += [verdict.trust for verdict in model.verdicts_.values()]
        differences.append(loss(model, same.test) - loss(single(same.train, False), same.test))
    print(f"mean trust {np.mean(trusts):.3f}, differences {np.round(differences, 4)}")
    assert np.mean(trusts) < 0.1
    assert max(differences) < 0.002


@pytest.mark.parametrize("seed", range(3))
def test_without_anything_to_learn_the_skill_interval_covers_zero(seed: int) -> None:
    nothing = world({1: 0.0, 2: 0.0, 3: 0.0}, THIRDS, 3000, seed)
    model = gated(nothing.train)
    rows = nothing.test
    labels = np.array([CLASSES.index(name) for name in rows.y])
    shares = np.array([(nothing.train.y == name).mean() for name in CLASSES])
    reference = log_loss(labels)(np.tile(shares, (len(rows), 1)))
    block = time_blocks(rows.time, 288)
    answers = model.answers(rows.X, rows.regime, rows.pair)
    sums = block_sums(answers, labels, rows.move, reference, block, int(block.max()) + 1)
    low, high = compared({"gated": sums}, "gated", 0.001, 1)["gated"]["skill_ci"]
    assert low <= 0 <= high
    assert low > -0.005
    forecast = model.forecast(rows.X, rows.regime, rows.pair)
    assert np.mean(np.abs(forecast.move) > 0.3) < 0.01


def test_the_gate_off_serves_the_sub_models_as_they_are(turning: World) -> None:
    model = gated(turning.train, gate=False)
    assert set(model.ensemble_.trust_.values()) == {1.0}
    assert {verdict.reason for verdict in model.verdicts_.values()} == {
        "gate is off: served as it is"
    }


def test_a_pair_that_moves_by_itself_earns_its_own_finish() -> None:
    effects = {1: 0.5, 2: 0.5, 3: 0.5}
    lonely = world(effects, THIRDS, own_effects={"CCC/USDT": -0.5})
    shared, finished = gated(lonely.train), gated(lonely.train, pair_trees=40)
    assert list(finished.finish_trust_) == ["CCC/USDT"] or finished.finish_trust_["CCC/USDT"] > 0.9
    own = lonely.test.pair == "CCC/USDT"
    alone, others = lonely.test.take(own), lonely.test.take(~own)
    assert loss(shared, alone) - loss(finished, alone) > 0.02
    assert loss(finished, others) < loss(shared, others) + 0.002


def test_trust_is_the_same_twice_and_with_two_threads(turning: World) -> None:
    models = [gated(turning.train, 20, jobs) for jobs in (1, 1, 2)]
    first, rows = models[0], turning.test
    answers = first.answers(rows.X, rows.regime, rows.pair)
    for other in models[1:]:
        assert other.verdicts_ == first.verdicts_
        assert other.pair_verdicts_ == first.pair_verdicts_
        assert other.ensemble_.trust_ == first.ensemble_.trust_
        np.testing.assert_array_equal(other.answers(rows.X, rows.regime, rows.pair), answers)


def test_verdicts_name_rows_scores_and_placebo(turning: World) -> None:
    for verdict in gated(turning.train).verdicts_.values():
        assert verdict.rows > 1000
        assert 0 < verdict.effective < verdict.judged
        assert {"frequencies", "base", "base_regime", "sub_model", "placebo"} == set(verdict.scores)
        assert verdict.scores["sub_model"] < verdict.scores["placebo"]
        assert verdict.reason


def test_calibration_is_not_fitted_on_what_is_tested(turning: World) -> None:
    model = gated(turning.train)
    assert model.calibrator_.fitted
    assert 0 < model.judged_rows_ < model.rows_
    assert set(model.ece_) == {"bull", "bear", "sideways"}
    assert all(entry["after"] < 0.05 for entry in model.ece_.values())


def test_a_proven_edge_is_served_and_an_unproven_one_is_not(turning: World) -> None:
    model = gated(turning.train)
    rows = turning.test
    move = model.forecast(rows.X, rows.regime, rows.pair).move
    assert np.corrcoef(move, rows.move)[0, 1] > 0.3
    # The served slope is a lower bound: what comes true is at least what was said.
    assert (move * rows.move).sum() / (move**2).sum() > 0.9


def test_without_rows_to_judge_by_the_base_serves() -> None:
    few = world({1: 0.5, 2: -0.5, 3: 0.5}, THIRDS, 400)
    first = few.train.take(few.train.time < few.train.time.min() + 10 * HORIZON)
    model = gated(first)
    assert model.judged_rows_ == 0
    assert not any(model.ensemble_.trust_.values())
    assert model.edge_.slopes == {}
