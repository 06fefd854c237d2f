"""A model bot in a process of its own, which a test can kill; it lives by the clock of the test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import time_machine
from freqtrade.worker import Worker

from project import ROOT
from regimeswitch_lab.offline.overlay import overlay
from servedbots import ServedBot, api_of


TOKEN = "sent-between-the-bots-of-this-test-alone"


class ModelBot:
    """``freqtrade trade`` in another process.

    :param port: of its API server
    :param exchange: address of the embedded exchange
    """

    def __init__(
        self, folder: Path, config: dict[str, Any], port: int, exchange: str, begin: datetime
    ) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        api = {"api_server": api_of(port) | {"ws_token": TOKEN, "verbosity": "error"}}
        base = [ROOT / "config.json", ROOT / "user_data/bots/model-bot.json"]
        for name, content in (("mine", config), ("api", api), ("offline", overlay(exchange))):
            base.append(folder / f"{name}.json")
            base[-1].write_text(json.dumps(content))
        words = ["trade", "--userdir", str(folder), "--db-url", f"sqlite:///{folder}/trades.sqlite"]
        words += ["--strategy-path", str(ROOT / "user_data/strategies")]
        words += ["--freqaimodel-path", str(ROOT / "user_data/freqaimodels")]
        words += [part for path in base for part in ("--config", str(path))]
        self.log = folder / "model-bot.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__, begin.isoformat(), str(port), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._answer()

    def step(self, moment: datetime) -> pd.DataFrame:
        """One loop at a moment, then a training where none is there yet; all analysed candles."""
        return self._asked("step", moment)

    def train(self, moment: datetime) -> pd.DataFrame:
        """One loop, and its first training."""
        return self._asked("train", moment)

    def _asked(self, what: str, moment: datetime) -> pd.DataFrame:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what} {moment.isoformat()} {self._folder}/frame.pickle\n")
        self.process.stdin.flush()
        self._answer()
        found: pd.DataFrame = pd.read_pickle(self._folder / "frame.pickle")
        return found

    def _answer(self) -> None:
        assert self.process.stdout is not None
        answer = self.process.stdout.readline().strip()
        assert answer == "done", (answer, self.log.read_text()[-5000:])

    def kill(self) -> None:
        """As the machine that loses its power."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def ended(bots: list[ModelBot]) -> Iterator[None]:
    try:
        yield
    finally:
        for bot in bots:
            bot.kill()


def serve(begin: datetime, port: int, words: list[str]) -> None:
    """The other process: a loop for every line."""
    answers, sys.stdout = sys.stdout, sys.stderr
    Worker._sleep = lambda worker, seconds: None
    with time_machine.travel(begin, tick=False) as clock:
        bot = ServedBot(words, clock, begin, port)
        print("done", file=answers, flush=True)
        for line in sys.stdin:
            what, moment, path = line.split()
            bot.loop(datetime.fromisoformat(moment))
            if what == "train":
                bot.wait_for_training()
            pairs = bot.worker.freqtrade.active_pair_whitelist
            frames = [bot.frame(pair).assign(pair=pair) for pair in pairs]
            pd.concat(frames, ignore_index=True).to_pickle(path)
            print("done", file=answers, flush=True)


if __name__ == "__main__":
    serve(datetime.fromisoformat(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
