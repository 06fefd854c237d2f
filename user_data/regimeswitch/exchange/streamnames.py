"""The names of websocket streams, like ``btcusdt@kline_5m``, and the streams behind them."""

from __future__ import annotations

import re

from regimeswitch.exchange.bookevents import BookStream, DiffStream
from regimeswitch.exchange.candlestore import INTERVALS, CandleError
from regimeswitch.exchange.events import KlineStream, Stream, TickerStream, TradeStream
from regimeswitch.exchange.market import Market


NAME = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?:(?P<plain>trade|aggTrade|miniTicker|ticker|bookTicker)"
    rf"|kline_(?P<interval>{'|'.join(INTERVALS)})"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<speed>100|1000)ms)?)"
)


def stream_of(market: Market, name: str, now: int) -> Stream | None:
    """The stream of a name like ``btcusdt@kline_5m``, or None when there is none."""
    match = NAME.fullmatch(name)
    symbol = match["symbol"].upper() if match else ""
    if match is None or symbol not in market.store.assets:
        return None
    plain, every = match["plain"], int(match["speed"] or 1000)
    if match["interval"]:
        return kline_stream(market, symbol, now, match["interval"])
    if plain in ("trade", "aggTrade"):
        return TradeStream(market, symbol, now, plain == "aggTrade")
    if plain in ("ticker", "miniTicker"):
        return TickerStream(market, symbol, now, plain == "miniTicker")
    if plain == "bookTicker":
        return BookStream(market, symbol, now, None, 1)
    if match["levels"]:
        return BookStream(market, symbol, now, int(match["levels"]), every)
    return DiffStream(market, symbol, now, every)


def kline_stream(market: Market, symbol: str, now: int, interval: str) -> Stream | None:
    """The stream of an interval, or None when it cannot be made of the stored ones."""
    try:
        market.store.rows(symbol, interval)
    except CandleError:
        return None
    return KlineStream(market, symbol, now, interval)
