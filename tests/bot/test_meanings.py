"""The table of answers: every error finds its row, and the page shows the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ccxt
import pytest
from freqtrade.exceptions import FreqtradeException, TemporaryError

from exchanges import Clock
from project import ROOT
from regimeswitch.bot.connection.response_meanings import meaning, meaning_of, row
from regimeswitch.bot.connection.response_page import BEGIN, END, markdown, with_tables
from regimeswitch.bot.connection.response_states import STATES
from regimeswitch.bot.connection.response_table import ANSWERS, KEPT_BACK, TABLE
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options


@pytest.fixture
def failing(hand_made: Path, ticking: Clock) -> Iterator[ExchangeServer]:
    market = Market(CandleStore(hand_made), ticking)
    with ExchangeServer(market, faults=Injection(ticking)) as server:
        yield server


def error_of(server: ExchangeServer, kind: str) -> ccxt.BaseError:
    """What ccxt makes of a fault."""
    assert server.faults is not None
    server.faults.set([Fault(kind)])
    client = ccxt.binance({"timeout": 300, "enableRateLimit": False, **ccxt_options(server.url)})
    with pytest.raises(ccxt.BaseError) as caught:
        client.fetch_time()
    return caught.value


NOBODY = "-1000 -1001 -1006 -1007 -1008"
REAL = {
    "429": ("429", False, False),
    "418": ("418", False, False),
    "-1003 in 200": ("-1003", False, False),
    "-1003 in 400": ("-1003", False, False),
    "403": ("403", False, False),
    "451": ("451", False, False),
    "500": (NOBODY, True, True),
    "502": ("5xx", True, True),
    "503": (NOBODY, True, True),
    "-1006": (NOBODY, True, True),
    "-1007": (NOBODY, True, True),
    "time-out": ("no response", True, True),
    "reset": ("no response", True, True),
    "-1021": ("-1021", False, True),
    "-1022": ("-1022", False, False),
    "-2014": ("-2014 -2015", False, False),
    "-2015": ("-2014 -2015", False, False),
    "-1013 notional": ("-1013 NOTIONAL", False, True),
    "-1013 lot size": ("-1013 LOT_SIZE", False, True),
    "-1013 market closed": ("-1013 market closed", False, False),
    "-2010": ("-2010 balance", False, True),
    "-2011": ("-2011", False, True),
    "-2013": ("-2013", False, True),
    "-2026": ("-2026", False, True),
}
"""By kind of fault: the row, whether the outcome is unknown, whether exits can leave."""


@pytest.mark.parametrize("kind", REAL)
def test_what_ccxt_and_freqtrade_make_of_an_answer_finds_its_row(
    failing: ExchangeServer, kind: str
) -> None:
    key, unknown, exits_leave = REAL[kind]
    error = error_of(failing, kind)
    found = meaning_of(error)
    assert (found.key, found.unknown, found.exits_leave) == (key, unknown, exits_leave), error
    with pytest.raises(FreqtradeException) as caught:
        # As freqtrade does: another error around it, sometimes without its text.
        raise TemporaryError("could not place an order") from error
    assert meaning_of(caught.value) is found


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('binance {"code":-1013,"msg":"Filter failure: MIN_NOTIONAL"}', "-1013 NOTIONAL"),
        ('binance {"code":-1013,"msg":"Filter failure: MARKET_LOT_SIZE"}', "-1013 LOT_SIZE"),
        (
            'binance {"code":-1013,"msg":"Filter failure: PERCENT_PRICE_BY_SIDE"}',
            "-1013 PRICE_FILTER",
        ),
        (
            'binance {"code":-1013,"msg":"Filter failure: MAX_NUM_ALGO_ORDERS"}',
            "-1013 MAX_NUM_ORDERS",
        ),
        ('binance {"code":-2010,"msg":"Filter failure: MAX_POSITION"}', "-1013 MAX_POSITION"),
        ('binance {"code":-1013,"msg":"Invalid side."}', "-1013"),
        ("binance Order would trigger immediately.", "-2010 trigger"),
        (
            'binance {"code":-2010,"msg":"This symbol is not permitted for this account."}',
            "-2010 restricted",
        ),
        ('binance {"code":-2010,"msg":"Duplicate order sent."}', "-2010"),
        ('binance {"code":-1015,"msg":"Too many new orders."}', "-1015"),
        ('binance 429 Too Many {"code":-1015,"msg":"Too many new orders."}', "-1015"),
        ('binance {"code":-1104,"msg":"Not all sent parameters were read."}', "any other code"),
        (
            'Could not sell. Message: binance {"code":-2015,"msg":"Invalid API-key"}',
            "-2014 -2015",
        ),
        ("binance GET https://x/api/v3/depth 404 Not Found <html>", "unreadable"),
        ("something of freqtrade's own", "any other code"),
    ],
)
def test_the_text_of_an_answer_finds_its_row(text: str, key: str) -> None:
    assert meaning_of(ccxt.ExchangeError(text)).key == key


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (ccxt.InsufficientFunds("x"), "-2010 balance"),
        (ccxt.OrderNotFound("x"), "-2013"),
        (ccxt.RequestTimeout("x"), "no response"),
        (ConnectionRefusedError("x"), "no response"),
        (ccxt.RateLimitExceeded("x"), "429"),
    ],
)
def test_an_error_without_words_is_known_by_its_kind(error: Exception, key: str) -> None:
    assert meaning_of(error).key == key


def test_an_unknown_code_is_refused_and_nonsense_is_unknown() -> None:
    assert not meaning(400, -4711).unknown
    assert meaning(200, 0, "<html>").unknown
    assert meaning(502, -2010, "insufficient balance").unknown, "a 5XX says nothing for certain"


def test_rows_have_one_name_and_a_message_each() -> None:
    keys = [one.key for one in (*TABLE, *STATES, KEPT_BACK)]
    assert len(keys) == len(set(keys))
    for one in (*TABLE, *STATES):
        assert row(one.key) is one
        values = dict.fromkeys(("what", "until", "seconds", "days", "tries"), "AAA/USDT sell 1")
        text = one.message(**values)
        assert "{" not in text
        assert f"entries: {one.entries}; exits: {one.exits}; next try: {one.next_try}" in text
    for one in ANSWERS:
        assert one.codes or one.statuses, one.key


def test_the_page_shows_the_table_as_it_is() -> None:
    page = (ROOT / "docs/faults.md").read_text()
    assert with_tables(page) == page
    assert markdown(TABLE).count("\n") == len(TABLE) + 2
    emptied = page.replace(markdown(TABLE), "").replace(markdown(STATES), "")
    assert emptied != page
    assert with_tables(emptied) == page
    for mark in (BEGIN, END):
        with pytest.raises(ValueError, match="table of answers"):
            with_tables(page.replace(mark.format("table of answers"), ""))
