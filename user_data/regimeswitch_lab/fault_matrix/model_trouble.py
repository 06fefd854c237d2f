"""What goes wrong around a training, and with model files."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from regimeswitch_lab.fault_matrix.disk import full_disk, read_only
from regimeswitch_lab.replay.clock import ScanGate


# Lists still fit on the full disk; a model does not, and breaks off in the middle.
ROOM = 4096
# As bot/freqai/model_files.py writes it.
MANIFEST = "digests.json"
# Real seconds after which even a training that is too long goes on, should its case have failed.
LONGEST_HOLD = 120.0

Training = Callable[[int, Any, ScanGate], None]
"""Lets FreqAI make its pass after a candle: number of the candle in this life, FreqAI, its gate."""


def as_usual(number: int, freqai: Any, gate: ScanGate) -> None:
    """A training like any other."""
    gate.one_pass()


def trouble(what: str, folder: Path) -> Training:
    """What goes wrong with the second training.

    :param folder: where models are kept
    """
    if what == TOO_LONG:
        return LongTraining()

    def trained(number: int, freqai: Any, gate: ScanGate) -> None:
        ways: dict[str, Callable[[], AbstractContextManager[None]]] = {
            "disk full": lambda: full_disk(ROOM),
            "read-only": lambda: read_only(folder),
            "training raises": lambda: raising(freqai),
        }
        with ways[what]() if number == 1 else contextlib.nullcontext():
            gate.one_pass()

    return trained


class LongTraining:
    """The second training goes on until the fourth candle has been decided on."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def __call__(self, number: int, freqai: Any, gate: ScanGate) -> None:
        if number == 0:
            gate.one_pass()
        elif number == 1:
            self._hold(freqai)
            gate.begin_pass()
        elif number == 3:
            self._over.set()
            gate.end_pass()

    def _hold(self, freqai: Any) -> None:
        fit = freqai.fit

        def held(*what: Any, **more: Any) -> Any:
            del freqai.fit
            self._over.wait(LONGEST_HOLD)
            return fit(*what, **more)

        freqai.fit = held


@contextlib.contextmanager
def raising(freqai: Any) -> Iterator[None]:
    """A training that fails."""

    def fit(*what: Any, **more: Any) -> None:
        raise ValueError("a training that fails on purpose")

    freqai.fit = fit
    try:
        yield
    finally:
        del freqai.fit


def damage(what: str, folder: Path) -> None:
    """Harm every model."""
    for path in [*folder.glob("**/*_model.*")]:
        if what == "missing":
            path.unlink()
        elif what == "half-written":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        elif what == "corrupted":
            path.write_bytes(bytes(range(256)) * 40)
        else:
            _of_other_settings(path.parent)


def _of_other_settings(folder: Path) -> None:
    """As if the folder had been copied here from a bot with other settings."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        content = json.loads(manifest.read_text(encoding="utf-8"))
        manifest.write_text(json.dumps({**content, "identifier": "faults-of-another"}))


TOO_LONG = "training too long"
IN_TRAINING = ("disk full", "read-only", "training raises", TOO_LONG)
