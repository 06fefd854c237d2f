"""Classes that a regime, or every row, lacks keep their column."""

from __future__ import annotations

import numpy as np
import pytest

from ensembles import CLASSES, LEARNERS, Data, classifier, data
from regimeswitch.market.hysteresis import BULL


__all__ = ["data"]
MODES = ("separate", "warm_start")
both_modes = pytest.mark.parametrize("mode", MODES)
all_learners = pytest.mark.parametrize("name", LEARNERS)


@both_modes
@all_learners
def test_a_class_absent_in_a_regime_keeps_the_columns(name: str, mode: str, data: Data) -> None:
    y = np.where((data.regime == BULL) & (data.y == "buy"), "sell", data.y)
    model = classifier(name, sub_models=mode).fit(data.X, y, data.regime)
    assert model.classes_.tolist() == list(CLASSES)
    found = model.predict_proba(data.X, data.regime)
    assert found.shape == (len(data.X), 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    bull = data.regime == BULL
    if mode == "separate":
        # Column order: what bull never saw is improbable there, not another class.
        assert found[bull, 0].max() < 0.2
    truth = y[bull]
    assert (model.predict(data.X, data.regime)[bull] == truth).mean() > 0.5


@both_modes
@all_learners
def test_a_class_no_row_has_keeps_its_column(name: str, mode: str, data: Data) -> None:
    y = np.where(data.y == "buy", "hold", data.y)
    model = classifier(name, sub_models=mode).fit(data.X, y, data.regime)
    for codes in (data.regime, np.zeros(len(data.X))):
        found = model.predict_proba(data.X, codes)
        assert found.shape[1] == 3
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
        assert found[:, 0].max() < 0.2
        assert set(model.predict(data.X, codes)) <= {"hold", "sell"}
