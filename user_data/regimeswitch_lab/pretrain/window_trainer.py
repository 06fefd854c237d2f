"""freqtrade's own backtest, prepared in one process up to FreqAI's start, window by window.

Everything that makes a model is the code of ``freqtrade backtesting``: its configuration, candles
with the whole warm-up, the strategy, FreqAI's loop. It is only stopped where the strategy starts
FreqAI, whose windows are then trained one at a time.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.misc import deep_merge_dicts, pair_to_filename
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.strategy.interface import IStrategy
from joblib import parallel_config

from regimeswitch.bot.freqai.backtest_windows import StoredWindow
from regimeswitch.bot.freqai.training_outcome import Outcome
from regimeswitch.bot.patches import install
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.overlay import no_proxy, overlay
from regimeswitch_lab.sameness import CLASSIFIER, REGRESSOR


Config = dict[str, Any]
LOCKS = "pretrain-locks"
"""Folder beside the models; gone when all windows are trained."""


@dataclass(frozen=True)
class TrainingTask:
    """Windows that one worker trains in one go.

    :ivar pairs: in freqtrade's order
    :ivar stamps: ends of the trainings, epoch seconds
    """

    pairs: tuple[str, ...]
    stamps: tuple[int, ...]

    @property
    def windows(self) -> int:
        """How many, counted by pair."""
        return len(self.pairs) * len(self.stamps)


@dataclass(frozen=True)
class TrainedWindows:
    """What came of a task.

    :ivar failures: pair, days and cause of each training that failed
    :ivar log: what freqtrade and the models have logged
    """

    task: TrainingTask
    failures: tuple[str, ...]
    log: tuple[str, ...]


class _AtFreqaiError(Exception):
    """The strategy has come to FreqAI's start."""


class _Halt:
    """Stands where the strategy looks for FreqAI, and takes the candles it is started with."""

    def __init__(self) -> None:
        self.candles = pd.DataFrame()

    def start(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], strategy: IStrategy
    ) -> pd.DataFrame:
        """FreqAI's entry point.

        :raises _AtFreqaiError: always
        """
        self.candles = dataframe
        raise _AtFreqaiError


class WindowTrainer:
    """A backtest that stands before FreqAI.

    :param config: freqtrade's, of a backtest; it is not changed
    :param market: the candles, from which freqtrade learns of the exchange's pairs
    :raises OperationalException: what a backtest would end with
    :raises InputError: when FreqAI runs another model than RegimeSwitch's
    """

    def __init__(self, config: Config, market: Market) -> None:
        with no_proxy(), ExchangeServer(market, limited=False) as server:
            own = deep_merge_dicts(overlay(server.url), copy.deepcopy(config))
            backtest = Backtesting(own, progress_callback=lambda task: None)
            try:
                data, _ = backtest.load_bt_data()
                (self._strategy,) = backtest.strategylist
                if not own.get("freqai", {}).get("enabled"):
                    raise InputError(_NOTHING)
                backtest._set_strategy(self._strategy)
                # freqtrade has loaded it with the model; by itself it takes seconds.
                from regimeswitch.bot.freqai.adapter import RegimeFreqaiModel

                model = self._strategy.freqai
                if not isinstance(model, RegimeFreqaiModel):
                    raise InputError(
                        f"freqaimodel {own.get('freqaimodel')!r} is not RegimeSwitch's: pretrain "
                        f"trains {CLASSIFIER} and {REGRESSOR}, and models made from them"
                    )
                self.model = model
                self._save_list = model.dd.save_drawer_to_disk
                self._candles = {pair: self._handed_over(pair, data[pair]) for pair in data}
            finally:
                backtest.exchange.close()
                backtest.cleanup()
        self.pairs = list(self._candles)

    def _handed_over(self, pair: str, candles: pd.DataFrame) -> pd.DataFrame:
        """Candles as the strategy hands them to FreqAI."""
        halt = _Halt()
        self._strategy.freqai = halt
        try:
            self._strategy.advise_indicators(candles.copy(), {"pair": pair})
        except _AtFreqaiError:
            return halt.candles
        finally:
            self._strategy.freqai = self.model
        raise InputError(f"{pair}: the strategy never starts FreqAI, so there is nothing to train")

    def windows(self) -> dict[str, list[StoredWindow]]:
        """The windows of each pair in the order of time."""
        return {
            pair: self.model.stored_windows(candles, pair, self._strategy)
            for pair, candles in self._candles.items()
        }

    def train(self, task: TrainingTask) -> tuple[str, ...]:
        """Train and predict windows; those that are done by then are left alone.

        :return: pair, days and cause of each training that failed
        """
        self.model.outcome = outcome = Outcome()
        # Shared, a model is all pairs' of its window; else a pair's windows are trained together.
        name = str(task.stamps[0]) if self.model.shares else pair_to_filename(task.pairs[0])
        # Windows are side by side already; sub-models on threads beside them would only contend.
        with alone(Path(self.model.full_path) / LOCKS / name), parallel_config("sequential"):
            for pair in task.pairs:
                self.model.pretrain(self._candles[pair], pair, self._strategy, task.stamps)
        # No other task asks for it.
        self.model.shared.models.clear()
        return tuple(outcome.failures)

    def leave_list_alone(self) -> None:
        """In a worker: FreqAI's list of models is written once, at the end."""

        def making(save: Callable[[], None]) -> Callable[[], None]:
            self._save_list = save
            return _write_nothing

        install("drawer", self.model.dd, save_drawer_to_disk=making)

    def list_newest(self, windows: dict[str, list[StoredWindow]]) -> None:
        """Write FreqAI's list of models as the backtest would leave it behind."""
        drawer, buffer = self.model.dd, self.model.buffer_seconds()
        for pair, own in windows.items():
            trained = [window for window in own if window.is_done()]
            drawer.set_pair_dict_info({"pair": pair})
            if trained:
                drawer.pair_dict[pair] |= {
                    "model_filename": trained[-1].filename,
                    "trained_timestamp": trained[-1].stamp - buffer,
                    "data_path": str(trained[-1].folder),
                }
        self._save_list()


def _write_nothing() -> None:
    """What a worker does instead of writing the list of models."""


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time, on all machines that share the folder, and until it ends or dies.

    A worker that a cluster has given up may still be at its windows when another takes them over.

    :raises InputError: when the file system cannot lock files
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX)
        except OSError as error:
            raise InputError(
                f"{path.parent} lies on a file system without file locks ({error.strerror}); "
                "workers would write over each other there: name another --userdir"
            ) from None
        yield


_NOTHING = (
    "nothing is trained in this backtest: freqai.enabled is false, or "
    'regimeswitch.models.sub_models is "none" in position mode'
)
