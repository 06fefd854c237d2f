"""What goes wrong around a training, and with model files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from regimeswitch.lab.faulting.disk import full_disk, read_only


# Lists still fit on the full disk; a model does not, and breaks off in the middle.
ROOM = 4096


Around = Callable[[int, Any], AbstractContextManager[None]]


def nothing(number: int, freqai: Any) -> AbstractContextManager[None]:
    """Put nothing around a training."""
    return contextlib.nullcontext()


def trouble(what: str, folder: Path) -> Around:
    """What goes wrong around the second training.

    :param folder: where models are kept
    """

    def around(number: int, freqai: Any) -> AbstractContextManager[None]:
        if number != 1:
            return contextlib.nullcontext()
        ways: dict[str, Callable[[], AbstractContextManager[None]]] = {
            "disk full": lambda: full_disk(ROOM),
            "read-only": lambda: read_only(folder),
            "training raises": lambda: raising(freqai),
        }
        return ways[what]()

    return around


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
    """Harm every model file."""
    for path in [*folder.glob("**/*_model.*")]:
        if what == "missing":
            path.unlink()
        elif what == "half-written":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        else:
            path.write_bytes(bytes(range(256)) * 40)


IN_TRAINING = ("disk full", "read-only", "training raises")
