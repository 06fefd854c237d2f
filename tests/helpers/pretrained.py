"""A small backtest of several windows, its command line, and what two runs of it left behind."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from datasieve.pipeline import Pipeline

from inprocess import freqtrade_in
from project import QUICK, ROOT, Run


RANGE = "20241223-20241231"
"""Four windows of each pair."""
SMALL: dict[str, Any] = {
    "freqaimodel": QUICK["freqaimodel"],
    "freqai": {
        **QUICK["freqai"],
        **{"train_period_days": 3, "backtest_period_days": 2},
        "model_training_parameters": {"n_estimators": 4},
    },
    "regimeswitch": {
        **QUICK["regimeswitch"],
        "models": {"own_trees": 2, "min_rows": 50},
        "evidence": {"gate": False, "calibrate": False},
    },
}


@pytest.fixture(scope="session")
def serial_backtest(tmp_path_factory: pytest.TempPathFactory, market: Path) -> Run:
    """What ``freqtrade backtesting`` alone trains and trades."""
    with freqtrade_in(tmp_path_factory.mktemp("serial")) as freqtrade:
        run = freqtrade("backtesting", "--timerange", RANGE, config=small(), datadir=market)
    assert run.code == 0, run.log[-3000:]
    assert run.log.count("model fitted on") == 4
    return run


def small(**sections: dict[str, Any]) -> dict[str, Any]:
    """The small configuration with changes."""
    config = deepcopy(SMALL)
    for name, content in sections.items():
        config[name] |= content
    return config


def backtest_line(folder: Path, datadir: Path, *more: str, **sections: dict[str, Any]) -> list[str]:
    """``freqtrade backtesting`` as a user writes it, with a user folder in ``folder``."""
    (folder / "user_data").mkdir(exist_ok=True)
    config = folder / "mine.json"
    config.write_text(json.dumps(small(**sections)))
    return [
        *("freqtrade", "backtesting", "--config", str(ROOT / "config.json")),
        *("--config", str(config), "--timerange", RANGE),
        *("--userdir", str(folder / "user_data"), "--datadir", str(datadir)),
        *("--strategy-path", str(ROOT / "user_data/strategies")),
        *("--freqaimodel-path", str(ROOT / "user_data/freqaimodels"), *more),
    ]


def model_home(userdir: Path) -> Path:
    """The only model folder."""
    (home,) = (userdir / "models").iterdir()
    return home


def left_behind(userdir: Path) -> dict[str, Any]:
    """All files of the models, by name; those with folders in them without the folders.

    What a chart reads (``backtested``) is left out: it belongs to the backtest as a whole.
    """
    home, found = model_home(userdir), {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if not path.is_file() or name.startswith("backtested"):
            continue
        if path.name.endswith((".joblib", "digests.json", "run_params.json")):
            found[name] = "there"
        elif path.name.endswith(("_metadata.json", "pair_dictionary.json")):
            content = json.loads(path.read_text().replace(str(userdir), ""))
            # FreqAI's note of the window before, which it had in its hands.
            found[name] = content | {"filter_drop_index_prediction": 0}
        elif path.suffix == ".pkl":
            found[name] = _unshared(path.read_bytes())
        else:
            found[name] = path.read_bytes()
    return found


def _unshared(pickled: bytes) -> bytes:
    """The same objects, each written out where it is: equal texts may be one object, or two.

    A pipeline of datasieve also lists the steps of others, of any test of the process before.
    """
    known = cloudpickle.loads(pickled)
    if isinstance(known, Pipeline):
        known.fitparams = {name: known.fitparams[name] for name, _ in known.steps}
    written = io.BytesIO()
    pickler = cloudpickle.Pickler(written)
    pickler.fast = True
    pickler.dump(known)
    return written.getvalue()


def records(userdir: Path) -> dict[Path, int]:
    """Windows that are done, and when that was written down."""
    return {path: path.stat().st_mtime_ns for path in userdir.glob("models/*/*/candles.json")}


def wait_until(true: Callable[[], object], seconds: float = 240) -> None:
    """Look until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
