"""One way to read a bot's configuration: files, what they add, environment, defaults."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from freqtrade.exceptions import OperationalException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offlines import exit_code
from project import MARKET_END, QUICK, ROOT
from regimeswitch.bot.freqai.backtest_range import Span, definite_range
from regimeswitch.bot.trial_ledger import NAME, trials_of
from regimeswitch.settings import SettingsError
from regimeswitch_lab.bot_config import load_bot_config
from regimeswitch_lab.cli import COMMANDS, build_parser, main
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.money.money_command import MoneyPlan, plan
from regimeswitch_lab.offline.overlay import child_environment, no_settings_around
from regimeswitch_lab.ranges import read_range
from regimeswitch_lab.replay.replay_command import add_parser, scene_of
from regimeswitch_lab.replay.stage import merged
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


RANGE = "20241228-20250101"
CHANGE = {"regime": {"rule": "change", "change_days": 2}}


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One pair, 60 days: a warm-up of 26 days on 1h, a training of 20 and two weeks more."""
    folder = tmp_path_factory.mktemp("candles")
    write_market(synthetic_market(["BTC/USDT"], 60, MARKET_END, seed=5), folder)
    return folder


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def project(**changes: Any) -> dict[str, Any]:
    """The project's config, small."""
    content: dict[str, Any] = json.loads((ROOT / "config.json").read_text())
    return merged(merged(content, deepcopy(QUICK)), changes)


def words_of(
    command: str, candles: Path, config: Path, work: Path, timerange: str = RANGE
) -> list[str]:
    """A cheap run of a command: without trainings."""
    pair = ["--pair", "BTC/USDT"] if command == "regimes" else ["--pairs", "BTC/USDT"]
    more = {
        "regimes": [],
        "prove": ["--work", str(work)],
        "money": ["--work", str(work), "--variants", "buy_and_hold"],
        "replay": ["--work", str(work)],
    }[command]
    given = ["--datadir", str(candles), "--config", str(config), f"--timerange={timerange}"]
    return [command, *given, *pair, *more]


# --- files that files add, and the environment


@pytest.mark.parametrize("place", ["added", "environment"])
@pytest.mark.parametrize("command", ["regimes", "prove", "money", "replay"])
def test_commands_read_what_a_bot_reads(
    candles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    place: str,
) -> None:
    content = project()
    if place == "added":
        written(tmp_path / "more.json", {"regimeswitch": {"regime": {"trend_enter": -3}}})
        content["add_config_files"] = ["more.json"]
        del content["regimeswitch"]["regime"]
    else:
        monkeypatch.setenv("FREQTRADE__REGIMESWITCH__REGIME__TREND_ENTER", "-3")
    config = written(tmp_path / "config.json", content)
    assert main(words_of(command, candles, config, tmp_path / "work")) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "regimeswitch.regime.trend_enter" in told
    assert "got -3" in told


def test_regimes_of_an_added_file_and_of_the_environment_are_those_of_one_file(
    candles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def regimes(config: Path, name: str) -> dict[str, Any]:
        export = tmp_path / f"{name}.json"
        words = words_of("regimes", candles, config, tmp_path, "20241115-")
        assert main([*words, "--export", str(export)]) == 0
        found: dict[str, Any] = json.loads(export.read_text())
        return found

    usual = regimes(written(tmp_path / "usual-config.json", {}), "usual")
    flat = regimes(written(tmp_path / "flat-config.json", {"regimeswitch": CHANGE}), "flat")
    written(tmp_path / "part.json", {"regimeswitch": CHANGE})
    main_file = written(tmp_path / "adds.json", {"add_config_files": ["part.json"]})
    assert regimes(main_file, "added") == flat != usual
    monkeypatch.setenv("FREQTRADE__REGIMESWITCH__REGIME__RULE", "change")
    monkeypatch.setenv("FREQTRADE__REGIMESWITCH__REGIME__CHANGE_DAYS", "2")
    assert regimes(tmp_path / "usual-config.json", "environment") == flat


def test_a_table_over_a_plain_value_is_one_message(
    candles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """freqtrade itself ends in a TypeError there."""
    one = written(tmp_path / "one.json", project(dry_run_wallet=1000))
    two = written(tmp_path / "two.json", {"dry_run_wallet": {"USDT": 500}})
    command = ("offline", "--datadir", candles, "--", "freqtrade", "backtesting")
    assert main([*map(str, command), "--config", str(one), "--config", str(two)]) == 2
    told = capsys.readouterr().err
    assert f"dry_run_wallet is a table in {two} and a plain value in {one}" in told
    with pytest.raises(InputError, match="dry_run_wallet is a table"):
        load_bot_config([one, two], {})
    # The other way round freqtrade takes the number.
    assert load_bot_config([two, one], {}).wallet == 1000
    written(tmp_path / "two.json", {"add_config_files": ["one.json"], "fee": {"maker": 1}})
    with pytest.raises(InputError, match=r"fee is a table in .*two\.json and .* in .*one\.json"):
        load_bot_config([two], {})
    wallet = {"FREQTRADE__DRY_RUN_WALLET__USDT": "500"}
    with pytest.raises(InputError, match="dry_run_wallet is a table in the environment"):
        load_bot_config([one], wallet)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"dataformat_ohlcv": "hdf5"}, "dataformat_ohlcv: 'hdf5' is not one of"),
        ({"dry_run_wallet": "much"}, "dry_run_wallet: 'much' is not of type"),
        ({"freqai": {"train_period_days": 1.5}}, "freqai.train_period_days: 1.5 is not of type"),
        (
            {"timeframe": "2h"},
            'regimes: timeframe: "2h" cannot be used; allowed without models: "5m"',
        ),
        ({"add_config_files": ["none.json"]}, "none.json"),
    ],
)
def test_what_freqtrade_would_refuse_is_named(
    candles: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: dict[str, Any],
    words: str,
) -> None:
    config = written(tmp_path / "config.json", content)
    assert main(words_of("regimes", candles, config, tmp_path)) == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"freqai": {"feature_parameters": {"DI_threshold": 1}}}, "DI_threshold 1"),
        (
            {"freqai": {"feature_parameters": {"use_SVM_to_remove_outliers": True}}},
            "use_SVM_to_remove_outliers True",
        ),
        (
            {"freqai": {"feature_parameters": {"principal_component_analysis": True}}},
            "principal_component_analysis True",
        ),
        ({"freqai": {"data_split_parameters": {"test_size": 0.2}}}, "test_size 0.2"),
        (
            {
                "freqaimodel": "RegimeSwitchRegressor",
                "regimeswitch": {"entries": {"mode": "signal"}},
            },
            "freqaimodel 'RegimeSwitchRegressor'",
        ),
    ],
)
def test_prove_refuses_what_it_cannot_build(
    candles: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    key: str,
) -> None:
    config = written(tmp_path / "config.json", project(**changes))
    assert main(words_of("prove", candles, config, tmp_path / "work")) == 2
    assert key in " ".join(capsys.readouterr().err.split())


def test_money_refuses_another_strategy_and_what_no_bot_starts_with(
    candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for changes, words in (
        ({"strategy": "Mine"}, "strategy 'Mine': money runs RegimeSwitchStrategy"),
        ({"use_exit_signal": False}, "use_exit_signal is false: freqtrade then"),
    ):
        config = written(tmp_path / "config.json", project(**changes))
        assert main(words_of("money", candles, config, tmp_path / "work")) == 2
        assert words in " ".join(capsys.readouterr().err.split())


# --- the environment against what a command decides


def test_the_environment_does_not_win_over_what_a_command_decides() -> None:
    environment = {
        "PATH": "/bin",
        "FREQTRADE__TELEGRAM__ENABLED": "true",
        "FREQTRADE__MAX_OPEN_TRADES": "1",
        "FREQTRADE__FREQAI__BACKTEST_PERIOD_DAYS": "1",
        "FREQTRADE__FREQAI__TRAIN_PERIOD_DAYS": "9",
        "FREQTRADE__EXCHANGE__PAIR_WHITELIST": '["BTC/USDT"]',
    }
    decided = {
        "telegram": {"enabled": False},
        "max_open_trades": 3,
        "freqai": {"backtest_period_days": 30},
        "exchange": {"pair_whitelist": ["ETH/USDT"]},
    }
    kept = {"PATH": "/bin", "FREQTRADE__FREQAI__TRAIN_PERIOD_DAYS": "9"}
    around = {"no_proxy": "*", "NO_PROXY": "*"}
    assert child_environment(environment, decided=decided) == kept | around
    live = child_environment(environment, live=True)
    assert "FREQTRADE__TELEGRAM__ENABLED" not in live
    assert live["FREQTRADE__MAX_OPEN_TRADES"] == "1"


def test_cases_of_faults_see_no_setting_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQTRADE__DRY_RUN", "false")
    with no_settings_around():
        assert "FREQTRADE__DRY_RUN" not in os.environ
    assert os.environ["FREQTRADE__DRY_RUN"] == "false"


# --- wallets given as a table


def test_a_wallet_may_be_a_table(
    candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path / "config.json", project(dry_run_wallet={"USDT": 500, "BTC": 0.1}))
    words = words_of("money", candles, config, tmp_path / "work")
    assert main([*words, "--export", str(tmp_path / "money.json")]) == 0
    figures = json.loads((tmp_path / "money.json").read_text())
    assert figures["timerange"] == RANGE
    assert figures["variants"]["buy_and_hold"]["trades"] == 1
    (trial,) = trials_of(tmp_path / NAME)
    assert trial.window == RANGE
    assert plan_of(candles, config).terms.wallet == 500
    assert scene_of(replay_args(candles, config)).wallet == 500
    config = written(tmp_path / "config.json", project(dry_run_wallet={"BTC": 1}))
    assert main(words_of("money", candles, config, tmp_path / "work")) == 2
    assert "holds no USDT; give an amount" in " ".join(capsys.readouterr().err.split())


def plan_of(candles: Path, config: Path) -> MoneyPlan:
    words = words_of("money", candles, config, Path("work"))
    return plan(build_parser(["money"]).parse_args(words))


def replay_args(candles: Path, config: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    words = words_of("replay", candles, config, Path("work"))
    return parser.parse_args([*words, *more])


@pytest.mark.parametrize("missing", ["exchange", "freqai"])
def test_replay_names_a_section_that_is_missing(
    candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    content = project()
    del content[missing]
    config = written(tmp_path / "config.json", content)
    words = words_of("replay", candles, config, tmp_path / "work")
    without = [word for word in words if word not in ("--pairs", "BTC/USDT")]
    assert main(without) == 2
    told = " ".join(capsys.readouterr().err.split())
    names = {"exchange": "name some by --pairs", "freqai": "no freqai.train_period_days"}
    assert names[missing] in told


# --- numbers of the command line


def test_no_option_takes_any_number_whatever() -> None:
    parser = build_parser(COMMANDS)
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        for action in command._actions:
            assert action.type not in (int, float), f"{name} {action.option_strings}"


@pytest.mark.parametrize(
    "words",
    [
        ("prove", "--step-days", "0"),
        ("prove", "--train-days", "0"),
        ("prove", "--jobs", "-1"),
        ("money", "--step-days", "0"),
        ("money", "--trials", "0"),
        ("money", "--jobs", "1.5"),
        ("replay", "--count", "0"),
        ("replay", "--restarts", "-1"),
        ("replay", "--retrain-hours", "0"),
        ("replay", "--retrain-hours", "nan"),
        ("replay", "--loop-seconds", "0"),
        ("replay", "--loop-seconds", "301"),
        ("faults", "--kills", "0"),
        ("faults", "--seed", "-1"),
        ("dry-run", "--api-port", "70000"),
        ("offline", "--port", "-1"),
        ("exchange", "--port", "ten"),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_option(
    words: tuple[str, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"argument {words[1]}: " in told
    assert words[2] in told
    assert " or more" in told or " to " in told


# --- time ranges


DAY = 86_400
BEGINS = 1_730_678_400  # 2024-11-04
SPANS = [Span(BEGINS, BEGINS + 58 * DAY), Span(BEGINS + DAY, BEGINS + 57 * DAY)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20241201-20241231", "20241201-20241231"),
        ("20241201T0630-20241231", "20241201T0630-20241231"),
        ("-20241231", "20241115-20241231"),
        ("20241201-", "20241201-20250101"),
        ("20241201-20300101", "20241201-20250101"),
        ("19700101-20241231", "20241115-20241231"),
        ("", "20241115-20250101"),
        (None, "20241115-20250101"),
    ],
)
def test_ranges_become_definite(text: str | None, found: str) -> None:
    assert definite_range(text, SPANS, before=10 * DAY) == found


@pytest.mark.parametrize("text", ["20250101-", "20240101-20240201", "20250601-20250701"])
def test_a_range_without_candles_is_refused(text: str) -> None:
    if text.startswith("2024"):
        # It lies before the candles: files that begin too late are named pair by pair.
        assert definite_range(text, SPANS, before=10 * DAY) == text
        return
    with pytest.raises(OperationalException, match="they reach from 20241104 to 20250101"):
        definite_range(text, SPANS, before=10 * DAY)
    with pytest.raises(OperationalException, match="the first 90 days are for warm-up"):
        definite_range("-20250101", SPANS, before=90 * DAY)


DATES = ["20241228", "20241228T0007", "20241231", "20250101", "20300101", "19700101", "1735344000"]
ODD = ["", "soon", "20249999", "2024-12-28", "0", "99991231", "1735344000000", "9" * 13, "-5"]
RANGES = [f"{a}-{b}" for a, b in itertools.product([*DATES, *ODD], repeat=2)] + ["", "20241228"]


@settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.sampled_from(RANGES) | st.text("0123456789-T", max_size=20))
def test_no_time_range_ends_in_a_traceback(
    candles: Path, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "ranges"
    folder.mkdir(exist_ok=True)
    config = written(folder / "config.json", project())
    for command in ("regimes", "money"):
        words = words_of(command, candles, config, folder / "work", text)
        assert exit_code(*words) in (0, 2)
    arguments = replay_args(candles, config)
    arguments.timerange = text
    try:
        scene = scene_of(arguments)
    except InputError:
        return
    assert BEGINS < scene.start < scene.stop <= MARKET_END.timestamp()
    assert read_range(text)


JUNK: list[Any] = [None, -1, 0, 1e308, "x", "", [], {}, [1], ["x"], [None], {"a": 1}, True]
KEYS = [
    *("dry_run_wallet", "stake_amount", "fee", "timeframe", "exchange", "freqai", "regimeswitch"),
    *("dataformat_ohlcv", "trading_mode", "max_open_trades", "strategy", "freqaimodel"),
    *("exchange.pair_whitelist", "exchange.name", "freqai.train_period_days", "add_config_files"),
    *(
        "freqai.feature_parameters",
        "freqai.live_retrain_hours",
        "use_exit_signal",
        "stake_currency",
    ),
    "freqai.feature_parameters.include_timeframes",
    "freqai.feature_parameters.indicator_periods_candles",
    "freqai.model_training_parameters",
    "regimeswitch.regime",
    "regimeswitch.risk.max_daily_loss",
]


@settings(max_examples=40, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.sampled_from(KEYS), st.sampled_from(JUNK))
def test_no_config_ends_in_a_traceback(
    candles: Path, tmp_path_factory: pytest.TempPathFactory, key: str, value: Any
) -> None:
    folder = tmp_path_factory.getbasetemp() / "configs"
    folder.mkdir(exist_ok=True)
    content = project()
    *sections, last = key.split(".")
    section = content
    for name in sections:
        section = section[name]
    section[last] = value
    config = written(folder / "config.json", content)
    for command in ("regimes", "money"):
        assert exit_code(*words_of(command, candles, config, folder / "work")) in (0, 2)
    assert exit_code(*words_of("regimes", candles, config, folder), "--rule", "vote") in (0, 2)
    # Without candles in the range, prove ends before it computes features.
    assert exit_code(*words_of("prove", candles, config, folder / "work", "20300101-")) == 2
    arguments = replay_args(candles, config)
    arguments.pairs = None
    with contextlib.suppress(InputError, SettingsError):
        assert np.isfinite(scene_of(arguments).wallet)
