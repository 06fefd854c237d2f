"""A live bot with the guards, on an exchange that can be told to fail, under a moved clock."""

from __future__ import annotations

import importlib
import json
import sys
import textwrap
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import freqtrade.exchange.common
import pandas as pd
import pytest
import time_machine
from freqtrade.configuration import Configuration
from freqtrade.enums import RPCMessageType, RunMode
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Order, Trade

from exchanges import START, STEP_MS
from project import ROOT
from regimeswitch.bot.orders.journal import Entry, Journal
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import LiveAccount, overlay
from traders import DIP, PEAK, QUIET, candles_of


QUIET_CANDLES = 40
CANDLE = timedelta(milliseconds=STEP_MS)
BEGIN = START + QUIET_CANDLES * CANDLE
ORDER = "/api/v3/order"
DEPOSIT = Decimal(1000)
Prices = Sequence[tuple[float, float, float, float]]
STRATEGY = f"""
    import sys
    sys.path.append({str(ROOT / "user_data")!r})

    from freqtrade.strategy import IStrategy
    from regimeswitch.bot.guards import Guards
    from regimeswitch.settings import load_settings

    class AtOnce(IStrategy):
        timeframe = "5m"
        stoploss = -0.04
        minimal_roi = {{"0": 10}}
        order_types = {{"entry": "limit", "exit": "limit", "stoploss": "limit",
                       "emergency_exit": "market", "force_exit": "market",
                       "stoploss_on_exchange": ON_EXCHANGE}}

        def __init__(self, config):
            super().__init__(config)
            self.guards = Guards(load_settings(config.get("regimeswitch")))

        def bot_start(self, **kwargs):
            self.guards.install(self)

        def bot_loop_start(self, current_time, **kwargs):
            self.guards.loop_started(self, current_time)

        def confirm_trade_entry(self, pair, order_type, amount, rate, time_in_force,
                                current_time, entry_tag, side, **kwargs):
            return not self.guards.refusal(pair, current_time, entry_tag or "")

        def populate_indicators(self, df, metadata):
            return df

        def populate_entry_trend(self, df, metadata):
            df.loc[df["close"] == 100, ["enter_long", "enter_tag"]] = (1, "quiet")
            return df

        def populate_exit_trend(self, df, metadata):
            return df

        def custom_entry_price(self, pair, trade, current_time, proposed_rate, entry_tag, side,
                               **kwargs):
            return self.config.get("test_entry_price", proposed_rate)

        def adjust_order_price(self, trade, order, pair, current_time, proposed_rate,
                               current_order_rate, entry_tag, side, is_entry, **kwargs):
            return self.config.get("test_new_price", current_order_rate)

        def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
            held = (current_time - trade.open_date_utc).total_seconds()
            return "long enough" if held >= EXIT_AFTER else None
    """
CONFIG: dict[str, Any] = {
    "stake_currency": "USDT",
    "stake_amount": 333,
    "max_open_trades": 3,
    "dry_run": True,
    "initial_state": "running",
    "exchange": {"name": "binance", "pair_whitelist": ["AAA/USDT"]},
    "pairlists": [{"method": "StaticPairList"}],
    "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
}


class Shifting:
    """The module ``time`` whose pauses move the clock instead of waiting."""

    def __init__(self, clock: time_machine.Coordinates) -> None:
        self._clock = clock
        self.slept = 0.0
        self.set_by = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._clock.shift(timedelta(seconds=seconds))

    def monotonic(self) -> float:
        return time.time() - self.set_by

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@dataclass
class World:
    """An exchange with faults, an account, a clock, and bots that come and go."""

    home: Path
    server: ExchangeServer
    faults: Injection
    clock: time_machine.Coordinates
    time: Shifting
    now: datetime = BEGIN
    bots: list[FreqtradeBot] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def account(self) -> Trading:
        assert self.server.trading is not None
        return self.server.trading

    def start(
        self,
        *,
        on_exchange: bool = False,
        exit_after: int = 10**9,
        patience: float | None = None,
        **sections: Any,
    ) -> FreqtradeBot:
        """A bot on the same database and journal as the bots before it.

        :param patience: how long its exchange client waits for an answer, seconds; as long as
            ``safety.slow_seconds`` where that is given
        """
        strategies = self.home / "user_data" / "strategies"
        strategies.mkdir(parents=True, exist_ok=True)
        source = STRATEGY.replace("ON_EXCHANGE", str(on_exchange))
        source = textwrap.dedent(source).replace("EXIT_AFTER", str(exit_after))
        (strategies / "AtOnce.py").write_text(source)
        keys = self.account.credentials
        live = LiveAccount(keys.key, keys.secret, self.home / "bot.sqlite")
        top: dict[str, Any] = overlay(self.server.url, live=live)
        slow = sections.get("regimeswitch", {}).get("safety", {}).get("slow_seconds")
        if (seconds := patience or slow) is not None:
            for name in ("ccxt_config", "ccxt_sync_config", "ccxt_async_config"):
                top["exchange"][name] = {**top["exchange"][name], "timeout": int(seconds * 1000)}
        files = {"config": CONFIG | sections, "offline": top}
        for name, content in files.items():
            (self.home / f"{name}.json").write_text(json.dumps(content))
        given = {
            "config": [str(self.home / f"{name}.json") for name in files],
            "user_data_dir": str(self.home / "user_data"),
            "strategy": "AtOnce",
        }
        config = Configuration(given, RunMode.LIVE).get_config()
        # What reaches people is off offline.
        config |= {key: sections[key] for key in sections if key == "telegram"}
        self.clock.move_to(self.now + timedelta(seconds=1))
        bot = FreqtradeBot(config)
        self.bots.append(bot)
        process = bot.rpc.process_msg_queue

        def processed(queue: deque[str]) -> None:
            self.messages.extend(queue)
            process(queue)

        bot.rpc.process_msg_queue = processed
        send = bot.rpc.send_msg

        def sent(message: dict[str, Any]) -> None:
            if message["type"] == RPCMessageType.WARNING:
                self.messages.append(message["status"])
            send(message)

        bot.rpc.send_msg = sent
        bot.startup()
        return bot

    def kill(self) -> None:
        """The last bot is gone, as after SIGKILL: nothing more is written or cancelled."""
        bot = self.bots.pop()
        Trade.rollback()
        bot.rpc.cleanup()
        bot.exchange.close()

    def fail(self, *faults: Fault) -> None:
        """From now on the exchange has these faults and no others."""
        self.faults.set(faults)

    def set_clock(self, seconds: float) -> None:
        """This machine's clock is set by somebody, the exchange's goes on; negative = back."""
        self.time.set_by += seconds
        self.clock.shift(timedelta(seconds=seconds))

    def step(self, later: float = 0) -> None:
        """One loop: a second after the next candle begins, or ``later`` seconds on in this one."""
        if not later:
            self.now += CANDLE
        self.clock.move_to(self.now + timedelta(seconds=1 + later + self.time.set_by))
        self.bots[-1].process()

    @property
    def orders(self) -> list[Any]:
        """The account's orders, oldest first."""
        return list(self.account.settling.orders.values())

    def filled(self, side: str) -> list[Any]:
        """Orders of a side that have moved something."""
        return [order for order in self.orders if order.side == side and order.executed]

    def journal(self) -> list[Entry]:
        """All that the bots have written down before sending it."""
        (path,) = (self.home / "user_data").glob("regimeswitch-orders-*.sqlite")
        return Journal(path).all()


def agree(world: World) -> None:
    """Orders and fees of the database give the account's balances, to the last digit."""
    known: list[Order] = Trade.session.query(Order).all()
    moved = [order for order in world.orders if order.executed]
    ids = {int(order.order_id) for order in known}
    assert {order.id for order in moved} <= ids
    balance = {"USDT": DEPOSIT, "AAA": Decimal(0)}
    for order in known:
        real = world.account.settling.orders[int(order.order_id)]
        assert exact(order.filled or 0) == real.executed
        sign = 1 if order.side == "buy" else -1
        balance["AAA"] += sign * exact(order.filled or 0) - exact(order.ft_fee_base or 0)
        balance["USDT"] -= sign * (exact(order.cost or 0) if real.executed else Decimal(0))
    for trade in Trade.session.query(Trade).all():
        balance["USDT"] -= exact(trade.fee_close_cost or 0)
    held = world.account.account
    for asset, amount in balance.items():
        assert held.free[asset] + held.locked.get(asset, Decimal(0)) == amount


def exact(number: float) -> Decimal:
    """A number of the database as it is written."""
    return Decimal(str(number))


@contextmanager
def running_world(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: Prices | pd.DataFrame = (),
    other: Prices | pd.DataFrame = (),
    more: Sequence[str] = (),
) -> Iterator[World]:
    """AAA and BBB rest at 100, dip to 90 in the fourth candle and come back.

    :param path: prices or candles of both instead; ``other`` those of BBB
    :param more: further coins with the candles of AAA
    """
    candles = tmp_path / "candles"
    candles.mkdir()
    usual = [*[QUIET] * (QUIET_CANDLES + 4), DIP, *[QUIET] * 2, PEAK, *[QUIET] * 40]
    bases = [("AAA", path), ("BBB", other if len(other) else path)]
    for base, own in [*bases, *((name, path) for name in more)]:
        given = own if isinstance(own, pd.DataFrame) else candles_of(own or usual)
        given.to_feather(candles / f"{base}_USDT-5m.feather")
    with time_machine.travel(BEGIN + timedelta(seconds=1), tick=False) as clock:
        shifting = Shifting(clock)
        # All of the guards' modules are there before their clock is replaced.
        importlib.import_module("regimeswitch.bot.guards")
        for name, module in list(sys.modules.items()):
            ours = name.startswith("regimeswitch.bot.") and vars(module).get("time") is time
            if ours or module is freqtrade.exchange.common:
                monkeypatch.setattr(module, "time", shifting)
        market = Market(CandleStore(candles), lambda: int(shifting.monotonic() * 1000))
        trading = Trading(market, {"USDT": DEPOSIT})
        faults = Injection(market.clock)
        with ExchangeServer(market, trading=trading, faults=faults) as server:
            world = World(tmp_path, server, faults, clock, shifting)
            yield world
            faults.set([])
            for bot in world.bots:
                bot.cleanup()
