"""Numbers of the command line: what is out of range is refused by argparse, with the option's name.

Zero is never taken for "not given".
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


LARGEST_PORT = 65_535


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A type for ``add_argument``: whole numbers of a range.

    :param least: smallest allowed number
    :param most: largest allowed number; None = no limit
    """
    allowed = f"{least} or more" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number; write it like {least}, allowed is {allowed}"
            ) from None
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"{text} must be {allowed}")
        return number

    return read


def number(least: float) -> Callable[[str], float]:
    """A type for ``add_argument``: finite numbers from ``least`` on."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a number; write it like {least:g}, allowed is {least:g} or more"
            )
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} must be {least:g} or more")
        return value

    return read


def port_number(text: str) -> int:
    """A type for ``add_argument``: a port; 0 stands for a free one."""
    return whole(0, LARGEST_PORT)(text)
