"""Watches, loop by loop, whether the open trades own what the account holds.

While an order of a pair is in the market the two may differ: freqtrade counts what has been filled
once the order is over. Otherwise a difference has to be explained by a notice about the pair, or be
gone, within a few loops.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from regimeswitch_lab.exchange.account.account_orders import STOP_LOSS_LIMIT
from regimeswitch_lab.exchange.account.decimals import ZERO
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.fault_matrix.scene import BASES


LOOPS = 3
DUST = Decimal("0.05")
"""Coins that fees of a few trades may leave over; a change of a position is ten times as large."""
_OWNED = "SELECT coalesce(sum(amount), 0) FROM trades WHERE is_open AND pair = ?"
_OPEN = """
    SELECT count(*) FROM orders WHERE ft_pair = ? AND ft_is_open AND ft_order_side != 'stoploss'
    """


@dataclass
class AmountWatch:
    """What differs between database and account.

    :param notices: what the guards have said, as they come
    :ivar found: differences that stayed and were not explained, one line each
    """

    notices: list[str]
    found: list[str] = field(default_factory=list)
    _since: dict[str, tuple[int, int]] = field(default_factory=dict)

    def look(self, database: Path, trading: Trading) -> None:
        """After each loop of the bot."""
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            for base in BASES:
                pair = f"{base}/USDT"
                (owned,) = connection.execute(_OWNED, [pair]).fetchone()
                (resting,) = connection.execute(_OPEN, [pair]).fetchone()
                if resting or _in_market(trading, f"{base}USDT"):
                    self._since.pop(base, None)
                else:
                    self._compare(base, Decimal(str(owned)), trading)

    def _compare(self, base: str, owned: Decimal, trading: Trading) -> None:
        account = trading.account
        held = account.free.get(base, ZERO) + account.locked.get(base, ZERO)
        if abs(held - owned) <= DUST:
            self._since.pop(base, None)
            return
        loops, notices = self._since.get(base, (0, max(len(self.notices) - 1, 0)))
        self._since[base] = (loops + 1, notices)
        notified = any(base in text for text in self.notices[notices:])
        if loops + 1 == LOOPS and not notified:
            self.found.append(
                f"trades own {owned:f} {base} and the account holds {held:f}, for {LOOPS} loops "
                "and without a notice"
            )


def _in_market(trading: Trading, symbol: str) -> bool:
    return any(order.kind != STOP_LOSS_LIMIT for order in trading.settling.open(symbol))
