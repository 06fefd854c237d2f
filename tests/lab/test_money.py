"""``regimeswitch money`` as a user runs it, on the demo market."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import forked
from offlines import exit_code
from project import ROOT
from regimeswitch.bot.trial_ledger import KNOWN, NAME, trials_of
from regimeswitch.settings import load_settings
from regimeswitch_lab.money.compared import COMPUTED
from regimeswitch_lab.money.mode_overlay import in_mode
from regimeswitch_lab.money.money_command import add_parser
from regimeswitch_lab.money.money_table import LABELS
from regimeswitch_lab.money.tested import merged


# A half-life of two days, so that the volatility is known within the small market.
SECTION: dict[str, Any] = {
    "entries": {"mode": "position", "regimes": ["bull"]},
    "risk": {"stake_fraction": 1.0, "volatility_half_life_days": 2},
}
RANGE = "20241125-20250101"
FIGURES = [
    *("trades", "win_rate", "exposure", "turnover", "fees", "cagr", "sharpe", "sortino", "calmar"),
    *("max_drawdown", "worst_month"),
]
Money = Callable[..., int]


@pytest.fixture
def money(market: Path, tmp_path: Path) -> Money:
    def run(*more: str, section: dict[str, Any] | None = None, **keys: Any) -> int:
        content = json.loads((ROOT / "config.json").read_text()) | keys
        content["regimeswitch"] = SECTION if section is None else section
        config = tmp_path / "config.json"
        config.write_text(json.dumps(content))
        return exit_code(
            *("money", "--datadir", str(market), "--pairs", "BTC/USDT", "ETH/USDT"),
            *("--timerange", RANGE, "--config", str(config), "--work", str(tmp_path / "work")),
            *more,
        )

    return run


def test_everything_that_needs_no_model_in_one_run(
    money: Money, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, chart = tmp_path / "money.json", tmp_path / "money.png"
    assert money("--export", str(export), "--chart", str(chart)) == 0
    assert chart.read_bytes().startswith(b"\x89PNG")
    figures = json.loads(export.read_text())
    assert set(figures["variants"]) == set(COMPUTED)
    for name, variant in figures["variants"].items():
        assert set(FIGURES) <= set(variant), name
        for reference in ("buy_and_hold", "constant_exposure"):
            against = variant[f"vs_{reference}"]
            assert set(against) == {"sharpe", "calmar", "max_drawdown"}
            assert all(set(one) == {"mean", "ci"} for one in against.values())
            low, high = against["max_drawdown"]["ci"]
            assert low <= high
        assert variant["fees"] == pytest.approx(0.0015 * variant["turnover"])
    own = figures["variants"]["regimeswitch"]
    assert own["trades"] > 5
    assert 0 <= figures["placebo"]["share_as_good"] <= 1
    assert figures["placebo"]["shifts"] == 400
    assert list(figures["years"]) == ["2024"] and set(figures["regimes"]) == {
        "bull",
        "bear",
        "sideways",
    }
    assert list(figures["by_pair"]) == figures["pairs"] == ["BTC/USDT", "ETH/USDT"]
    assert figures["trials"] == {"before": KNOWN, "ledger": 1, "counted": KNOWN + 1}
    (trial,) = trials_of(tmp_path / NAME)
    assert trial.result["sharpe"] == own["sharpe"]
    told = " ".join(capsys.readouterr().out.split())
    assert "400 shifts in time have a Sharpe ratio at least as high" in told

    # Again and with another setting: the same is no new trial, the other is one.
    assert money("--export", str(export)) == 0
    assert json.loads(export.read_text()) == figures
    other = merged(SECTION, {"risk": {"volatility_target": 0}})
    assert money("--export", str(export), "--variants", "regimeswitch", section=other) == 0
    whole = json.loads(export.read_text())
    assert list(whole["variants"]) == ["regimeswitch"]
    assert whole["trials"]["ledger"] == 2
    rule = figures["variants"]["rule"]
    assert whole["variants"]["regimeswitch"]["profit"] == pytest.approx(rule["profit"])


@pytest.mark.slow
def test_freqtrade_confirms_the_positions(
    money: Money, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", forked.Popen)
    export = tmp_path / "money.json"
    words = ("--confirm", "--export", str(export), "--variants", "regimeswitch")
    assert money(*words, dry_run_wallet=100_000) == 0
    found = json.loads(export.read_text())["confirmed"]
    trades = found["trades"]
    assert trades["ours"] == trades["freqtrade"] == trades["same"] > 5
    assert abs(found["difference"]) < 0.002
    (kept,) = (tmp_path / "work").glob("*/regimeswitch.result.json")
    stamp = kept.stat().st_mtime_ns
    assert money(*words, dry_run_wallet=100_000) == 0
    assert json.loads(export.read_text())["confirmed"] == found
    assert kept.stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("more", "keys", "words"),
    [
        (["--variants", "best"], {}, "--variants best: known are regimeswitch, rule"),
        (["--chart", "money.pdf"], {}, "--chart money.pdf: .pdf is not known; allowed: .png, .svg"),
        (["--timeframe", "4h"], {}, 'timeframe: "4h" cannot be used'),
        (
            ["--timeframe", "1h", "--with-models"],
            {},
            'include_timeframes: "5m" is shorter than the base timeframe "1h"',
        ),
        ([], {"minimal_roi": {"0": 0.1}}, "does not simulate minimal_roi (a take-profit)"),
        ([], {"trailing_stop": True}, "trailing_stop"),
        ([], {"available_capital": 500}, "available_capital"),
    ],
)
def test_what_cannot_be_compared_is_named(
    money: Money,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    keys: dict[str, Any],
    words: str,
) -> None:
    assert money(*more, **keys) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_the_variants_are_all_known_and_the_slow_ones_are_asked_for() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    words = ["money", "--datadir", "x", "--pairs", "A/B", "--timerange", "-"]
    assert parser.parse_args(words).variants is None
    assert set(LABELS) - set(COMPUTED) == {"signal", "one_model", "stock"}


def test_a_pair_whose_file_is_empty_is_left_out(
    money: Money, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As that of a pair that was listed after the range."""
    folder, export = tmp_path / "data", tmp_path / "money.json"
    folder.mkdir()
    for path in market.glob("*.feather"):
        (folder / path.name).symlink_to(path)
    nothing = pd.read_feather(market / "BTC_USDT-5m.feather").head(0)
    nothing.to_feather(folder / "SOL_USDT-5m.feather")
    asked = ("--datadir", str(folder), "--variants", "buy_and_hold", "--export", str(export))
    assert money(*asked, "--pairs", "BTC/USDT", "SOL/USDT") == 0
    assert "no candles of SOL/USDT: left out" in capsys.readouterr().err
    assert json.loads(export.read_text())["pairs"] == ["BTC/USDT"]
    assert money(*asked, "--pairs", "SOL/USDT") == 2
    assert "SOL_USDT-5m.feather holds no candles" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("mode", ["position", "signal"])
def test_a_configuration_of_one_mode_has_the_defaults_of_the_other(mode: str) -> None:
    sections: list[dict[str, Any]] = [
        {},
        {
            "entries": {"mode": "signal", "regimes": ["sideways"], "buy": {"bull": 0.3}},
            "risk": {"stop_atr": 3, "stake_fraction": 0.1, "max_hold_candles": 48},
        },
        {
            "entries": {"mode": "position", "regimes": ["bull", "sideways"]},
            "risk": {"volatility_target": 0.3, "stop_daily_atr": 2, "max_hold_candles": 48},
        },
    ]
    for given in sections:
        own = load_settings(given)
        found = load_settings(merged(given, in_mode(given, mode)))
        assert found.entries.mode == mode
        if own.entries.mode == mode:
            assert found == own
            continue
        plain = load_settings({"entries": {"mode": mode}})
        assert found.entries == plain.entries
        kept = {"max_hold_candles": own.risk.max_hold_candles}
        assert found.risk == plain.risk.model_copy(update=kept)


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"entries": {"veto": "forecast"}}, "simulate regimeswitch.entries.veto (`regimeswitch"),
        (
            {"risk": {"size_from": "forecast"}},
            "simulate regimeswitch.risk.size_from (`",
        ),
    ],
)
def test_what_models_add_is_not_simulated_in_silence(
    money: Money, capsys: pytest.CaptureFixture[str], own: dict[str, Any], words: str
) -> None:
    assert money(section=own) == 2
    assert words in " ".join(capsys.readouterr().err.split())
