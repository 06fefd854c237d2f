"""Numbers as the page shows them: rounded, with units."""

from collections.abc import Callable, Mapping

import pandas as pd
from freqtrade.util import fmt_coin, format_duration


NONE = "–"
"""Where a figure is not defined."""


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction in percent."""
    return NONE if value is None else f"{value:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def signed(value: float | None, digits: int = 2) -> str:
    """A fraction in percent, with its sign."""
    return NONE if value is None else f"{value:+.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def ratio(value: float | None) -> str:
    """A number without a unit, as freqtrade shows its ratios."""
    return NONE if value is None else f"{value:,.2f}"


def count(value: int) -> str:
    """A whole number."""
    return f"{value:,}"


def score(value: float | None) -> str:
    """A log loss."""
    return NONE if value is None else f"{value:.4f}"


def money(value: float, currency: str) -> str:
    """An amount with its currency, in the digits that freqtrade shows."""
    return str(fmt_coin(value, currency))


def amount(value: float, currency: str) -> str:
    """The same without the currency, which the column names."""
    return str(fmt_coin(value, currency, show_coin_name=False))


def holding(value: pd.Timedelta) -> str:
    """A mean holding time, as freqtrade shows it."""
    return str(format_duration(value.to_pytimedelta()))


def days(value: float | None) -> str:
    """A length in days, or in hours where it is shorter."""
    if value is None:
        return NONE
    return f"{value:.1f} days" if value >= 1 else f"{value * 24:.1f} h"


def day(value: pd.Timestamp) -> str:
    """A date, UTC."""
    return f"{value:%Y-%m-%d}"


def moment(value: pd.Timestamp) -> str:
    """A date and time, UTC."""
    return f"{value:%Y-%m-%d %H:%M}"


FILTERS: Mapping[str, Callable[..., str]] = {
    one.__name__: one
    for one in (percent, signed, ratio, count, score, money, amount, holding, days, day, moment)
}
