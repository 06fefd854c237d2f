"""Trades of a bot against trades of a backtest. Pure; reads no file.

Decisions must be equal: the entry's candle and tag, the candle and reason of an exit by signal, the
stake as a share of the capital, and the same of every addition and reduction in between. How an
order was executed (its price, and moment and price of a stop-loss or take-profit, which the
backtester places anywhere inside a candle) is reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from regimeswitch_lab.replay.trades import Deal, PositionChange


BY_PRICE = ("stop_loss", "trailing_stop_loss", "roi", "stoploss_on_exchange", "liquidation")
"""Exits that the price decides, not a signal."""
SHARE = 1e-9
"""Difference of two shares of capital that is rounding."""


@dataclass
class Execution:
    """Differences in how equal decisions were carried out.

    :param entries: basis points, live price over backtest price
    :param changes: the same for additions and reductions
    :param signal_exits: the same for exits by signal
    :param price_exits: the same for stop-loss and take-profit
    :param seconds: of a stop-loss or take-profit after its candle opened, live
    :param moved: exits by price in another candle or for another reason
    """

    entries: list[float] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    signal_exits: list[float] = field(default_factory=list)
    price_exits: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Counts, means and largest amounts."""
        basis = {
            "entry_basis_points": self.entries,
            "change_basis_points": self.changes,
            "signal_exit_basis_points": self.signal_exits,
            "price_exit_basis_points": self.price_exits,
            "price_exit_seconds": self.seconds,
        }
        return {
            **{name: _spread(values) for name, values in basis.items()},
            "price_exits_in_another_candle": self.moved,
        }


@dataclass
class Dealings:
    """Result of the comparison.

    :param trades: of the bot, opened in the range
    :param changes: additions and reductions of the bot in the range
    :param differences: decisions that differ, each with pair, entry, what, live and backtest
    :param open_at_end: trades whose exit lies beyond the range
    """

    trades: int = 0
    changes: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)
    open_at_end: list[str] = field(default_factory=list)
    execution: Execution = field(default_factory=Execution)


def compare_deals(
    live: Sequence[Deal],
    backtest: Sequence[Deal],
    wallet: float,
    lots: Mapping[str, float],
    stop: pd.Timestamp,
) -> Dealings:
    """Compare trade by trade, matched by pair and entry candle.

    :param wallet: capital at the beginning, stake currency
    :param lots: smallest step of the amount, by pair
    :param stop: end of the range; entries from there on are left out
    """
    result = Dealings()
    ours, theirs = (_by_entry(deals, wallet, stop) for deals in (live, backtest))
    result.trades = len(ours)
    for key in sorted(ours.keys() | theirs.keys(), key=lambda key: (key[1], key[0])):
        one, other = ours.get(key), theirs.get(key)
        if one is None or other is None:
            _differs(result, key, "entry", _seen(one), _seen(other))
            continue
        _compare_entry(result, key, one, other, lots[key[0]])
        _compare_changes(result, key, (one, other), lots[key[0]], stop)
        if _ends_beyond(one, stop) or _ends_beyond(other, stop):
            result.open_at_end.append(f"{key[0]} {key[1]}")
        else:
            _compare_exit(result, key, one, other)
    return result


_Key = tuple[str, pd.Timestamp]


def _by_entry(deals: Sequence[Deal], wallet: float, stop: pd.Timestamp) -> dict[_Key, Deal]:
    known: dict[_Key, Deal] = {}
    for deal in deals:
        if deal.entry_candle < stop:
            capital = _capital(deals, wallet, deal.opened)
            changes = tuple(
                replace(one, capital=_capital(deals, wallet, one.at)) for one in deal.changes
            )
            known[deal.pair, deal.entry_candle] = replace(deal, capital=capital, changes=changes)
    return known


def _capital(deals: Sequence[Deal], wallet: float, moment: pd.Timestamp) -> float:
    """What the account began with and the profits of all trades that were closed by a moment."""
    before = (one for one in deals if one.closed is not None and one.closed <= moment)
    return wallet + sum(one.profit for one in before)


def _ends_beyond(deal: Deal, stop: pd.Timestamp) -> bool:
    return deal.exit_candle is None or deal.exit_candle >= stop or deal.exit_reason == "force_exit"


def _seen(deal: Deal | None) -> str:
    return "no trade" if deal is None else f"opened ({deal.enter_tag})"


def _differs(result: Dealings, key: _Key, what: str, live: Any, backtest: Any) -> None:
    values = {"live": str(live), "backtest": str(backtest)}
    result.differences.append({"pair": key[0], "entry": str(key[1]), "what": what, **values})


def _compare_entry(result: Dealings, key: _Key, one: Deal, other: Deal, lot: float) -> None:
    if one.enter_tag != other.enter_tag:
        _differs(result, key, "tag", one.enter_tag, other.enter_tag)
    result.execution.entries.append(_basis_points(one.open_rate, other.open_rate))
    shares = one.stake / one.capital, other.stake / other.capital
    if abs(shares[0] - shares[1]) > lot * one.open_rate / one.capital + SHARE:
        _differs(result, key, "stake as a share of capital", *shares)


def _compare_changes(
    result: Dealings, key: _Key, deals: tuple[Deal, Deal], lot: float, stop: pd.Timestamp
) -> None:
    """Candle, tag and direction of each change, and the share of the position after it."""
    ours, theirs = ([one for one in deal.changes if one.candle < stop] for deal in deals)
    result.changes += len(ours)
    if [_told(one) for one in ours] != [_told(one) for one in theirs]:
        listed = (", ".join(map(_told, changes)) or "none" for changes in (ours, theirs))
        _differs(result, key, "changes", *listed)
        return
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True), 2):
        result.execution.changes.append(_basis_points(one.price, other.price))
        shares = [each.held * each.price / each.capital for each in (one, other)]
        # Each order so far may have been cut by a lot.
        if abs(shares[0] - shares[1]) > number * lot * one.price / one.capital + SHARE:
            _differs(result, key, f"size after {_told(one)}", *shares)


def _told(change: PositionChange) -> str:
    sign = "+" if change.amount > 0 else "-"
    return f"{sign} {change.tag} at {change.candle}"


def _compare_exit(result: Dealings, key: _Key, one: Deal, other: Deal) -> None:
    execution = result.execution
    if one.closed is None or one.close_rate is None or other.close_rate is None:
        raise ValueError(f"trade {key} has no exit to compare; look for it in the database")
    by_price = one.exit_reason in BY_PRICE and other.exit_reason in BY_PRICE
    rates = _basis_points(one.close_rate, other.close_rate)
    equal = (one.exit_candle, one.exit_reason) == (other.exit_candle, other.exit_reason)
    if by_price and equal:
        execution.price_exits.append(rates)
        execution.seconds.append((one.closed - one.closed.floor("5min")).total_seconds())
    elif by_price:
        values = {"live": _exit(one), "backtest": _exit(other)}
        execution.moved.append({"pair": key[0], "entry": str(key[1]), **values})
    elif equal:
        execution.signal_exits.append(rates)
    else:
        _differs(result, key, "exit", _exit(one), _exit(other))


def _exit(deal: Deal) -> str:
    return f"{deal.exit_reason} at {deal.exit_candle}"


def _basis_points(one: float, other: float) -> float:
    return (one / other - 1) * 10_000


def _spread(values: list[float]) -> dict[str, float | int | None]:
    if not values:
        return {"count": 0, "mean": None, "lowest": None, "highest": None}
    array = np.asarray(values)
    return {
        "count": len(values),
        "mean": round(float(array.mean()), 4),
        "lowest": round(float(array.min()), 4),
        "highest": round(float(array.max()), 4),
    }
