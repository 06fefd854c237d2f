"""Trades that were never filled and are not looked after any more: closed as freqtrade does it.

freqtrade deletes the trade of an entry that is cancelled without a fill while it looks
(``handle_cancel_enter``). What it learns at its start, or before it is killed, is noted as an order
that is over; such a trade is never looked at again, and keeps its pair and its slot.
"""

from __future__ import annotations

from collections.abc import Callable

from freqtrade.persistence import Trade

from regimeswitch.bot.messages.alerts import Alarms


class Ghosts:
    """Deletes trades that own nothing and wait for nothing.

    :param unsettled: whether an order of a pair may still become part of a trade
    """

    def __init__(self, alarms: Alarms, unsettled: Callable[[str], bool]) -> None:
        self._alarms, self._unsettled = alarms, unsettled
        self._before: set[int] = set()

    def look(self, first: bool = False) -> None:
        """Delete those that were there at the last look too.

        :param first: at the start, when no other thread works on a trade
        """
        found = [trade for trade in Trade.get_open_trades() if is_ghost(trade)]
        found = [trade for trade in found if not self._unsettled(trade.pair)]
        for trade in found:
            if first or trade.id in self._before:
                self._delete(trade)
        self._before = {trade.id for trade in found}

    def _delete(self, trade: Trade) -> None:
        states = ", ".join(sorted({str(order.status) for order in trade.orders}))
        text = (
            f"{trade.pair}: trade {trade.id} was never filled, its entry is over ({states}); it is "
            "deleted, as freqtrade does with an entry that is cancelled; entries of the pair go on"
        )
        self._alarms.tell(f"ghost {trade.id}", text)
        trade.delete()


def is_ghost(trade: Trade) -> bool:
    """Whether all orders of a trade are over and none has moved anything."""
    over = all(not order.ft_is_open and not order.filled for order in trade.orders)
    return bool(trade.orders) and over
