"""``regimeswitch doctor``: a config or folder with exactly one defect gives exactly one finding."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots import PAIRS, Bot, make_bot
from conftest import ROOT
from regimeswitch.cli import main
from regimeswitch.lab.doctor import subject_of
from regimeswitch.lab.doctoring import machine
from regimeswitch.lab.doctoring.freqai import startup_candles
from regimeswitch.lab.market import synthetic_market, write_market


# As long as is needed to train and to warm up, as lively as is needed for every class and regime.
DAYS = 100


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candles")
    end = pd.Timestamp.now(tz="UTC").floor("D")
    write_market(synthetic_market(PAIRS, DAYS, end.to_pydatetime(), seed=5), folder)
    return folder


@pytest.fixture(autouse=True)
def a_machine_of_eight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same machine for every test, whatever it runs on."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(total=10**12, free=10**11)
    )
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    made = make_bot(tmp_path / "home")
    made.change(freqai={"train_period_days": 70})
    shutil.rmtree(made.userdir / "models")
    shutil.rmtree(made.userdir / "data")
    return made


def doctor(bot: Bot, *more: object) -> tuple[int, dict[str, Any]]:
    """Exit code and exported figures."""
    export = bot.home / "doctor.json"
    export.unlink(missing_ok=True)
    words = ["--config", bot.config, "--userdir", bot.userdir, "--export", export, *more]
    code = main(["doctor", *map(str, words)])
    return code, json.loads(export.read_text()) if export.is_file() else {}


def kinds(figures: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["severity"], one["kind"]) for one in figures["findings"]]


NO_CANDLES = ("warning", "candles.none")


def test_a_healthy_bot_has_no_finding(
    bot: Bot, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, figures = doctor(bot, "--datadir", market)
    assert figures["findings"] == []
    assert figures["counts"] == {"serious": 0, "warning": 0, "info": 0}
    assert code == 0
    assert "Nothing was found." in capsys.readouterr().out
    assert set(figures["candles"]) == {f"{pair} {tf}" for pair in PAIRS for tf in ("5m", "1h")}
    one = figures["pairs"]["BTC/USDT"]
    assert sum(one["classes"].values()) == pytest.approx(1, abs=0.001)
    assert sum(one["rows"].values()) > 20_000
    assert 0 < one["switches_per_day"] < 1


def test_the_project_s_own_config_has_nothing_serious(bot: Bot) -> None:
    shutil.copy(ROOT / "config.json", bot.config)
    code, figures = doctor(bot)
    assert (code, kinds(figures)) == (0, [NO_CANDLES])


# --- the configuration: a change of config.json and the finding

CONFIGS: list[tuple[dict[str, Any], str, str]] = [
    ({"regimeswitch": {"labels": {"horizn": 3}}}, "serious", "settings.mistake"),
    ({"max_open_trades": "many"}, "serious", "config.schema"),
    ({"exit_pricing": {"order_book_min": 1, "order_book_max": 2}}, "serious", "config.consistency"),
    ({"dry_run": False}, "info", "config.live"),
    ({"exchange": {"name": "kraken"}}, "warning", "config.exchange"),
    ({"exchange": {"enable_ws": True}}, "info", "config.websockets"),
    (
        {"exchange": {"enable_ws": True}, "regimeswitch": {"safety": {"guards": False}}},
        *("warning", "config.websockets"),
    ),
    ({"process_only_new_candles": False}, "warning", "config.new_candles"),
    ({"cancel_open_orders_on_exit": False}, "warning", "config.open_orders"),
    ({"fee": 0.002}, "warning", "config.fee"),
    ({"fee": 0, "regimeswitch": {"labels": {"fee": 0}}}, "warning", "config.fee"),
    (
        {
            "timeframe": "15m",
            "freqai": {"feature_parameters": {"include_timeframes": ["15m", "1h"]}},
        },
        *("warning", "config.timeframe"),
    ),
    (
        {"freqai": {"feature_parameters": {"include_timeframes": ["1m", "5m", "1h"]}}},
        *("serious", "config.consistency"),
    ),
    (
        {"freqai": {"feature_parameters": {"include_timeframes": ["5m"]}}},
        *("warning", "config.include_timeframes"),
    ),
    (
        {"freqai": {"feature_parameters": {"label_period_candles": 13}}},
        *("warning", "config.horizon"),
    ),
    ({"regimeswitch": {"regime": {"grace_candles": 11}}}, "warning", "regimes.grace"),
    ({"freqai": {"enabled": False}}, "serious", "freqai.off"),
    ({"freqai": {"identifier": "regimeswitch-rs00000000"}}, "warning", "identifier.fixed"),
    ({"freqai": {"expiration_hours": 23}}, "serious", "freqai.expiration"),
    ({"freqai": {"expiration_hours": 0}}, "warning", "freqai.never_expires"),
    ({"freqai": {"live_retrain_hours": 0}}, "warning", "freqai.retrain"),
    ({"freqai": {"purge_old_models": False}}, "warning", "freqai.purge"),
    (
        {"freqai": {"feature_parameters": {"indicator_periods_candles": [12, 2600]}}},
        *("serious", "startup.limit"),
    ),
    (
        {"regimeswitch": {"regime": {"rule": "change", "change_days": 195}}},
        *("serious", "startup.limit"),
    ),
    ({"regimeswitch": {"models": {"jobs": 9}}}, "warning", "threads.jobs"),
    ({"freqai": {"model_training_parameters": {"n_jobs": 5}}}, "warning", "threads.learner"),
    ({"freqai": {"model_training_parameters": {"n_jobs": -1}}}, "warning", "threads.learner"),
    (
        {"regimeswitch": {"models": {"parameters": {"xgboost": {"nthread": 8}}}}},
        *("warning", "threads.learner"),
    ),
    ({"freqai": {"data_kitchen_thread_count": 9}}, "warning", "threads.kitchen"),
]


@pytest.mark.parametrize(("change", "severity", "kind"), CONFIGS)
def test_one_defect_of_the_configuration_is_one_finding(
    bot: Bot, change: dict[str, Any], severity: str, kind: str
) -> None:
    bot.change(**change)
    code, figures = doctor(bot)
    assert [one for one in kinds(figures) if one != NO_CANDLES] == [(severity, kind)]
    assert code == (severity == "serious")
    (found,) = [one for one in figures["findings"] if one["kind"] == kind]
    assert all(found[part] for part in ("what", "where", "mend"))


API = {
    "enabled": True,
    "listen_ip_address": "127.0.0.1",
    "username": "me",
    "password": "a-long-random-one",
    "jwt_secret_key": "x" * 40,
    "CORS_origins": [],
}


@pytest.mark.parametrize(
    ("change", "severity", "kind"),
    [
        ({"listen_ip_address": "0.0.0.0"}, "serious", "api.open"),
        ({"listen_ip_address": "::"}, "serious", "api.open"),
        ({"password": ""}, "serious", "api.password"),
        ({"password": "SuperPassword"}, "serious", "api.password"),
        ({"password": "short"}, "serious", "api.password"),
        ({"username": "a-long-random-one"}, "serious", "api.password"),
        ({"username": ""}, "serious", "api.password"),
        ({"jwt_secret_key": "somethingRandomSomethingRandom123"}, "serious", "api.jwt"),
        ({"jwt_secret_key": "short"}, "serious", "config.schema"),
        ({"CORS_origins": ["*"]}, "serious", "api.cors"),
        ({}, "", ""),
        ({"listen_ip_address": "::1"}, "", ""),
    ],
)
def test_one_defect_of_the_api_is_one_finding(
    bot: Bot,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    severity: str,
    kind: str,
) -> None:
    monkeypatch.setattr("regimeswitch.lab.doctor.in_container", lambda: False)
    api = {**API, **change}
    for name in ("password", "jwt_secret_key"):
        # Secrets come from the environment, so that they are no finding themselves.
        monkeypatch.setenv(f"FREQTRADE__API_SERVER__{name.upper()}", str(api.pop(name)))
    bot.change(api_server=api)
    _, figures = doctor(bot)
    expected = [(severity, kind)] if kind else []
    assert [one for one in kinds(figures) if one != NO_CANDLES] == expected


def test_an_open_api_in_a_container_is_a_warning(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regimeswitch.lab.doctor.in_container", lambda: True)
    for name in ("password", "jwt_secret_key"):
        monkeypatch.setenv(f"FREQTRADE__API_SERVER__{name.upper()}", API[name])
    plain = {key: API[key] for key in ("enabled", "username")}
    bot.change(api_server={**plain, "listen_ip_address": "0.0.0.0"})
    assert ("warning", "api.open") in kinds(doctor(bot)[1])


@pytest.mark.parametrize(
    ("change", "severity", "kind"),
    [
        ({"exchange": {"key": "K"}}, "serious", "secrets.exchange"),
        ({"exchange": {"secret": "K"}}, "serious", "secrets.exchange"),
        ({"exchange": {"ccxt_config": {"apiKey": "K"}}}, "serious", "secrets.exchange"),
        (
            {"exchange": {"ccxt_config": {"httpsProxy": "http://a:b@c:1"}}},
            *("serious", "secrets.exchange"),
        ),
        ({"telegram": {"token": "K"}}, "serious", "secrets.telegram"),
        ({"api_server": {"password": "K"}}, "warning", "secrets.api"),
        ({"api_server": {"jwt_secret_key": "K" * 32}}, "warning", "secrets.api"),
        ({"coingecko": {"api_key": "K"}}, "warning", "secrets.other"),
        ({"telegram": {"chat_id": "5"}}, "", ""),
    ],
)
def test_one_secret_in_the_file_is_one_finding(
    bot: Bot, change: dict[str, Any], severity: str, kind: str
) -> None:
    bot.change(**change)
    bot.config.chmod(0o600)
    code, figures = doctor(bot)
    expected = [(severity, kind)] if kind else []
    assert [one for one in kinds(figures) if one != NO_CANDLES] == expected
    assert code == (severity == "serious")
    if kind:
        (found,) = [one for one in figures["findings"] if one["kind"] == kind]
        assert "FREQTRADE__" in found["mend"]
        assert "K" not in found["what"].split()


def test_secrets_of_the_environment_and_of_added_files(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREQTRADE__EXCHANGE__KEY", "K")
    monkeypatch.setenv("FREQTRADE__EXCHANGE__SECRET", "K")
    assert kinds(doctor(bot)[1]) == [NO_CANDLES]
    more = bot.home / "private.json"
    more.write_text(json.dumps({"telegram": {"token": "T"}}))
    more.chmod(0o600)
    bot.change(add_config_files=["private.json"])
    (found, _) = doctor(bot)[1]["findings"]
    assert (found["kind"], Path(found["where"]).name) == ("secrets.telegram", "private.json")


def test_permissions(bot: Bot) -> None:
    bot.config.chmod(0o666)
    assert kinds(doctor(bot)[1]) == [("serious", "permissions.config"), NO_CANDLES]
    bot.change(coingecko={"api_key": "K"})
    bot.config.chmod(0o640)
    assert ("serious", "permissions.secrets") in kinds(doctor(bot)[1])
    bot.config.chmod(0o600)
    bot.database.chmod(0o666)
    assert ("serious", "permissions.database") in kinds(doctor(bot)[1])


# --- models on disk


def test_models_of_other_settings(bot: Bot, tmp_path: Path) -> None:
    (bot.userdir / "models/regimeswitch-rs00000000").mkdir(parents=True)
    assert kinds(doctor(bot)[1]) == [("warning", "identifier.stale"), NO_CANDLES]
    whole = make_bot(tmp_path / "whole")
    bot.change(freqai={"train_period_days": 20})
    shutil.copytree(whole.models, bot.userdir / "models" / whole.identifier)
    assert kinds(doctor(bot)[1]) == [NO_CANDLES, ("info", "identifier.leftover")]


def test_models_that_are_not_complete(tmp_path: Path) -> None:
    bot = make_bot(tmp_path / "whole")
    next(bot.models.glob("*/*_model.joblib")).unlink()
    (found,) = doctor(bot)[1]["findings"][:1]
    assert found["kind"] == "models.incomplete"
    assert "_model.joblib is missing" in found["what"]
    (bot.models / "pair_dictionary.json").write_text("{")
    assert kinds(doctor(bot)[1])[0] == ("serious", "models.list")


# --- the machine


@pytest.mark.parametrize(
    ("free", "expected"),
    [(4e9, [("warning", "machine.disk")]), (9e8, [("serious", "machine.disk")]), (6e9, [])],
)
def test_room_on_the_disk(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, free: float, expected: list[tuple[str, str]]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    found = kinds(doctor(bot, "--userdir", bot.home / "not/yet/there")[1])
    assert [one for one in found if one != NO_CANDLES] == expected


@pytest.mark.parametrize(
    ("name", "version", "severity"),
    [
        ("freqtrade", "2025.1", "serious"),
        ("freqtrade", "2026.10", "serious"),
        ("rich", "13.0", "warning"),
    ],
)
def test_versions_of_packages(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, name: str, version: str, severity: str
) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda one: version if one == name else real(one))
    assert kinds(doctor(bot)[1])[0] == (severity, "machine.version")


def test_python_below_what_is_supported(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_PYTHON", (4, 0))
    assert kinds(doctor(bot)[1])[0] == ("serious", "machine.python")


def test_supported_versions_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for name, versions in machine.SUPPORTED.items():
        extras = "[freqai,hyperopt,plot]" if name == "freqtrade" else ""
        assert f'"{name}{extras}{versions}"' in project


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
def test_threads_of_the_environment(bot: Bot, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "9")
    assert kinds(doctor(bot)[1])[0] == ("warning", "threads.variable")


def test_start_up_candles_are_those_of_the_strategy(bot: Bot) -> None:
    arguments = SimpleNamespace(config=[bot.config], userdir=bot.userdir, datadir=None, pairs=None)
    needed = startup_candles(subject_of(arguments))
    source = (ROOT / "user_data/strategies/RegimeSwitchStrategy.py").read_text()
    assert "SETTLING_CANDLES = 400" in source
    assert needed == {
        "freqai.feature_parameters.indicator_periods_candles": 2031,
        "regimeswitch.regime": 601,
        "regimeswitch.labels.window": 289,
        "regimeswitch.risk.atr_period": 289,
    }


# --- candles: a change of one file and the finding

Change = Callable[[pd.DataFrame], pd.DataFrame]


def rows_set(rows: slice, **values: float) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.index[rows], list(values)] = list(values.values())
        return frame

    return change


def spike(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[9000, ["high", "close"]] *= 10
    return frame


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    for name in ("open", "high", "low"):
        frame.loc[9000, name] = frame.loc[9000, "close"]
    frame.loc[9000, "volume"] = 0
    return frame


def without(first: int, last: int) -> Change:
    return lambda frame: frame.drop(index=range(first, last)).reset_index(drop=True)


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame[:5000], frame[4999:]], ignore_index=True)


def swapped(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame[:5000], frame[5001:5002], frame[5000:5001], frame[5002:]])


def every_other(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[::2].reset_index(drop=True)


BAD_FILES: list[tuple[Change, str, str]] = [
    (without(9000, 9005), "info", "candles.gap"),
    (without(9000, 9300), "warning", "candles.gap"),
    (flat, "info", "candles.flat"),
    (rows_set(slice(9000, 9001), close=0.0), "warning", "candles.zero"),
    (rows_set(slice(9000, 9001), low=-1.0), "warning", "candles.negative"),
    (rows_set(slice(9000, 9001), high=0.5), "warning", "candles.inverted"),
    (spike, "warning", "candles.spike"),
    (rows_set(slice(-900, -100), close=0.0), "serious", "candles.zero"),
    (twice, "serious", "candles.duplicate"),
    (swapped, "serious", "candles.order"),
    (lambda frame: frame[5000:].reset_index(drop=True), "serious", "candles.short"),
    (lambda frame: frame[:-400], "warning", "candles.uneven"),
]


@pytest.mark.parametrize(("change", "severity", "kind"), BAD_FILES)
def test_one_defect_of_a_candle_file_is_one_finding(
    bot: Bot, market: Path, tmp_path: Path, change: Change, severity: str, kind: str
) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    path = candles / "BTC_USDT-5m.feather"
    change(pd.read_feather(path)).to_feather(path)
    code, figures = doctor(bot, "--datadir", candles)
    assert kinds(figures) == [(severity, kind)]
    assert code == (severity == "serious")
    assert figures["findings"][0]["where"] == "BTC/USDT 5m"


def test_the_same_outage_in_all_pairs_is_told_once(bot: Bot, market: Path, tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    for path in candles.glob("*-5m.feather"):
        without(9000, 9005)(pd.read_feather(path)).to_feather(path)
    (found,) = doctor(bot, "--datadir", candles)[1]["findings"]
    assert found["where"] == "BTC/USDT 5m, ETH/USDT 5m"


def test_a_file_of_another_timeframe(bot: Bot, market: Path, tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    path = candles / "BTC_USDT-1h.feather"
    every_other(pd.read_feather(path)).to_feather(path)
    assert ("serious", "candles.timeframe") in kinds(doctor(bot, "--datadir", candles)[1])


def test_a_missing_and_an_unreadable_file(bot: Bot, market: Path, tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    (candles / "BTC_USDT-1h.feather").unlink()
    (candles / "ETH_USDT-1h.feather").write_text("no candles")
    code, figures = doctor(bot, "--datadir", candles)
    expected = [("serious", "candles.missing"), ("serious", "candles.unreadable")]
    assert (code, kinds(figures)) == (1, expected)
    assert "freqtrade download-data --pairs BTC/USDT" in figures["findings"][0]["mend"]


def test_old_candles(bot: Bot, market: Path, tmp_path: Path) -> None:
    for path in market.glob("*.feather"):
        frame = pd.read_feather(path)
        frame.assign(date=frame["date"] - pd.Timedelta(days=91)).to_feather(tmp_path / path.name)
    assert kinds(doctor(bot, "--datadir", tmp_path)[1]) == [("info", "candles.old")]


# --- labels and regimes: a change of the settings and the finding

LESSONS: list[tuple[dict[str, Any], str, str]] = [
    ({"labels": {"multiple": 2.2}}, "warning", "labels.rare"),
    ({"labels": {"multiple": 20.0}}, "serious", "labels.absent"),
    ({"regime": {"trend_enter": 30.0, "trend_exit": 20.0}}, "info", "regimes.seldom"),
    (
        {"regime": {"grace_candles": 12, "trend_enter": 0.1, "trend_exit": 0.1, "timeframe": "5m"}},
        *("warning", "regimes.switches"),
    ),
    ({"models": {"min_rows": 10_000}}, "warning", "regimes.few_rows"),
    ({"models": {"rows": "pair", "min_rows": 20_000}}, "warning", "regimes.few_rows"),
]


@pytest.mark.parametrize(("change", "severity", "kind"), LESSONS)
def test_what_models_would_learn_from(
    bot: Bot, market: Path, change: dict[str, Any], severity: str, kind: str
) -> None:
    bot.change(regimeswitch=change)
    code, figures = doctor(bot, "--datadir", market)
    found = kinds(figures)
    assert (severity, kind) in found
    # Where a regime hardly occurs, it has few rows.
    follows = {("info", "regimes.seldom"), ("warning", "regimes.few_rows")}
    if not kind.startswith("regimes."):
        follows = set()
    assert set(found) - follows <= {(severity, kind)}
    assert code == (severity == "serious")


def test_labels_that_are_missing(bot: Bot, market: Path, tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    for path in candles.glob("BTC_USDT-5m.feather"):
        frame = pd.read_feather(path)
        frame.loc[frame.index[-4000:-10:40], "close"] = 0.0
        frame.to_feather(path)
    assert ("warning", "labels.missing") in kinds(doctor(bot, "--datadir", candles)[1])


def test_pairs_of_the_command_line(bot: Bot, market: Path) -> None:
    _, figures = doctor(bot, "--datadir", market, "--pairs", "ETH/USDT")
    assert list(figures["pairs"]) == ["ETH/USDT"]


# --- the command


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--config", "none.json"], "--config none.json cannot be read"),
        (["--config", "text.json"], "--config text.json is not JSON"),
        (["--config", "list.json"], "must hold one JSON object"),
        (["--datadir", "none"], "--datadir none does not exist"),
        (["--datadir", "text.json"], "--datadir text.json is a file"),
        (["--userdir", "text.json"], "--userdir text.json is a file"),
        (["--pairs", "BTC"], "--pairs BTC: write pairs like BTC/USDT"),
        (["--export", "none/a.json"], "--export none/a.json cannot be written"),
    ],
)
def test_bad_usage_is_one_message(
    bot: Bot, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    Path("text.json").write_text("{")
    Path("list.json").write_text("[]")
    assert doctor(bot, *more)[0] == 2
    printed = capsys.readouterr()
    text = " ".join(printed.err.split())
    assert words in text
    assert text.count("regimeswitch doctor:") == 1
    assert printed.out == ""


def test_the_worst_comes_first_in_table_and_file(
    bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    bot.change(
        dry_run=False,
        telegram={"token": "T"},
        fee=0.05,
        regimeswitch={"labels": {"horizn": 1, "unit": "feet"}, "regime": {"grace_candles": 0}},
    )
    bot.config.chmod(0o600)
    code, figures = doctor(bot)
    assert code == 1
    severities = [severity for severity, _ in kinds(figures)]
    assert severities == ["serious"] * 4 + ["warning"] * 2 + ["info"]
    assert figures["counts"] == {"serious": 4, "warning": 2, "info": 1}
    mistakes = [one for one in figures["findings"] if one["kind"] == "settings.mistake"]
    assert [one["where"] for one in mistakes] == [
        *("regimeswitch.regime.grace_candles", "regimeswitch.labels.unit"),
        "regimeswitch.labels.horizn",
    ]
    assert 'did you mean "horizon"?' in mistakes[-1]["mend"]
    out = capsys.readouterr().out
    assert out.index("serious") < out.index("warning") < out.index("info")
    assert "4 serious, 2 warning, 1 info" in out


SECTIONS = (
    "exchange",
    "freqai",
    "regimeswitch",
    "api_server",
    "telegram",
    "timeframe",
    "pairlists",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text("ab/[5m"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab_"), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_configuration_gives_findings_and_never_a_traceback(
    bot: Bot, data: st.DataObject
) -> None:
    content = json.loads((ROOT / "config.json").read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        name: str = data.draw(st.sampled_from(SECTIONS))
        part = content.get(name)
        if isinstance(part, dict) and part and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(part)))
            content[name] = {**part, key: data.draw(VALUES)}
        else:
            content[name] = data.draw(VALUES)
    bot.config.write_text(json.dumps(content))
    assert doctor(bot)[0] in (0, 1, 2)


def test_the_command_as_a_user_types_it(bot: Bot) -> None:
    words = ["doctor", "--config", bot.config, "--userdir", bot.userdir]
    done = subprocess.run(
        [sys.executable, "-m", "regimeswitch.cli", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "candles.none" in done.stdout
    assert done.stderr == ""


def test_the_last_config_is_the_strongest(bot: Bot, tmp_path: Path) -> None:
    over = tmp_path / "over.json"
    over.write_text(json.dumps({"exchange": {"enable_ws": True}}))
    _, figures = doctor(bot, "--config", bot.config, over)
    assert ("info", "config.websockets") in kinds(figures)
