"""Trading on the embedded exchange with ccxt's own Binance client."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import ccxt
import ccxt.async_support
import pytest

from exchanges import STEP_MS, Clock
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.server import ExchangeServer
from traders import NOW_MS, Raw, options


PAIR = "AAA/USDT"
STEP = STEP_MS // 60


def at_step(clock: Clock, step: int) -> None:
    """Move the clock to just after a step of the candle with the dip."""
    clock.now = NOW_MS + step * STEP + 1


def test_market_order_takes_from_the_book_that_depth_shows(trader: ccxt.binance) -> None:
    book = trader.fetch_order_book(PAIR, 5)
    assert book["asks"][:2] == [[100.0, 6.0], [100.001, 6.0]]
    order = trader.create_order(PAIR, "market", "buy", 8)
    assert (order["status"], order["filled"], order["type"]) == ("closed", 8.0, "market")
    assert order["cost"] == 6 * 100 + 2 * 100.001
    assert [trade["price"] for trade in order["trades"]] == [100.0, 100.001]
    assert order["fees"] == [{"currency": "AAA", "cost": 0.008}]
    balance = trader.fetch_balance()
    assert balance["AAA"] == {"free": 12.992, "used": 0.0, "total": 12.992}
    assert balance["USDT"]["total"] == 199.998


def test_market_orders_by_quote_amount(trader: ccxt.binance) -> None:
    bought = trader.create_order(PAIR, "market", "buy", 1, None, {"quoteOrderQty": 50.5})
    assert (bought["filled"], bought["cost"]) == (0.5, 50.0)
    assert bought["info"]["origQuoteOrderQty"] == "50.50000000"
    sold = trader.create_order(PAIR, "market", "sell", 1, None, {"quoteOrderQty": 300})
    assert (sold["status"], sold["filled"], sold["cost"]) == ("closed", 3.0, 300.0)
    assert trader.fetch_balance()["USDT"] == {"free": 1249.7, "used": 0.0, "total": 1249.7}


def test_limit_order_rests_fills_in_parts_and_is_listed(
    trader: ccxt.binance, ticking: Clock
) -> None:
    placed = trader.create_order(PAIR, "limit", "buy", 10, 95)
    assert (placed["status"], placed["filled"]) == ("open", 0.0)
    assert trader.fetch_balance()["USDT"] == {"free": 50.0, "used": 950.0, "total": 1000.0}
    at_step(ticking, 14)
    assert trader.fetch_order(placed["id"], PAIR)["filled"] == 0
    # The price is at 95 or below from step 15 to step 33, and one coin is traded at each.
    at_step(ticking, 17)
    part = trader.fetch_order(placed["id"], PAIR)
    assert (part["status"], part["filled"], part["remaining"]) == ("open", 3.0, 7.0)
    assert part["info"]["status"] == "PARTIALLY_FILLED"
    assert [order["id"] for order in trader.fetch_open_orders(PAIR)] == [placed["id"]]
    assert trader.fetch_balance()["USDT"]["used"] == 7 * 95
    ticking.now = NOW_MS + STEP_MS
    full = trader.fetch_order(placed["id"], PAIR)
    assert (full["status"], full["filled"], full["average"]) == ("closed", 10.0, 95.0)
    assert full["lastUpdateTimestamp"] == NOW_MS + 24 * STEP
    assert trader.fetch_open_orders(PAIR) == []
    trades = trader.fetch_my_trades(PAIR)
    assert [trade["timestamp"] for trade in trades] == [
        NOW_MS + step * STEP for step in range(15, 25)
    ]
    assert {trade["takerOrMaker"] for trade in trades} == {"maker"}
    assert sum(trade["fee"]["cost"] for trade in trades) == pytest.approx(0.01)
    assert trader.fetch_balance()["AAA"]["free"] == 14.99


def test_an_order_that_is_larger_than_the_volume_fills_partly(
    trader: ccxt.binance, ticking: Clock
) -> None:
    first = trader.create_order(PAIR, "limit", "buy", 6, 94)
    second = trader.create_order(PAIR, "limit", "buy", 4, 93)
    ticking.now = NOW_MS + STEP_MS
    # At 94 or below trade 15 coins, at 93 or below 11: the better order comes first.
    assert trader.fetch_order(first["id"], PAIR)["filled"] == 6
    assert trader.fetch_order(second["id"], PAIR)["filled"] == 4
    assert trader.fetch_my_trades(PAIR)[-1]["timestamp"] == NOW_MS + 26 * STEP
    third = trader.create_order(PAIR, "limit", "sell", 14, 109)
    ticking.now = NOW_MS + 2 * STEP_MS
    # 109 or above: three coins in the whole candle.
    assert trader.fetch_order(third["id"], PAIR)["filled"] == 3
    assert trader.fetch_balance()["AAA"]["used"] == 11


def test_cancel_gives_back_what_was_locked(trader: ccxt.binance, ticking: Clock) -> None:
    order = trader.create_order(PAIR, "limit", "buy", 10, 95)
    at_step(ticking, 16)
    cancelled = trader.cancel_order(order["id"], PAIR)
    assert (cancelled["status"], cancelled["filled"]) == ("canceled", 2.0)
    assert trader.fetch_balance()["USDT"] == {"free": 810.0, "used": 0.0, "total": 810.0}
    ticking.now += STEP_MS
    assert trader.fetch_order(order["id"], PAIR)["filled"] == 2.0
    with pytest.raises(ccxt.OrderNotFound, match="Unknown order sent"):
        trader.cancel_order(order["id"], PAIR)
    for price in (80, 81):
        trader.create_order(PAIR, "limit", "buy", 1, price)
    assert [one["status"] for one in trader.cancel_all_orders(PAIR)] == ["canceled"] * 2
    assert trader.fetch_balance()["USDT"]["used"] == 0
    with pytest.raises(ccxt.OrderNotFound):
        trader.cancel_all_orders(PAIR)


@pytest.mark.parametrize(
    ("kind", "quantity", "filled", "status"),
    [("IOC", 8, 6.0, "expired"), ("FOK", 8, 0.0, "expired"), ("FOK", 6, 6.0, "closed")],
)
def test_orders_that_do_not_rest(
    trader: ccxt.binance, kind: str, quantity: float, filled: float, status: str
) -> None:
    order = trader.create_order(PAIR, "limit", "buy", quantity, 100, {"timeInForce": kind})
    assert (order["status"], order["filled"], order["timeInForce"]) == (status, filled, kind)
    assert trader.fetch_balance()["USDT"] == {
        "free": 1000 - 100 * filled,
        "used": 0.0,
        "total": 1000 - 100 * filled,
    }


def test_limit_order_takes_first_and_the_rest_rests(trader: ccxt.binance, ticking: Clock) -> None:
    order = trader.create_order(PAIR, "limit", "sell", 5, 99.999)
    assert (order["status"], order["average"]) == ("closed", 100.0)
    order = trader.create_order(PAIR, "limit", "buy", 9, 100)
    assert (order["status"], order["filled"]) == ("open", 6.0)
    at_step(ticking, 3)
    order = trader.fetch_order(order["id"], PAIR)
    assert (order["status"], order["filled"]) == ("closed", 9.0)


def test_maker_order_rests_or_is_refused(trader: ccxt.binance, ticking: Clock) -> None:
    order = trader.create_order(PAIR, "limit", "sell", 2, 105, {"postOnly": True})
    assert (order["type"], order["postOnly"], order["status"]) == ("limit", True, "open")
    for side, price in (("sell", 100), ("buy", 100), ("buy", 101), ("sell", 99)):
        with pytest.raises(ccxt.OrderImmediatelyFillable):
            trader.create_order(PAIR, "LIMIT_MAKER", side, 1, price)
    ticking.now = NOW_MS + 2 * STEP_MS
    assert trader.fetch_order(order["id"], PAIR)["average"] == 105.0


def test_stop_order_waits_for_its_price_and_takes(trader: ccxt.binance, ticking: Clock) -> None:
    order = trader.create_order(PAIR, "stop_loss_limit", "sell", 4, 92, {"stopPrice": 95})
    assert (order["status"], order["stopPrice"], order["type"]) == ("open", 95.0, "limit")
    assert order["info"]["workingTime"] == -1
    assert trader.fetch_balance()["AAA"] == {"free": 1.0, "used": 4.0, "total": 5.0}
    at_step(ticking, 14)
    assert trader.fetch_order(order["id"], PAIR)["info"]["isWorking"] is False
    at_step(ticking, 15)
    order = trader.fetch_order(order["id"], PAIR)
    assert (order["status"], order["average"]) == ("closed", 95.0)
    assert (order["info"]["isWorking"], int(order["info"]["workingTime"])) == (
        True,
        NOW_MS + 15 * STEP,
    )
    assert trader.fetch_balance()["USDT"]["free"] == 1379.62


def test_stop_order_whose_limit_is_not_met_rests(trader: ccxt.binance, ticking: Clock) -> None:
    order = trader.create_order(PAIR, "stop_loss_limit", "buy", 4, 104, {"stopPrice": 105})
    ticking.now = NOW_MS + STEP_MS + 33 * STEP
    assert trader.fetch_order(order["id"], PAIR)["info"]["isWorking"] is True
    assert trader.fetch_order(order["id"], PAIR)["filled"] == 0
    ticking.now = NOW_MS + 2 * STEP_MS
    assert trader.fetch_order(order["id"], PAIR)["average"] == 104.0


def test_lists_by_number_and_time(trader: ccxt.binance, raw: Raw, ticking: Clock) -> None:
    start = ticking.now
    ids = []
    for _ in range(5):
        ids.append(int(trader.create_order(PAIR, "market", "buy", 0.1)["id"]))
        ticking.now += 1000

    def orders(**query: object) -> list[int]:
        status, body = raw.send("GET", "/api/v3/allOrders", symbol="AAAUSDT", **query)
        assert status == 200
        return [order["orderId"] for order in body]

    def trades(**query: object) -> list[int]:
        status, body = raw.send("GET", "/api/v3/myTrades", symbol="AAAUSDT", **query)
        assert status == 200
        return [trade["id"] for trade in body]

    assert orders() == ids
    assert orders(limit=2) == ids[-2:]
    assert orders(orderId=ids[1], limit=2) == ids[1:3]
    assert orders(startTime=start + 1000, limit=2) == ids[1:3]
    assert orders(startTime=start + 1, endTime=start + 2000) == ids[1:3]
    assert orders(endTime=start) == ids[:1]
    assert trades() == [1, 2, 3, 4, 5]
    assert trades(fromId=4) == [4, 5]
    assert trades(orderId=ids[2]) == [3]
    assert trades(orderId=ids[2], fromId=4) == []
    assert trades(startTime=start + 1000, limit=1) == [2]
    assert trades(endTime=start + 1000) == [1, 2]
    assert [order["id"] for order in trader.fetch_orders(PAIR, since=start + 3000)] == [
        str(one) for one in ids[3:]
    ]
    other = raw.send("GET", "/api/v3/allOrders", symbol="BBBUSDT")
    assert other == (200, [])


def test_client_order_ids(trader: ccxt.binance, raw: Raw) -> None:
    def place(name: str, price: float) -> str:
        params = {"newClientOrderId": name}
        return str(trader.create_order(PAIR, "limit", "buy", 0.1, price, params)["id"])

    first = place("mine", 80)
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        place("mine", 81)
    found = {"symbol": "AAAUSDT", "origClientOrderId": "mine"}
    assert str(trader.private_get_order(found)["orderId"]) == first
    trader.cancel_order("", PAIR, {"origClientOrderId": "mine"})
    # The first one is no longer open, so its name is free.
    second = place("mine", 82)
    assert str(trader.private_get_order(found)["orderId"]) == second
    assert str(trader.private_get_order({"symbol": "AAAUSDT", "orderId": first})["orderId"]) == (
        first
    )
    wrong = {"symbol": "AAAUSDT", "orderId": first, "origClientOrderId": "other"}
    with pytest.raises(ccxt.OrderNotFound, match="Order does not exist"):
        trader.private_get_order(wrong)
    _, body = raw.send(
        "DELETE", "/api/v3/order", symbol="AAAUSDT", orderId=second, newClientOrderId="gone"
    )
    assert (body["origClientOrderId"], body["clientOrderId"]) == ("mine", "gone")


def test_how_much_a_new_order_is_answered(raw: Raw) -> None:
    def place(**query: object) -> set[str]:
        query = {"symbol": "AAAUSDT", "side": "BUY", "quantity": 1, **query}
        status, body = raw.send("POST", "/api/v3/order", **query)
        assert status == 200, body
        return set(body)

    acknowledged = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert place(type="MARKET", newOrderRespType="ACK") == acknowledged
    result = place(type="MARKET", newOrderRespType="RESULT")
    assert {*acknowledged, "status", "executedQty", "cummulativeQuoteQty", "workingTime"} < result
    assert place(type="MARKET") == {*result, "fills"}
    assert place(type="LIMIT", price=90, timeInForce="GTC") == {*result, "fills"}
    assert place(type="LIMIT_MAKER", price=90) == acknowledged


def test_test_order_checks_and_places_nothing(trader: ccxt.binance, raw: Raw) -> None:
    trader.create_order(PAIR, "limit", "buy", 1, 95, {"test": True})
    assert trader.fetch_orders(PAIR) == []
    order = {"symbol": "AAAUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    status, body = raw.send("POST", "/api/v3/order/test", **order)
    assert (status, body["msg"]) == (400, "Filter failure: LOT_SIZE")


def test_parameters_may_stand_in_the_body(raw: Raw) -> None:
    body = "side=SELL&type=MARKET&quantity=1"
    status, order = raw.send("POST", "/api/v3/order", body=body, symbol="AAAUSDT", side="BUY")
    # What stands in the query counts before what stands in the body.
    assert (status, order["side"], order["status"]) == (200, "BUY", "FILLED")
    stamp = raw.server.market.clock()
    body = f"symbol=AAAUSDT&side=SELL&type=MARKET&quantity=1&timestamp={stamp}"
    assert raw.send("POST", "/api/v3/order", body=body)[0] == 200


def test_weights_and_order_counts(trader: ccxt.binance, raw: Raw, ticking: Clock) -> None:
    ticking.now += 60_000

    def used() -> int:
        return int(trader.last_response_headers["X-MBX-USED-WEIGHT-1M"])

    trader.fetch_balance()
    assert used() == 20
    trader.create_order(PAIR, "limit", "buy", 1, 80)
    assert used() == 21
    assert trader.last_response_headers["X-MBX-ORDER-COUNT-10S"] == "1"
    trader.fetch_open_orders(PAIR)
    assert used() == 27
    trader.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
    order = trader.fetch_open_orders()[0]
    assert used() == 107
    trader.fetch_order(order["id"], PAIR)
    assert used() == 111
    trader.cancel_order(order["id"], PAIR)
    assert used() == 112
    trader.fetch_my_trades(PAIR)
    assert used() == 132
    _, counts = raw.send("GET", "/api/v3/rateLimit/order")
    assert [one["count"] for one in counts] == [1, 1]


def test_async_client_trades_too(venue: ExchangeServer, ticking: Clock) -> None:
    async def trade() -> tuple[str, float]:
        binance = ccxt.async_support.binance(options(venue))
        binance.nonce = ticking
        try:
            order = await binance.create_order(PAIR, "limit", "sell", 2, 99)
            return order["status"], (await binance.fetch_balance())["AAA"]["total"]
        finally:
            await binance.close()

    assert asyncio.run(trade()) == ("closed", 3.0)


def test_wallet_interface(trader: ccxt.binance) -> None:
    currencies = trader.fetch_currencies()
    assert {"AAA", "BBB", "USDT"} == set(currencies)
    assert trader.fetch_trading_fee(PAIR)["taker"] == 0.001
    allowed = trader.sapi_get_account_apirestrictions()
    assert allowed["enableSpotAndMarginTrading"] is True
    assert allowed["enableWithdrawals"] is False


def test_nothing_is_undone_when_the_clock_steps_back(
    trader: ccxt.binance, account: Trading, ticking: Clock
) -> None:
    order = trader.create_order(PAIR, "limit", "buy", 10, 95)
    at_step(ticking, 17)
    assert trader.fetch_order(order["id"], PAIR)["filled"] == 3.0
    at_step(ticking, 16)
    assert trader.fetch_order(order["id"], PAIR)["filled"] == 3.0
    late = trader.create_order(PAIR, "limit", "buy", 0.1, 80)
    assert late["timestamp"] == NOW_MS + 17 * STEP + 1
    at_step(ticking, 18)
    assert trader.fetch_order(order["id"], PAIR)["filled"] == 4.0
    free, locked = account.account.free["USDT"], account.account.locked["USDT"]
    assert free + locked == Decimal(1000 - 4 * 95)
