"""Keys with a new name: the old one means the same, is logged once, and not given twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from freqtrade.exceptions import OperationalException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from project import ROOT, in_signal_mode
from regimeswitch.bot import bot_settings
from regimeswitch.bot.bot_settings import mark_identifier, settings_from
from regimeswitch.settings import Settings, SettingsError, load_settings
from regimeswitch.settings.modes import POSITION, SIGNAL
from regimeswitch.settings.renamed import RENAMED, with_hashed_names, with_new_names
from regimeswitch_lab.bot_config import load_bot_config, load_sound_config
from regimeswitch_lab.harmless import is_harmless_place, without_unknown
from regimeswitch_lab.money.mode_overlay import in_mode
from regimeswitch_lab.money.tested import merged


VALUES: dict[str, Any] = {
    "pair_trees": 7,
    "leave_regimes": [],
    "take_atr": 9.5,
    "size_most": 3,
    "daily_loss": 0.07,
    "peak_loss": 0.25,
}
KEYS = [(part, old, new) for part, names in RENAMED.items() for old, new in names.items()]
renamed_key = pytest.mark.parametrize(("part", "old", "new"), KEYS)


@pytest.fixture(autouse=True)
def nothing_logged_yet() -> Iterator[None]:
    bot_settings._log_old_name.cache_clear()
    yield
    bot_settings._log_old_name.cache_clear()


def section(part: str, **keys: Any) -> dict[str, Any]:
    found = in_signal_mode()
    return {**found, part: {**found.get(part, {}), **keys}}


def config(own: dict[str, Any]) -> dict[str, Any]:
    return {**json.loads((ROOT / "config.json").read_text()), "regimeswitch": own}


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


@renamed_key
def test_the_old_name_means_the_same(part: str, old: str, new: str) -> None:
    value = VALUES[old]
    before, after = section(part, **{old: value}), section(part, **{new: value})
    found = load_settings(before)
    assert found == load_settings(after) != load_settings(section(part))
    assert found.model_hash() == load_settings(after).model_hash()
    identifiers = {mark_identifier(config(one), load_settings(one)) for one in (before, after)}
    assert len(identifiers) == 1
    assert with_new_names(before) == after
    assert with_hashed_names(after) == with_hashed_names(before) == before


@renamed_key
def test_the_old_name_is_logged_once(
    part: str, old: str, new: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        settings_from(config(section(part, **{old: VALUES[old]})))
    settings_from(config(section(part, **{new: VALUES[old]})))
    assert messages(caplog) == [
        f"regimeswitch.{part}.{old} is called {new} now; rename it: the old name is accepted until "
        "version 0.3.0"
    ]


@renamed_key
def test_both_names_at_once_are_refused(
    part: str, old: str, new: str, caplog: pytest.LogCaptureFixture
) -> None:
    own = section(part, **{old: VALUES[old], new: VALUES[old]})
    said = f"regimeswitch.{part}.{old}: the old name of {new}, and both are given; take {old} out"
    with pytest.raises(SettingsError) as caught:
        load_settings(own)
    assert str(caught.value) == said
    with pytest.raises(OperationalException, match=f"cannot be used:\n{said}"):
        settings_from(config(own))
    assert messages(caplog) == []


@renamed_key
def test_a_mistake_names_the_key_as_it_is_written(part: str, old: str, new: str) -> None:
    for key in (old, new):
        with pytest.raises(SettingsError) as caught:
            load_settings(section(part, **{key: "much"}))
        assert str(caught.value).startswith(f"regimeswitch.{part}.{key}: ")


@renamed_key
def test_backups_and_editors_know_the_old_name(part: str, old: str, new: str) -> None:
    own = {part: {old: VALUES[old]}}
    assert without_unknown({"regimeswitch": own}) == ({"regimeswitch": own}, [])
    shown = [is_harmless_place(("regimeswitch", part, key)) for key in (old, new)]
    assert shown[0] == shown[1]
    schema = Settings.model_json_schema()
    reference = schema["properties"][part]["$ref"].rpartition("/")[2]
    properties = schema["$defs"][reference]["properties"]
    ours = {"deprecated", "description"}
    plain = [{k: v for k, v in properties[key].items() if k not in ours} for key in (old, new)]
    assert plain[0] == plain[1]
    assert properties[old]["deprecated"] is True
    assert "deprecated" not in properties[new]


def test_the_environment_may_use_the_old_name(caplog: pytest.LogCaptureFixture) -> None:
    environment = {
        "FREQTRADE__REGIMESWITCH__ENTRIES__MODE": "signal",
        "FREQTRADE__REGIMESWITCH__RISK__DAILY_LOSS": "0.07",
        "FREQTRADE__REGIMESWITCH__ENTRIES__LEAVE_REGIMES": '["bear"]',
    }
    found = load_sound_config([], environment).settings
    assert found.risk.max_daily_loss == 0.07
    assert found.entries.exit_regimes == ("bear",)
    assert len(messages(caplog)) == 2
    both = {**environment, "FREQTRADE__REGIMESWITCH__RISK__MAX_DAILY_LOSS": "0.07"}
    with pytest.raises(SettingsError, match=r"risk\.daily_loss: the old name of max_daily_loss"):
        _ = load_bot_config([], both).settings


def test_what_is_no_object_has_no_old_name() -> None:
    for own in ({"risk": 5}, {"risk": None}, {"models": ["pair_trees"]}):
        assert with_new_names(own) == with_hashed_names(own) == own
        with pytest.raises(SettingsError):
            load_settings(own)
    assert with_hashed_names(None) is None


limits = {
    part: {
        old: st.just(VALUES[old])
        if part != "risk"
        else st.sampled_from([0, 0.05, 1])
        if old.endswith("loss")
        else st.sampled_from([1, 2.5, 10])
        for old in names
    }
    for part, names in RENAMED.items()
}
old_sections = st.fixed_dictionaries(
    {}, optional={part: st.fixed_dictionaries({}, optional=keys) for part, keys in limits.items()}
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(old_sections, st.sampled_from([POSITION, SIGNAL]), st.sets(st.sampled_from(list(VALUES))))
def test_any_mixture_of_old_and_new_names_is_one_configuration(
    own: dict[str, Any], other: str, renamed: set[str]
) -> None:
    own = {**own, "entries": {**own.get("entries", {}), "mode": SIGNAL}}
    mixed = {
        part: {RENAMED[part][key] if key in renamed else key: value for key, value in keys.items()}
        for part, keys in own.items()
    }
    assert load_settings(mixed) == load_settings(own)
    assert with_hashed_names(mixed) == own
    # What a command lays over a configuration has the names that its files use.
    overlaid = merged(mixed, in_mode(mixed, other))
    assert load_settings(overlaid) == load_settings(merged(own, in_mode(own, other)))
