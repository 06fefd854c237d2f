"""One training round in a process of its own: the product's, or a rival's pair after pair.

``rows`` writes the rows that all of them learn from, ``fit`` learns from them and prints what it
has cost and what it was given.
"""

import argparse
import hashlib
import importlib
import json
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from benchmarks.rivals import PARAMETERS
from benchmarks.sides import PRODUCT
from benchmarks.sizes import pairs
from regimeswitch.market.feature_blocks import FeaturePlan
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.labels import CLASSES
from regimeswitch.model.factory import unfitted_ensemble, unfitted_model
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import load_settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.prove.candidates import Recipe, Window, shared_training, training_rows
from regimeswitch_lab.prove.dataset import pair_data, with_common_features
from regimeswitch_lab.stock import stock_model


SETTINGS = load_settings({"entries": {"mode": "signal"}, "models": {"jobs": 1}})
STOCK_CLASS = "freqtrade.freqai.prediction_models.LightGBMClassifier"
RECIPE = Recipe(SETTINGS, {}, shares=True, timeframe="5m")


def write_rows(candles: Path, number: int, days: int, out: Path) -> None:
    """Training rows of the first pairs of a market, one set of rows a pair."""
    folder, plan = CandleFolder(candles), FeaturePlan.of({}, "5m")
    data = with_common_features([pair_data(folder, one, SETTINGS, plan) for one in pairs(number)])
    last = min(int(one.time.max()) for one in data)
    window = Window(last - days * DAY_CANDLES, last, last)
    rows = [training_rows(one, window, RECIPE.horizon) for one in data]
    joblib.dump({"end": last, "rows": rows}, out)


def read_rows(path: Path, number: int, days: int) -> list[Rows]:
    """Those of the first pairs in the last days before the end of the window."""
    found = joblib.load(path)
    begin = found["end"] - days * DAY_CANDLES
    return [one.take(one.time >= begin) for one in found["rows"][:number]]


def fit(side: str, rows: list[Rows]) -> None:
    """Train on the rows of all pairs, as this side does it."""
    if side == PRODUCT:
        ensemble = unfitted_ensemble(SETTINGS.models, "classifier", {}, list(CLASSES))
        model = unfitted_model(ensemble, SETTINGS, RECIPE.shares, RECIPE.timeframe)
        model.fit(shared_training(rows, RECIPE))
        return
    for one in rows:
        stock_model(one, PARAMETERS[side])


def digest(rows: list[Rows]) -> str:
    """Of features and labels, pair after pair."""
    found = hashlib.sha256()
    for one in rows:
        for array in (one.X, one.y, one.time):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def measured(side: str, rows: list[Rows]) -> dict[str, Any]:
    """What the round has cost this process, and the rows it was given."""
    before = digest(rows)
    # What is loaded once a process is no part of a round.
    importlib.import_module("lightgbm" if side == PRODUCT else STOCK_CLASS)
    begin = time.process_time()
    fit(side, rows)
    seconds = time.process_time() - begin
    return {"seconds": seconds, "rows": sum(map(len, rows)), "digest": before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("rows")
    writing.add_argument("candles", type=Path)
    writing.add_argument("pairs", type=int)
    writing.add_argument("days", type=int)
    writing.add_argument("out", type=Path)
    fitting = commands.add_parser("fit")
    fitting.add_argument("side", choices=[PRODUCT, *PARAMETERS])
    fitting.add_argument("pairs", type=int)
    fitting.add_argument("days", type=int)
    fitting.add_argument("rows", type=Path)
    args = parser.parse_args()
    if args.command == "rows":
        write_rows(args.candles, args.pairs, args.days, args.out)
        return
    print(json.dumps(measured(args.side, read_rows(args.rows, args.pairs, args.days))))


if __name__ == "__main__":
    main()
