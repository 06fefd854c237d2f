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
MIN_PROBABILITY = 1e-9
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

        :param probabilities: shape (n, classes), rows that sum to 1, no NaN
        :param labels: class numbers from 0, shape (n,); with a class that never occurs nothing is
            fitted
        :return: itself
        :raises ValueError: when there is something to fit and a probability is NaN

        A model that is 80 % sure and right in two of three cases is toned down:

        >>> labels = np.array([0, 1, 2] * 30)
        >>> sure = np.where(np.eye(3)[labels] == 1, 0.8, 0.1)
        >>> sure[::3] = [0.1, 0.8, 0.1]
        >>> calibrator = Calibrator().fit(sure, labels)
        >>> calibrator.transform(np.array([[0.8, 0.1, 0.1]])).round(2).tolist()
        [[0.67, 0.17, 0.17]]
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
        """Calibrated probabilities; the order of the classes in a row stays.

        :param probabilities: shape (n, classes), no NaN
        :return: the same shape, rows sum to 1; ``probabilities`` itself while nothing is fitted
        :raises ValueError: when fitted and a probability is NaN
        """
        if self._map is None or not len(probabilities):
            return probabilities
        result: Floats = self._map.predict_proba(_clipped(probabilities))
        return result


def calibration_error(probabilities: Floats, labels: Ints, bins: int = BINS) -> float:
    """Expected calibration error, averaged over classes; 0 is perfect.

    Rows are put in bins of equal width by the probability of one class; the error is the distance
    between mean probability and frequency, weighted by the rows of each bin, and averaged over
    classes (the classwise form: Kull et al., Beyond temperature scaling, 2019).

    :param probabilities: shape (n, classes), 0 to 1, no NaN
    :param labels: class numbers from 0, shape (n,)
    :param bins: number of bins between 0 and 1
    :return: a fraction; NaN when there are no rows

    Class 0 was given 80 % and came in 60 % of the rows:

    >>> labels = np.array([0, 0, 0, 1, 1])
    >>> round(calibration_error(np.full((5, 2), [0.8, 0.2]), labels), 6)
    0.2
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
    return np.clip(probabilities, MIN_PROBABILITY, 1.0)
