"""Memory that is free again, handed back to the system.

Frames are made in many copies of single columns. The allocator of glibc keeps what has been freed
of such sizes for itself, in pieces between others that are still used, so that a process stays as
large as it once was, and what comes next makes it larger.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Hand back whole pages that are free; nothing happens where the allocator cannot be asked."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    """``malloc_trim`` of glibc; None elsewhere, as with musl, on macOS and on Windows."""
    if sys.platform != "linux":
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found
