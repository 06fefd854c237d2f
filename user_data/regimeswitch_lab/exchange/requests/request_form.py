"""The parameters of a request, from its query and its body, and the times among them."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import parse_qsl

from regimeswitch_lab.exchange.market.symbols import PRECISION
from regimeswitch_lab.exchange.requests import api_errors


DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
WORD = r"^[a-zA-Z0-9-_]{1,36}$"
WINDOW_DECIMALS = 3
# Far beyond any time, number or size, and still a 64-bit number.
WHOLE_MAX = 2**62
ZONE = re.compile(r"([+-]?)(\d{1,2})(?::([0-5]\d))?")
MINUTE_MS = 60_000
EARLIEST_MS, LATEST_MS = -12 * 60 * MINUTE_MS, 14 * 60 * MINUTE_MS
# From here on a time counts microseconds: as milliseconds it would be in the year 5138.
MICROSECONDS = 10**14


class Form:
    """Parameters by name. What stands in the query counts before what stands in the body.

    :param query: the query as it was sent
    :param body: the body as it was sent
    :raises ApiError: when a parameter stands twice in one of them
    """

    def __init__(self, query: str, body: str = "") -> None:
        self._values: dict[str, str] = {}
        for text in (body, query):
            pairs = parse_qsl(text, keep_blank_values=True)
            if len(dict(pairs)) < len(pairs):
                raise api_errors.repeated_parameter()
            self._values.update(pairs)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def only(self, names: Sequence[str]) -> None:
        """Refuse what the path has no use for.

        As -1101 and -1104 of Binance's "Error codes" say, and as its users report them: first the
        number of parameters is held against the number that the path has, then their names.

        :param names: the parameters that the path has
        :raises ApiError: -1101 for more parameters than those, else -1104
        """
        sent, read = len(self._values), sum(name in names for name in self._values)
        if read == sent:
            return
        raise (
            api_errors.too_many_parameters(len(names), sent)
            if sent > len(names)
            else api_errors.unread_parameters(read, sent)
        )

    def text(self, name: str) -> str | None:
        """A parameter, or None when it was not sent."""
        value = self._values.get(name)
        if value == "":
            raise api_errors.empty_parameter(name)
        return value

    def mandatory(self, name: str) -> str:
        """A parameter that must be there."""
        value = self._values.get(name)
        if not value:
            raise api_errors.missing_parameter(name)
        return value

    def whole(self, name: str) -> int | None:
        """A whole number of at least 0."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch("[0-9]{1,20}", value):
            raise api_errors.bad_number(name)
        return min(int(value), WHOLE_MAX)

    def time(self, name: str) -> int | None:
        """A time that was sent in milliseconds or in microseconds, in milliseconds."""
        value = self.whole(name)
        return None if value is None else milliseconds(value)

    def window(self) -> Decimal | None:
        """The ``recvWindow`` in milliseconds, with up to three decimals."""
        value = self.text("recvWindow")
        if value is None:
            return None
        if not re.fullmatch(DECIMAL, value):
            raise api_errors.illegal_characters("recvWindow", DECIMAL)
        if len(value.partition(".")[2]) > WINDOW_DECIMALS:
            raise api_errors.too_precise("recvWindow")
        return Decimal(value)

    def listed(self, name: str) -> list[str] | None:
        """A JSON list of names, or None when it was not sent."""
        value = self.text(name)
        if value is None:
            return None
        try:
            names = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            names = None
        if not isinstance(names, list) or not names:
            raise api_errors.bad_list(name)
        return [str(one) for one in names]

    def flag(self, name: str, default: bool) -> bool:
        """Yes or no."""
        value = self.choice(name, ("true", "false"))
        return default if value is None else value == "true"

    def limit(self, default: int, most: int) -> int:
        """The ``limit`` parameter; a larger one counts as the largest."""
        value = self.whole("limit")
        if value == 0:
            raise api_errors.bad_limit(most)
        return default if value is None else min(value, most)

    def amount(self, name: str) -> Decimal | None:
        """A number of at most eight decimals."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(DECIMAL, value):
            raise api_errors.illegal_characters(name, DECIMAL)
        if len(value.partition(".")[2]) > PRECISION:
            raise api_errors.too_precise(name)
        return Decimal(value)

    def word(self, name: str) -> str | None:
        """A client order id."""
        value = self.text(name)
        if value is not None and not re.fullmatch(WORD, value):
            raise api_errors.illegal_characters(name, WORD)
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """One of several words."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise api_errors.bad_choice(name)
        return value


def zone_ms(text: str | None) -> int:
    """How far a ``timeZone`` is ahead of UTC, in milliseconds.

    As in "Kline/Candlestick data" of Binance's REST interface: hours and minutes (``-1:00``,
    ``05:45``) or hours (``4``), from -12:00 to +14:00.

    :param text: None = UTC
    :raises ApiError: when it is none of those

    >>> zone_ms("-1:30")
    -5400000
    """
    if text is None:
        return 0
    match = ZONE.fullmatch(text)
    if match is None or not text.isascii():
        raise api_errors.bad_choice("timeZone")
    sign = -1 if match[1] == "-" else 1
    found = sign * (int(match[2]) * 60 + int(match[3] or 0)) * MINUTE_MS
    if not EARLIEST_MS <= found <= LATEST_MS:
        raise api_errors.bad_choice("timeZone")
    return found


def milliseconds(time: int) -> int:
    """A time that was sent in milliseconds or in microseconds, in milliseconds."""
    return time // 1000 if time >= MICROSECONDS else time
