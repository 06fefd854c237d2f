"""The windows that are missing as tasks, and what a worker does with one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from regimeswitch.bot.freqai.backtest_windows import StoredWindow
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.pretrain.window_trainer import (
    Config,
    TrainedWindows,
    TrainingTask,
    WindowTrainer,
)


TASKS_PER_WORKER = 3
"""Where each pair has models of its own: so many tasks a worker at least, to share them out."""


@dataclass(frozen=True)
class PreparedRun:
    """What all tasks of one command have in common; it is sent to workers.

    :ivar key: of the command; candles may be others in the next one
    :ivar config: freqtrade's
    """

    key: str
    config: Config

    def trainer(self) -> WindowTrainer:
        """The backtest, prepared in this process."""
        datadir, kind = Path(self.config["datadir"]), str(self.config["dataformat_ohlcv"])
        return WindowTrainer(self.config, open_market(datadir, data_format=kind))


@dataclass(frozen=True)
class FoundWindows:
    """What a worker that has prepared the backtest knows of it.

    :ivar windows: by pair, in the order of time
    :ivar shares: the pairs of a window have one model
    :ivar home: FreqAI's model folder
    :ivar log: what freqtrade has logged
    """

    windows: dict[str, list[StoredWindow]]
    shares: bool
    home: Path
    log: tuple[str, ...]


class _AtHand:
    """The backtest that this process has prepared last; each task would cost half a minute.

    :cvar lines: logged meanwhile, until a task hands them over
    """

    key = ""
    trainer: WindowTrainer | None = None
    lines: tuple[str, ...] = ()


def forget_trainer() -> None:
    """Give back the memory of the backtest that this process has prepared."""
    _AtHand.key, _AtHand.trainer, _AtHand.lines = "", None, ()


def prepare_windows(run: PreparedRun) -> None:
    """What a worker can begin with before it knows its tasks."""
    _trainer(run)


def find_windows(run: PreparedRun) -> FoundWindows:
    """In a worker, which has the backtest at hand then: what there is to train."""
    trainer = _trainer(run)
    before, _AtHand.lines = _AtHand.lines, ()
    with logged_lines() as lines:
        windows = trainer.windows()
    home = Path(trainer.model.full_path)
    return FoundWindows(windows, trainer.model.shares, home, (*before, *lines))


def list_windows(run: PreparedRun, windows: dict[str, list[StoredWindow]]) -> None:
    """In a worker, once all is trained: FreqAI's list of models.

    :param windows: of all pairs
    """
    with logged_lines():
        _trainer(run).list_newest(windows)


def train_windows(run: PreparedRun, task: TrainingTask) -> TrainedWindows:
    """What a worker does: train some windows into FreqAI's model folder."""
    trainer = _trainer(run)
    before, _AtHand.lines = _AtHand.lines, ()
    with logged_lines() as lines:
        failures = trainer.train(task)
    return TrainedWindows(task, failures, (*before, *lines))


def _trainer(run: PreparedRun) -> WindowTrainer:
    """The prepared backtest of a command in this process."""
    if _AtHand.trainer is None or run.key != _AtHand.key:
        forget_trainer()
        with logged_lines() as lines:
            trainer = run.trainer()
            trainer.leave_list_alone()
        _AtHand.key, _AtHand.trainer, _AtHand.lines = run.key, trainer, tuple(lines)
    return _AtHand.trainer


def missing_tasks(
    windows: Mapping[str, Sequence[StoredWindow]], shares: bool, workers: int
) -> list[TrainingTask]:
    """Tasks for all windows that are not there yet, the earliest first.

    :param windows: by pair, in the order of time
    :param shares: the pairs of a window have one model, so that one worker makes them; else a
        worker makes several windows of one pair, whose features it computes once for all of them
    :param workers: that share the tasks
    """
    missing = {
        pair: [window.stamp for window in own if not window.is_done()]
        for pair, own in windows.items()
    }
    if shares:
        stamps = sorted({stamp for own in missing.values() for stamp in own})
        return [
            TrainingTask(tuple(pair for pair, own in missing.items() if stamp in own), (stamp,))
            for stamp in stamps
        ]
    parts = -(-TASKS_PER_WORKER * workers // max(sum(map(bool, missing.values())), 1))
    return [
        TrainingTask((pair,), tuple(chunk))
        for pair, own in missing.items()
        for chunk in _chunks(own, parts)
    ]


def _chunks(stamps: Sequence[int], parts: int) -> Iterator[Sequence[int]]:
    size = max(-(-len(stamps) // parts), 1)
    for first in range(0, len(stamps), size):
        yield stamps[first : first + size]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def logged_lines() -> Iterator[list[str]]:
    """What is logged meanwhile; it comes on no screen and into no other file."""
    root, kept = logging.getLogger(), _Lines()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [kept]
    root.setLevel(logging.INFO)
    try:
        yield kept.lines
    finally:
        root.handlers[:] = before
        root.setLevel(level)
