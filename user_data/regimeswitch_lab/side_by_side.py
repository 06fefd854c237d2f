"""Tasks in several processes, one after the other as they finish."""

import signal
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path
from typing import Any, Protocol

from joblib import Parallel
from joblib.externals.loky.process_executor import TerminatedWorkerError


Task = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""Function, arguments and keyword arguments, as :func:`joblib.delayed` makes it."""


class WorkersError(RuntimeError):
    """Tasks that could not be done by the workers there are; the text says what to do about it."""


class Shared(Protocol):
    """An argument of many tasks, too large to be sent with each of them."""

    @property
    def value(self) -> Any:
        """What was shared; its arrays are not to be written to."""
        ...


class Workers(Protocol):
    """Who does tasks: processes of this machine, or a cluster."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def sharing(self, value: Any, folder: Path) -> AbstractContextManager[Shared]:
        """Something that tasks have in common, as long as they run.

        :param folder: where it may be kept
        """
        ...

    def readying(self, work: Task) -> AbstractContextManager[None]:
        """Each worker begins with what its tasks are going to need, while the command goes on.

        :param work: leaves something behind in a worker's process. What it raises is left to the
            tasks, which do it again
        """
        ...

    def results(self, tasks: Iterable[Task]) -> Iterator[Any]:
        """Results as they come; what a task raises is raised here."""
        ...


@dataclass(frozen=True)
class InMemory:
    """What joblib hands to processes of this machine: large arrays once."""

    value: Any


@dataclass(frozen=True)
class Processes:
    """Processes of this machine.

    :ivar jobs: how many work side by side; 1 = this process itself
    """

    jobs: int

    @property
    def count(self) -> int:
        """How many there are."""
        return self.jobs

    @contextmanager
    def sharing(self, value: Any, folder: Path) -> Iterator[Shared]:
        """Something that tasks have in common."""
        yield InMemory(value)

    @contextmanager
    def readying(self, work: Task) -> Iterator[None]:
        """Nothing: its processes begin with their tasks."""
        yield

    def results(self, tasks: Iterable[Task]) -> Iterator[Any]:
        """Results as they come.

        :raises WorkersError: when one of the processes has died
        """
        return side_by_side(tasks, self.jobs, ordered=False)


def side_by_side(tasks: Iterable[Task], jobs: int, *, ordered: bool = True) -> Iterator[Any]:
    """Results of delayed tasks.

    :param tasks: of :func:`joblib.delayed`; at most ``jobs`` are begun at once
    :param ordered: in the order of the tasks, else as they come
    :raises WorkersError: when one of the processes has died
    """
    with warnings.catch_warnings():
        # A worker is replaced when it has grown; nothing is lost by that.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        # A Ctrl-C in the terminal is for the command, which ends the workers: they are begun with
        # the signal blocked. The start of Python's tracker would unblock it again.
        ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        returned = "generator" if ordered else "generator_unordered"
        try:
            results = Parallel(n_jobs=jobs, return_as=returned, pre_dispatch=jobs)(tasks)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield from results
        except TerminatedWorkerError as error:
            raise WorkersError(
                "a process that worked for this command was killed, perhaps because the memory was "
                "used up; start it again with fewer --jobs: what was finished is kept"
            ) from error
