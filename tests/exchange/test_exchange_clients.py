"""The embedded exchange through python-binance and Binance's own client, and ccxt's addresses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import binance
import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
from binance.exceptions import BinanceAPIException
from binance_common.errors import BadRequestError, ForbiddenError, NotFoundError, UnauthorizedError
from binance_sdk_spot.rest_api.rest_api import SpotRestAPI

from clients import official, official_streams, python_binance, python_binance_sockets
from exchanges import START_MS, STEP_MS, Clock
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import URL_SETS, ccxt_options
from traders import NOW_MS


PAIR = {"symbol": "AAAUSDT"}
BUY = {**PAIR, "side": "BUY", "type": "LIMIT"}
# Longer than any answer takes; nothing waits for it but a test that fails.
SECONDS = 20


@pytest.fixture
def other(venue: ExchangeServer, ticking: Clock) -> Iterator[binance.Client]:
    """python-binance on the hand-made market."""
    client = python_binance(venue, ticking)
    yield client
    client.close_connection()


@pytest.fixture
def own(
    venue: ExchangeServer, ticking: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SpotRestAPI]:
    """Binance's own client on the hand-made market; it has no setting for its clock."""
    monkeypatch.setattr("binance_common.utils.get_timestamp", ticking)
    client = official(venue)
    yield client
    client._session.close()


def data(answer: Any, log: pytest.LogCaptureFixture) -> Any:
    """The model of an answer, which Binance's client could make without a complaint."""
    found = answer.data()
    assert not [one.getMessage() for one in log.records if one.levelno >= logging.WARNING]
    return getattr(found, "actual_instance", found)


def test_python_binance_reads_the_market(other: binance.Client) -> None:
    assert other.ping() == {}
    assert other.get_server_time() == {"serverTime": NOW_MS + 1000}
    info = other.get_symbol_info("AAAUSDT")
    assert {one["filterType"] for one in info["filters"]} >= {
        *("PRICE_FILTER", "LOT_SIZE", "ICEBERG_PARTS", "MARKET_LOT_SIZE", "TRAILING_DELTA"),
        *("PERCENT_PRICE_BY_SIDE", "NOTIONAL", "MAX_NUM_ORDERS", "MAX_NUM_ORDER_LISTS"),
        *("MAX_NUM_ALGO_ORDERS", "MAX_NUM_ORDER_AMENDS"),
    }
    (month,) = other.get_klines(**PAIR, interval=other.KLINE_INTERVAL_1MONTH)
    assert month[:2] == [1767225600000, "100.00000000"]
    hours = other.get_historical_klines("AAAUSDT", "1h", START_MS)
    assert [one[0] for one in hours] == [START_MS, START_MS + 12 * STEP_MS]
    assert {one["symbol"] for one in other.get_orderbook_tickers()} == {"AAAUSDT", "BBBUSDT"}
    assert "bidPrice" not in other.get_ticker(**PAIR, type="MINI")
    assert other.get_avg_price(**PAIR)["price"] == "100.00000000"
    assert other.get_trade_fee(**PAIR)[0]["makerCommission"] == "0.00100000"
    with pytest.raises(BinanceAPIException, match=r"-1104.*read '2' parameter.* sent '3'"):
        other.get_klines(**PAIR, interval="5m", begin=1)


def test_python_binance_trades(other: binance.Client) -> None:
    other.REQUEST_RECVWINDOW = 5000.125
    order = other.create_order(
        **BUY,
        timeInForce="GTC",
        quantity="1",
        price="95",
        selfTradePreventionMode="DECREMENT",
    )
    assert (order["status"], order["selfTradePreventionMode"]) == ("NEW", "DECREMENT")
    (found,) = other.get_open_orders(**PAIR)
    assert found["clientOrderId"] == order["clientOrderId"]
    assert other.get_asset_balance("USDT")["locked"] == "95.00000000"
    cancelled = other.cancel_order(**PAIR, orderId=order["orderId"])
    assert (cancelled["status"], cancelled["selfTradePreventionMode"]) == ("CANCELED", "DECREMENT")
    filled = other.order_market_buy(**PAIR, quoteOrderQty="20")
    assert (filled["status"], filled["selfTradePreventionMode"]) == ("FILLED", "EXPIRE_MAKER")
    (trade,) = other.get_my_trades(**PAIR, orderId=filled["orderId"])
    assert (trade["qty"], trade["quoteQty"]) == ("0.20000000", "20.00000000")
    assert [one["status"] for one in other.get_all_orders(**PAIR)] == ["CANCELED", "FILLED"]
    assert other.get_asset_balance("AAA")["free"] == "5.19980000"
    test = other.create_test_order(
        **BUY, timeInForce="GTC", quantity="1", price="95", computeCommissionRates="true"
    )
    assert test["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}


def test_python_binance_gets_its_errors(other: binance.Client) -> None:
    def code(call: Callable[..., object], **query: object) -> int:
        with pytest.raises(BinanceAPIException) as caught:
            call(**query)
        return int(caught.value.code)

    limit = {**BUY, "timeInForce": "GTC", "quantity": "1", "price": "95"}
    assert code(other.create_order, **limit, selfTradePreventionMode="NONE") == -1013
    assert code(other.create_order, **limit, pegPriceType="PRIMARY_PEG") == -1013
    assert code(other.create_order, **limit, strategyType=1) == -1134
    assert code(other.create_order, **limit, reduceOnly="true") == -1104
    assert code(other.create_order, **BUY, quantity="1") == -1102
    for window, expected in (("5.1234", -1111), ("60000.001", -1131), ("5e3", -1100)):
        other.REQUEST_RECVWINDOW = window
        assert code(other.get_account) == expected
    other.REQUEST_RECVWINDOW = 5000
    assert code(other.get_account, omitZeroBalances="yes") == -1130
    assert code(other.get_order, **PAIR, orderId=9) == -2013
    assert code(other.cancel_order, **PAIR, orderId=9) == -2011
    assert code(other.stream_get_listen_key) == -1020
    assert other.get_open_orders() == []


def test_python_binance_streams(venue: ExchangeServer, ticking: Clock) -> None:
    async def run() -> dict[str, Any]:
        seen: dict[str, Any] = {}
        async with python_binance_sockets(venue) as sockets:
            makers = {
                "kline": sockets.kline_socket("AAAUSDT", interval="5m"),
                "mini": sockets.miniticker_socket(),
                "all": sockets.ticker_socket(),
                "trade": sockets.trade_socket("AAAUSDT"),
            }
            for name, maker in makers.items():
                # How long it waits for one more message before it closes.
                maker.TIMEOUT = 0.1
                async with maker as socket:
                    ticking.now += 5000
                    seen[name] = await asyncio.wait_for(socket.recv(), SECONDS)
        return seen

    seen = asyncio.run(run())
    assert seen["kline"]["k"]["i"] == "5m"
    assert seen["trade"]["e"] == "trade"
    for name, event in (("mini", "24hrMiniTicker"), ("all", "24hrTicker")):
        assert [(one["e"], one["s"]) for one in seen[name]] == [
            (event, "AAAUSDT"),
            (event, "BBBUSDT"),
        ]


READS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("time", {}),
    ("exchange_info", PAIR),
    ("exchange_info", {"permissions": ["SPOT", "MARGIN"], "symbol_status": "TRADING"}),
    ("klines", {**PAIR, "interval": "1w", "time_zone": "05:45"}),
    ("ui_klines", {**PAIR, "interval": "5m", "time_zone": "-1:00", "limit": 3}),
    ("depth", {**PAIR, "limit": 5, "symbol_status": "TRADING"}),
    ("get_trades", {**PAIR, "limit": 1}),
    ("historical_trades", {**PAIR, "limit": 1}),
    ("agg_trades", {**PAIR, "limit": 1}),
    ("avg_price", PAIR),
    ("ticker", {**PAIR, "type": "MINI", "window_size": "1h"}),
    ("ticker", {"symbols": ["AAAUSDT", "BBBUSDT"], "window_size": "15m"}),
    ("ticker24hr", {**PAIR, "type": "MINI"}),
    ("ticker24hr", {"type": "FULL"}),
    ("ticker_trading_day", {**PAIR, "time_zone": "8"}),
    ("ticker_price", {"symbol_status": "TRADING"}),
    ("ticker_book_ticker", PAIR),
    ("get_account", {"omit_zero_balances": True}),
    ("rate_limit_order", {}),
)


@pytest.mark.parametrize(("name", "query"), READS)
def test_binance_s_own_client_understands_every_answer(
    own: SpotRestAPI, caplog: pytest.LogCaptureFixture, name: str, query: dict[str, Any]
) -> None:
    assert data(getattr(own, name)(**query), caplog)


def test_binance_s_own_client_trades(own: SpotRestAPI, caplog: pytest.LogCaptureFixture) -> None:
    limit = {**BUY, "time_in_force": "GTC", "quantity": 1.0, "price": 95.0}
    order = data(
        own.new_order(
            **limit,
            self_trade_prevention_mode="EXPIRE_BOTH",
            strategy_id=7,
            strategy_type=1_000_001,
            recv_window=5000.125,
        ),
        caplog,
    )
    assert (order.status, order.self_trade_prevention_mode) == ("NEW", "EXPIRE_BOTH")
    asked = data(own.get_order(**PAIR, order_id=order.order_id), caplog)
    assert (asked.orig_qty, asked.strategy_id, asked.strategy_type) == ("1.00000000", 7, 1_000_001)
    assert [one.order_id for one in data(own.get_open_orders(), caplog)] == [order.order_id]
    gone = data(own.delete_order(**PAIR, order_id=order.order_id), caplog)
    assert (gone.status, gone.self_trade_prevention_mode) == ("CANCELED", "EXPIRE_BOTH")
    with pytest.raises(BadRequestError, match="Unknown order sent"):
        own.delete_order(**PAIR, order_id=order.order_id)
    filled = data(own.new_order(**{**BUY, "type": "MARKET"}, quote_order_qty=20.0), caplog)
    assert filled.fills[0].qty == "0.20000000"
    assert data(own.my_trades(**PAIR), caplog)[0].quote_qty == "20.00000000"
    assert len(data(own.all_orders(**PAIR), caplog)) == 2
    assert data(own.order_test(**limit, compute_commission_rates=True), caplog)


def test_binance_s_own_client_gets_its_errors(own: SpotRestAPI, venue: ExchangeServer) -> None:
    limit = {**BUY, "time_in_force": "GTC", "quantity": 1.0, "price": 95.0}
    with pytest.raises(BadRequestError, match="self-trade prevention mode"):
        own.new_order(**limit, self_trade_prevention_mode="TRANSFER")
    with pytest.raises(BadRequestError, match="Combination of optional parameters"):
        own.exchange_info(symbols=["AAAUSDT"], symbol_status="TRADING")
    with pytest.raises(BadRequestError, match="does not match the requested symbolStatus"):
        own.depth(**PAIR, symbol_status="HALT")
    with pytest.raises(BadRequestError, match="timeZone"):
        own.klines(**PAIR, interval="1d", time_zone="14:01")
    with pytest.raises(NotFoundError, match="not served"):
        own.my_filters(**PAIR)
    own.configuration.time_unit = "MICROSECOND"
    with pytest.raises(BadRequestError, match="MICROSECOND is not supported"):
        own.klines(**PAIR, interval="5m")
    own.configuration.time_unit = None
    own.configuration.base_headers["Origin"] = "https://example.org"
    with pytest.raises(ForbiddenError, match="not web pages"):
        own.get_account()
    stranger = official(venue)
    stranger.configuration.base_headers["X-MBX-APIKEY"] = "another"
    with pytest.raises(UnauthorizedError):
        stranger.get_account()
    stranger._session.close()


STREAMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("kline", {"symbol": "aaausdt", "interval": "5m"}),
    ("kline_offset", {"symbol": "aaausdt", "interval": "1w"}),
    ("trade", {"symbol": "aaausdt"}),
    ("agg_trade", {"symbol": "aaausdt"}),
    ("mini_ticker", {"symbol": "aaausdt"}),
    ("ticker", {"symbol": "aaausdt"}),
    ("rolling_window_ticker", {"symbol": "aaausdt", "window_size": "4h"}),
    ("all_mini_ticker", {}),
    ("all_market_rolling_window_ticker", {"window_size": "1h"}),
    ("avg_price", {"symbol": "aaausdt"}),
    ("book_ticker", {"symbol": "aaausdt"}),
    ("partial_book_depth", {"symbol": "aaausdt", "levels": "5"}),
    ("diff_book_depth", {"symbol": "aaausdt"}),
)


def test_binance_s_own_client_hears_every_stream(
    venue: ExchangeServer,
    ticking: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("binance_common.websocket.SUBSCRIBE_MESSAGE_DELAY_SECONDS", 0)

    async def run() -> dict[str, Any]:
        heard: dict[str, Any] = {}
        more = asyncio.Event()

        def noted(name: str) -> Callable[[Any], None]:
            def note(message: Any) -> None:
                heard.setdefault(name, message)
                more.set()

            return note

        async with official_streams(venue) as streams:
            for name, query in STREAMS:
                handle = await getattr(streams, name)(**query)
                handle.on("message", noted(name))
            async with asyncio.timeout(SECONDS):
                while len(heard) < len(STREAMS):
                    # A subscription may reach the exchange after the clock was moved.
                    ticking.now += 5000
                    more.clear()
                    await more.wait()
        return heard

    heard = asyncio.run(run())
    assert not [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert [one.s for one in heard["all_mini_ticker"]] == ["AAAUSDT", "BBBUSDT"]
    assert heard["kline_offset"].k.t == 1769356800000
    assert Decimal(heard["avg_price"].w) > 0


def addresses(tree: object) -> Iterator[str]:
    """All texts of a tree."""
    if isinstance(tree, dict):
        for one in tree.values():
            yield from addresses(one)
    elif isinstance(tree, str):
        yield tree


@pytest.mark.parametrize("library", [ccxt, ccxt.async_support, ccxt.pro])
def test_no_address_of_ccxt_leads_outside(library: Any) -> None:
    """Apart from the pages that ccxt names in its documentation and never asks."""
    client = library.binance(ccxt_options("http://127.0.0.1:8480"))
    pages = {"logo", "www", "referral", "doc", "api_management", "fees"}
    assert {*URL_SETS} <= {*client.urls} <= {*URL_SETS} | pages
    found = [
        url for name in client.urls if name not in pages for url in addresses(client.urls[name])
    ]
    assert len(found) > 60
    assert {urlsplit(url).netloc for url in found} == {"127.0.0.1:8480"}
    assert client.urls["api"]["ws"]["ws-api"]["spot"] == "ws://127.0.0.1:8480/ws-api/v3"
