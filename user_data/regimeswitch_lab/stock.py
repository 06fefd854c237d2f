"""FreqAI's own LightGBMClassifier, called as FreqAI calls it, without a bot around it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.model.training_set import Rows


USUAL: dict[str, Any] = {
    "n_estimators": 150,
    "num_leaves": 31,
    "learning_rate": 0.05,
    "n_jobs": 1,
    "verbosity": -1,
}
"""Settings that FreqAI users usually give it; LightGBM's defaults for the rest."""


def stock_model(rows: Rows, parameters: Mapping[str, Any] = USUAL) -> Any:
    """The model that FreqAI's class trains on the rows of one pair; a LGBMClassifier.

    :param parameters: ``freqai.model_training_parameters``
    """
    # Not above: it loads every learner that FreqAI knows, which no other command needs.
    from freqtrade.freqai.prediction_models.LightGBMClassifier import LightGBMClassifier

    stock = LightGBMClassifier.__new__(LightGBMClassifier)
    stock.freqai_info = {
        "data_split_parameters": {"test_size": 0},
        "activate_tensorboard": False,
    }
    stock.model_training_parameters = {**parameters}
    stock.continual_learning = False
    stock.dd = SimpleNamespace(model_dictionary={})
    data = {
        "train_features": pd.DataFrame(rows.X),
        "train_labels": pd.DataFrame({"label": rows.y}),
        "train_weights": rows.weight,
    }
    return stock.fit(data, SimpleNamespace(pair="", data_path=None))


def stock_probabilities(rows: Rows, X: NDArray[np.float32], classes: list[str]) -> Any:
    """Probabilities of ``classes``, shape (n, classes); 0 for a class that the rows lack."""
    model = stock_model(rows)
    result = np.zeros((len(X), len(classes)))
    for column, name in enumerate(model.classes_):
        result[:, classes.index(str(name))] = model.predict_proba(X)[:, column]
    return result
