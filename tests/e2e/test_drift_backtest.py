"""Age and drift in backtests: measured with the training, applied without another."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from project import QUICK, Run
from regimeswitch.bot.freqai.recent_drift import FILE
from trainings import clean


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

WORDS = ("--timerange", "20241220-20241229", "--pairs", "BTC/USDT", "--cache", "none")


def signal(rows: str, **drift: Any) -> dict[str, Any]:
    config = deepcopy(QUICK)
    config["regimeswitch"] |= {"drift": drift}
    config["regimeswitch"]["models"] |= {"rows": rows}
    features = {"include_timeframes": ["5m"], "indicator_periods_candles": [12]}
    config["freqai"]["feature_parameters"] = features
    return config


def frame_of(run: Run) -> pd.DataFrame:
    (path,) = (run.userdir / "models").glob("*/backtested/*.feather")
    return pd.read_feather(path)


def measured(run: Run) -> dict[str, Any]:
    """Of all trainings, by day."""
    files = sorted((run.userdir / "models").glob(f"*/sub-train-*/{FILE}"))
    return {day: groups for path in files for day, groups in json.loads(path.read_text()).items()}


@pytest.mark.parametrize("rows", ["shared", "pair"])
def test_limits_need_no_new_training_and_keep_the_model_out(
    freqtrade_here: Callable[..., Run], market: Path, rows: str
) -> None:
    warned = freqtrade_here("backtesting", *WORDS, datadir=market, config=signal(rows))
    clean(warned)
    before, by_day = frame_of(warned), measured(warned)
    assert before["model_age"].max() == pytest.approx(7, abs=0.01)
    # One measure a day, of the group that serves it.
    days = before["date"].dt.strftime("%Y-%m-%d")
    predicted = before[(before["do_predict"] == 1) & (days != days.iloc[-1])]
    assert set(predicted["date"].dt.strftime("%Y-%m-%d")) <= set(by_day)
    for day, part in predicted.groupby(days):
        known = {round(one["psi"], 6) for one in by_day[str(day)].values()}
        assert set(part["feature_psi"]) <= known
    assert all(one["rows"] <= 7 * 24 for groups in by_day.values() for one in groups.values())
    assert any(one["worst"] for groups in by_day.values() for one in groups.values())

    config = signal(rows, max_model_age_days=2, max_psi=0, max_calibration_error=0, action="none")
    limited = freqtrade_here("backtesting", *WORDS, datadir=market, config=config)
    clean(limited)
    assert "model fitted" not in limited.log
    assert "the model is beyond a limit of drift" in limited.words
    after = frame_of(limited)
    beyond = before["model_age"] > 2
    assert (after["do_predict"] == before["do_predict"].mask(beyond, 0)).all()
    assert (after.loc[beyond, "buy"] == 0).all()
    pd.testing.assert_series_equal(after.loc[~beyond, "buy"], before.loc[~beyond, "buy"])
