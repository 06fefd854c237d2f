"""Keys that freqtrade needs or does not know, and what the bot's command line says instead."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import freqtrade
import pytest
from freqtrade.config_schema.config_schema import CONF_SCHEMA

from bots import Bot
from doctors import CODE, NO_CANDLES, a_machine_of_eight, bot, doctor, kinds
from project import ROOT
from regimeswitch_lab.cli import main
from regimeswitch_lab.doctor.doctor_command import subject_of
from regimeswitch_lab.doctor.key_checks import resolved, unknown_keys
from regimeswitch_lab.doctor.subject import ExaminedBot


__all__ = ["a_machine_of_eight", "bot"]

# The default market of freqtrade's own example: every section that it has.
SOURCE = Path(freqtrade.__file__).parent


def edited(bot: Bot, **renamed: str | None) -> None:
    """Rename keys of the configuration, or take them out; ``__`` stands between sections."""
    content = bot.content()
    for path, new in renamed.items():
        *sections, name = path.split("__")
        part = content
        for section in sections:
            part = part[section]
        value = part.pop(name)
        if new is not None:
            part[new] = value
    bot.config.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("path", "new", "severity", "meant"),
    [
        ("stake_amount", "stake_amout", "serious", "stake_amount"),
        ("exchange", "exchnage", "serious", "exchange"),
        ("freqai__feature_parameters", "feature_parametrs", "serious", "feature_parameters"),
        ("freqai__train_period_days", "train_period_day", "warning", "train_period_days"),
        ("initial_state", "inital_state", "warning", "initial_state"),
        ("cancel_open_orders_on_exit", "cancel_open_order_on_exit", "warning", ""),
        ("exchange__enable_ws", "enabel_ws", "warning", "enable_ws"),
        ("freqai__expiration_hours", "expiration_hour", "warning", "expiration_hours"),
        ("unfilledtimeout__exit_timeout_count", "exit_timeout_counts", "warning", ""),
        ("regimeswitch", "regimeswich", "warning", "regimeswitch"),
        ("bot_name", "house_number", "info", None),
    ],
)
def test_a_mistyped_key_is_one_finding_with_the_right_one(
    bot: Bot, path: str, new: str, severity: str, meant: str | None
) -> None:
    edited(bot, **{path: new})
    _, figures = doctor(bot)
    (found,) = [one for one in figures["findings"] if one["kind"] != NO_CANDLES[1]]
    assert (found["severity"], found["kind"]) == (severity, "config.unknown_key")
    assert found["where"] == ".".join([*path.split("__")[:-1], new])
    if meant is not None:
        assert found["fix"] == f"did you mean {meant or path.rpartition('__')[2]}?"


@pytest.mark.parametrize(
    "path",
    [
        *("stake_amount", "stake_currency", "entry_pricing", "exit_pricing", "pairlists"),
        *("exchange", "exchange__name"),
        "freqai__feature_parameters__include_timeframes",
        "freqai__feature_parameters__indicator_periods_candles",
    ],
)
def test_a_key_that_freqtrade_needs_is_one_finding(bot: Bot, path: str) -> None:
    edited(bot, **{path: None})
    code, figures = doctor(bot)
    assert [one for one in kinds(figures) if one != NO_CANDLES] == [
        ("serious", "config.missing_key")
    ]
    assert figures["findings"][0]["where"] == path.replace("__", ".")
    assert code == 1


def test_what_the_strategy_gives_is_not_missed(bot: Bot, tmp_path: Path) -> None:
    """And a key that it reads itself is known."""
    edited(bot, stake_amount=None)
    bot.change(strategy="Own", my_own_key=1)
    (tmp_path / "Own.py").write_text(
        "class Own(IStrategy):\n    stake_amount = 5\n    timeframe = stoploss = None\n"
        "    stoploss = -0.1\n    def x(self): return self.config['my_own_key']\n"
    )
    assert kinds(doctor(bot, "--strategy-path", tmp_path)[1]) == [NO_CANDLES]


def schema_keys(schema: dict[str, Any]) -> Any:
    """A configuration with every key of a schema."""
    schema = resolved(schema)
    if schema.get("properties"):
        return {name: schema_keys(part) for name, part in schema["properties"].items()}
    if schema.get("items"):
        return [schema_keys(schema["items"])]
    return None


def keys_of_the_source() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        yield from re.findall(r'onfig(?:\.get\(|\[)"(\w+)"', path.read_text())


@pytest.fixture
def subject(bot: Bot) -> ExaminedBot:
    """The healthy bot."""
    return subject_of(
        SimpleNamespace(
            config=[bot.config], userdir=bot.userdir, datadir=None, pairs=None, ledger=None
        )
    )


def unknown(subject: ExaminedBot, given: dict[str, Any]) -> dict[str, str]:
    """Path of each unknown key, with the key it is taken for."""
    config = replace(subject.config, given=given)
    return {key.path: key.nearest for key in unknown_keys(replace(subject, config=config))}


def test_no_key_of_freqtrade_is_taken_for_unknown(subject: ExaminedBot) -> None:
    every = schema_keys(CONF_SCHEMA)
    read = dict.fromkeys(keys_of_the_source())
    assert len(every) > 50
    assert len(read) > 100
    assert unknown(subject, every) == {}
    assert unknown(subject, read) == {}
    handlers = {"method": "VolumePairList", "number_assets": 5, "min_value": 0, "lookback_days": 1}
    own = {"pairlists": [handlers], "$schema": "x", "_note": 1, "//": "", "regimeswitch": {"a": 1}}
    learner = {"freqai": {"model_training_parameters": {"num_leaves": 8, "anything": 1}}}
    assert unknown(subject, own | learner) == {}


def test_every_key_of_freqtrade_is_found_again_when_a_letter_is_missing(
    subject: ExaminedBot,
) -> None:
    def shorter(part: Any) -> Any:
        if isinstance(part, list):
            return [shorter(one) for one in part]
        if not isinstance(part, dict):
            return part
        # Sections keep their names, or nothing in them would be looked at.
        return {
            (name if value else name[:3] + name[4:]): shorter(value)
            for name, value in part.items()
            if value or len(name) > 6
        }

    found = unknown(subject, shorter(schema_keys(CONF_SCHEMA)))
    assert len(found) > 150
    wrong = {
        path: nearest
        for path, nearest in found.items()
        if nearest[:3] + nearest[4:] != path.rpartition(".")[2]
    }
    assert wrong == {}


def test_a_model_of_the_command_line_has_its_own_identifier(bot: Bot) -> None:
    """Without the option, models of that command would be taken for those of other settings."""
    regressor = bot.content() | {"freqaimodel": "RegimeSwitchRegressor"}
    bot.config.write_text(json.dumps(regressor))
    namespace = SimpleNamespace(
        config=[bot.config], userdir=bot.userdir, datadir=None, pairs=None, ledger=None
    )
    made = subject_of(namespace)
    (bot.userdir / "models" / made.config.identifier(made.settings)).mkdir(parents=True)
    edited(bot, freqaimodel=None)
    expected = [("serious", "config.no_freqaimodel"), NO_CANDLES]
    assert kinds(doctor(bot)[1]) == expected
    given = doctor(bot, "--freqaimodel", "RegimeSwitchRegressor")[1]
    assert kinds(given) == [NO_CANDLES]
    bot.change(freqaimodel="RegimeSwitchClassifier")
    assert kinds(doctor(bot)[1])[0] == ("warning", "identifier.stale")
    assert kinds(doctor(bot, "--freqaimodel", "RegimeSwitchRegressor")[1]) == [NO_CANDLES]


def test_classes_are_looked_for_where_the_bot_looks(bot: Bot, tmp_path: Path) -> None:
    words = ["doctor", "--config", bot.config, "--userdir", bot.userdir, "--export", tmp_path / "x"]
    assert main([*map(str, words)]) == 1
    findings = json.loads((tmp_path / "x").read_text())["findings"]
    assert [one["kind"] for one in findings[:2]] == [
        *("config.unknown_strategy", "config.unknown_freqaimodel")
    ]
    assert str(bot.userdir / "strategies") in findings[0]["what"]
    bot.change(strategy_path=str(CODE[1]), freqaimodel_path=str(CODE[3]))
    assert main([*map(str, words)]) == 0


def test_a_learner_that_is_not_installed(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "xgboost" else real(name)
    )
    assert kinds(doctor(bot)[1]) == [NO_CANDLES]
    bot.change(regimeswitch={"models": {"per_regime": {"bear": "xgboost"}}})
    found = doctor(bot)[1]["findings"][0]
    assert (found["kind"], found["where"]) == (
        *("machine.learner", "regimeswitch.models.per_regime.bear"),
    )
    assert "pip install xgboost" in found["fix"]


@pytest.mark.parametrize("enabled", ["telegram", "api_server"])
def test_a_bot_that_can_be_started_from_elsewhere(bot: Bot, enabled: str) -> None:
    bot.change(initial_state="stopped", **{enabled: {"enabled": True}})
    assert ("warning", "config.state") in kinds(doctor(bot)[1])


def test_keys_and_values_are_whole_however_narrow_the_output(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    edited(bot, freqai__feature_parameters__indicator_periods_candles=None)
    _, figures = doctor(bot)
    printed = capsys.readouterr().out
    for found in figures["findings"]:
        assert f"{found['severity']} {found['kind']} {found['where']}\n" in printed
        assert f"    {found['what']}\n    fix: {found['fix']}\n" in printed
    assert len(figures["findings"]) == 2


def test_the_project_s_own_config_and_code_are_complete(tmp_path: Path) -> None:
    words = ["--config", ROOT / "config.json", "--userdir", ROOT / "user_data"]
    export = tmp_path / "found.json"
    assert main(["doctor", *map(str, words), "--export", str(export)]) == 0
    kinds_found = {one["kind"] for one in json.loads(export.read_text())["findings"]}
    assert not {kind for kind in kinds_found if kind.startswith(("config.", "pairs."))}
