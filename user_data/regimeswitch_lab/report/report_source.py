"""What a report is about: the trades, the account and the configuration that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from regimeswitch.settings import Settings


NO_TAG = "no regime"
"""Enter tag of a trade that has none, as one forced by hand."""
TEXTS = ("pair", "enter_tag", "exit_reason")


@dataclass(frozen=True)
class Source:
    """One backtest, or the life of one bot so far.

    :ivar config: freqtrade's configuration, without secrets being read from it
    :ivar trades: closed ones, freqtrade's columns, in order of their end; see :func:`closed_trades`
    :ivar still_open: trades that are not closed, same columns
    :ivar begin: of the range, UTC, as ``end``
    :ivar capital: of the account at the beginning, stake currency
    :ivar balance: ``date`` and ``total_quote``, the whole account with open positions at market
        prices, in order of time; None where it was not recorded
    :ivar final: balance after open positions were closed, with their fee; None where they still are
    :ivar market_change: freqtrade's mean change of the pairs over the range, fraction
    :ivar models: folders that FreqAI's models of this run may be in
    :ivar datadirs: folders that its candle files may be in
    :ivar notes: what the source does not hold
    """

    kind: Literal["backtest", "database"]
    path: Path
    strategy: str
    config: Mapping[str, Any]
    settings: Settings
    timeframe: str
    currency: str
    pairs: tuple[str, ...]
    trades: pd.DataFrame
    still_open: pd.DataFrame
    begin: pd.Timestamp
    end: pd.Timestamp
    capital: float
    balance: pd.DataFrame | None
    final: float | None = None
    market_change: float | None = None
    models: Sequence[Path] = ()
    datadirs: Sequence[Path] = ()
    notes: Sequence[Note] = ()

    @property
    def days(self) -> int:
        """Whole days of the range, at least 1, as freqtrade counts them for its tables."""
        return (self.end - self.begin).days or 1


def closed_trades(trades: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Closed and open trades, with times as UTC and each with a tag.

    :param trades: freqtrade's columns; may be empty
    :return: closed in order of their end, open in order of their beginning
    """
    frame = trades.copy()
    for name in ("open_date", "close_date"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    for name in TEXTS:
        frame[name] = frame[name].fillna("").astype(object)
    frame["enter_tag"] = frame["enter_tag"].replace("", NO_TAG)
    is_open = frame["is_open"].astype(bool)
    closed = frame[~is_open].sort_values("close_date", kind="stable").reset_index(drop=True)
    still = frame[is_open].sort_values("open_date", kind="stable").reset_index(drop=True)
    numbers = ("stake_amount", "profit_abs", "profit_ratio", "trade_duration")
    return closed.astype(dict.fromkeys(numbers, float)), still


@dataclass(frozen=True)
class Fill:
    """One filled order of a trade.

    :ivar moment: epoch milliseconds
    :ivar cost: value with fee, stake currency, as freqtrade adds it to its volume
    """

    moment: int
    is_entry: bool
    amount: float
    price: float
    cost: float
    tag: str


def fills_of(orders: Sequence[Mapping[str, Any]] | None) -> list[Fill]:
    """Filled orders of a trade in order of time.

    :param orders: freqtrade's column ``orders`` of the trade
    """
    fills = [
        Fill(
            moment=int(order["order_filled_timestamp"]),
            is_entry=bool(order["ft_is_entry"]),
            amount=float(order["amount"]),
            price=float(order["safe_price"]),
            cost=float(order["cost"] or 0.0),
            tag=str(order["ft_order_tag"] or ""),
        )
        for order in orders or []
        if order["order_filled_timestamp"]
    ]
    return sorted(fills, key=lambda fill: fill.moment)


def records(trades: pd.DataFrame) -> list[dict[str, Any]]:
    """Trades as mappings of freqtrade's columns."""
    return [{str(key): value for key, value in one.items()} for one in trades.to_dict("records")]


@dataclass(frozen=True)
class Note:
    """One line of the page instead of a figure or chart.

    :ivar missing: what is not there, and why
    :ivar remedy: what to do
    """

    missing: str
    remedy: str
