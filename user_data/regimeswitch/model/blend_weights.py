"""One weight vector over class frequencies, base, sub-model and pair fine-tuning.

Validation finds it from the inside out: the sub-model against the base, by regime; the fine-tuned
model against both, by pair; and all models together against the class frequencies. Each share is
found on the blend before it, so that none is paid for the same gain twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.shrinkage import blend


Floats = NDArray[np.float64]

FREQUENCIES, BASE, SUB_MODEL, FINE_TUNED = "frequencies", "base", "sub_model", "fine_tuned"
COMPONENTS = (FREQUENCIES, BASE, SUB_MODEL, FINE_TUNED)
"""What is blended, in the order of the weight vector."""


@dataclass(frozen=True)
class BlendWeights:
    """The shares that validation found, and the weight vector that follows from them.

    :param sub_models: by regime name, share of the sub-model against the base, 0 to 1
    :param pairs: by pair, share of the fine-tuned model against base and sub-model, 0 to 1
    :param models: share of all models against class frequencies, 0 to 1

    >>> weights = BlendWeights({"bull": 0.5}, {"BTC/USDT": 0.2}, models=0.9)
    >>> weights.vector([1, 2], "BTC/USDT").round(2).tolist()
    [[0.1, 0.36, 0.36, 0.18], [0.1, 0.72, 0.0, 0.18]]
    """

    sub_models: Mapping[str, float] = field(default_factory=dict)
    pairs: Mapping[Any, float] = field(default_factory=dict)
    models: float = 1.0

    def sub_model(self, regime: ArrayLike) -> Floats:
        """Share of the regime's sub-model against the base.

        :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
        :return: shape (n,); 0 where the regime is UNKNOWN
        """
        codes = np.asarray(regime)
        result = np.zeros(len(codes))
        for code, name in NAMES.items():
            result[codes == code] = self.sub_models.get(name, 0.0)
        return result

    def fine_tuned(self, pair: Any, count: int) -> Floats:
        """Share of the pair's fine-tuned model against base and sub-model.

        :param pair: name of the pair of all rows, or an array of names, shape (n,)
        :param count: n
        :return: shape (n,)
        """
        names = np.broadcast_to(np.asarray(pair), (count,))
        result = np.zeros(count)
        for name, weight in self.pairs.items():
            result[names == name] = weight
        return result

    def vector(self, regime: ArrayLike, pair: Any) -> Floats:
        """Weight of each of :data:`COMPONENTS` in each row's answer.

        :param regime: codes, shape (n,)
        :param pair: name of the pair of all rows, or an array of names, shape (n,)
        :return: shape (n, 4), rows sum to 1
        """
        sub_model = self.sub_model(regime)
        fine_tuned = self.fine_tuned(pair, len(sub_model))
        shared = self.models * (1 - fine_tuned)
        return np.column_stack(
            [
                np.full(len(sub_model), 1 - self.models),
                shared * (1 - sub_model),
                shared * sub_model,
                self.models * fine_tuned,
            ]
        )

    def blended(self, answers: Mapping[str, Floats], regime: ArrayLike, pair: Any) -> Floats:
        """The weighted mean of the components' answers.

        It is taken share by share, as validation found them: a sum by :meth:`vector` rounds
        otherwise, and the fit of the calibration makes of the last digit the tenth.

        :param answers: by name of :data:`COMPONENTS`, each of shape (n, columns) or (columns,)
        :param regime: codes, shape (n,)
        :param pair: name of the pair of all rows, or an array of names, shape (n,)
        :return: shape (n, columns)
        """
        sub_model = self.sub_model(regime)[:, None]
        fine_tuned = self.fine_tuned(pair, len(sub_model))[:, None]
        shared = blend(answers[BASE], answers[SUB_MODEL], sub_model)
        models = blend(shared, answers[FINE_TUNED], fine_tuned)
        return blend(answers[FREQUENCIES], models, self.models)
