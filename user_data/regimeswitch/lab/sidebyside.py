"""Tasks in several processes, one after the other as they finish."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from joblib import Parallel


def side_by_side(tasks: Iterable[Any], jobs: int) -> Iterator[Any]:
    """Results of delayed tasks, in their order.

    :param tasks: of :func:`joblib.delayed`; at most ``jobs`` are begun at once
    """
    with warnings.catch_warnings():
        # A worker is replaced when it has grown; nothing is lost by that.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        yield from Parallel(n_jobs=jobs, return_as="generator", pre_dispatch=jobs)(tasks)
