"""The rivals: FreqAI's own LightGBMClassifier with parameters that a user gives it."""

import json
import sys

from benchmarks.sides import REGULARISED, STOCK, STOCK_63
from regimeswitch.model.learners import CLASSIFIER_DEFAULTS, DEFAULTS


# One thread: on more LightGBM costs the stock model more CPU seconds, not fewer.
QUIET = {"n_jobs": 1, "verbosity": -1}
PARAMETERS = {
    # freqtrade's example configuration gives no parameter at all.
    STOCK: QUIET,
    STOCK_63: {**QUIET, "max_bin": 63},
    # What a careful user would do: the product's own base, one model a pair.
    REGULARISED: DEFAULTS["lightgbm"] | CLASSIFIER_DEFAULTS["lightgbm"],
}
"""``freqai.model_training_parameters`` by rival."""


if __name__ == "__main__":
    json.dump(PARAMETERS, sys.stdout)
