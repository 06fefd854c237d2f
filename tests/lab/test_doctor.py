"""``regimeswitch doctor`` as a user types it: healthy bots, bad usage, what comes first."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots import PAIRS, Bot
from doctors import CODE, NO_CANDLES, a_machine_of_eight, bot, doctor, kinds, market
from project import ROOT


__all__ = ["a_machine_of_eight", "bot", "market"]


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


def test_pairs_of_the_command_line(bot: Bot, market: Path) -> None:
    _, figures = doctor(bot, "--datadir", market, "--pairs", "ETH/USDT")
    assert list(figures["pairs"]) == ["ETH/USDT"]


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
    assert severities == ["serious"] * 4 + ["warning"] * 3 + ["info"]
    assert figures["counts"] == {"serious": 4, "warning": 3, "info": 1}
    mistakes = [one for one in figures["findings"] if one["kind"] == "settings.mistake"]
    assert [one["where"] for one in mistakes] == [
        *("regimeswitch.regime.grace_candles", "regimeswitch.labels.unit"),
        "regimeswitch.labels.horizn",
    ]
    assert 'did you mean "horizon"?' in mistakes[-1]["fix"]
    out = capsys.readouterr().out
    assert out.index("serious") < out.index("warning") < out.index("info")
    assert "4 serious, 3 warning, 1 info" in out


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
    words = ["doctor", "--config", bot.config, "--userdir", bot.userdir, *CODE]
    done = subprocess.run(
        [sys.executable, "-m", "regimeswitch_lab", *map(str, words)],
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
