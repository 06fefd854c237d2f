"""Tasks on a Dask cluster: other processes, of this machine or of others.

Workers read and write the same files as this command, under the same paths, and run the same
versions; both are checked on each worker before its first task. What a worker was doing when it
died is done by another one.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import platform
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

from regimeswitch import __version__
from regimeswitch.bot.whole_files import replacing
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.side_by_side import Processes, Shared, Task, Workers, WorkersError


CONNECT_SECONDS = 10.0
LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
"""How long tasks wait for a worker when none is left."""
DECIDING = ("freqtrade", "lightgbm", "xgboost", "scikit-learn", "numpy", "pandas", "scipy")
"""Packages of which another version may make other models."""
_ALONE = threading.Lock()
"""A worker with several threads does one task after the other."""


class OtherWorkerError(InputError):
    """A worker that would not do what this machine does."""


def versions() -> dict[str, str]:
    """What a task's result may depend on, of this process."""
    known = {name: version(name) for name in DECIDING}
    return {"python": platform.python_version(), "regimeswitch": __version__, **known}


@dataclass(frozen=True)
class CommonGround:
    """What workers must have in common with the command.

    :ivar file: that must hold ``token``, seen from a worker
    :ivar versions: of this process
    """

    file: Path
    token: str
    versions: tuple[tuple[str, str], ...]

    def check(self) -> None:
        """In a worker.

        :raises OtherWorkerError: naming what is different
        """
        machine = platform.node()
        try:
            found = self.file.read_text(encoding="utf-8")
        except OSError:
            found = ""
        if found != self.token:
            raise OtherWorkerError(
                f"a worker on {machine} does not see {self.file.parent}: workers need the same "
                "files under the same paths; share the folder with it, or stop that worker"
            )
        own = versions()
        other = [
            f"{name} {own[name]} instead of {wanted}"
            for name, wanted in self.versions
            if own[name] != wanted
        ]
        if other:
            raise OtherWorkerError(
                f"a worker on {machine} has {', '.join(other)}, and might train other models; "
                "install what requirements.lock says there, or stop that worker"
            )


@dataclass(frozen=True)
class DaskCluster:
    """Workers of a Dask scheduler.

    :ivar address: of the scheduler, e.g. ``tcp://127.0.0.1:8786``
    :ivar folder: that workers must see
    :ivar count: of workers at the beginning
    """

    address: str
    folder: Path
    count: int

    @classmethod
    def at(cls, address: str, folder: Path) -> DaskCluster:
        """The cluster behind an address.

        :raises InputError: when nobody answers, or there is no worker
        """
        with _client(address) as client:
            count = len(_workers(client))
        if not count:
            raise InputError(
                f"--cluster {address}: the scheduler has no worker; start some with `dask worker "
                f"{address} --nworkers 2 --nthreads 1`"
            )
        return cls(address, folder, count)

    @contextlib.contextmanager
    def sharing(self, value: Any, folder: Path) -> Iterator[Shared]:
        """Something that tasks have in common, in a file: no worker is needed to keep it."""
        file = folder.absolute() / f"inputs-{uuid.uuid4().hex}.joblib"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with replacing(file) as fresh:
                joblib.dump(value, fresh)
            yield OnDisk(file)
        finally:
            file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def readying(self, work: Task) -> Iterator[None]:
        """Each worker that is there begins with some work, while the command goes on."""
        function, given, named = work
        bound = functools.partial(function, *given, **named)
        with (
            self._as_workers_error(),
            _client(self.address) as client,
            _common_ground(self.folder) as ground,
        ):
            # Held as long as the tasks run: Dask takes back what nobody waits for.
            begun = [
                client.submit(_checked, ground, bound, pure=False, workers=[one])
                for one in _workers(client)
            ]
            try:
                yield
            finally:
                client.cancel(begun)

    def results(self, tasks: Iterable[Task]) -> Iterator[Any]:
        """Results as they come; tasks that were not begun are taken back when it is left.

        :raises WorkersError: when no worker is left, several have died of one task, or the
            scheduler is gone
        """
        with (
            self._as_workers_error(),
            _client(self.address) as client,
            _common_ground(self.folder) as ground,
        ):
            bound = [functools.partial(work, *given, **named) for work, given, named in tasks]
            futures = [client.submit(_checked, ground, one, pure=False) for one in bound]
            done: queue.SimpleQueue[Any] = queue.SimpleQueue()
            for future in futures:
                future.add_done_callback(done.put)
            try:
                for _ in futures:
                    yield self._next(done, client).result()
            finally:
                client.cancel(futures)

    @contextlib.contextmanager
    def _as_workers_error(self) -> Iterator[None]:
        """What Dask raises, as one line.

        :raises WorkersError: when several workers have died of one task, or the scheduler is gone
        """
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            yield
        except KilledWorker as error:
            raise WorkersError(
                "several workers have died of one task, perhaps because their memory was used up; "
                "give them more, or start fewer: what was finished is kept"
            ) from error
        except (FutureCancelledError, CommClosedError) as error:
            raise WorkersError(
                f"the scheduler {self.address} has gone; start it and this command again: what was "
                "finished is kept"
            ) from error

    def _next(self, done: queue.SimpleQueue[Any], client: Any) -> Any:
        """The next future that is done; a worker that has died may be replaced meanwhile.

        :raises WorkersError: when there has been no worker for long
        """
        seen = time.monotonic()
        while True:
            try:
                return done.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if _workers(client):
                    seen = time.monotonic()
                elif time.monotonic() - seen > PATIENCE_SECONDS:
                    raise WorkersError(
                        f"the cluster {self.address} has had no worker for {PATIENCE_SECONDS:.0f} "
                        "s; start one, and this command again: what was finished is kept"
                    ) from None


@dataclass(frozen=True)
class OnDisk:
    """What workers read from a file that they share.

    :ivar file: of joblib
    """

    file: Path

    @property
    def value(self) -> Any:
        """Read once in a process; large arrays stay in the file until they are looked at."""
        return _read(self.file)


@functools.lru_cache(maxsize=1)
def _read(file: Path) -> Any:
    return joblib.load(file, mmap_mode="r")


def cluster_or_processes(address: str | None, jobs: int, folder: Path) -> Workers:
    """Who does the tasks of a command.

    :param address: ``--cluster``; None = processes of this machine
    :param jobs: ``--jobs``
    :param folder: that workers must see
    :raises InputError: when the cluster cannot be used
    """
    return Processes(jobs) if address is None else DaskCluster.at(address, folder)


def _checked(ground: CommonGround, work: Callable[[], Any]) -> Any:
    """In a worker: a task, once it is known that it can be done here."""
    ground.check()
    with _ALONE:
        return work()


@contextlib.contextmanager
def _common_ground(folder: Path) -> Iterator[CommonGround]:
    """A file that workers look for; gone afterwards."""
    token = uuid.uuid4().hex
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.absolute() / f".workers-{token}"
    with replacing(file) as fresh:
        fresh.write_text(token, encoding="utf-8")
    try:
        yield CommonGround(file, token, tuple(versions().items()))
    finally:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _client(address: str) -> Iterator[Any]:
    """A connection to a scheduler.

    :raises InputError: when there is none
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "--cluster needs Dask, which is not installed: pip install "
            "'distributed>=2026.1,<2027', or RegimeSwitch with its extra `cluster`"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--cluster {address}: no Dask scheduler answers there ({_first_line(error)}); write "
            "it like tcp://127.0.0.1:8786, and start one with `dask scheduler --host 127.0.0.1`"
        ) from None
    # It logs a traceback of its own when the scheduler goes.
    log = logging.getLogger("distributed.client")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield client
    finally:
        client.close()
        log.setLevel(level)


def _workers(client: Any) -> list[str]:
    return list(client.scheduler_info()["workers"])


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
