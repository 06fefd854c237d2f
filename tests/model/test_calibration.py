"""Calibrated probabilities, and what a forecast is worth in money."""

from __future__ import annotations

import numpy as np
import pytest

from probabilities import sample
from regimeswitch.model.calibration import Calibrator, calibration_error
from regimeswitch.model.expected_return import (
    MAX_SLOPE,
    Edge,
    Slope,
    class_moves,
    measured,
    number_moves,
)


def sharpened(probabilities: np.ndarray, power: float) -> np.ndarray:
    raised = probabilities**power
    return raised / raised.sum(axis=1, keepdims=True)


def test_over_confidence_is_corrected_and_the_order_kept() -> None:
    truth, labels = sample()
    bold = sharpened(truth, 3)
    corrected = Calibrator().fit(bold[::2], labels[::2]).transform(bold)
    assert calibration_error(bold, labels) > 0.08
    assert calibration_error(corrected[1::2], labels[1::2]) < 0.015
    np.testing.assert_allclose(corrected.sum(axis=1), 1)
    np.testing.assert_array_equal(corrected.argmax(axis=1), bold.argmax(axis=1))


def test_no_row_has_no_answer() -> None:
    truth, labels = sample()
    calibrator = Calibrator().fit(sharpened(truth, 3), labels)
    assert calibrator.fitted
    assert calibrator.transform(truth[:0]).shape == (0, truth.shape[1])


def test_calibrated_probabilities_are_left_alone() -> None:
    truth, labels = sample()
    same = Calibrator().fit(truth, labels).transform(truth)
    assert np.abs(same - truth).max() < 0.02


def test_without_every_class_nothing_is_fitted() -> None:
    truth, labels = sample(200)
    calibrator = Calibrator().fit(truth[labels < 2], labels[labels < 2])
    assert not calibrator.fitted
    assert calibrator.transform(truth) is truth


def test_calibration_error_by_hand() -> None:
    always = np.tile([0.5, 0.25, 0.25], (4, 1))
    assert calibration_error(always, np.array([0, 0, 1, 2])) == 0
    assert calibration_error(always, np.array([0, 0, 0, 0])) == pytest.approx(1 / 3)
    assert np.isnan(calibration_error(always[:0], np.array([], dtype=np.int64)))


def test_a_class_stands_for_the_mean_move_of_its_rows() -> None:
    edge = class_moves(np.array([0, 0, 1, 2, 2]), 3, np.array([2.0, 4.0, 0.5, -2.0, np.nan]))
    assert edge.moves.tolist() == [3, 0.5, -2]
    assert edge.sizes.tolist() == [3, 0.5, 2]
    assert edge.typical == pytest.approx(8.5 / 4)
    size = edge.size(np.array([[0.5, 0.5, 0.0]]))
    assert size == pytest.approx([1.75])


def test_what_is_served_is_the_lower_bound() -> None:
    assert Slope(1.0, 0.2, 50).lower == pytest.approx(1 - 1.645 * 0.2)
    assert Slope(0.3, 0.2, 50).lower == 0
    assert Slope(9.0, 0.1, 50).lower == MAX_SLOPE
    assert Slope().lower == 0


def slopes(true_slope: float, seed: int, rows: int = 6000) -> Edge:
    rng = np.random.default_rng(seed)
    up = rng.uniform(0.1, 0.5, rows)
    answers = np.column_stack([up, np.full(rows, 0.4), 0.6 - up])
    edge = Edge(np.array([1.5, 0.0, -1.5]), np.array([1.5, 0.3, 1.5]))
    move = true_slope * (answers @ edge.moves) + rng.normal(size=rows)
    regime = np.repeat([1, 2, 3], rows // 3)
    return measured(edge, answers, regime, move, np.arange(rows) // 12)


def test_an_edge_is_proven_where_it_is_and_not_where_it_is_luck() -> None:
    true = slopes(1.0, 1)
    assert set(true.slopes) == {"bull", "bear", "sideways"}
    for slope in true.slopes.values():
        assert 0.4 < slope.lower < slope.measured < 1.5
    by_luck = [slope.lower > 0 for seed in range(40) for slope in slopes(0.0, seed).slopes.values()]
    assert np.mean(by_luck) < 0.12


def test_the_expected_move_is_zero_where_nothing_is_proven() -> None:
    edge = Edge(np.array([1.0, 0.0, -1.0]), np.ones(3), {"bull": Slope(1.0, 0.1, 50)})
    answers = np.array([[0.8, 0.1, 0.1]] * 4)
    move = edge.move(answers, np.array([0, 1, 2, 3]))
    assert move.tolist() == pytest.approx([0, 0.7 * (1 - 0.1645), 0, 0])


def test_sizes_are_scaled_to_what_came() -> None:
    edge = slopes(0.0, 3)
    ratio = edge.size_ratio(np.array([[0.3, 0.4, 0.3], [0.1, 0.8, 0.1]]))
    assert ratio[0] > ratio[1] > 0


def test_too_few_blocks_prove_nothing() -> None:
    edge = Edge(np.ones(1), np.ones(1))
    answers = np.ones((30, 1))
    got = measured(edge, answers, np.ones(30, dtype=np.int64), np.ones(30), np.arange(30) // 12)
    assert got.slopes["bull"].lower == 0


def test_a_regressor_has_the_usual_size_everywhere() -> None:
    edge = number_moves(np.array([1.0, -3.0, np.nan]))
    answers = np.array([[0.5], [-2.0]])
    assert edge.size(answers).tolist() == [2, 2]
    assert edge.size_ratio(answers).tolist() == [1, 1]
