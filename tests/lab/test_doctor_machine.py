"""Models on disk and the machine: one defect, one finding."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import freqtrade
import pytest
from freqtrade.wallets import Wallets

from bots import Bot, make_bot
from doctors import NO_CANDLES, a_machine_of_eight, bot, doctor, kinds
from project import ROOT
from regimeswitch.bot.compatibility import supported
from regimeswitch_lab.doctor import machine_checks
from regimeswitch_lab.doctor.doctor_command import subject_of
from regimeswitch_lab.doctor.freqai_checks import startup_needs


__all__ = ["a_machine_of_eight", "bot"]


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
        ("rich", "13.0", "warning"),
    ],
)
def test_versions_of_packages(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, name: str, version: str, severity: str
) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda one: version if one == name else real(one))
    assert kinds(doctor(bot)[1])[0] == (severity, "machine.version")


@pytest.mark.parametrize("version", ["2026.9.1", "2026.10", "2026.10.dev0"])
def test_later_releases_are_not_refused_by_their_number(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: version if name == "freqtrade" else real)
    monkeypatch.setattr(
        machine_checks, "SUPPORTED", {"freqtrade": machine_checks.SUPPORTED["freqtrade"]}
    )
    assert kinds(doctor(bot)[1]) == [NO_CANDLES]


@pytest.fixture
def looked_at_anew() -> Iterator[None]:
    supported.misfits_by_check.cache_clear()
    yield
    supported.misfits_by_check.cache_clear()


@pytest.mark.usefixtures("looked_at_anew")
def test_the_installed_freqtrade(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, figures = doctor(bot)
    assert figures["freqtrade"]["tested"] is True
    assert f"freqtrade {freqtrade.__version__} with ccxt" in capsys.readouterr().out
    monkeypatch.setattr(freqtrade, "__version__", "2031.1")
    code, figures = doctor(bot)
    assert (code, kinds(figures)) == (0, [NO_CANDLES, ("info", "machine.freqtrade")])
    assert "not tested with this release" in capsys.readouterr().out
    monkeypatch.setattr(Wallets, "get_total", lambda self, another: None)
    supported.misfits_by_check.cache_clear()
    code, figures = doctor(bot)
    assert (code, kinds(figures)) == (1, [("serious", "machine.freqtrade"), NO_CANDLES])
    assert "Wallets.get_total(another), expected (currency)" in figures["findings"][0]["what"]
    assert figures["freqtrade"]["failed"] == ["wallets have what is called"]


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [("LEAST_PYTHON", (4, 0), "serious"), ("NEWEST_PYTHON", (3, 10), "info")],
)
def test_pythons_that_are_not_supported(
    bot: Bot,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: tuple[int, int],
    severity: str,
) -> None:
    monkeypatch.setattr(machine_checks, name, value)
    assert (severity, "machine.python") in kinds(doctor(bot)[1])


def test_supported_versions_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for name, versions in machine_checks.SUPPORTED.items():
        extras = "[freqai,hyperopt,plot]" if name == "freqtrade" else ""
        assert f'"{name}{extras}{versions}"' in project


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
def test_threads_of_the_environment(bot: Bot, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "9")
    assert kinds(doctor(bot)[1])[0] == ("warning", "threads.variable")


def test_start_up_candles_are_those_of_the_strategy(bot: Bot) -> None:
    arguments = SimpleNamespace(
        config=[bot.config], userdir=bot.userdir, datadir=None, pairs=None, ledger=None
    )
    found = [
        (need.key, need.timeframe, need.candles) for need in startup_needs(subject_of(arguments))
    ]
    periods = "freqai.feature_parameters.indicator_periods_candles"
    assert found == [
        (periods, "5m", 2031),
        (periods, "1h", 614),
        ("regimeswitch.regime", "1h", 601),
        ("regimeswitch.regime.grace_candles", "5m", 37),
        ("regimeswitch.labels.window", "5m", 289),
        ("regimeswitch.risk.atr_period", "5m", 289),
    ]
