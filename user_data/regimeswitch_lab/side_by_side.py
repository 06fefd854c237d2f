"""Tasks in several processes, one after the other as they finish."""

import signal
import warnings
from collections.abc import Iterable, Iterator
from multiprocessing.resource_tracker import ensure_running
from typing import Any

from joblib import Parallel


def side_by_side(tasks: Iterable[Any], jobs: int) -> Iterator[Any]:
    """Results of delayed tasks, in their order.

    :param tasks: of :func:`joblib.delayed`; at most ``jobs`` are begun at once
    """
    with warnings.catch_warnings():
        # A worker is replaced when it has grown; nothing is lost by that.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        # A Ctrl-C in the terminal is for the command, which ends the workers: they are begun with
        # the signal blocked. The start of Python's tracker would unblock it again.
        ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            results = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch=jobs)(tasks)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield from results
