"""Candles as the exchange writes them, with what their trades add up to."""

from dataclasses import dataclass

import numpy as np

from regimeswitch_lab.exchange.http.handlers import compact
from regimeswitch_lab.exchange.market.candle_store import CandleRows, closing
from regimeswitch_lab.exchange.market.symbols import decimal
from regimeswitch_lab.exchange.market.visible_market import Market


# Written candles that are kept by pair and interval; twice what one answer holds.
KEPT = 2000


@dataclass(frozen=True)
class Kline:
    """One candle; prices and amounts as text.

    :ivar opened: epoch milliseconds
    :ivar closed: the last millisecond
    :ivar first: number of its first trade
    """

    opened: int
    closed: int
    ohlcv: list[str]
    quote: str
    first: int
    count: int
    bought: str
    bought_quote: str

    def line(self) -> list[object]:
        """The candle as the REST interface lists it."""
        return [
            *(self.opened, *self.ohlcv, self.closed),
            *(self.quote, self.count, self.bought, self.bought_quote, "0"),
        ]


def klines_of(
    market: Market, symbol: str, interval: str, rows: CandleRows, now: int, zone_ms: int = 0
) -> list[Kline]:
    """Candles with their trades.

    :param rows: candles that follow each other, of the market and of the same moment
    :param now: that moment
    :param zone_ms: as of :func:`regimeswitch_lab.exchange.market.candle_store.opening`
    """
    if not len(rows.opens):
        return []
    closes = closing(rows.opens, interval, zone_ms)
    edges = np.append(rows.opens, closes[-1])
    numbers, sums = market.tape(symbol).totals(edges, now)
    table = zip(
        rows.opens.tolist(),
        closes.tolist(),
        rows.ohlcv.tolist(),
        numbers[:-1].tolist(),
        np.diff(numbers).tolist(),
        sums.tolist(),
        strict=True,
    )
    return [
        Kline(
            opened=opened,
            closed=close - 1,
            ohlcv=[decimal(value) for value in values],
            quote=decimal(quote),
            first=first,
            count=count,
            bought=decimal(bought),
            bought_quote=decimal(bought_quote),
        )
        for opened, close, values, first, count, (quote, bought, bought_quote) in table
    ]


class KlineTexts:
    """Candles as JSON. Those that are over do not change: the latest are kept.

    :param market: where they come from
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._kept: dict[tuple[str, str, int], dict[int, str]] = {}

    def texts(
        self, symbol: str, interval: str, rows: CandleRows, now: int, zone_ms: int = 0
    ) -> list[str]:
        """The lines of candles; see :func:`klines_of`."""
        kept = self._kept.setdefault((symbol, interval, zone_ms), {})
        opens = rows.opens.tolist()
        over = int(np.searchsorted(closing(rows.opens, interval, zone_ms), now, side="right"))
        known = next((place for place in range(over) if opens[place] not in kept), over)
        found = [kept[opened] for opened in opens[:known]]
        rest = CandleRows(rows.opens[known:], rows.ohlcv[known:])
        made = klines_of(self.market, symbol, interval, rest, now, zone_ms)
        fresh = [compact(one.line()) for one in made]
        if len(kept) + len(fresh) > KEPT:
            kept.clear()
        kept.update(zip(opens[known:over], fresh, strict=False))
        return found + fresh
