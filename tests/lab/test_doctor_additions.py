"""Doctor on what models add to the rule: without its model, without a proof, with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bots import Bot
from doctors import NO_CANDLES, a_machine_of_eight, bot, doctor, kinds
from regimeswitch.bot.trial_ledger import NAME, append
from regimeswitch_lab.bot_config import load_bot_config, section
from regimeswitch_lab.prove.utility_proof import proof_hash, with_addition


__all__ = ["a_machine_of_eight", "bot"]

VETO: dict[str, Any] = {"entries": {"mode": "position", "veto": "forecast"}}
SIZE: dict[str, Any] = {"entries": {"mode": "position"}, "risk": {"size_from": "forecast"}}
UNPROVEN = ("warning", "additions.unproven")


def give(bot: Bot, own: dict[str, Any], model: str) -> None:
    content = bot.content()
    content |= {"regimeswitch": own, "freqaimodel": f"RegimeSwitch{model}"}
    bot.config.write_text(json.dumps(content))


def found_in(bot: Bot, *more: object) -> list[tuple[str, str]]:
    code, figures = doctor(bot, *more)
    assert code == 0
    return [one for one in kinds(figures) if one != NO_CANDLES]


@pytest.mark.parametrize(
    ("own", "model", "expected"),
    [
        (VETO, "Classifier", [UNPROVEN]),
        (SIZE, "Regressor", [UNPROVEN]),
        (VETO, "Regressor", [("warning", "additions.no_model")]),
        (SIZE, "Classifier", [("warning", "additions.no_model")]),
        ({"entries": {"mode": "position"}}, "Regressor", []),
        ({"entries": {"mode": "position"}}, "Classifier", []),
    ],
)
def test_what_is_on_without_model_or_proof_is_a_warning(
    bot: Bot, own: dict[str, Any], model: str, expected: list[tuple[str, str]]
) -> None:
    give(bot, own, model)
    assert found_in(bot) == expected


@pytest.mark.parametrize(("own", "model", "name"), [(VETO, "Classifier", "veto")])
def test_a_proof_of_these_settings_is_looked_for_in_the_ledgers(
    bot: Bot, tmp_path: Path, own: dict[str, Any], model: str, name: str
) -> None:
    give(bot, own, model)
    config = load_bot_config([bot.config], {})
    days = config.train_days
    assert days is not None
    own_settings, freqai = with_addition(config.settings, name), section(config.merged, "freqai")
    hashed = proof_hash(own_settings, freqai, days, config.timeframe)

    def note(file: Path, proven: bool, settings: str = hashed) -> None:
        append(file, "prove --utility", settings, "c", ["BTC/USDT"], "2023", {"proven": proven})

    note(bot.userdir / NAME, True, "another")
    assert found_in(bot) == [UNPROVEN]
    note(tmp_path / "elsewhere.jsonl", True)
    assert found_in(bot) == [UNPROVEN]
    assert found_in(bot, "--ledger", tmp_path / "elsewhere.jsonl") == []
    note(bot.userdir / NAME, True)
    assert found_in(bot) == []
    note(bot.userdir / NAME, False)
    assert found_in(bot) == [UNPROVEN]
    _, figures = doctor(bot)
    (one,) = [found for found in figures["findings"] if found["kind"] == "additions.unproven"]
    assert one["where"] == "regimeswitch.entries.veto"
    assert f"it is on, and was not proven for these settings ({hashed})" in one["what"]
    assert "regimeswitch prove --utility" in one["fix"]


def test_a_damaged_ledger_is_named(bot: Bot) -> None:
    give(bot, VETO, "Classifier")
    (bot.userdir / NAME).write_text("{\n")
    assert found_in(bot) == [("warning", "additions.ledger")]
