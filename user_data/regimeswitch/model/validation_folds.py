"""One fold of the validation: an ensemble that learns from earlier rows and answers for later ones.

Trees cost time, most candidates end without a weight, and their first trees show it (successive
halving: Jamieson and Talwalkar, "Non-stochastic best arm identification", 2016). So candidates of
one kind race: each gets :data:`FIRST_SHARE` of its trees in every fold, and only those that then
lower the loss on the later rows of all folds together get the rest. What goes on is the model that
it would have been without a race.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.ensemble_base import AskedRows
from regimeswitch.model.ensemble_training import PreparedRound
from regimeswitch.model.shrinkage import Loss
from regimeswitch.model.training_set import Rows
from regimeswitch.model.trees import Floats, Growing, Mask


Measure = Callable[[NDArray[Any]], Loss]
"""From the truth of some rows to the loss of answers to them."""
FIRST_SHARE = 0.25
"""Share of its trees that decides whether a candidate gets the rest."""
MIN_PAIR_ROWS = 300
"""Rows below which nothing is fine-tuned on a pair."""


@dataclass(frozen=True)
class Fold:
    """Rows to learn from, and rows to be answered for.

    :param train: earlier rows
    :param later: rows at least a label horizon later
    :param chosen: which of all rows ``train`` are, shape (all rows,)
    """

    train: Rows
    later: Rows
    chosen: Mask


def first_trees(trees: int) -> int:
    """Trees that decide whether a candidate gets the rest.

    :param trees: that it is to have, number

    >>> first_trees(40), first_trees(1)
    (10, 1)
    """
    return max(int(trees * FIRST_SHARE), 1)


@dataclass
class Contender:
    """A candidate for the later rows of one regime or pair.

    :param growing: in training
    :param trees: that it is to have, number
    :param rows: later rows of the fold
    :param asked: those that it answers for, shape (n,)
    :param races: it continues the base, so that its first trees can be held against it
    """

    growing: Growing
    trees: int
    rows: AskedRows
    asked: Mask
    races: bool

    def grown(self, trees: int) -> Floats:
        """Answers for the asked rows after so many further trees."""
        return self.rows.of(self.growing.grow(trees), self.asked)


class FoldTraining:
    """An ensemble on the earlier rows of a fold.

    :param whole: all rows, which the fold's are some of
    :param fold: rows to learn from, and later rows
    :param feature: the base sees the regime as features
    """

    def __init__(self, whole: PreparedRound, fold: Fold, feature: bool) -> None:
        self.train, self.later = fold.train, fold.later
        self.training = whole.part(fold.train, fold.chosen, feature)
        self.truth = self.training.ensemble.numbers(self.later.y)
        self._asked: AskedRows | None = None

    def grow_base(self, trees: int) -> Floats:
        """Answers of the base for the later rows after so many further trees."""
        self.training.grow_base(trees)
        self._asked = None
        return self.rows().base()

    def finish_base(self) -> None:
        """The base is complete: models may continue it."""
        ensemble = self.training.ensemble
        grown = ensemble.base_
        self.training.finish_base()
        if ensemble.base_ is not grown:
            self._asked = None

    def rows(self) -> AskedRows:
        """The later rows, to be asked about."""
        if self._asked is None:
            self._asked = self.training.ensemble.asked(self.later.X, self.later.regime)
        return self._asked

    def regimes(self) -> dict[Hashable, Contender]:
        """The sub-models of regimes, by name; of those that can have one and have later rows."""
        ensemble, rows = self.training.ensemble, self.rows()
        _, refusals = self.training.possible(self.train.regime)
        result: dict[Hashable, Contender] = {}
        for code, name in NAMES.items():
            asked = self.later.regime == code
            if refusals[name] or not asked.any():
                continue
            growing, trees = self.training.sub_model(name, self.train.regime == code)
            races = ensemble.sub_models == "warm_start" and name not in (ensemble.learners or {})
            result[name] = Contender(growing, trees, rows, asked, races)
        return result

    def pairs(self, trees: int) -> dict[Hashable, Contender]:
        """The base fine-tuned on each pair with enough rows, by name.

        :param trees: number; 0 = none
        """
        rows = self.rows()
        wanted = pairs_with_rows(self.train) if trees else []
        return {
            name: Contender(
                self.training.on_base(self.train.pair == name), trees, rows, asked, True
            )
            for name in wanted
            if (asked := self.later.pair == name).any()
        }


def raced(
    folds: Sequence[FoldTraining],
    parts: Sequence[Mapping[Hashable, Contender]],
    base: Sequence[Floats],
    measure: Measure,
    stops: bool,
) -> tuple[list[Floats], frozenset[Hashable]]:
    """Answers of the parts of each fold, and those of the base elsewhere.

    :param parts: candidates by name, of each fold
    :param base: answers of the base of each fold for its later rows
    :param measure: from a truth to the loss that decides
    :param stops: a candidate whose first trees do not lower the loss gets no more
    :return: answers of each fold, shape (n, columns), and the names of those that were stopped
    """
    jobs = folds[0].training.ensemble.jobs
    every = [(number, name) for number, own in enumerate(parts) for name in own]
    racing = {name for number, name in every if stops and parts[number][name].races}
    gains: dict[Hashable, float] = dict.fromkeys(racing, 0.0)
    result = [given.copy() for given in base]

    def grow(tasks: list[tuple[int, Hashable]], trees: Callable[[int], int]) -> None:
        grown = Parallel(n_jobs=jobs, prefer="threads")(
            delayed(parts[number][name].grown)(trees(parts[number][name].trees))
            for number, name in tasks
        )
        for (number, name), answers in zip(tasks, grown, strict=True):
            result[number][parts[number][name].asked] = answers

    first = [(number, name) for number, name in every if name in racing]
    grow(first, first_trees)
    for number, name in first:
        asked = parts[number][name].asked
        loss = measure(folds[number].truth[asked])
        gains[name] += float((loss(base[number][asked]) - loss(result[number][asked])).sum())
    stopped = frozenset(name for name, gain in gains.items() if gain <= 0)
    grow([one for one in first if one[1] not in stopped], lambda trees: trees - first_trees(trees))
    grow([one for one in every if one[1] not in racing], lambda trees: trees)
    return result, stopped


def pairs_with_rows(rows: Rows) -> list[Any]:
    """Pairs with at least :data:`MIN_PAIR_ROWS` rows; none when there is only one pair.

    :param rows: of all pairs
    :return: names, sorted
    """
    names, counts = np.unique(rows.pair, return_counts=True)
    if len(names) < 2:
        return []
    return [name for name, count in zip(names, counts, strict=True) if count >= MIN_PAIR_ROWS]
