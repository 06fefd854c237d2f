"""Time of one training round: all pairs with shared rows and validation, against stock trainings.

Prints the ratio to FreqAI's LightGBMClassifier (150 trees, 31 leaves), and to one regularised model
per pair with this package's own parameters, both trained pair after pair on all rows of the same
window, in the same process, on one thread. Below 1 the round with its validation is cheaper.
``python benchmarks/training_round.py --help`` for other candles.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from regimeswitch.market.feature_blocks import FeaturePlan
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.labels import CLASSES
from regimeswitch.model.factory import unfitted_ensemble, unfitted_model
from regimeswitch.model.learners import make_learner
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import load_settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.prove.candidates import Recipe, Window, shared_training, training_rows
from regimeswitch_lab.prove.dataset import pair_data, with_common_features
from regimeswitch_lab.stock import stock_model
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


PAIRS = [f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "ADA", "XRP", "LINK")]


def seconds_of(work: Callable[[], object]) -> float:
    """CPU time of this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def regularised(rows: Rows) -> object:
    """A careful user's model of one pair: the parameters of a base, nothing validated."""
    return make_learner("lightgbm", "classifier").fit(rows.X, rows.y, sample_weight=rows.weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datadir", type=Path, help="candles; default: a synthetic market")
    parser.add_argument("--pairs", nargs="+", default=PAIRS)
    parser.add_argument("--train-days", type=int, default=120)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--export", type=Path)
    args = parser.parse_args()
    settings = load_settings({"models": {"jobs": 1}})
    with tempfile.TemporaryDirectory() as folder:
        datadir = args.datadir or Path(folder)
        if not args.datadir:
            end = datetime(2025, 1, 1, tzinfo=UTC)
            write_market(synthetic_market(args.pairs, args.train_days + 30, end, seed=1), datadir)
        candles = CandleFolder(datadir)
        plan = FeaturePlan.of({}, "5m")
        pairs = with_common_features([pair_data(candles, p, settings, plan) for p in args.pairs])
    last = min(int(data.time.max()) for data in pairs)
    window = Window(last - args.train_days * DAY_CANDLES, last, last)
    recipe = Recipe(settings, {}, shares=True, timeframe="5m")
    own = [training_rows(data, window, recipe.horizon) for data in pairs]
    shared = shared_training(own, recipe)
    ensemble = unfitted_ensemble(settings.models, "classifier", {}, list(CLASSES))
    rounds = []
    for _ in range(args.repeat):
        stock = seconds_of(lambda: [stock_model(rows) for rows in own])
        mine = seconds_of(lambda: unfitted_model(ensemble, settings, True, "5m").fit(shared))
        careful = seconds_of(lambda: [regularised(rows) for rows in own])
        seconds = {"stock_seconds": stock, "regularised_seconds": careful, "round_seconds": mine}
        ratios = {"ratio": mine / stock, "regularised_ratio": mine / careful}
        rounds.append(seconds | ratios)
        print(
            f"stock {stock:.1f} s, regularised {careful:.1f} s, round {mine:.1f} s, "
            f"ratio {mine / stock:.2f} and {mine / careful:.2f}",
            flush=True,
        )
    if args.export:
        args.export.write_text(json.dumps({"pairs": args.pairs, "rounds": rounds}, indent=2))


if __name__ == "__main__":
    main()
