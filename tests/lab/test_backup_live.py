"""A bot is copied while it runs; the restored one goes on with the same trades and decisions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pandas as pd
import pytest

import forked
from project import ROOT
from regimeswitch_lab.cli import main
from regimeswitch_lab.offline.overlay import child_environment
from regimeswitch_lab.replay.compare import compare_decisions
from regimeswitch_lab.replay.plan import ReplayPlan
from regimeswitch_lab.replay.records import Records, read_records
from regimeswitch_lab.replay.trades import read_database
from replays import busy


pytestmark = pytest.mark.slow

CANDLE = 300
BEGAN = int(pd.Timestamp("2024-12-28", tz="UTC").timestamp())
HELD = BEGAN + 16 * CANDLE
ENDED = BEGAN + 32 * CANDLE
BUSY = busy(buy=0.1, sell=0.9, max_hold_candles=6, stop_atr=3.0, take_profit_atr=3.0) | {
    "exchange": {"pair_whitelist": ["BTC/USDT"]},
    "internals": {"process_throttle_secs": 150},
}
# Both bots train once before the copy and once after it.
BUSY["freqai"] |= {"live_retrain_hours": 1.49, "expiration_hours": 4}


class Machine:
    """A folder in which a bot runs."""

    def __init__(self, home: Path, market: Path) -> None:
        self.home, self.market = home, market
        self.userdir = home / "user_data"
        self.records = home / "records.jsonl"

    def plan(self, configs: list[Path], start: int) -> ReplayPlan:
        arguments: list[object] = ["trade", "--userdir", self.userdir]
        for config in configs:
            arguments += ["--config", config]
        arguments += ["--strategy-path", ROOT / "user_data/strategies"]
        arguments += ["--freqaimodel-path", ROOT / "user_data/freqaimodels"]
        return ReplayPlan(
            arguments=list(map(str, arguments)),
            candles=str(self.market),
            records=str(self.records),
            start=start,
            stop=ENDED,
            loop_seconds=150,
        )

    @contextmanager
    def running(self, plan: ReplayPlan, *held: object) -> Iterator[subprocess.Popen[str]]:
        path = plan.write(self.home / "plan.json")
        program = [str(ROOT / "tests/helpers/heldbot.py"), str(path), *map(str, held)]
        log = (self.home / "bot.log").open("w")
        with (
            log,
            forked.Popen(
                [sys.executable, *program],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=child_environment(os.environ),
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def decided(self) -> Records:
        return read_records([self.records])


def read_until(stream: IO[str] | None, line: int) -> None:
    assert stream is not None
    assert any(text.strip() == str(line) for text in stream), f"the bot did not reach {line}"


def test_a_restored_bot_goes_on_as_the_one_that_went_on(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    one, other = (Machine(tmp_path / name, market) for name in ("one", "other"))
    one.userdir.mkdir(parents=True)
    other.home.mkdir()
    busy, database = tmp_path / "busy.json", one.userdir / "tradesv3.dryrun.sqlite"
    busy.write_text(json.dumps({**BUSY, "db_url": f"sqlite:///{database}"}))
    configs, archive, go = [ROOT / "config.json", busy], tmp_path / "a.zip", tmp_path / "go"
    with one.running(one.plan(configs, BEGAN + 1), HELD, go) as process:
        read_until(process.stdout, HELD)
        at_copy = read_database(database)
        words = ["--config", *configs, "--userdir", one.userdir, "--out", archive]
        assert main(["backup", *map(str, words)]) == 0
        assert process.poll() is None
        go.touch()
        read_until(process.stdout, ENDED)
        process.wait()
    went_on, deals = one.decided(), read_database(database)
    one.home.rename(tmp_path / "lost")

    assert main(["restore", str(archive), "--userdir", str(other.userdir)]) == 0
    copy = other.userdir / database.name
    assert read_database(copy) == at_copy
    plan = other.plan([other.userdir / "restored-config.json"], HELD + CANDLE + 1)
    with other.running(plan, 0, go) as process:
        read_until(process.stdout, ENDED)
        process.wait()
    decisions = compare_decisions(other.decided(), went_on, HELD * 1000, ENDED * 1000)
    assert decisions.count == 0, (decisions.by_column, decisions.models_different)
    assert (decisions.candles, decisions.unmatched) == ((ENDED - HELD) // CANDLE, [])
    assert decisions.trainings == 1
    # The model that served until then came out of the archive.
    assert len(went_on.trainings) == 2
    assert read_database(copy) == deals
    assert any(deal.closed is None for deal in at_copy), "a trade was open at the copy"
    assert len(deals) > len(at_copy) > 1
