"""A model bot and a trading bot, two real dry-run bots on the embedded exchange; one is killed."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from freqtrade.persistence import Trade

from modelbot import TOKEN, ModelBot, ended
from project import MARKET_END, QUICK, ROOT
from regimeswitch_lab.replay.stage import merged
from servedbots import ServedBot, free_port, served_bot


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

CANDLE = timedelta(minutes=5)
BEGIN = MARKET_END - timedelta(days=2)
REGIMES = ("bull", "bear", "sideways")
PAIRS = ("BTC/USDT", "ETH/USDT")
SILENT = "model bot: a is silent"
PREDICTED = (
    *("&s-signal", "buy", "hold", "sell", "sub_model_weight", "expected_return"),
    *("expected_size", "size_ratio", "trained_at", "do_predict"),
)


@dataclass
class Bots:
    """The trading bot in this process, model bots in others; one clock."""

    trading: ServedBot
    make: Callable[[datetime], ModelBot]

    def has_row(self, pair: str) -> bool:
        dp = self.trading.worker.freqtrade.dataprovider
        frame, _ = dp.get_producer_df(pair, "5m", producer_name="a")
        last = self.trading.now - CANDLE
        return not frame.empty and frame["date"].iloc[-1] >= last

    def receive(self) -> None:
        """Until the newest rows have come through the websocket, then one more loop."""
        for _ in range(300):
            if all(map(self.has_row, PAIRS)):
                break
            time.sleep(0.1)
        else:
            raise AssertionError("no row within 30 s")
        self.trading.loop(self.trading.now + timedelta(seconds=5))


@pytest.fixture
def bots(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bots]:
    port = free_port()
    producer = {"name": "a", "host": "127.0.0.1", "port": port, "ws_token": TOKEN}
    name = "FREQTRADE__EXTERNAL_MESSAGE_CONSUMER__PRODUCERS"
    monkeypatch.setenv(name, json.dumps([producer]))
    shared = deepcopy(QUICK)
    # Features are most of what this costs.
    few = {"include_timeframes": ["5m"], "indicator_periods_candles": [12]}
    shared["freqai"] |= {"train_period_days": 10, "feature_parameters": few}
    # Whatever is predicted opens a position, and closes none.
    always, never = dict.fromkeys(REGIMES, 0.01), dict.fromkeys(REGIMES, 1.0)
    shared["regimeswitch"]["entries"] |= {
        "regimes": [*REGIMES],
        "buy": always,
        "sell": never,
        "exit_regimes": [],
    }
    trading = json.loads((ROOT / "user_data/bots/trading-bot.json").read_text())
    trading["external_message_consumer"]["sleep_time"] = 1
    made: list[ModelBot] = []
    with (
        ExitStack() as afterwards,
        served_bot(tmp_path, market, BEGIN, merged(trading, shared)) as bot,
        ended(made),
    ):
        # freqtrade stops it at its end, and leaves it open.
        afterwards.callback(bot.worker.freqtrade.emc._loop.close)

        def make(begin: datetime) -> ModelBot:
            made.append(ModelBot(tmp_path / "models", shared, port, bot.exchange, begin))
            return made[-1]

        yield Bots(bot, make)


def orders() -> list[str]:
    return sorted(one.order_id for trade in Trade.get_trades() for one in trade.orders)


def open_pairs() -> list[str]:
    return sorted(trade.pair for trade in Trade.get_open_trades())


def reasons(bot: ServedBot) -> set[str]:
    return {str(bot.frame(pair)["no_trade_reason"].iloc[-1]) for pair in PAIRS}


def decides_as(trading: ServedBot, producer: pd.DataFrame, candles: int) -> None:
    """The newest candles have the model bot's predictions and decisions, bit by bit."""
    names = [*PREDICTED, "regime", "regime_raw", "stop_atr", "entry_costs", "bad_candle"]
    for pair in PAIRS:
        theirs = producer[producer["pair"] == pair].set_index("date").iloc[-candles:]
        mine = trading.frame(pair).set_index("date").loc[theirs.index]
        pd.testing.assert_frame_equal(
            mine[names], theirs[names], check_exact=True, check_dtype=False, check_freq=False
        )
        signals = ["enter_long", "enter_tag", "exit_long", "exit_tag"]
        pd.testing.assert_frame_equal(
            mine[signals].iloc[-1:], theirs[signals].iloc[-1:], check_dtype=False
        )


def test_a_trading_bot_decides_as_the_model_bot_and_outlives_it(
    bots: Bots, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    trading = bots.trading
    trading.step()
    assert reasons(trading) == {"model bot: no prediction yet"}
    model = bots.make(BEGIN)
    model.train(trading.now)
    for number in (1, 2):
        before = orders()
        trading.step()
        assert orders() == before
        frame = model.step(trading.now + timedelta(seconds=2))
        bots.receive()
        decides_as(trading, frame, number)
    assert (frame.groupby("pair")["do_predict"].last() == 1).all()
    assert open_pairs() == [*PAIRS]
    assert len(orders()) == 2

    # Killed: no message as long as its row may still come, then one for all pairs.
    model.kill()
    trading.step()
    assert SILENT not in caplog.text
    trading.loop(trading.now + timedelta(seconds=200))
    assert reasons(trading) == {SILENT}
    stopped = Trade.get_open_trades()[0]
    stopped.stop_loss = 2 * stopped.open_rate
    Trade.commit()
    trading.loop(trading.now + timedelta(seconds=210))
    assert (stopped.is_open, stopped.exit_reason) == (False, "stop_loss")
    before = orders()
    for _ in range(2):
        trading.step()
        trading.loop(trading.now + timedelta(seconds=200))
        assert reasons(trading) == {SILENT}
    assert orders() == before
    assert len(open_pairs()) == 1

    # Started again, with its models from disk: the pair that is free is entered once.
    model = bots.make(trading.now)
    for number in (1, 2):
        trading.step()
        frame = model.step(trading.now + timedelta(seconds=2))
        bots.receive()
        decides_as(trading, frame, number)
        assert (frame.groupby("pair")["do_predict"].last() == 1).all()
        assert open_pairs() == [*PAIRS]
        assert len(orders()) == len(before) + 1

    sent = [one.getMessage() for one in caplog.records if "rpc message" in one.getMessage()]
    assert len([text for text in sent if SILENT in text]) == 1
    assert len([text for text in sent if "the model bot answers again" in text]) == 1
    assert TOKEN not in caplog.text + model.log.read_text()
