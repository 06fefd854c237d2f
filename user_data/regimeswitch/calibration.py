"""Calibrated probabilities, and how far they are from what happens.

The map from served to calibrated probabilities is scikit-learn's, fitted on rows that the models
behind the probabilities did not learn from. Temperature scaling has one parameter, keeps the
order of the classes and cannot overfit (Guo, Pleiss, Sun and Weinberger, On Calibration of Modern
Neural Networks, 2017).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_PROBABILITY = 1e-9
BINS = 15


class _Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose features ARE the probabilities it gives."""

    def __init__(self, count: int = 3) -> None:
        self.count = count

    def fit(self, X: Floats, y: Any = None) -> Self:
        self.classes_ = np.arange(self.count)
        return self

    def predict_proba(self, X: Floats) -> Floats:
        return X

    def predict(self, X: Floats) -> Ints:
        return np.asarray(X.argmax(axis=1))


class Calibrator:
    """Temperature scaling of class probabilities.

    :ivar fitted: False as long as there was nothing to fit it on; it then changes nothing
    """

    def __init__(self) -> None:
        self.fitted = False
        self._map: CalibratedClassifierCV | None = None

    def fit(self, probabilities: Floats, labels: Ints) -> Self:
        """Fit on rows that the models did not learn from.

        :param probabilities: shape (n, classes)
        :param labels: class numbers, shape (n,); with a class that never occurs nothing is fitted
        """
        count = probabilities.shape[1]
        if len(np.unique(labels)) < count:
            return self
        given = _Given(count).fit(probabilities)
        self._map = CalibratedClassifierCV(FrozenEstimator(given), method="temperature")
        self._map.fit(_clipped(probabilities), labels)
        self.fitted = True
        return self

    def transform(self, probabilities: Floats) -> Floats:
        """Calibrated probabilities, shape (n, classes); rows sum to 1."""
        if self._map is None or not len(probabilities):
            return probabilities
        result: Floats = self._map.predict_proba(_clipped(probabilities))
        return result


def calibration_error(probabilities: Floats, labels: Ints, bins: int = BINS) -> float:
    """Expected calibration error, averaged over classes; 0 is perfect.

    Rows are put in bins of equal width by the probability of one class; the error is the distance
    between mean probability and frequency, weighted by the rows of each bin, and averaged over
    classes (the classwise form: Kull et al., Beyond temperature scaling, 2019).
    """
    if not len(labels):
        return float("nan")
    errors = []
    for number in range(probabilities.shape[1]):
        given, happened = probabilities[:, number], labels == number
        place = np.minimum((given * bins).astype(np.int64), bins - 1)
        distance = np.bincount(place, weights=given - happened, minlength=bins)
        errors.append(np.abs(distance).sum() / len(labels))
    return float(np.mean(errors))


def _clipped(probabilities: Floats) -> Floats:
    return np.clip(probabilities, LEAST_PROBABILITY, 1.0)
