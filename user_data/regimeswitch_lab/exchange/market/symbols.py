"""What the exchange says about a trading pair: its assets, filters and precisions.

The filters are Binance's own kinds. Their sizes come from the scale of the first price, so they
do not change while the candles unfold.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from regimeswitch_lab.exchange.market.candle_store import CandleError, CandleStore, Floats, closing


# The smallest order in the quote asset; five units for dollars and the like.
MIN_NOTIONAL = {"BTC": 0.0001, "ETH": 0.001, "BNB": 0.05, "TRY": 10.0, "JPY": 500.0}
DEFAULT_MIN_NOTIONAL = 5.0
ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT")
PRECISION, FLOAT_DIGITS = 8, 15
STATUS, PERMISSION = "TRADING", "SPOT"
# What a trailing stop may be, in hundredths of a per cent.
TRAILING = {
    **dict.fromkeys(("minTrailingAboveDelta", "minTrailingBelowDelta"), 10),
    **dict.fromkeys(("maxTrailingAboveDelta", "maxTrailingBelowDelta"), 2000),
}
ORDER_LISTS, ORDER_AMENDS, ICEBERG_PARTS = 20, 10, 100
# As the large pairs of Binance have them.
STP_DEFAULT = "EXPIRE_MAKER"
STP_MODES = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT")


@dataclass(frozen=True)
class Symbol:
    """One trading pair.

    :ivar price_decimals: the tick is ``10 ** -price_decimals``
    :ivar amount_decimals: the lot step is ``10 ** -amount_decimals``
    :ivar min_notional: smallest order value, in the quote asset
    :ivar first_ms: opening time of the first stored candle
    :ivar end_ms: closing time of the last stored candle
    """

    name: str
    base: str
    quote: str
    price_decimals: int
    amount_decimals: int
    min_notional: float
    first_ms: int
    end_ms: int

    def price(self, value: float) -> str:
        """A price on the tick grid, as the exchange writes it."""
        return decimal(round(value, self.price_decimals))

    def filters(self) -> list[dict[str, object]]:
        """Binance's filters for orders of this pair."""
        tick, step = (Decimal(1).scaleb(-n) for n in (self.price_decimals, self.amount_decimals))
        side = {"bidMultiplierUp": "5", "bidMultiplierDown": "0.2"}
        side |= {"askMultiplierUp": "5", "askMultiplierDown": "0.2"}
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": f"{tick:.8f}",
                "maxPrice": f"{tick * 10**8:.8f}",
                "tickSize": f"{tick:.8f}",
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": f"{step:.8f}",
                "maxQty": f"{step * 9 * 10**8:.8f}",
                "stepSize": f"{step:.8f}",
            },
            {"filterType": "ICEBERG_PARTS", "limit": ICEBERG_PARTS},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": decimal(0.0),
                "maxQty": f"{step * 10**7:.8f}",
                "stepSize": decimal(0.0),
            },
            {"filterType": "TRAILING_DELTA", **TRAILING},
            {"filterType": "PERCENT_PRICE_BY_SIDE", **side, "avgPriceMins": 5},
            {
                "filterType": "NOTIONAL",
                "minNotional": decimal(self.min_notional),
                "applyMinToMarket": True,
                "maxNotional": decimal(self.min_notional * 1.8e6),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": ORDER_LISTS},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": ORDER_AMENDS},
        ]

    def info(self, *, permissions: bool = True) -> dict[str, object]:
        """The pair's entry in exchangeInfo.

        :param permissions: fill in who may trade it
        """
        return {
            "symbol": self.name,
            "status": STATUS,
            "baseAsset": self.base,
            "baseAssetPrecision": PRECISION,
            "quoteAsset": self.quote,
            "quotePrecision": PRECISION,
            "quoteAssetPrecision": PRECISION,
            "baseCommissionPrecision": PRECISION,
            "quoteCommissionPrecision": PRECISION,
            "orderTypes": ORDER_TYPES,
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": False,
            "amendAllowed": False,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self.filters(),
            # Binance moved the permissions into the sets and leaves the old list empty.
            "permissions": [],
            "permissionSets": [[PERMISSION]] if permissions else [],
            "defaultSelfTradePreventionMode": STP_DEFAULT,
            "allowedSelfTradePreventionModes": STP_MODES,
        }


def decimal(value: float) -> str:
    """A number in Binance's notation: eight decimals.

    A float keeps fifteen digits of any decimal number; what it shows beyond them is none of the
    number's, and is left out.
    """
    if abs(value) < 10.0 ** (FLOAT_DIGITS - PRECISION):
        return f"{value:.{PRECISION}f}"
    return f"{Decimal(f'{value:.{FLOAT_DIGITS}g}'):.{PRECISION}f}"


def price_decimals(prices: Floats) -> int:
    """Decimals of the tick: about a millionth of the price, and as fine as the prices are.

    :param prices: the first prices of the pair, e.g. 1,000 of them
    """
    scale = min(max(5 - math.floor(math.log10(prices[0])), 0), PRECISION)
    for decimals in range(scale, min(scale + 2, PRECISION) + 1):
        if np.array_equal(np.round(prices, decimals), prices):
            return decimals
    # Prices on no grid at all, e.g. of a simulation.
    return scale


def amount_decimals(price: float, min_notional: float) -> int:
    """Decimals of the lot step: a fifth of the smallest order at most, and one coin at most."""
    return min(max(-math.floor(math.log10(min_notional / 5 / price)), 0), PRECISION)


def read_symbol(store: CandleStore, name: str) -> Symbol:
    """Derive a pair's rules from its stored candles.

    :raises CandleError: when one of its files cannot be read
    """
    base, quote = store.assets[name]
    rows = {interval: store.rows(name, interval) for interval in store.stored(name)}
    finest = next(iter(rows.values()))
    prices = finest.ohlcv[:1000, 3]
    prices = prices[prices > 0]
    if not len(prices):
        raise CandleError(f"{name} in {store.folder} has no price above 0; download it again")
    notional = MIN_NOTIONAL.get(quote, DEFAULT_MIN_NOTIONAL)
    return Symbol(
        name=name,
        base=base,
        quote=quote,
        price_decimals=price_decimals(prices),
        amount_decimals=amount_decimals(float(prices[0]), notional),
        min_notional=notional,
        first_ms=min(int(found.opens[0]) for found in rows.values()),
        end_ms=max(int(closing(found.opens[-1:], key)[0]) for key, found in rows.items()),
    )
