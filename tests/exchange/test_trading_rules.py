"""What holds on the embedded exchange whatever is ordered, and whenever anyone looks."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import ccxt
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from exchanges import STEP_MS, Clock
from randomtrading import (
    BALANCES,
    BEGIN_MS,
    MOVES,
    ORDERS,
    SEEDS,
    STEP,
    SYMBOLS,
    check_balances,
    check_fill,
    check_orders,
    state,
    wanted,
    wild,
)
from regimeswitch_lab.exchange.account.account_file import StateFile
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests.api_errors import ApiError
from regimeswitch_lab.exchange.requests.request_form import Form
from regimeswitch_lab.exchange.server import ExchangeServer
from traders import options


@pytest.fixture(scope="module")
def wild_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wild")
    for pair, seed in SEEDS.items():
        wild(*seed).to_feather(folder / f"{pair}-5m.feather")
    return folder


class Machine(RuleBasedStateMachine):
    """Orders, cancels, clock moves and restarts in any order."""

    store: CandleStore
    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.served: Counter[tuple[str, int, bool]] = Counter()
        self.checked = 0
        self.clock = Clock(BEGIN_MS)
        self.home = tempfile.TemporaryDirectory()
        self.market = Market(self.store, self.clock)
        self.trading = self.opened()

    def opened(self) -> Trading:
        ledger = StateFile(Path(self.home.name) / "state.sqlite")
        return Trading(self.market, BALANCES, ledger=ledger)

    @rule(order=ORDERS)
    def place(self, order: dict[str, Any]) -> None:
        before = len(self.trading.settling.orders)
        try:
            placed = self.trading.place(Form(wanted(self.trading, order)))
        except ApiError:
            self.done["refused"] += 1
            assert len(self.trading.settling.orders) == before
        else:
            self.done["placed"] += 1
            self.done[placed.status] += 1

    @rule(order=ORDERS, milliseconds=MOVES)
    def place_away_from_the_market(self, order: dict[str, Any], milliseconds: int) -> None:
        buys = order["side"] == "BUY"
        away = -abs(order["offset"]) if buys else abs(order["offset"])
        self.place({**order, "type": "LIMIT", "timeInForce": "GTC", "offset": away})
        self.wait(milliseconds)

    @rule(order=ORDERS, milliseconds=MOVES)
    def place_a_stop(self, order: dict[str, Any], milliseconds: int) -> None:
        self.place({**order, "type": "STOP"})
        self.wait(milliseconds)

    @rule(choice=st.integers(0, 99))
    def cancel(self, choice: int) -> None:
        with self.trading.look():
            orders = self.trading.settling.open()
            if orders:
                self.trading.cancel(orders[choice % len(orders)])
                self.done["cancelled"] += 1

    @rule(milliseconds=MOVES)
    def wait(self, milliseconds: int) -> None:
        self.clock.now += milliseconds
        before = len(self.trading.settling.trades)
        with self.trading.look():
            self.done["waited"] += 1
        self.done["filled later"] += len(self.trading.settling.trades) - before

    @rule(back=st.booleans())
    def look_again(self, back: bool) -> None:
        """From a clock that was set back a second, or after a restart."""
        with self.trading.look():
            before = state(self.trading)
        if back:
            self.clock.now -= 1000
        else:
            self.restart()
        with self.trading.look():
            assert state(self.trading) == before

    def restart(self) -> None:
        before, self.trading = self.trading, self.opened()
        assert self.trading.credentials == before.credentials
        assert before.ledger is not None
        before.ledger.close()
        self.done["restarted"] += 1

    @invariant()
    def holds(self) -> None:
        check_balances(self.trading)
        check_orders(self.trading)
        for trade in self.trading.settling.trades[self.checked :]:
            if trade.maker:
                check_fill(self.trading, trade, self.served)
        self.checked = len(self.trading.settling.trades)

    def teardown(self) -> None:
        assert self.trading.ledger is not None
        self.trading.ledger.close()
        self.home.cleanup()


def enough(done: Counter[str]) -> bool:
    """Whether a thousand things were done, and some of every kind."""
    kinds = ("refused", "cancelled", "filled later", "restarted", "FILLED", "EXPIRED")
    total = done["placed"] + done["refused"] + done["cancelled"] + done["waited"]
    return total >= 1000 and all(done[kind] >= 3 for kind in kinds)


def test_account_and_orders_hold_whatever_happens(wild_folder: Path) -> None:
    Machine.store = CandleStore(wild_folder)
    Machine.done.clear()
    for _ in range(8):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        if enough(Machine.done):
            break
    assert enough(Machine.done), Machine.done


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.tuples(ORDERS, MOVES), min_size=3, max_size=12),
    # At the very moment of a trade too.
    looks=st.lists(st.integers(1, 400_000) | st.integers(1, 80).map(STEP.__mul__), max_size=12),
)
def test_the_outcome_does_not_depend_on_who_looks_when(
    wild_folder: Path, steps: Sequence[tuple[dict[str, Any], int]], looks: list[int]
) -> None:
    """An account that is looked at between its orders ends like one that is not."""
    ends = []
    for extra in ([], looks):
        clock = Clock(BEGIN_MS)
        trading = Trading(Market(CandleStore(wild_folder), clock), BALANCES)
        for order, move in [*steps, (steps[0][0], 30 * STEP_MS)]:
            moments = sorted(clock.now + look for look in extra if look < move)
            until = clock.now + move
            try:
                trading.place(Form(wanted(trading, order)))
            except ApiError as error:
                assert error.code in (-2010, -1013)
            for moment in [*moments, until]:
                clock.now = moment
                if moment != until:
                    with trading.look():
                        pass
        with trading.look():
            found = state(trading)
        # Pairs are worked off one after the other, so only the order within a pair is fixed.
        found["trades"].sort(key=lambda one: (one["symbol"], one["id"]))
        ends.append(found)
    assert ends[0] == ends[1]


def test_ccxt_sees_an_account_that_adds_up(wild_folder: Path) -> None:
    """Random orders over HTTP; what the client is told explains what it is told."""
    random = np.random.default_rng(11)
    clock = Clock(BEGIN_MS)
    account = Trading(Market(CandleStore(wild_folder), clock), BALANCES)
    with ExchangeServer(account.market, trading=account, limited=False) as server:
        client = ccxt.binance(options(server))
        client.nonce = clock
        client.load_markets()
        for _ in range(60):
            clock.now += int(random.choice([1000, 20_000, STEP_MS]))
            order = {
                "symbol": sorted(SYMBOLS)[int(random.integers(2))],
                "side": ("BUY", "SELL")[int(random.integers(2))],
                "type": ("LIMIT", "MARKET", "STOP")[int(random.integers(3))],
                "timeInForce": "GTC",
                "share": int(random.integers(1, 60)),
                "offset": int(random.integers(-5, 5)),
                "stop": int(random.integers(1, 5)),
            }
            request = dict(pair.split("=") for pair in wanted(account, order).split("&"))
            try:
                client.private_post_order(request)
            except (ccxt.InvalidOrder, ccxt.InsufficientFunds, ccxt.BadRequest):
                client.private_get_openorders({"symbol": order["symbol"]})
        told = {
            one["asset"]: Decimal(one["free"]) + Decimal(one["locked"])
            for one in client.private_get_account()["balances"]
        }
        expected = dict(BALANCES)
        for symbol, (base, quote) in SYMBOLS.items():
            trades = client.private_get_mytrades({"symbol": symbol, "limit": 1000})
            assert trades
            for trade in trades:
                sign = 1 if trade["isBuyer"] else -1
                expected[base] += sign * Decimal(trade["qty"])
                expected[quote] -= sign * Decimal(trade["quoteQty"])
                expected[trade["commissionAsset"]] -= Decimal(trade["commission"])
        assert told == expected
        client.session.close()
