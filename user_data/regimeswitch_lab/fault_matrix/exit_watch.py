"""Watches, loop by loop, whether an exit that is due is made, or notified.

An exit is due once a trade was held as long as its strategy wants, by the clock of the bot's
machine, or its price is at the stop or below. It is made while an order of it is in the market: on
the exchange, or on paper in the database. It is notified by a notice of the guards that says so in
these words.
"""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from regimeswitch_lab.exchange.account.account_orders import STOP_LOSS_LIMIT
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.fault_matrix.traces import moment


LOOPS_TO_TELL = 3
"""Loops of the bot after which an exit that is due is made or notified."""
PHRASE = "exit of {} is due and not made"
"""What a notice of such an exit contains, by pair."""
_TRADES = """
    SELECT id, pair, open_date, stop_loss FROM trades WHERE is_open AND amount > 0
    AND NOT EXISTS (SELECT 1 FROM orders WHERE ft_trade_id = trades.id
                    AND ft_is_open AND ft_order_side = 'buy')
    """
_ON_PAPER = """
    SELECT 1 FROM orders WHERE ft_trade_id = ? AND ft_is_open AND ft_order_side = 'sell'
    """


@dataclass
class WatchedExit:
    """An exit that is due.

    :ivar notices: how many had been given when it became due
    :ivar loops: of the bot since then without an exit in the market
    """

    notices: int
    loops: int = 0


@dataclass
class WatchedExits:
    """What a bot's owner sees of its exits.

    :param hold: how long its strategy holds a trade, seconds
    :ivar notices: what the guards have said
    :ivar found: exits that were neither made nor notified in time, one line each
    """

    hold: int
    notices: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    _due: dict[int, WatchedExit] = field(default_factory=dict)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the guards' notices meanwhile."""
        handler = _Hearing(self.notices)
        ours = logging.getLogger("regimeswitch.bot")
        ours.addHandler(handler)
        try:
            yield
        finally:
            ours.removeHandler(handler)

    def look(self, database: Path, market: Market, trading: Trading | None) -> None:
        """After each loop of the bot.

        :param trading: the account; None on paper
        """
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            rows = connection.execute(_TRADES).fetchall()
            on_paper = {row[0]: connection.execute(_ON_PAPER, row[:1]).fetchone() for row in rows}
        for gone in self._due.keys() - on_paper.keys():
            del self._due[gone]
        for number, pair, opened, stop in rows:
            symbol, held = pair.replace("/", ""), time.time() - moment(opened).timestamp()
            price = market.moment(symbol).day.last
            if held < self.hold and not (stop and price <= stop):
                self._due.pop(number, None)
                continue
            made = _in_market(trading, symbol) if trading else bool(on_paper[number])
            due = self._due.setdefault(number, WatchedExit(len(self.notices)))
            due.loops = 0 if made else due.loops + 1
            if due.loops == LOOPS_TO_TELL and not self._told(pair, due):
                why = f"held {held:.0f} s" if held >= self.hold else f"price {price}, stop {stop}"
                self.found.append(
                    f"exit of trade {number} of {pair} ({why}) neither made nor notified in "
                    f"{LOOPS_TO_TELL} loops"
                )

    def _told(self, pair: str, due: WatchedExit) -> bool:
        phrase = PHRASE.format(pair)
        return any(phrase in text for text in self.notices[max(due.notices - 1, 0) :])


class _Hearing(logging.Handler):
    def __init__(self, notices: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notices = notices

    def emit(self, record: logging.LogRecord) -> None:
        self._notices.append(record.getMessage())


def _in_market(trading: Trading, symbol: str) -> bool:
    """Whether a sale is open that is no stop."""
    return any(
        not order.buys and order.kind != STOP_LOSS_LIMIT for order in trading.settling.open(symbol)
    )
