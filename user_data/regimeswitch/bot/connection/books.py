"""What the order book of a pair says about its price, for those who doubt a candle."""

from __future__ import annotations

from typing import Any

from freqtrade.exceptions import ExchangeError


def best_prices(dp: Any, pair: str) -> tuple[float, float]:
    """Best bid and best ask of a running bot's pair.

    :param dp: the data provider
    :raises ExchangeError: when the exchange does not say, or the book has no two sides in order
    """
    book = dp.orderbook(pair, 1)
    prices = [float(side[0][0]) for side in (book.get("bids"), book.get("asks")) if side]
    if len(prices) < 2 or not 0 < prices[0] <= prices[1]:
        raise ExchangeError(f"the order book of {pair} has no two sides in order: {prices}")
    return prices[0], prices[1]
