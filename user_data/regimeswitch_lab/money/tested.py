"""Variants that freqtrade's own backtester runs, as they train models; and its word on ours."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch.bot.whole_files import replacing
from regimeswitch.settings.modes import POSITION, SIGNAL
from regimeswitch_lab.money.backtests import Backtest, run_backtest
from regimeswitch_lab.money.book import SimulatedOrder, SimulatedTrade
from regimeswitch_lab.money.mode_overlay import in_mode
from regimeswitch_lab.money.position_signals import PositionMarket
from regimeswitch_lab.sameness import CLASSIFIER
from regimeswitch_lab.stock import USUAL


UNTRAINED: dict[str, Any] = {"models": {"sub_models": "none"}}
# freqtrade would hold FreqAI's timeframes against the base one before the strategy leaves it out.
POSITIONS: dict[str, Any] = {"regimeswitch": UNTRAINED, "freqai": {"enabled": False}}
PLAIN: dict[str, Any] = {"entries": {"require_edge": False}}
SIGNALS: dict[str, dict[str, Any]] = {
    "signal": {},
    "one_model": {
        "regimeswitch": {**PLAIN, **UNTRAINED, "evidence": {"gate": False}},
    },
    "stock": {"regimeswitch": PLAIN, "freqai": {"model_training_parameters": USUAL}},
}
"""Signal mode: as configured; one model for all regimes; FreqAI's own model."""


@dataclass(frozen=True)
class Tester:
    """Runs backtests of one configuration, and keeps them.

    :ivar given: section ``regimeswitch`` of the configuration
    :ivar decided: keys that every run has: wallet, number of positions, costs, timeframe
    :ivar folder: of the finished runs; its name says what they are runs of
    """

    configs: list[Path]
    given: Mapping[str, Any]
    decided: Mapping[str, Any]
    datadir: Path
    pairs: Sequence[str]
    timerange: str
    folder: Path

    def run(self, name: str, step_days: int | None = None) -> Backtest:
        """One of :data:`SIGNALS`, or ``regimeswitch`` in position mode without models.

        :raises BacktestError: when freqtrade fails
        """
        kept = self.folder / f"{name}.result.json"
        if kept.is_file():
            return _read(kept)
        self.folder.mkdir(parents=True, exist_ok=True)
        found = run_backtest(
            self.configs,
            self._overlay(name, step_days),
            self.datadir,
            list(self.pairs),
            self.timerange,
            self.folder / name,
            self.folder / f"{name}.log",
            "LightGBMClassifier" if name == "stock" else CLASSIFIER,
        )
        _write(kept, found)
        return found

    def _overlay(self, name: str, step_days: int | None) -> dict[str, Any]:
        position = name not in SIGNALS
        own: dict[str, Any] = POSITIONS if position else SIGNALS[name]
        mode = in_mode(self.given, POSITION if position else SIGNAL)
        overlay = {**own, **self.decided}
        overlay["regimeswitch"] = merged(mode, dict(own.get("regimeswitch", {})))
        if step_days and not position:
            freqai = {**own.get("freqai", {}), "backtest_period_days": step_days}
            overlay["freqai"] = freqai
        return overlay


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two configurations, section by section; the second one wins."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def trades_of(backtest: Backtest, market: PositionMarket) -> list[SimulatedTrade]:
    """Freqtrade's trades on the clock of a market."""
    if not backtest.trades:
        return []
    return [_trade(one, market) for one in backtest.trades]


def _trade(trade: Mapping[str, Any], market: PositionMarket) -> SimulatedTrade:
    def row(moment: pd.Timestamp) -> int:
        found = int(market.dates.searchsorted(moment))
        return min(found, len(market.dates) - 1)

    first, *changes, _ = [
        SimulatedOrder(
            row(pd.Timestamp(one["order_filled_timestamp"], unit="ms", tz="UTC")),
            float(one["safe_price"]),
            float(one["amount"]) * (1 if one["ft_is_entry"] else -1),
        )
        for one in trade["orders"]
    ]
    return SimulatedTrade(
        market.pairs.index(trade["pair"]),
        row(pd.Timestamp(trade["open_date"])),
        row(pd.Timestamp(trade["close_date"])),
        first.price,
        float(trade["close_rate"]),
        first.amount,
        1.0,
        str(trade.get("enter_tag") or ""),
        str(trade["exit_reason"]),
        tuple(changes),
    )


def agreement(ours: Sequence[SimulatedTrade], theirs: Sequence[SimulatedTrade]) -> dict[str, int]:
    """How many trades of the one and the other, how many are the same, and changes of ours.

    The same: pair, candle of entry and of exit, reason, and candle and direction of each change.
    """
    one, other = ({_decided(trade) for trade in trades} for trades in (ours, theirs))
    changes = sum(len(trade.changes) for trade in ours)
    return {
        "ours": len(ours),
        "freqtrade": len(theirs),
        "same": len(one & other),
        "changes": changes,
    }


def _decided(trade: SimulatedTrade) -> tuple[Any, ...]:
    changes = tuple((one.row, one.amount > 0) for one in trade.changes)
    return trade.pair, trade.opened, trade.closed, trade.reason, changes


def _write(path: Path, found: Backtest) -> None:
    balance = {
        "date": found.balance["date"].astype(str).tolist(),
        "total_quote": found.balance["total_quote"].tolist(),
    }
    with replacing(path, durable=False) as fresh:
        fresh.write_text(json.dumps({"trades": found.trades, "balance": balance}, default=str))


def _read(path: Path) -> Backtest:
    content = json.loads(path.read_text())
    balance = pd.DataFrame(content["balance"])
    balance["date"] = pd.to_datetime(balance["date"], utc=True, format="ISO8601")
    return Backtest(content["trades"], balance)
