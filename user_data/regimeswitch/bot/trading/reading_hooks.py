"""Hooks of the strategy that only read the trade they are asked about.

freqtrade copies the whole trade, with its orders, for each hook that a strategy brings, on every
candle of every position, so that no hook changes it by accident. It knows its own hooks, which
change nothing, by their qualified name, and hands them the trade itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar


Hook = TypeVar("Hook", bound=Callable[..., Any])


def only_reads(hook: Hook) -> Hook:
    """Name a hook as freqtrade names its own, which get no copy of the trade.

    What a strategy built on this one brings in its place has a name of its own, and gets a copy.

    :param hook: one that changes nothing of the trade, nor of what belongs to it
    """
    hook.__qualname__ = f"IStrategy.{hook.__name__}"
    return hook
