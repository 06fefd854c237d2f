"""Trading on the embedded exchange: one account, its orders, and the state behind them."""

import contextlib
import itertools
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from regimeswitch_lab.exchange.account import account_file
from regimeswitch_lab.exchange.account.account_orders import CANCELED, AccountOrder, AccountTrade
from regimeswitch_lab.exchange.account.decimals import ZERO
from regimeswitch_lab.exchange.account.matching import DEPTH, Matching, amount, cost, takes
from regimeswitch_lab.exchange.account.order_filters import Rules, check_filters, check_moment
from regimeswitch_lab.exchange.account.order_form import read_order
from regimeswitch_lab.exchange.account.settling import Balances, Settling
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests import api_errors
from regimeswitch_lab.exchange.requests.request_form import Form


FEE = Decimal("0.001")


@dataclass(frozen=True)
class Credentials:
    """Key and secret of the account; dummies that are worth nothing outside this exchange."""

    key: str = field(default_factory=lambda: secrets.token_hex(32))
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


class Trading:
    """One account on a market. What a method answers is already written down.

    :param market: candles and clock
    :param balances: what the account starts with, by asset; a state file's own win
    :param fee: the exchange's share of what a trade brings
    :param ledger: where the state is kept; without one it ends with the process
    :param credentials: key and secret; default: those of the state file, else new ones
    :raises StateFileError: when the state belongs to other candles
    """

    def __init__(
        self,
        market: Market,
        balances: Mapping[str, Decimal],
        *,
        fee: Decimal = FEE,
        ledger: account_file.StateFile | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.market = market
        self.account = Balances(balances)
        self.settling = Settling(self.account, fee)
        self.matching = Matching(market, self.settling)
        self.ledger = ledger
        self._lock = threading.RLock()
        facts = {} if ledger is None else ledger.facts()
        kept = Credentials(facts["key"], facts["secret"]) if "key" in facts else Credentials()
        self.credentials = credentials or kept
        if ledger is not None and "books" in facts:
            self.account.restore(account_file.read_amounts(facts["books"]))
            self.settling.restore(ledger.orders(), ledger.trades())
            self._check_symbols(ledger)
            self.matching.seen = int(facts["seen"])
        self._written = len(self.settling.trades)
        self._write()

    def _check_symbols(self, ledger: account_file.StateFile) -> None:
        unknown = {order.symbol for order in self.settling.open()} - set(self.market.symbols())
        if unknown:
            raise account_file.StateFileError(
                f"state file {ledger.path} has open orders of {', '.join(sorted(unknown))}, which "
                f"{self.market.store.folder} has no candles of; serve the candles that it was "
                "made with, or name another file by --state"
            )

    @contextlib.contextmanager
    def look(self) -> Iterator[int]:
        """Bring everything up to the present; afterwards write down what has changed.

        :return: the present, which never goes back
        """
        with self._lock:
            self.matching.advance()
            try:
                yield self.matching.seen
            finally:
                if self.settling.touched:
                    self._write()

    def _write(self) -> None:
        if self.ledger is not None:
            facts = {
                "key": self.credentials.key,
                "secret": self.credentials.secret,
                "seen": str(self.matching.seen),
                "books": account_file.written_amounts(self.account.books()),
            }
            trades = self.settling.trades[self._written :]
            self.ledger.write(facts, self.settling.touched.values(), trades)
        self._written = len(self.settling.trades)
        self.settling.touched.clear()

    def rules(self, symbol: str) -> Rules:
        """The filters of a pair.

        :raises ApiError: when it is not traded
        """
        if symbol not in self.market.symbols():
            raise api_errors.invalid_symbol()
        return self.matching.rules(symbol)

    def _read(self, form: Form, now: int) -> AccountOrder:
        """The order of a request, held against the pair's filters."""
        rules = self.rules(form.mandatory("symbol"))
        order = read_order(form, rules.symbol.name, len(self.settling.orders) + 1, now)
        check_filters(order, rules, self._last(rules), self.settling.open(order.symbol))
        return order

    def _last(self, rules: Rules) -> Decimal:
        """The last price, which is the best bid and ask too."""
        return rules.price(self.market.book(rules.symbol.name, 1).middle)

    def check(self, form: Form) -> None:
        """Check the order of a request without placing it.

        :raises ApiError: as Binance answers
        """
        with self.look() as now:
            self._read(form, now)

    def place(self, form: Form) -> AccountOrder:
        """Place the order of a request.

        :return: the order as it is afterwards
        :raises ApiError: as Binance answers
        """
        with self.look() as now:
            order = self._read(form, now)
            rules = self.matching.rules(order.symbol)
            check_moment(order, self._last(rules), self.settling.open(order.symbol))
            if order.waits:
                self.settling.place(order, rules, ZERO)
                return order
            got = takes(order, self.market.book(order.symbol, DEPTH), rules)
            if order.quote_quantity:
                order.quantity = amount(got, rules)
            price = order.quote_quantity or cost(got, rules)
            self.settling.place(order, rules, price if order.buys else order.quantity)
            self.matching.take(order, got, now)
            return order

    def cancel(self, order: AccountOrder | None, restriction: str | None = None) -> AccountOrder:
        """Cancel an order; call it inside :meth:`look`.

        :param restriction: the only status in which it may be cancelled
        :raises ApiError: when there is none, or it is not open
        """
        if order is None or not order.open:
            raise api_errors.unknown_order()
        if restriction is not None and order.status != restriction:
            raise api_errors.restricted_cancel()
        rules = self.matching.rules(order.symbol)
        self.settling.close(order, rules, CANCELED, self.matching.seen)
        return order

    def find(self, symbol: str, number: int | None, client_id: str | None) -> AccountOrder | None:
        """An order by its number or its client id; of several with that id the newest."""
        if number is not None:
            order = self.settling.orders.get(number)
            mine = order is not None and order.symbol == symbol
            same = order is not None and client_id in (None, order.client_id)
            return order if mine and same else None
        for order in reversed(self.settling.orders.values()):
            if order.symbol == symbol and order.client_id == client_id:
                return order
        return None

    def trades_of(self, order: AccountOrder) -> list[AccountTrade]:
        """The fills of an order that was just placed: the last ones there are."""
        newest = itertools.takewhile(
            lambda trade: trade.order_id == order.id, reversed(self.settling.trades)
        )
        return list(newest)[::-1]
