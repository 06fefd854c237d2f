"""The exchange's limits: request weight by the minute, bans, and the number of new orders.

All of it goes by the exchange's clock, so that a moved clock lifts a ban as waiting would.
"""

from dataclasses import dataclass

from regimeswitch_lab.exchange.requests.api_errors import ApiError


MINUTE_MS = 60_000
DAY_MS = 86_400_000
WEIGHT_LIMIT = 6000
# How many refusals within one minute Binance takes for going on regardless is not published.
REFUSALS_BEFORE_BAN = 10
FIRST_BAN_MS, LONGEST_BAN_MS, BAN_GROWTH = 2 * MINUTE_MS, 3 * DAY_MS, 5
ORDER_WINDOWS = (("10S", 10_000, 100), ("1D", DAY_MS, 200_000))
RATE_LIMITS = (
    {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": WEIGHT_LIMIT,
    },
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
    # Out of reach: 6,000 a minute with a weight of at least 1 are 30,000 in five minutes.
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000},
)


@dataclass
class CountWindow:
    """A sum over the current window of a clock, and only of that window.

    :ivar length_ms: windows begin at whole multiples of it
    """

    length_ms: int
    index: int = -1
    used: int = 0

    def add(self, amount: int, now: int) -> int:
        """Count; the sum of the window. A clock that steps back a little opens no new window."""
        index = now // self.length_ms
        if not self.index - 1 <= index <= self.index:
            self.index, self.used = index, 0
        self.used += amount
        return self.used

    def left_ms(self, now: int) -> int:
        """Time until the window of the last count is over."""
        return (self.index + 1) * self.length_ms - now


class RequestLimits:
    """Request weight of the one client that loopback has, its refusals and its bans.

    :param enforced: False counts and refuses nothing
    """

    def __init__(self, enforced: bool = True) -> None:
        self.enforced = enforced
        self._weight = CountWindow(MINUTE_MS)
        self._refusals = CountWindow(MINUTE_MS)
        self._ban_ms = 0
        self._banned_until = 0

    @property
    def used(self) -> int:
        """The weight of the minute that was counted last."""
        return self._weight.used

    def add(self, weight: int, now: int) -> int:
        """Count a request; the sum of its minute."""
        return self._weight.add(weight, now)

    def check(self, now: int) -> None:
        """Refuse while there is a ban, or more weight than a minute allows.

        :raises RateLimitError: with the time to wait
        """
        if not self.enforced:
            return
        if now < self._banned_until:
            raise banned(self._banned_until, now)
        if self._weight.add(0, now) <= WEIGHT_LIMIT:
            return
        if self._refusals.add(1, now) <= REFUSALS_BEFORE_BAN:
            raise too_much_weight(self._weight.left_ms(now))
        self._ban(now)
        raise banned(self._banned_until, now)

    def _ban(self, now: int) -> None:
        """Longer each time, until the longest ban's time has passed without one."""
        forgiven = now - self._banned_until >= LONGEST_BAN_MS
        longer = min(self._ban_ms * BAN_GROWTH, LONGEST_BAN_MS)
        self._ban_ms = FIRST_BAN_MS if forgiven or not self._ban_ms else longer
        self._banned_until = now + self._ban_ms
        self._refusals = CountWindow(MINUTE_MS)


class OrderCounts:
    """New orders of one account; its headers belong to every answer about a new order."""

    def __init__(self) -> None:
        self._windows = {name: CountWindow(length) for name, length, _ in ORDER_WINDOWS}

    def check(self, now: int) -> None:
        """Refuse another order once a window is full.

        :raises ApiError: -1015, without a time to wait, as on Binance
        """
        for name, _, limit in ORDER_WINDOWS:
            if self._windows[name].add(0, now) >= limit:
                raise too_many_orders(limit, name)

    def add(self, now: int) -> dict[str, str]:
        """Count an order; the headers that tell how many there are."""
        return {
            f"X-MBX-ORDER-COUNT-{name}": str(window.add(1, now))
            for name, window in self._windows.items()
        }

    def used(self, now: int) -> list[dict[str, object]]:
        """The order limits with their counts, as ``rateLimit/order`` shows them."""
        counts = [self._windows[name].add(0, now) for name, _, _ in ORDER_WINDOWS]
        limits = [one for one in RATE_LIMITS if one["rateLimitType"] == "ORDERS"]
        return [{**one, "count": count} for one, count in zip(limits, counts, strict=True)]


class RateLimitError(ApiError):
    """A refusal for the number of requests.

    :ivar retry_after: seconds to wait
    """

    def __init__(self, message: str, status: int, wait_ms: int) -> None:
        super().__init__(-1003, message, status=status)
        self.retry_after = max(-(-wait_ms // 1000), 1)


def too_much_weight(wait_ms: int) -> RateLimitError:
    """More weight than a minute allows."""
    text = f"Too much request weight used; current limit is {WEIGHT_LIMIT} per 1 MINUTE."
    return RateLimitError(text, 429, wait_ms)


def banned(until: int, now: int) -> RateLimitError:
    """A ban; its end is in the text, in epoch milliseconds, where clients look for it."""
    text = f"Way too much request weight used; IP banned until {until}."
    return RateLimitError(text, 418, until - now)


def too_many_orders(limit: int, window: str) -> ApiError:
    """More new orders than a window allows."""
    text = f"Too many new orders; current limit is {limit} orders per {window}."
    return ApiError(-1015, text, status=429)
