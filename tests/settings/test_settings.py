"""The config section: valid defaults, one clear message for each mistake, frozen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import BaseModel, ValidationError

from project import in_signal_mode
from regimeswitch.settings import Settings, SettingsError, load_settings
from sections import KEYS, SECTIONS, json_values, real_sections


Section = dict[str, Any]


def message(section: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(section)
    return str(caught.value)


def test_defaults_are_valid_and_given_for_an_empty_or_absent_section() -> None:
    assert load_settings({}) == load_settings(None) == Settings()
    dumped = json.loads(Settings().model_dump_json())
    assert load_settings(dumped) == Settings()


def assert_described(section: type[BaseModel]) -> None:
    for key, field in section.model_fields.items():
        assert not field.is_required(), key
        assert field.description, key
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            assert_described(field.annotation)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_has_a_description_and_a_default(name: str) -> None:
    assert not SECTIONS[name].is_required()
    assert_described(SECTIONS[name].annotation)


def test_the_json_schema_knows_every_key() -> None:
    text = json.dumps(Settings.model_json_schema())
    assert all(f'"{key}"' in text for key in KEYS)
    assert '"additionalProperties": false' in text


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"regime": {"averge": "ema"}}, ["regimeswitch.regime.averge", 'did you mean "average"?']),
        ({"entries": {"buy": {"bul": 1}}}, ["entries.buy.bul", 'did you mean "bull"?']),
        ({"regimes": {}}, ["regimeswitch.regimes: unknown key", 'did you mean "regime"?']),
        ({"zzz": {}}, ["regimeswitch.zzz: unknown key; known keys: regime, labels"]),
        ({"regime": {"qqq": 1}}, ["regime.qqq: unknown key; known keys: rule, timeframe"]),
        ({"labels": {"horizon": "soon"}}, ["labels.horizon", "got 'soon'", "typical: 12"]),
        ({"regime": {"rule": "hmm"}}, ["regime.rule", "'vote'", "got 'hmm'", 'typical: "trend"']),
        ({"regime": {"anchor": "BTC"}}, ["regime.anchor", "got 'BTC'", 'typical: "self"']),
        ({"models": {"per_regime": {"bull": "cat"}}}, ["models.per_regime.bull", "got 'cat'"]),
        ({"labels": {"fee": 0.5}}, ["labels.fee", "0.05", "got 0.5", "fraction"]),
        ({"regime": {"grace_candles": 0}}, ["grace_candles", "1", "got 0", "typical: 36"]),
        (
            {"entries": {"buy": {"bull": 1.5}}},
            ["entries.buy.bull", "got 1.5", "typical: 0.35; in bull"],
        ),
        ({"safety": {"spike_fraction": 0}}, ["safety.spike_fraction", "got 0", "typical: 0.5"]),
        ({"regime": {"trend_enter": 1, "trend_exit": 2}}, ["trend_exit (2.0) must not exceed"]),
        ({"regime": {"change_exit": 0.2}}, ["change_exit (0.2) must not exceed change_bull"]),
        ({"regime": {"change_bear": -0.01}}, ["change_exit (0.03) must not exceed -change_bear"]),
        ({"regime": {"volatility_exit": 1}}, ["volatility_exit (1.0) must not exceed"]),
        (
            {"regime": {"rule": "change", "timeframe": "5m"}},
            ["rule 'change' needs 8641 candles of 5m", "at most 4999", 'typical: "1h"'],
        ),
        (
            {"entries": {"mode": "signal", "regimes": ["bull", "bear"]}},
            ["regimes and exit_regimes both name bear", "take it out of one"],
        ),
        ({"regime": 5}, ["regimeswitch.regime", "got 5"]),
        ({"regime": None}, ["regimeswitch.regime", "got None"]),
        ({"risk": [1]}, ["regimeswitch.risk", "got [1]"]),
        ("trend", ["\"regimeswitch\": 'trend' must be an object of sections"]),
        ([], ['"regimeswitch": [] must be an object']),
    ],
)
def test_each_mistake_has_one_message(section: Any, words: list[str]) -> None:
    text = message(section)
    assert "\n" not in text
    assert [word for word in words if word not in text] == [], text


def test_several_mistakes_are_several_lines() -> None:
    text = message({"regime": {"rul": 1, "timeframe": "2h"}, "risk": {"stop_atr": -1}})
    lines = text.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("regimeswitch.") for line in lines)


@settings(deadline=None, max_examples=100)
@given(json_values | real_sections)
def test_any_json_gives_settings_or_one_clear_error(section: Any) -> None:
    try:
        found = load_settings(section)
    except SettingsError as error:
        assert "regimeswitch" in str(error)
    else:
        assert isinstance(found, Settings)
        assert len(found.model_hash()) == 8
        assert found.regime.candles_needed <= 4999


@pytest.mark.parametrize(
    "section",
    [
        {"regime": {"grace_candles": 37}},
        {"regime": {"anchor": "BTC/USDT"}},
        {"labels": {"horizon": 13}},
        {"labels": {"fee": 0.002}},
        {"models": {"learner": "xgboost"}},
        {"models": {"seed": 1}},
        {"models": {"parameters": {"lightgbm": {"num_leaves": 9}}}},
        {"safety": {"spike_fraction": 0.6}},
    ],
)
def test_what_changes_models_changes_the_hash(section: Section) -> None:
    assert load_settings(section).model_hash() != Settings().model_hash()


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"models": {"jobs": 1}},
        {"entries": {"expected_return": 0.01}},
        {"risk": {"stop_atr": 3, "stake_fraction": 0.1}},
    ],
)
def test_what_does_not_change_models_keeps_the_hash(section: Section) -> None:
    found = load_settings(in_signal_mode(section))
    assert found.model_hash() == load_settings(in_signal_mode()).model_hash()
    assert found.model_hash({"days": 30}) != found.model_hash({"days": 31})


def test_settings_are_frozen() -> None:
    parsed = Settings()
    for part in (parsed, *(getattr(parsed, name) for name in SECTIONS), parsed.entries.buy):
        assert isinstance(part, BaseModel)
        first = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, first, getattr(part, first))


def test_spike_limit_grows_with_the_root_of_the_timeframe() -> None:
    safety = load_settings({"safety": {"spike_fraction": 0.4}}).safety
    assert [safety.spike_limit(name) for name in ("1m", "5m", "20m")] == [0.4, 0.4, 0.8]
