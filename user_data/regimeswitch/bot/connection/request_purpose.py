"""What a request of the bot is for: an exit, candles, or something that can wait."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Set
from dataclasses import dataclass
from typing import Self


ALWAYS = frozenset(
    (
        *("order", "openOrders", "allOrders", "myTrades", "account", "balance", "positionRisk"),
        *("time", "ping"),
    )
)
"""Orders, cancellations, what has become of them, and what is there to sell: needed by every exit,
and never asked for to decide an entry."""
PRICES = frozenset(
    (
        *("depth", "avgPrice", "premiumIndex"),
        *("ticker", "ticker/24hr", "ticker/price", "ticker/bookTicker", "ticker/tradingDay"),
    )
)
CANDLES = frozenset(("klines", "uiKlines"))
LISTING = "exchangeInfo"
PING = "ping"
_VERSION = re.compile(r"^(.*?/v\d+)/(.+)$")


@dataclass(frozen=True)
class Request:
    """One request.

    :param path: what follows the interface's version, e.g. ``ticker/24hr``
    :param symbol: as the exchange writes it; empty where the address names none
    :param method: HTTP method
    :param root: address of the interface, e.g. ``https://api.binance.com/api/v3``
    """

    path: str
    symbol: str
    method: str
    root: str

    @classmethod
    def of(cls, url: str, method: str) -> Self:
        """From its address."""
        split = urllib.parse.urlsplit(url)
        found = _VERSION.match(split.path)
        version, path = found.groups() if found else ("", split.path.rsplit("/", 1)[-1])
        symbol = urllib.parse.parse_qs(split.query).get("symbol", [""])[0]
        return cls(path, symbol, method, f"{split.scheme}://{split.netloc}{version}")

    @property
    def host(self) -> str:
        """Name and port; a ban is one of this address by that host."""
        return urllib.parse.urlsplit(self.root).netloc

    @property
    def ping(self) -> str:
        """The address that says whether requests are welcome, of weight 1."""
        spot = f"{urllib.parse.urlsplit(self.root).scheme}://{self.host}/api/v3"
        return f"{spot if '/sapi/' in self.root else self.root}/{PING}"

    @property
    def question(self) -> str:
        """What is asked, in a message: ``depth BTCUSDT``."""
        return f"{self.path} {self.symbol}".strip()

    def for_exit(self, held: Set[str]) -> bool:
        """Whether an exit needs it.

        :param held: symbols with a position
        """
        if self.path in ALWAYS:
            return True
        if self.path == LISTING:
            return bool(held)
        return self.path in PRICES | CANDLES and self.symbol in held

    def for_entry_alone(self, held: Set[str]) -> bool:
        """Whether it asks for the price of something that could be bought and is not held."""
        return self.path in PRICES and bool(self.symbol) and self.symbol not in held
