"""The exchange's error answers: Binance's code, text and HTTP status."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer of the exchange.

    :param code: Binance's error code, e.g. -1121
    :param message: text for the client
    :param status: HTTP status
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> dict[str, int | str]:
        """The JSON body of the answer."""
        return {"code": self.code, "msg": self.message}


def missing_parameter(name: str) -> ApiError:
    """A parameter that was not sent."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return ApiError(-1102, text)


def bad_number(name: str) -> ApiError:
    """A parameter that should have been a whole number."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
    return ApiError(-1100, text)


def bad_limit(most: int) -> ApiError:
    """A limit of nothing."""
    return ApiError(-1130, f"Data sent for parameter 'limit' is not valid; 1 to {most} is.")


def bad_list(name: str) -> ApiError:
    """A parameter that should have been a list of symbols."""
    return ApiError(-1100, f"Parameter '{name}' must be a list like [\"BTCUSDT\"].")


def invalid_symbol() -> ApiError:
    """A symbol that is not traded here."""
    return ApiError(-1121, "Invalid symbol.")


def invalid_interval(reason: str = "") -> ApiError:
    """A kline interval that Binance does not know, or that the candles cannot give."""
    return ApiError(-1120, f"Invalid interval. {reason}".rstrip())


def unknown_path(method: str, path: str) -> ApiError:
    """A path that the embedded exchange does not serve."""
    text = f"{method} {path} is not served by the embedded exchange."
    return ApiError(-1020, text, status=404)
