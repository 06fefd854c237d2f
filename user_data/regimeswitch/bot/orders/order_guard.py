"""Orders whose outcome is known: journal first, send once, and ask until the answer is there.

Wraps ``create_order``, ``cancel_order`` and ``fetch_order`` of the exchange client that freqtrade
holds: entries, exits, stops on the exchange, emergency exits, cancellations, replacements and the
questions about them all pass there.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import ccxt

from regimeswitch.bot.connection.responses import NoAnswer, Withheld
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Level
from regimeswitch.bot.orders.absence import ARCHIVED, Order, code_of, is_denial
from regimeswitch.bot.orders.in_flight import WINDOW_MS, Inquiry, described, other_order, pauses
from regimeswitch.bot.orders.journal import REFUSED, Entry, Journal, new_client_id
from regimeswitch.bot.patches import install
from regimeswitch.settings.safety_settings import SafetySettings


logger = logging.getLogger(__name__)

STOP_KEYS = {"stopPrice", "triggerPrice", "stopLossPrice"}
ROUNDING = 1.000001
ARCHIVE_DAYS = 90
"""Age from which Binance archives orders that were cancelled or expired without a fill."""


class OrderGuard:
    """Places and cancels the orders of one live bot.

    :param client: freqtrade's synchronous exchange client; three of its methods are replaced
    :param held: coins of a pair that open trades own
    :param tag: entry tag of a pair's last signal
    :param refuse: why nothing of a pair may be bought now, empty where it may
    :param coins: what the account holds of a pair's coin, as far as it is known
    """

    def __init__(
        self,
        client: Any,
        journal: Journal,
        safety: SafetySettings,
        alarms: Alarms,
        held: Callable[[str], float],
        tag: Callable[[str], str],
        refuse: Callable[[str], str],
        coins: Callable[[str], float],
    ) -> None:
        self.journal = journal
        self.inquiry = Inquiry(client, journal, safety, alarms)
        self._limit, self._alarms = safety.order_wait_seconds, alarms
        self._absent = safety.order_absent_seconds
        self._held, self._tag, self._refuse, self._coins = held, tag, refuse, coins
        self._denied: dict[tuple[str, str], float] = {}
        self._in_flight: set[str] = set()
        self._given_up: set[str] = set()
        self._place, self._cancel = client.create_order, client.cancel_order
        self._fetch = client.fetch_order
        install(
            "order client",
            client,
            create_order=lambda place: self.create_order,
            cancel_order=lambda cancel: self.cancel_order,
            fetch_order=lambda fetch: self.fetch_order,
        )

    def is_in_flight(self, entry: Entry) -> bool:
        """Whether an order is being placed by another thread just now."""
        return entry.client_id in self._in_flight

    def next_loop(self) -> None:
        """What was given up in one loop is tried again in the next."""
        self._given_up.clear()

    def create_order(
        self,
        symbol: str,
        type: str,
        side: str,
        amount: float,
        price: float | None = None,
        params: dict[str, Any] | None = None,
    ) -> Order:
        """Place an order once; the answer is the exchange's, however long it took to get it.

        :raises Withheld: nothing was sent
        :raises NotPlaced: the order is certainly not there
        :raises NoAnswer: unknown; the pair gets no further order of this kind until it is known
        """
        given = dict(params or {})
        self._check(symbol, side, amount)
        entry = Entry(
            client_id=new_client_id(),
            pair=symbol,
            side=side,
            kind=type,
            stop=bool(given.keys() & STOP_KEYS),
            amount=float(amount),
            price=None if price is None else float(price),
            sent_ms=int(time.time() * 1000),
            tag=self._tag(symbol) if side == "buy" else "",
            coins=self._coins(symbol),
        )
        self._in_flight.add(entry.client_id)
        try:
            self._write(entry)
            given |= {"newClientOrderId": entry.client_id, "recvWindow": WINDOW_MS}
            return self._send(entry, (symbol, type, side, amount, price, given))
        finally:
            self._in_flight.discard(entry.client_id)

    def _send(self, entry: Entry, arguments: tuple[Any, ...]) -> Order:
        try:
            order: Order = self._place(*arguments)
            if trouble := other_order(order, entry):
                raise NoAnswer(f"an answer about another order ({trouble})")
        except NoAnswer as error:
            logger.warning(f"{described(entry)}: {error}; asking for it by its id")
            return self.inquiry.until_known(entry)
        except ccxt.BaseError:
            self.inquiry.close(entry, REFUSED)
            raise
        self.inquiry.found(entry, order)
        return order

    def _check(self, pair: str, side: str, amount: float) -> None:
        if self.inquiry.unknown(pair, "" if side == "buy" else "sell"):
            raise Withheld(f"{pair}: no {side} while the outcome of an order is unknown")
        if side == "buy" and (reason := self._refuse(pair)):
            # Entries were asked about before; additions and replacements come here alone.
            raise Withheld(f"{pair}: no buy, {reason}")
        if side == "sell" and float(amount) > self._held(pair) * ROUNDING:
            raise Withheld(
                f"{pair}: {amount} are to be sold, but open trades own {self._held(pair)}; coins "
                "that belong to no trade are not sold"
            )

    def _write(self, entry: Entry) -> None:
        """Write down what will be sent; without it nothing is bought, but sold all the same."""
        try:
            self.journal.write(entry)
        except sqlite3.Error as error:
            text = f"the journal of orders {self.journal.path} cannot be written: {error}"
            self._alarms.set(
                "journal",
                f"{text}; no entries until it can: look at the disk's space and the folder's owner",
                level=Level.ACTION,
            )
            if entry.side == "buy":
                raise Withheld(f"{entry.pair}: not sent, {text}") from error
            return
        self._alarms.clear("journal", "the journal of orders can be written again")

    def cancel_order(
        self, id: str, symbol: str | None = None, params: dict[str, Any] | None = None
    ) -> Order:
        """Cancel, and where no answer came, find out what has become of the order.

        :raises Withheld: nothing was sent
        :raises NoAnswer: unknown; not tried again in this loop
        """
        if id in self._given_up:
            raise Withheld(f"order {id} of {symbol}: cancelling got no answer, tried again later")
        arguments = (id, symbol, dict(params or {}))
        try:
            answer: Order = self._meant(self._cancel(*arguments), id, symbol)
        except NoAnswer as error:
            logger.warning(f"cancelling order {id} of {symbol}: {error}; asking for it")
            return self._cancelled(*arguments)
        except ccxt.OrderNotFound:
            # Over already: filled, or cancelled by a request whose answer was lost.
            order = self.fetch_order(*arguments)
            if order["status"] == "open":
                raise
            return order
        return answer

    def _cancelled(self, id: str, symbol: str | None, params: dict[str, Any]) -> Order:
        for pause in pauses(self._limit):
            time.sleep(pause)
            try:
                order = self.fetch_order(id, symbol, params)
                if order["status"] != "open":
                    return order
                # Still there: to cancel twice does no harm.
                answer = self._meant(self._cancel(id, symbol, params), id, symbol)
            except Withheld as error:
                logger.warning(f"cancelling order {id} of {symbol}: {error}")
                break
            except ccxt.BaseError as error:
                logger.warning(f"cancelling order {id} of {symbol}: no answer yet ({error})")
            else:
                return answer
        self._given_up.add(id)
        raise NoAnswer(f"cancelling order {id} of {symbol}: its outcome is unknown")

    def fetch_order(
        self, id: str, symbol: str | None = None, params: dict[str, Any] | None = None
    ) -> Order:
        """Ask for an order by the exchange's id.

        freqtrade takes an order that is denied for one that was cancelled, and forgets its coins.

        :raises NoAnswer: an answer about another order; or the exchange denies an order that it
            has accepted, and not for long enough, or in spite of its own trades
        """
        try:
            order: Order = self._fetch(id, symbol, dict(params or {}))
        except ccxt.BaseError as error:
            if not id or not symbol or not is_denial(error):
                raise
            return self._denied_order(id, symbol, error)
        self._denied.pop((symbol or "", id), None)
        return self._meant(order, id, symbol)

    def _meant(self, order: Order, id: str, symbol: str | None) -> Order:
        """An answer about the order that was meant."""
        entry = self._entry(id, symbol or "")
        side = entry.side if entry is not None else order.get("side")
        wanted = {"id": id, "symbol": symbol, "side": side}
        differing = [
            f"{name} {order[name]}, not {value}"
            for name, value in wanted.items()
            if value and order.get(name) is not None and str(order[name]) != value
        ]
        if differing:
            raise NoAnswer(
                f"order {id} of {symbol}: another order's answer ({', '.join(differing)})"
            )
        return order

    def _entry(self, id: str, symbol: str) -> Entry | None:
        """What was written down of an order; None where nothing was, or it cannot be read."""
        try:
            return self.journal.find(symbol, id)
        except sqlite3.Error as error:
            logger.warning(f"order {id} of {symbol} is not looked up: {error}")
            return None

    def _denied_order(self, id: str, symbol: str, error: ccxt.BaseError) -> Order:
        entry = self._entry(id, symbol)
        if entry is None:
            raise error
        days = (time.time() - entry.sent_ms / 1000) / 86400
        if code_of(error) == ARCHIVED and days > ARCHIVE_DAYS:
            return archived(entry)
        since = time.time() - self._denied.setdefault((symbol, id), time.time())
        if since < self._absent or self.inquiry.traces.filled(entry):
            raise NoAnswer(
                f"order {id} of {symbol}: the exchange has accepted it and denies it now"
            ) from error
        raise error


def archived(entry: Entry) -> Order:
    """An order that the exchange has archived, as freqtrade wants it: cancelled without a fill."""
    return {
        "id": entry.order_id,
        "clientOrderId": entry.client_id,
        "symbol": entry.pair,
        "side": entry.side,
        "type": entry.kind,
        "status": "canceled",
        "price": entry.price,
        "average": None,
        "amount": entry.amount,
        "filled": 0.0,
        "remaining": entry.amount,
        "cost": 0.0,
        "timestamp": entry.sent_ms,
        "fee": None,
        "trades": [],
        "info": {},
    }
