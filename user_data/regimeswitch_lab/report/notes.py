"""What a page cannot show, and what to do for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One line of the page instead of a figure or chart.

    :ivar missing: what is not there, and why
    :ivar remedy: what to do
    """

    missing: str
    remedy: str
