"""Amounts of money: Decimal, eight decimals, and every rounding said by name."""

from decimal import ROUND_CEILING, ROUND_DOWN, Context, Decimal


ZERO = Decimal(0)
UNIT = Decimal("0.00000001")
# Wide enough for any price times any quantity: no product is ever rounded by the way.
EXACT = Context(prec=80)


def times(one: Decimal, other: Decimal) -> Decimal:
    """The exact product."""
    return EXACT.multiply(one, other)


def down(value: Decimal) -> Decimal:
    """The largest amount of eight decimals that is not above a value of at least 0."""
    return value.quantize(UNIT, rounding=ROUND_DOWN, context=EXACT)


def up(value: Decimal) -> Decimal:
    """The smallest amount of eight decimals that is not below a value."""
    return value.quantize(UNIT, rounding=ROUND_CEILING, context=EXACT)


def text(value: Decimal) -> str:
    """An amount in the exchange's notation."""
    return f"{value:.8f}"
