"""Trees of any learner, trained and asked in one way.

Rows are prepared once (binned, for boosting) and then trained on many times: all of them, or those
of one regime or pair, alone or on top of a base (warm start). Training goes tree by tree, so that
what a few trees show decides whether the rest is worth its time.

A model on top of a base is kept as its own part and a reference to the base: the base is stored
once and asked once for all that continue it. Boosting adds the scores of its parts; a forest, which
has no order, averages its trees, each with the same weight.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax


Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Trees(ABC):
    """A fitted model: its own trees, and those of the base that they continue.

    :ivar base: None where the own trees are all
    """

    base: Trees | None

    @abstractmethod
    def scores(self, X: Matrix, below: Floats | None = None) -> Floats:
        """What :meth:`answers` makes answers of.

        :param X: features, shape (n, features), without NaN; n at least 1
        :param below: scores of ``base`` for the same rows, where they are known already
        :return: shape (n, columns)
        """

    @abstractmethod
    def answers(self, scores: Floats) -> Floats:
        """Probabilities of all classes, or forecasts.

        :param scores: of :meth:`scores`
        :return: shape (n, classes), or (n, 1)
        """

    @abstractmethod
    def gains(self) -> Floats:
        """Gain of each feature in the own trees, shape (features,)."""


class Growing(ABC):
    """A model in training, which can be asked at any time."""

    @abstractmethod
    def grow(self, trees: int) -> Trees:
        """Add trees.

        :param trees: number
        :return: the model as it is now; trees that are added later may show in it
        """

    @abstractmethod
    def finished(self) -> Trees:
        """The model, to be kept: without the rows that it was trained on."""

    def own_scores(self) -> Floats | None:
        """Scores of the rows that it learns from, which a model on top of it may begin with.

        They give the answers that :meth:`Trees.scores` does, without asking the trees again.

        :return: shape (rows, columns); None where the learner does not keep them
        """
        return None


class PreparedRows(ABC):
    """Rows to train on, prepared once for all models of one learner."""

    @abstractmethod
    def begin(
        self, chosen: Mask | None = None, base: Trees | None = None, below: Floats | None = None
    ) -> Growing:
        """Begin a model.

        :param chosen: rows that it learns from, shape (n,); None = all
        :param base: fitted model of the same learner that it continues; None = none
        :param below: scores of ``base`` for all rows, shape (n, columns)
        """

    def with_columns(self, columns: Matrix) -> Self | None:
        """The rows with features more, prepared as if all had been given at first.

        :param columns: shape (n, number of them)
        :return: None where the learner must prepare all features anew
        """
        return None

    @abstractmethod
    def take(self, chosen: Mask, y: NDArray[Any]) -> Self:
        """Some of the rows, prepared as all of them are.

        :param chosen: shape (n,)
        :param y: their labels, shape (number chosen,)
        """


Link = Callable[[Floats], Floats]


def _of_two(scores: Floats) -> Floats:
    second = expit(scores)
    return np.column_stack([1 - second, second])


LINKS: dict[str, Link] = {
    "softmax": lambda scores: np.asarray(softmax(scores, axis=1)),
    "sigmoid": _of_two,
    "exp": lambda scores: np.asarray(np.exp(scores)),
    "identity": lambda scores: scores,
}
"""From the scores of boosted trees, shape (n, columns), to answers, by name."""
INVERSES: dict[str, Link] = {
    "softmax": np.log,
    "sigmoid": logit,
    "exp": np.log,
    "identity": lambda answers: answers,
}
"""From what a library calls predictions to scores of the same answers, by name of the link. Those
of classes are scores less a number for each row, which the link takes away again."""


class BoostedTrees(Trees):
    """Trees whose scores are sums, turned into answers by a link.

    :param booster: of the library
    :param link: a key of :data:`LINKS`
    :param base: see :class:`Trees`
    """

    def __init__(self, booster: Any, link: str, base: Trees | None) -> None:
        self.booster = booster
        self.link = link
        self.base = base

    def scores(self, X: Matrix, below: Floats | None = None) -> Floats:
        own = self._own_scores(X).reshape(len(X), -1)
        if self.base is None:
            return own
        return np.asarray((self.base.scores(X) if below is None else below) + own)

    def answers(self, scores: Floats) -> Floats:
        return LINKS[self.link](scores)

    @abstractmethod
    def _own_scores(self, X: Matrix) -> Floats:
        """Sum of the own trees, shape (n,) or (n, columns)."""
