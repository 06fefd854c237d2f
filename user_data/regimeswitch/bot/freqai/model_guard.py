"""Models of a running bot: damaged ones are not served, failed trainings are not believed.

Without a model that can be trusted a pair stays neutral; with an older one that can, it is served
by that. FreqAI writes its files in place and reads them unchecked, and a training that fails is
tried again every second; both are repaired here, narrowly, around its own methods.
"""

from __future__ import annotations

import functools
import logging
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from freqtrade.enums import RunMode

from regimeswitch.bot.compatibility.internals import JSON_WRITERS
from regimeswitch.bot.freqai.model_check import ModelCheck
from regimeswitch.bot.freqai.model_files import (
    DamagedFileError,
    check_model,
    set_aside,
    write_known,
    write_manifest,
)
from regimeswitch.bot.freqai.stored_predictions import VIEWS
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.patches import Make, install
from regimeswitch.bot.whole_files import replacing
from regimeswitch.settings import SafetySettings


logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 300, 3600
"""Seconds before a failed training is tried again; doubled with every further failure."""


def model_guard(config: dict[str, Any], safety: SafetySettings) -> ModelGuard | None:
    """The guard of a config's models, which has looked at their files.

    None with guards off, and for a chart, which neither loads nor writes a model.
    """
    if not safety.guards or config.get("runmode") in VIEWS:
        return None
    identifier = str(config["freqai"]["identifier"])
    guard = ModelGuard(Path(config["user_data_dir"]) / "models" / identifier, identifier, safety)
    guard.check_files(config.get("runmode") in (RunMode.DRY_RUN, RunMode.LIVE))
    return guard


class ModelGuard:
    """Guards the models of one bot.

    :param home: folder of the identifier
    :param identifier: FreqAI's, with the hash of the settings
    """

    def __init__(self, home: Path, identifier: str, safety: SafetySettings) -> None:
        self._home = home
        self._identifier = identifier
        self._safety = safety
        self._lock = threading.RLock()
        self._alarms = Alarms(lambda message: None, "model")
        self._failures: dict[str, tuple[int, float]] = {}
        self._training: tuple[str, float] | None = None
        self._holds_drawer = False

    def listen(self, alarms: Alarms) -> None:
        """Through whom messages leave; what was found before that leaves now."""
        if not self._alarms.shares(alarms):
            before, self._alarms = self._alarms, alarms
            before.hand_over(alarms)

    def check_files(self, live: bool) -> None:
        """Set aside what is damaged, before FreqAI reads it."""
        ModelCheck(self._home, self._identifier, self._alarms).run(live)

    def may_load(self, folder: Path, filename: str) -> bool:
        """Whether a backtest may use a saved model; one that is damaged is set aside."""
        try:
            check_model(folder, filename, self._identifier)
        except DamagedFileError as error:
            logger.warning(f"{folder.name}: {error}; it is trained again")
            set_aside(folder)
            return False
        return True

    def watch(self, drawer: Any) -> None:
        """Stand between FreqAI's drawer and the disk."""
        json_files = {
            method: self._replacing(drawer, attribute) for method, attribute in JSON_WRITERS
        }
        install(
            "drawer",
            drawer,
            save_data=lambda save: self._saving(drawer, save),
            save_historic_predictions_to_disk=lambda save: lambda: self._save_predictions(drawer),
            **json_files,
        )

    def _saving(self, drawer: Any, save: Callable[..., None]) -> Callable[..., None]:
        def save_data(model: Any, coin: str, dk: Any) -> None:
            with self._lock, self._drawer_held():
                save(model, coin, dk)
                write_manifest(Path(dk.data_path), self._identifier)
            drawer.save_drawer_to_disk()

        return save_data

    @contextmanager
    def _drawer_held(self) -> Iterator[None]:
        """The list of models is written after the model, never before."""
        self._holds_drawer = True
        try:
            yield
        finally:
            self._holds_drawer = False

    def _replacing(self, drawer: Any, attribute: str) -> Make:
        def replacement(write: Callable[..., None]) -> Callable[..., None]:
            @functools.wraps(write)
            def written(*arguments: Any) -> None:
                with self._lock:
                    if self._holds_drawer:
                        return
                    path = getattr(drawer, attribute)
                    with replacing(path) as fresh:
                        setattr(drawer, attribute, fresh)
                        try:
                            write(*arguments)
                        finally:
                            setattr(drawer, attribute, path)

            return written

        return replacement

    def _save_predictions(self, drawer: Any) -> None:
        # In FreqAI's thread, outside of its own guard: what is raised here would end all training.
        path, copy = drawer.historic_predictions_path, drawer.historic_predictions_bkp_path
        try:
            # A bot that is stopped writes them too, while the thread may still be at it.
            with self._lock:
                content = pickle.dumps(drawer.historic_predictions, pickle.HIGHEST_PROTOCOL)
                if path.is_file() and path.read_bytes() == content:
                    return
                write_known(path, copy, lambda fresh: _write(fresh, content))
        except OSError as error:
            self._alarms.set("predictions", f"predictions cannot be written: {error}")
        else:
            self._alarms.clear("predictions", "predictions are written again")

    def may_train(self, pair: str, now: float) -> bool:
        """Not so soon after a training that failed."""
        _, until = self._failures.get(pair, (0, 0.0))
        return now >= until

    @contextmanager
    def training(
        self, pair: str, drawer: Any, queue: deque[str], now: Callable[[], float]
    ) -> Iterator[None]:
        """Around a training: one that fails leaves no trace but a notice and a pause.

        :param queue: FreqAI's training queue
        """
        before = dict(drawer.pair_dict[pair])
        self._training = (pair, now())
        try:
            yield
        except Exception as error:
            drawer.pair_dict[pair] = before
            count = self._failures.get(pair, (0, 0.0))[0] + 1
            pause = min(FIRST_PAUSE * 2 ** (count - 1), LONGEST_PAUSE)
            self._failures[pair] = (count, now() + pause)
            if pair in queue:
                queue.remove(pair)
            kept = (
                "the last model serves on" if before["model_filename"] else "there are no forecasts"
            )
            self._alarms.set(
                f"training {pair}",
                f"{pair}: training failed ({type(error).__name__}: {error}); {kept}; it is tried "
                "again",
            )
            raise
        else:
            self._failures.pop(pair, None)
            self._alarms.clear(f"training {pair}", f"{pair}: trained again")
        finally:
            self._training = None
            self._alarms.clear("long training", "the long training is over")

    def look(self, pair: str, trained: int, expires_hours: float, now: float) -> None:
        """Once per candle and pair: trainings that take too long, models that are too old."""
        running = self._training
        longest = self._safety.training_minutes * 60
        if longest and running is not None and now - running[1] > longest:
            self._alarms.set(
                "long training",
                f"{running[0]}: training has taken more than {longest / 60:g} minutes; the last "
                "models serve on until they expire",
            )
        if expires_hours > 0 and trained and now - trained > expires_hours * 3600:
            self._alarms.set(
                f"expired {pair}",
                f"{pair}: the model is older than {expires_hours:g} hours; there are no forecasts "
                "until it is trained again",
            )
        else:
            self._alarms.clear(f"expired {pair}", f"{pair}: served by a fresh model again")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
