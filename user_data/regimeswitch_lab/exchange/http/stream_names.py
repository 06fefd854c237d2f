"""The names of websocket streams, like ``btcusdt@kline_5m``, and the streams behind them."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from regimeswitch_lab.exchange.http.book_events import BookStream, DiffStream
from regimeswitch_lab.exchange.http.stream_events import (
    AllStream,
    AverageStream,
    KlineStream,
    Stream,
    TickerStream,
    TradeStream,
    WindowStream,
)
from regimeswitch_lab.exchange.market.candle_store import INTERVALS, CandleError
from regimeswitch_lab.exchange.market.visible_market import Market


PLAIN = ("trade", "aggTrade", "miniTicker", "ticker", "bookTicker", "avgPrice")
NAME = re.compile(
    rf"(?P<symbol>[a-z0-9]+)@(?:(?P<plain>{'|'.join(PLAIN)})"
    r"|ticker_(?P<size>1h|4h|1d)"
    rf"|kline_(?P<interval>{'|'.join(INTERVALS)})(?P<zone>@\+08:00)?"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<speed>100|1000)ms)?)"
)
# Binance has retired the list of full tickers of 24 hours; clients still ask for it.
ALL = re.compile(
    r"!(?:miniTicker|ticker|ticker_(?P<size>1h|4h|1d))@arr(?:@(?P<speed>1000|3000)ms)?"
)
ZONE_MS = 8 * 3_600_000
# ccxt numbers its connections at the end of the address.
LABEL = re.compile(r"[0-9]+")


class StreamError(ValueError):
    """A name of which nothing would ever come; the text says why."""


def streams_of(market: Market, names: Sequence[str], now: int) -> dict[str, Stream | AllStream]:
    """The streams of names; a number is the label of a connection and no name.

    :raises StreamError: when one of them is no stream
    """
    wanted = dict.fromkeys(name for name in names if name and not LABEL.fullmatch(name))
    return {name: stream_of(market, name, now) for name in wanted}


def stream_of(market: Market, name: str, now: int) -> Stream | AllStream:
    """The stream of a name like ``btcusdt@kline_5m``.

    :raises StreamError: when there is none
    """
    every = ALL.fullmatch(name)
    if every is not None:
        made = functools.partial(ticker_stream, market, every["size"], name)
        return AllStream(market, now, made, int(every["speed"] or 1000))
    match = NAME.fullmatch(name)
    if match is None:
        raise StreamError(f"unknown stream {name[:60]!r}")
    symbol = match["symbol"].upper()
    if symbol not in market.store.assets:
        raise StreamError(f"unknown symbol in stream {name[:60]!r}")
    if match["interval"]:
        return kline_stream(market, symbol, now, match["interval"], ZONE_MS if match["zone"] else 0)
    if match["plain"] or match["size"]:
        return plain_stream(market, symbol, now, match["plain"] or "", match["size"])
    speed = int(match["speed"] or 1000)
    if match["levels"]:
        return BookStream(market, symbol, now, int(match["levels"]), speed)
    return DiffStream(market, symbol, now, speed)


def plain_stream(market: Market, symbol: str, now: int, plain: str, size: str | None) -> Stream:
    """A stream without levels or an interval.

    :param plain: one of :data:`PLAIN`, or empty for a ticker of another length than a day
    :param size: that length
    """
    if plain in ("trade", "aggTrade"):
        return TradeStream(market, symbol, now, plain == "aggTrade")
    if plain == "bookTicker":
        return BookStream(market, symbol, now, None, 1)
    if plain == "avgPrice":
        return AverageStream(market, symbol, now)
    return ticker_stream(market, size, plain, symbol, now)


def ticker_stream(market: Market, size: str | None, name: str, symbol: str, now: int) -> Stream:
    """The ticker of one pair, as the name of its stream says."""
    if size:
        return WindowStream(market, symbol, now, size)
    return TickerStream(market, symbol, now, "miniTicker" in name)


def kline_stream(market: Market, symbol: str, now: int, interval: str, zone_ms: int = 0) -> Stream:
    """The stream of an interval.

    :raises StreamError: when it cannot be made of the stored ones
    """
    try:
        market.store.rows(symbol, interval, zone_ms)
    except CandleError as error:
        raise StreamError(str(error)) from error
    return KlineStream(market, symbol, now, interval, zone_ms)
