"""Entries that a person forces, through the same RPC as the API, FreqUI and Telegram."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from freqtrade.enums import State
from freqtrade.persistence import Trade
from freqtrade.rpc import RPC, RPCException

from movedbots import MovedBot, moved_bot
from project import QUICK
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.trading.trade_context import EntryRecord


__all__ = ["moved_bot"]

pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

CAPITAL = 0.99 * 1000
UNKNOWN = "the regime of the last candle is unknown"


def forcing() -> dict[str, Any]:
    """No signal opens anything; every answer and every regime would close a position."""
    config = deepcopy(QUICK)
    config["force_entry_enable"] = True
    config["freqai"] |= {"live_retrain_hours": 24, "expiration_hours": 72}
    config["regimeswitch"]["entries"] = {
        "mode": "signal",
        "regimes": [],
        "exit_regimes": ["bull", "bear", "sideways"],
        "sell": {"bull": 0.0, "bear": 0.0, "sideways": 0.0},
    }
    config["regimeswitch"]["risk"] = {"max_positions": 1, "size_forecast": False}
    return config


@pytest.fixture
def served(
    moved_bot: Callable[..., MovedBot],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> MovedBot:
    """A bot whose last candle has a regime and an answer; xgboost is not there and not missed."""
    monkeypatch.setitem(sys.modules, "xgboost", None)
    for name in ("", ".base_tensorboard", ".tensorboard", ".lightgbm_callback"):
        monkeypatch.delitem(sys.modules, f"freqtrade.freqai.tensorboard{name}", raising=False)
    caplog.set_level(logging.INFO)
    running = moved_bot(forcing())
    running.bot.state = State.RUNNING
    running.step()
    running.wait_for_training(after=0)
    running.step()
    assert "raised exception" not in caplog.text
    return running


def test_a_forced_entry_takes_the_pair_s_own_regime_and_says_why_it_fails(
    served: MovedBot, caplog: pytest.LogCaptureFixture
) -> None:
    rpc = RPC(served.bot)
    messages = served.bot.dataprovider._msg_queue

    def refused(reason: str, pair: str, **more: Any) -> None:
        """The RPC fails as freqtrade does; log and message say why, each time."""
        for _ in range(2):
            Messenger.of(served.bot.strategy).flush()
            caplog.clear()
            messages.clear()
            with pytest.raises(RPCException, match="Failed to enter position"):
                rpc._rpc_force_entry(pair, None, **more)
            line = f"{pair}: forced entry not made: {reason}"
            Messenger.of(served.bot.strategy).flush()
            (message,) = messages
            assert message.startswith(f"Info: {line}")
            assert line in caplog.text

    def opened(**more: Any) -> Trade:
        trade = rpc._rpc_force_entry("BTC/USDT", None, **more)
        assert trade is not None
        return trade

    # Not in the whitelist: nothing is known of it.
    refused(UNKNOWN, "ETH/USDT")

    trade = opened(enter_tag="by hand")
    frame, _ = served.bot.dataprovider.get_analyzed_dataframe("BTC/USDT", "5m")
    regime = frame["regime"].iloc[-1]
    scale = {"bull": 1.0, "bear": 0.5, "sideways": 0.7}[regime]
    scale *= 0.5 if isinstance(frame["regime_pending"].iloc[-1], str) else 1.0
    assert trade.stake_amount == pytest.approx(0.2 * scale * CAPITAL, rel=0.01)
    assert trade.enter_tag == "by hand"
    refused("risk.max_positions: 1 positions are open", "ETH/USDT", stake_amount=50)

    # What was known when it was forced does not close it, though all of it says so.
    assert regime in served.bot.strategy.rs.entries.exit_regimes
    served.clock.move_to(served.now + timedelta(seconds=30))
    served.bot.process()
    assert trade.is_open
    record = EntryRecord.read(trade)
    assert record is not None
    assert record.regime == regime
    assert trade.stop_loss == pytest.approx(trade.open_rate - 8 * record.atr, rel=1e-3)
    # The next answer does; the regime it was forced in has not begun since.
    served.step()
    assert (trade.is_open, trade.exit_reason) == (False, "sell_signal")

    # A stake of one's own, within the caps, and with any tag.
    refused("a stake of 1 is below the exchange's minimum", "BTC/USDT", stake_amount=1.0)
    assert opened(stake_amount=50.0).stake_amount == pytest.approx(50, rel=0.01)
    served.step()
    assert opened(stake_amount=900.0, enter_tag=None).stake_amount == pytest.approx(
        0.4 * CAPITAL, rel=0.01
    )
    served.step()

    # What refuses signals refuses it too: the candle that has just closed is not there yet.
    served.clock.move_to(served.now + timedelta(minutes=5, seconds=1))
    refused("the candle that has just closed is missing", "BTC/USDT")
