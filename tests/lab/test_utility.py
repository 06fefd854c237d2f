"""``regimeswitch prove --utility``: the verdict by hand, and the command on a small market."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets import random_market
from project import ROOT
from regimeswitch.bot.trial_ledger import append, trials_of
from regimeswitch.settings import load_settings
from regimeswitch_lab.cli import main
from regimeswitch_lab.prove.candidates import Recipe, Window
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.prove.utility_forecasts import Asked, SizeData, asked_places, size_rows
from regimeswitch_lab.prove.utility_proof import (
    RULE,
    SIZE,
    VETO,
    is_proven,
    proof_hash,
    with_addition,
)
from regimeswitch_lab.prove.utility_table import sentences
from regimeswitch_lab.prove.utility_variants import on_clock
from regimeswitch_lab.prove.utility_verdict import CERTAIN, deflated_difference, differences, judged


HELD = load_settings({"entries": {"mode": "position"}})
RECIPE = Recipe(HELD, {}, True, "5m")
DAYS = 720


def returns_of(gains: dict[str, float], noise: float = 0.001, seed: int = 0) -> dict[str, Any]:
    """Daily returns of a rule, and of variants that gain so much more, with noise of their own."""
    rng = np.random.default_rng(seed)
    rule = rng.normal(0.0005, 0.02, DAYS)
    made = {name: rule + gain + rng.normal(0, noise, DAYS) for name, gain in gains.items()}
    return {RULE: rule, **made}


GAINS = {"veto/regimes": 0.0005, "veto/one_model": 0.0, "veto/placebo": 0.0}


def verdict_of(gains: dict[str, float], trials: int = 2, noise: float = 0.001) -> dict[str, Any]:
    returns = returns_of(gains, noise)
    deflated = deflated_difference(returns["veto/regimes"], returns[RULE], trials)
    return judged(VETO, differences(returns, RULE), deflated)


def test_a_gain_on_most_days_is_proven() -> None:
    assert verdict_of(GAINS) == {"proven": True, "missing": []}


def test_differences_are_what_they_are_by_hand() -> None:
    returns = returns_of(GAINS)
    found = differences(returns, RULE)
    assert RULE not in found
    own = returns["veto/regimes"] - returns[RULE]
    mean = found["veto/regimes"]["mean"]
    assert mean["mean"] == pytest.approx(own.mean())
    assert mean["ci"][0] < own.mean() < mean["ci"][1]
    ratios = [values.mean() / values.std() * np.sqrt(365) for values in returns.values()]
    assert found["veto/regimes"]["sharpe"]["mean"] == pytest.approx(ratios[1] - ratios[0])


@pytest.mark.parametrize(
    ("gains", "noise", "words"),
    [
        ({**GAINS, "veto/regimes": 0.0}, 0.001, "in mean daily return reaches below zero"),
        ({**GAINS, "veto/regimes": 0.0}, 0.001, "in Sharpe ratio reaches below zero"),
        ({**GAINS, "veto/one_model": 0.001}, 0.001, "one model for all regimes does as well in"),
        ({**GAINS, "veto/placebo": 0.001}, 0.001, "shuffled regimes do as well in Sharpe ratio"),
        (GAINS, 0.02, f"below {CERTAIN}"),
    ],
)
def test_what_is_missing_is_said(gains: dict[str, float], noise: float, words: str) -> None:
    found = verdict_of(gains, noise=noise)
    assert not found["proven"]
    assert any(words in one for one in found["missing"]), found["missing"]


def test_more_trials_need_more_proof() -> None:
    returns = returns_of({**GAINS, "veto/regimes": 0.00012})
    found = [
        deflated_difference(returns["veto/regimes"], returns[RULE], count)
        for count in (1, 2, 100, 10_000)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > CERTAIN > found[-1]


def test_an_addition_that_changes_nothing_proves_nothing() -> None:
    returns = returns_of(GAINS)
    same = dict.fromkeys(returns, returns[RULE])
    assert deflated_difference(same["veto/regimes"], same[RULE], 2) is None
    found = judged(VETO, differences(same, RULE), None)
    assert not found["proven"]
    assert (
        "the deflated Sharpe ratio of the difference is undefined, below 0.95" in found["missing"]
    )


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 50), cut=st.integers(1, 100))
def test_an_answer_stands_in_the_candle_after_it(seed: int, cut: int) -> None:
    """And a market that ends sooner knows the same answers in its candles."""
    market = random_market(200, 1, 0)
    numbers = market.moments // 3600
    rng = np.random.default_rng(seed)
    time = np.sort(rng.choice(np.arange(numbers[0] - 20, numbers[-1] + 20), 60, replace=False))
    nothing = np.zeros(len(time))
    data = PairData(
        *("P0/USDT", nothing[:, None], nothing.astype(str), nothing.astype(np.int64), time),
        *(nothing, nothing, nothing.astype(bool), ("x",)),
    )
    values = rng.uniform(0.1, 1, len(time))
    one = Asked(np.arange(len(time)), {})
    found = on_clock(market, data, one, values)
    for number, value in zip(time, values, strict=True):
        row = number + 1 - numbers[0]
        if 0 <= row < len(numbers):
            assert found[row] == value
    assert (found > 0).sum() == np.isin(time + 1, numbers).sum()
    earlier = time < time[-cut % len(time)]
    kept = on_clock(market, data, Asked(np.flatnonzero(earlier), {}), values[earlier])
    np.testing.assert_array_equal(kept[kept > 0], found[kept > 0])


def test_no_training_row_knows_a_candle_after_its_window() -> None:
    rows = 3000
    time = np.arange(rows, dtype=np.int64) + 10_000
    known, labels = np.zeros((rows, 4)), np.full(rows, "hold")
    whole = np.ones(rows)
    data = PairData(
        "A", whole[:, None], labels, np.ones(rows, int), time, whole, whole, whole, ("x",)
    )
    window = Window(10_500, 12_000, 12_500)
    found = size_rows(data, SizeData(known, whole), window, "5m")
    assert found.X.shape == (12_000 - 288 - 10_500, 5)
    assert (found.time.min(), found.time.max()) == (10_500, 12_000 - 288 - 1)
    unknown = SizeData(np.full((rows, 4), np.nan), whole)
    assert len(size_rows(data, unknown, window, "5m")) == 0
    # Every candle of a wanted regime is asked about, and one an hour of the others.
    assert len(asked_places(data, window, RECIPE)) == 500
    other = replace(data, regime=np.full(rows, 3))
    assert (time[asked_places(other, window, RECIPE)] % 12 == 0).all()
    assert len(asked_places(other, window, RECIPE)) in (41, 42)


def test_a_proof_is_of_these_settings_alone(tmp_path: Path) -> None:
    ledger = tmp_path / "trials.jsonl"
    freqai = {"feature_parameters": {"include_timeframes": ["5m"]}, "identifier": "mine"}
    hashed = proof_hash(with_addition(HELD, VETO), freqai, 120, "5m")
    assert is_proven(hashed, [ledger]) is None
    for proven in (True, False):
        result = {"addition": VETO, "proven": proven}
        append(ledger, "prove --utility", hashed, "c", ["BTC/USDT"], "2023", result)
        assert is_proven(hashed, [tmp_path / "none", ledger]) is proven
    others = [
        (with_addition(HELD, SIZE), freqai, 120, "5m"),
        (with_addition(HELD, VETO), {**freqai, "feature_parameters": {}}, 120, "5m"),
        (with_addition(HELD, VETO), freqai, 60, "5m"),
        (with_addition(HELD, VETO), freqai, 120, "15m"),
        (with_addition(load_settings({"labels": {"horizon": 24}}), VETO), freqai, 120, "5m"),
    ]
    for other in others:
        assert is_proven(proof_hash(*other), [ledger]) is None
    # The number of processors and an identifier prove and disprove nothing.
    models = HELD.models.model_copy(update={"jobs": 7})
    same = with_addition(HELD.model_copy(update={"models": models}), VETO)
    assert proof_hash(same, {**freqai, "identifier": "yours"}, 120, "5m") == hashed


def test_sentences_name_what_is_missing() -> None:
    figures = {
        "additions": {
            "veto": {"proven": True, "missing": []},
            "size": {"proven": False, "missing": ["one", "two"]},
        }
    }
    assert sentences(figures) == ["veto: proven.", "size: not proven (one; two)."]


QUICK: dict[str, Any] = {
    "freqaimodel": "RegimeSwitchRegressor",
    "freqai": {
        "train_period_days": 20,
        "model_training_parameters": {"n_estimators": 15, "learning_rate": 0.2},
    },
    "regimeswitch": {
        "models": {"own_trees": 5, "min_rows": 100, "row_step": 12},
        "entries": {"mode": "position"},
        "risk": {"volatility_half_life_days": 2, "size_from": "forecast"},
    },
}


def line(market: Path, folder: Path, *more: str, **sections: Any) -> list[str]:
    """The command on the demo market; ``sections`` over those of :data:`QUICK`."""
    overlay = folder / "quick.json"
    section = {**QUICK["regimeswitch"], **sections}
    overlay.write_text(json.dumps({**QUICK, "regimeswitch": section}))
    config = ["--config", str(ROOT / "config.json"), str(overlay)]
    places = ["--datadir", str(market), "--work", str(folder / "work")]
    pairs = ["--pairs", "BTC/USDT", "ETH/USDT", "--timerange", "20241211-20241231"]
    return ["prove", *config, *places, *pairs, "--step-days", "10", "--jobs", "1", *more]


@pytest.mark.slow
def test_the_command_judges_and_keeps_a_ledger(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = tmp_path / "utility.json"
    words = line(market, tmp_path, "--utility", "--export", str(export))
    assert main(words) == 0
    figures = json.loads(export.read_text())
    names = [RULE, *(f"{a}/{k}" for a in (VETO, SIZE) for k in ("regimes", "one_model", "placebo"))]
    assert list(figures["variants"]) == names
    assert figures["windows"] == 2
    for name, one in figures["variants"].items():
        assert one["trades"] > 0
        assert ("vs_rule" in one) is (name != RULE)
    # A training of 20 days proves nothing, so that the models speak against no entry.
    for kind in ("regimes", "one_model", "placebo"):
        assert figures["variants"][f"veto/{kind}"]["vs_rule"]["mean"]["mean"] == 0
    assert figures["variants"]["size/regimes"]["vs_rule"]["mean"]["mean"] != 0
    for one in figures["sizes"].values():
        assert {"EWMA", "HAR", "regimes", "one_model", "placebo", "rows"} == set(one)
    assert [one["proven"] for one in figures["additions"].values()] == [False, False]
    entries = trials_of(tmp_path / "trials.jsonl")
    assert [(one.command, one.result["addition"]) for one in entries] == [
        ("prove --utility", VETO),
        ("prove --utility", SIZE),
    ]
    said = " ".join(capsys.readouterr().out.split())
    assert "veto: not proven (" in said and "size: not proven (" in said
    # Finished windows are kept: the same again is told at once, and is no further trial.
    stamps = [path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*/*.npz")]
    assert main(words) == 0
    again = json.loads(export.read_text())
    assert again["variants"].keys() == figures["variants"].keys()
    assert again["trials"]["additions"] == figures["trials"]["additions"] == 2
    assert stamps == [path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*/*.npz")]


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"entries": {"mode": "signal"}, "risk": {}}, 'set it to "position"'),
        ({"models": {"rows": "pair"}}, 'models.rows "pair": prove --utility trains on the rows'),
        ({"models": {"sub_models": "none"}}, 'models.sub_models "none": there is no model that'),
        ({"risk": {"rebalance_band": 0.2, "veto_scale": 0.5}}, "set one of them to 0"),
    ],
)
def test_what_cannot_be_judged_is_named(
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    sections: dict[str, Any],
    words: str,
) -> None:
    assert main(line(market, tmp_path, "--utility", **sections)) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_an_unknown_addition_is_named(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line(market, tmp_path, "--utility", "luck"))
    assert ended.value.code == 2
    assert "invalid choice: 'luck'" in capsys.readouterr().err
