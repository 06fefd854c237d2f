"""What the signed interface refuses: Binance's code and text, one test each."""

from __future__ import annotations

import ccxt
import pytest

from exchanges import Clock
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options
from traders import Raw, options


PAIR = "AAA/USDT"
LIMIT = {"type": "LIMIT", "timeInForce": "GTC", "quantity": 1, "price": 90}
MARKET = {"type": "MARKET", "quantity": 1}
STOP = {**LIMIT, "type": "STOP_LOSS_LIMIT", "side": "SELL", "stopPrice": 95}
MAKER = {"type": "LIMIT_MAKER", "quantity": 1, "price": 90}
NOT_SENT = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
TOO_FINE = "Parameter '{}' has too much precision."
FILTER = "Filter failure: {}"
POOR = "Account has insufficient balance for requested action."
DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
WORD = "^[a-zA-Z0-9-_]{1,36}$"
ILLEGAL = "Illegal characters found in parameter '{}'; legal range is '{}'."


def without(order: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in order.items() if key != name}


@pytest.mark.parametrize(
    ("order", "code", "text"),
    [
        ({**LIMIT, "symbol": "-"}, -1102, NOT_SENT.format("symbol")),
        ({**LIMIT, "side": "-"}, -1102, NOT_SENT.format("side")),
        ({**LIMIT, "type": "-"}, -1102, NOT_SENT.format("type")),
        (without(LIMIT, "timeInForce"), -1102, NOT_SENT.format("timeInForce")),
        (without(LIMIT, "price"), -1102, NOT_SENT.format("price")),
        (without(LIMIT, "quantity"), -1102, NOT_SENT.format("quantity")),
        (without(STOP, "stopPrice"), -1102, NOT_SENT.format("stopPrice")),
        (
            {"type": "MARKET"},
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        ({**LIMIT, "price": "9O"}, -1100, ILLEGAL.format("price", DECIMAL)),
        ({**LIMIT, "price": "-90"}, -1100, ILLEGAL.format("price", DECIMAL)),
        ({**LIMIT, "newClientOrderId": "a b"}, -1100, ILLEGAL.format("newClientOrderId", WORD)),
        ({**LIMIT, "newClientOrderId": "a" * 37}, -1100, ILLEGAL.format("newClientOrderId", WORD)),
        ({**LIMIT, "newClientOrderId": ""}, -1105, "Parameter 'newClientOrderId' was empty."),
        ({**MARKET, "price": 90}, -1106, "Parameter 'price' sent when not required."),
        (
            {**MARKET, "timeInForce": "GTC"},
            -1106,
            "Parameter 'timeInForce' sent when not required.",
        ),
        ({**MAKER, "timeInForce": "GTC"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({**LIMIT, "stopPrice": 95}, -1106, "Parameter 'stopPrice' sent when not required."),
        (
            {**MARKET, "quoteOrderQty": 9},
            -1106,
            "Parameter 'quoteOrderQty' sent when not required.",
        ),
        ({**LIMIT, "quantity": "1.123456789"}, -1111, TOO_FINE.format("quantity")),
        ({**LIMIT, "price": "90.000000001"}, -1111, TOO_FINE.format("price")),
        ({**LIMIT, "timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({**LIMIT, "type": "STOP"}, -1116, "Invalid orderType."),
        ({**LIMIT, "side": "HOLD"}, -1117, "Invalid side."),
        ({**LIMIT, "symbol": "CCCUSDT"}, -1121, "Invalid symbol."),
        ({**LIMIT, "newOrderRespType": "SOME"}, -1136, "Invalid newOrderRespType."),
        ({**LIMIT, "price": "0.000"}, -1013, "Invalid price."),
        ({**LIMIT, "quantity": 0}, -1013, "Invalid quantity."),
        (
            {**STOP, "type": "STOP_LOSS"},
            -1013,
            "Stop loss orders are not supported for this symbol.",
        ),
        (
            {**STOP, "type": "TAKE_PROFIT"},
            -1013,
            "Take profit orders are not supported for this symbol.",
        ),
        (
            {**STOP, "type": "TAKE_PROFIT_LIMIT"},
            -1013,
            "Take profit limit orders are not supported for this symbol.",
        ),
        ({**LIMIT, "icebergQty": 1}, -1013, "Iceberg orders are not supported for this symbol."),
        (
            {**STOP, "trailingDelta": 100},
            -1013,
            "Trailing stop orders are not supported for this symbol.",
        ),
        ({**LIMIT, "price": "90.0001"}, -1013, FILTER.format("PRICE_FILTER")),
        ({**LIMIT, "price": 100_001}, -1013, FILTER.format("PRICE_FILTER")),
        ({**STOP, "stopPrice": "95.0001"}, -1013, FILTER.format("PRICE_FILTER")),
        ({**LIMIT, "price": 501}, -1013, FILTER.format("PERCENT_PRICE_BY_SIDE")),
        ({**LIMIT, "price": 19}, -1013, FILTER.format("PERCENT_PRICE_BY_SIDE")),
        ({**LIMIT, "quantity": "1.001"}, -1013, FILTER.format("LOT_SIZE")),
        ({**LIMIT, "quantity": 10_000_000}, -1013, FILTER.format("LOT_SIZE")),
        ({**MARKET, "quantity": 100_001}, -1013, FILTER.format("MARKET_LOT_SIZE")),
        ({**LIMIT, "quantity": "0.05"}, -1013, FILTER.format("NOTIONAL")),
        ({**MARKET, "quantity": "0.04"}, -1013, FILTER.format("NOTIONAL")),
        ({"type": "MARKET", "quoteOrderQty": "4.99"}, -1013, FILTER.format("NOTIONAL")),
        ({**LIMIT, "quantity": 100_001}, -1013, FILTER.format("NOTIONAL")),
        ({**LIMIT, "quantity": 12}, -2010, POOR),
        ({**MARKET, "quantity": 10}, -2010, POOR),
        ({**MARKET, "side": "SELL", "quantity": "5.01"}, -2010, POOR),
        ({**STOP, "quantity": 6}, -2010, POOR),
        ({"type": "MARKET", "quoteOrderQty": 1000.01}, -2010, POOR),
        ({**MAKER, "price": 100}, -2010, "Order would immediately match and take."),
        ({**STOP, "stopPrice": 100}, -2010, "Stop price would trigger immediately."),
        ({**STOP, "side": "BUY", "stopPrice": 99}, -2010, "Stop price would trigger immediately."),
    ],
)
def test_refused_orders(raw: Raw, order: dict[str, object], code: int, text: str) -> None:
    status, body = raw.send(
        "POST", "/api/v3/order", **{"symbol": "AAAUSDT", "side": "BUY", **order}
    )
    assert (status, body) == (400, {"code": code, "msg": text})
    balances = raw.send("GET", "/api/v3/account", omitZeroBalances="true")[1]["balances"]
    assert [one["locked"] for one in balances] == ["0.00000000"] * 2


@pytest.mark.parametrize(
    ("verb", "path", "query", "code", "text"),
    [
        ("GET", "order", {"orderId": 1}, -2013, "Order does not exist."),
        ("DELETE", "order", {"orderId": 1}, -2011, "Unknown order sent."),
        ("DELETE", "openOrders", {}, -2011, "Unknown order sent."),
        (
            "GET",
            "order",
            {},
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        ),
        ("GET", "openOrders", {"symbol": "CCC"}, -1121, "Invalid symbol."),
        ("GET", "allOrders", {"symbol": "-"}, -1102, NOT_SENT.format("symbol")),
        (
            "GET",
            "allOrders",
            {"startTime": 0, "endTime": 86_400_001},
            -1127,
            "More than 24 hours between startTime and endTime.",
        ),
        (
            "GET",
            "myTrades",
            {"fromId": 1, "startTime": 1},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        (
            "DELETE",
            "order",
            {"orderId": 1, "cancelRestrictions": "NONE"},
            -1145,
            "cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED.",
        ),
        (
            "GET",
            "order",
            {"orderId": "one"},
            -1100,
            "Illegal characters found in parameter 'orderId'; legal range is '^[0-9]{1,20}$'.",
        ),
    ],
)
def test_refused_queries(
    raw: Raw, verb: str, path: str, query: dict[str, object], code: int, text: str
) -> None:
    status, body = raw.send(verb, f"/api/v3/{path}", **{"symbol": "AAAUSDT", **query})
    assert (status, body) == (400, {"code": code, "msg": text})


def test_cancel_in_one_status_only(raw: Raw) -> None:
    place = {"symbol": "AAAUSDT", "side": "BUY", **LIMIT}
    number = raw.send("POST", "/api/v3/order", **place)[1]["orderId"]
    wrong = {"symbol": "AAAUSDT", "orderId": number}
    status, body = raw.send(
        "DELETE", "/api/v3/order", **wrong, cancelRestrictions="ONLY_PARTIALLY_FILLED"
    )
    text = "Order was not canceled due to cancel restrictions."
    assert (status, body) == (400, {"code": -2011, "msg": text})
    status, body = raw.send("DELETE", "/api/v3/order", **wrong, cancelRestrictions="ONLY_NEW")
    assert (status, body["status"]) == (200, "CANCELED")


def test_number_of_open_orders(raw: Raw, ticking: Clock) -> None:
    def place(**order: object) -> str:
        ticking.now += 200
        found = {"symbol": "AAAUSDT", "side": "SELL", "quantity": "0.1", "timeInForce": "GTC"}
        return raw.send("POST", "/api/v3/order", **{**found, **order})[1].get("msg", "placed")

    stop = {"type": "STOP_LOSS_LIMIT", "price": 80, "stopPrice": 81, "quantity": "0.1"}
    assert [place(**stop) for _ in range(5)] == ["placed"] * 5
    assert place(**stop) == FILTER.format("MAX_NUM_ALGO_ORDERS")
    cheap = {"type": "LIMIT", "side": "BUY", "quantity": "0.2", "price": 25}
    assert [place(**cheap) for _ in range(195)] == ["placed"] * 195
    assert place(**cheap) == FILTER.format("MAX_NUM_ORDERS")


def test_keys_signatures_and_times(raw: Raw) -> None:
    def refused(**query: object) -> tuple[int, int, str]:
        sign = bool(query.pop("sign", True))
        status, body = raw.send("GET", "/api/v3/account", sign=sign, **query)
        return status, body["code"], body["msg"]

    now = raw.server.market.clock()
    outside = "Timestamp for this request is outside of the recvWindow."
    ahead = "Timestamp for this request was 1000ms ahead of the server's time."
    assert refused(sign=False) == (400, -1102, NOT_SENT.format("signature"))
    assert refused(timestamp="-") == (400, -1102, NOT_SENT.format("timestamp"))
    assert refused(timestamp=now - 5001) == (400, -1021, outside)
    assert refused(timestamp=now - 1001, recvWindow=1000) == (400, -1021, outside)
    assert refused(timestamp=now + 1000) == (400, -1021, ahead)
    assert refused(recvWindow=60_001)[1] == -1131
    wrong = refused(sign=False, signature="0" * 64)
    assert wrong == (400, -1022, "Signature for this request is not valid.")
    assert raw.send("GET", "/api/v3/account", timestamp=now - 1000, recvWindow=1000)[0] == 200
    twice = raw.send("GET", "/api/v3/account", body="recvWindow=5&recvWindow=6")
    assert twice[1]["code"] == -1101
    assert raw.send("GET", "/api/v3/account", body="é")[1]["code"] == -1104
    raw.headers = {"X-MBX-APIKEY": "ö"}
    assert refused()[1] == -2015
    raw.headers = {"X-MBX-APIKEY": "other"}
    bad_key = "Invalid API-key, IP, or permissions for action."
    assert refused() == (401, -2015, bad_key)
    raw.headers = {}
    assert refused() == (401, -2014, "API-key format invalid.")


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
def test_without_an_account_nothing_is_signed(server: ExchangeServer, verb: str) -> None:
    client = ccxt.binance({**ccxt_options(server.url), "apiKey": "key", "secret": "secret"})
    with pytest.raises(ccxt.BadRequest, match="is not served by the embedded exchange"):
        client.fetch2("order", ["private"], verb, {"symbol": "BTCUSDT"})
    client.session.close()


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (ccxt.InsufficientFunds, ("limit", "buy", 100, 90)),
        (ccxt.BadRequest, ("limit", "buy", 0.05, 90)),
        (ccxt.OrderImmediatelyFillable, ("LIMIT_MAKER", "buy", 1, 100)),
        (ccxt.OrderImmediatelyFillable, ("stop_loss_limit", "sell", 1, 90, {"stopPrice": 101})),
    ],
)
def test_ccxt_turns_refused_orders_into_its_own(
    trader: ccxt.binance, error: type[Exception], arguments: tuple[object, ...]
) -> None:
    with pytest.raises(error):
        trader.create_order(PAIR, *arguments)


def test_ccxt_turns_refusals_into_its_own(
    trader: ccxt.binance, venue: ExchangeServer, ticking: Clock
) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        trader.fetch_order("99", PAIR)
    trader.nonce = lambda: ticking.now - 60_000
    with pytest.raises(ccxt.InvalidNonce):
        trader.fetch_balance()
    for wrong in ({"secret": "other"}, {"apiKey": "other"}):
        client = ccxt.binance({**options(venue), **wrong})
        client.nonce = ticking
        with pytest.raises(ccxt.AuthenticationError):
            client.private_get_account()
        client.session.close()
