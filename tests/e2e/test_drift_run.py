from __future__ import annotations
import json, pytest
from copy import deepcopy
from project import QUICK
import pandas as pd
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

def test_x(freqtrade_here, market):
    config = deepcopy(QUICK)
    config["freqaimodel"] = "RegimeSwitchRegressor"
    config["regimeswitch"] = {"models": {"own_trees": 5, "min_rows": 50}, "drift": {"max_psi": 0.01}}
    run = freqtrade_here("backtesting", "--timerange", "20241215-20241229", datadir=market, config=config)
    print(run.log[-1500:])
    assert run.code == 0
    for p in sorted((run.userdir / "models").rglob("*")):
        if "backtested" in str(p) and p.suffix == ".feather":
            f = pd.read_feather(p); print(f.iloc[::288].T.to_string())
        if p.name == "drift.json":
            print(p, p.read_text()[:1500])
