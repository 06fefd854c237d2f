"""Which features the models split by: the share of each in the gain of a model's trees.

Gain is what LightGBM and XGBoost call the fall of the loss by the splits of a feature; a forest's
is the mean decrease in impurity (Breiman, Random forests, 2001). Both favour features with many
values and say nothing about how well a model forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.ensemble_base import RegimeEnsemble


BASE = "base"
TOP = 25
"""Features of a model that are kept."""
DIGITS = 4


def feature_shares(
    ensemble: RegimeEnsemble, names: Sequence[str], top: int = TOP
) -> dict[str, dict[str, float]]:
    """Gain shares of the most used features, by model: :data:`BASE` and each regime's sub-model.

    Of a sub-model that continues the base's trees only its own trees count, which have learned
    from its regime's rows alone.

    :param ensemble: fitted
    :param names: of the features that it was fitted on, in their order
    :param top: features that are kept of each model
    :return: shares of the whole gain of a model, 0 to 1, largest first; features without gain are
        left out. Empty where ``names`` are not as many as the features
    """
    if len(names) != ensemble.n_features_in_:
        return {}
    flags = [f"regime {name}" for name in NAMES.values()] if ensemble.regime_feature else []
    models = {BASE: ensemble.base_, **ensemble.estimators_}
    return {name: _largest(one.gains(), [*names, *flags], top) for name, one in models.items()}


def _largest(gains: NDArray[np.float64], names: Sequence[str], top: int) -> dict[str, float]:
    total = gains.sum()
    order = np.argsort(-gains, kind="stable")[:top]
    return {names[row]: round(float(gains[row] / total), DIGITS) for row in order if gains[row] > 0}
