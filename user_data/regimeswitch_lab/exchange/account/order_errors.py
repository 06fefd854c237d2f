"""The refusals of orders: Binance's code and text."""

from __future__ import annotations

from regimeswitch_lab.exchange.http.api_errors import ApiError


def filter_failure(name: str) -> ApiError:
    """An order that one of the pair's filters does not let pass."""
    return ApiError(-1013, f"Filter failure: {name}")


def not_above_zero(word: str) -> ApiError:
    """A price or quantity of nothing."""
    return ApiError(-1013, f"Invalid {word}.")


def unsupported_kind(words: str) -> ApiError:
    """A type of order that Binance has and this exchange has not."""
    return ApiError(-1013, f"{words} orders are not supported for this symbol.")


def bad_stp_mode() -> ApiError:
    """A self-trade prevention that the pair does not have."""
    text = "This symbol does not allow the specified self-trade prevention mode."
    return ApiError(-1013, text)


def no_liquidity() -> ApiError:
    """A quote amount that does not buy, or does not take, one lot."""
    text = "Order book liquidity is less than LOT_SIZE filter minimum quantity."
    return ApiError(-2010, text)


def insufficient_balance() -> ApiError:
    """Less on the account than the order needs."""
    return ApiError(-2010, "Account has insufficient balance for requested action.")


def would_match() -> ApiError:
    """A maker order that would take."""
    return ApiError(-2010, "Order would immediately match and take.")


def would_trigger() -> ApiError:
    """A stop price that the market is already at or beyond."""
    return ApiError(-2010, "Stop price would trigger immediately.")


def duplicate_order() -> ApiError:
    """A client order id that an open order has."""
    return ApiError(-2010, "Duplicate order sent.")


def unknown_order() -> ApiError:
    """A cancel of an order that is not open."""
    return ApiError(-2011, "Unknown order sent.")


def restricted_cancel() -> ApiError:
    """A cancel of an order in another state than the one that was asked for."""
    return ApiError(-2011, "Order was not canceled due to cancel restrictions.")


def no_such_order() -> ApiError:
    """A query of an order that never was."""
    return ApiError(-2013, "Order does not exist.")
