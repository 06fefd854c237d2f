"""Hooks that only read their trade get it from freqtrade without a copy; others are protected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.strategy import IStrategy

from project import ROOT
from strategies import load


pytestmark = pytest.mark.filterwarnings("default")

NOW = datetime(2025, 1, 1, tzinfo=UTC)
OWN = """
import sys

sys.path.append(PLACE)

from RegimeSwitchStrategy import RegimeSwitchStrategy


class Own(RegimeSwitchStrategy):
    def custom_exit(self, pair, trade, **known):
        trade.stop_loss = 7.0
        return super().custom_exit(pair, trade, **known) or "of my own"

    def custom_stoploss(self, pair, trade, **known):
        trade.open_rate = 7.0
        return -0.5

    def custom_roi(self, pair, trade, **known):
        trade.open_rate = 7.0
        return 0.01
"""


class Trade(SimpleNamespace):
    """What hooks look at; it counts its copies."""

    def __deepcopy__(self, memo: Any) -> Trade:
        self.copies.append(1)
        return Trade(**vars(self))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *words, **options: -0.1

    def get_custom_data(self, key: str) -> None:
        return None


def trade() -> Trade:
    known = {"pair": "BTC/USDT", "is_short": False, "open_rate": 100.0, "stop_loss": 60.0}
    known |= {"leverage": 1.0, "enter_tag": "bull", "trade_direction": "long", "copies": []}
    known |= {"is_stop_loss_trailing": False, "liquidation_price": None, "initial_stop_loss": 50.0}
    return Trade(open_date_utc=NOW, entry_side="buy", **known)


def asked(strategy: IStrategy, trade: Trade) -> list[str]:
    """Reasons to leave; the strategy is asked for all that it decides about an open trade."""
    strategy.limits = SimpleNamespace(exit_reason=lambda now: None)
    strategy.positions.overdue = lambda trade, now, candle=None: None
    strategy.positions.exit_reason = lambda trade, now, rate, candle=None: None
    given: Any = trade
    exits = strategy.should_exit(given, 90.0, NOW, enter=False, exit_=False, low=90.0, high=90.0)
    return [one.exit_reason for one in exits]


@pytest.fixture
def own(tmp_path: Path) -> dict[str, Any]:
    """Configuration of a strategy that is built on RegimeSwitch and has hooks of its own."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    place = str(ROOT / "user_data/strategies")
    (folder / "own.py").write_text(OWN.replace("PLACE", repr(place)))
    return {"strategy": "Own", "strategy_path": str(folder)}


@pytest.mark.parametrize("mode", ["signal", "position"])
def test_no_hook_of_the_strategy_has_its_trade_copied(tmp_path: Path, mode: str) -> None:
    one = trade()
    assert asked(load(tmp_path, {"entries": {"mode": mode}}), one) == []
    assert one.copies == []


@pytest.mark.parametrize(("mode", "copies"), [("signal", 3), ("position", 1)])
def test_hooks_of_somebody_s_own_are_asked_with_a_copy(
    tmp_path: Path, own: dict[str, Any], mode: str, copies: int
) -> None:
    """Position mode has no target, and has set its stop once."""
    one = trade()
    strategy = load(tmp_path, {"entries": {"mode": mode}}, **own)
    assert type(strategy).__name__ == "Own"
    assert "of my own" in asked(strategy, one)
    assert (one.open_rate, one.stop_loss) == (100.0, 60.0)
    assert len(one.copies) == copies


def test_what_the_strategy_says_comes_before_a_hook_of_somebody_s_own(
    tmp_path: Path, own: dict[str, Any]
) -> None:
    strategy = load(tmp_path, {"entries": {"mode": "position"}}, **own)
    strategy._exit_reason = lambda trade, now, rate, candle=None: "daily_loss_limit"
    assert asked(strategy, trade()) == ["daily_loss_limit", "of my own"]
