"""The real bot in live mode on the embedded exchange: its database and the account agree."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Order, Trade

from exchanges import START, STEP_MS
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import LiveAccount, overlay
from traders import DIP, PEAK, QUIET, candles_of


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

QUIET_CANDLES = 40
CANDLE = timedelta(milliseconds=STEP_MS)
STRATEGY = """
    from freqtrade.strategy import IStrategy

    class AtOnce(IStrategy):
        timeframe = "5m"
        stoploss = -0.04
        minimal_roi = {"0": 10}
        order_types = {"entry": "limit", "exit": "limit", "stoploss": "limit",
                       "emergency_exit": "market", "force_exit": "market",
                       "stoploss_on_exchange": ON_EXCHANGE}

        def populate_indicators(self, df, metadata):
            return df

        def populate_entry_trend(self, df, metadata):
            df.loc[df["close"] == 100, "enter_long"] = 1
            return df

        def populate_exit_trend(self, df, metadata):
            return df

        def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
            return "long enough" if (current_time - trade.open_date_utc).seconds >= 600 else None
    """
CONFIG = {
    "stake_currency": "USDT",
    "stake_amount": 333,
    "max_open_trades": 1,
    "dry_run": True,
    "initial_state": "running",
    "exchange": {
        "name": "binance",
        "key": "a-key-that-must-not-be-used",
        "apiKey": "another",
        "secret": "a-secret",
        "pair_whitelist": ["AAA/USDT"],
        "ccxt_config": {"apiKey": "a-third-key"},
    },
    "pairlists": [{"method": "StaticPairList"}],
    "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
}


class LiveBot:
    """A live bot, the account that it trades with, and the clock of both."""

    def __init__(
        self, home: Path, server: ExchangeServer, clock: time_machine.Coordinates, source: str
    ) -> None:
        assert server.trading is not None
        self.account, self.clock = server.trading, clock
        self.now = START + QUIET_CANDLES * CANDLE
        keys = server.trading.credentials
        live = LiveAccount(keys.key, keys.secret, home / "bot.sqlite")
        (home / "user_data" / "strategies").mkdir(parents=True)
        (home / "user_data" / "strategies" / "AtOnce.py").write_text(textwrap.dedent(source))
        files = {"config": CONFIG, "offline": overlay(server.url, live=live)}
        for name, content in files.items():
            (home / f"{name}.json").write_text(json.dumps(content))
        given = {
            "config": [str(home / f"{name}.json") for name in files],
            "user_data_dir": str(home / "user_data"),
            "strategy": "AtOnce",
        }
        config = Configuration(given, RunMode.LIVE).get_config()
        assert config["dry_run"] is False
        self.bot = FreqtradeBot(config)
        self.bot.startup()

    def step(self, **past: int) -> None:
        """One loop of the bot, one second after a candle closed or later."""
        self.clock.move_to(self.now + timedelta(seconds=1, **past))
        self.bot.process()
        self.now += CANDLE if not past else timedelta(0)


@pytest.fixture
def live_bot(tmp_path: Path) -> Iterator[Callable[[str], LiveBot]]:
    candles = tmp_path / "candles"
    candles.mkdir()
    path = [*[QUIET] * (QUIET_CANDLES + 2), DIP, *[QUIET] * 2, PEAK, *[QUIET] * 20]
    candles_of(path).to_feather(candles / "AAA_USDT-5m.feather")
    began = START + QUIET_CANDLES * CANDLE
    with time_machine.travel(began + timedelta(seconds=1), tick=False) as clock:
        market = Market(CandleStore(candles))
        trading = Trading(market, {"USDT": Decimal(1000)})
        with ExchangeServer(market, trading=trading) as server:
            bots = []

            def make(source: str) -> LiveBot:
                bots.append(LiveBot(tmp_path, server, clock, source))
                return bots[-1]

            try:
                yield make
            finally:
                for one in bots:
                    one.bot.cleanup()


def exact(number: float) -> Decimal:
    """A number of the database as it is written."""
    return Decimal(str(number))


def check_agreement(running: LiveBot) -> None:
    """Orders and fees of the database give the account's balances, to the last digit."""
    account = running.account
    balance = {"USDT": Decimal(1000), "AAA": Decimal(0)}
    known: list[Order] = Trade.session.query(Order).all()
    assert {int(order.order_id) for order in known} == set(account.settling.orders)
    for order in known:
        real = account.settling.orders[int(order.order_id)]
        assert (order.status == "open") == real.open
        assert exact(order.filled or 0) == real.executed
        assert exact(order.safe_amount) == real.quantity
        cost = exact(order.cost or 0) if real.executed else Decimal(0)
        assert cost == real.quote_executed
        sign = 1 if order.side == "buy" else -1
        balance["AAA"] += sign * exact(order.filled or 0) - exact(order.ft_fee_base or 0)
        balance["USDT"] -= sign * cost
    for trade in Trade.session.query(Trade).all():
        # The fee of an entry is in its order, in coins.
        balance["USDT"] -= exact(trade.fee_close_cost or 0)
    for asset, amount in balance.items():
        held = account.account.free[asset] + account.account.locked.get(asset, Decimal(0))
        assert held == amount


def test_a_live_bot_buys_and_sells(live_bot: Callable[[str], LiveBot], tmp_path: Path) -> None:
    running = live_bot(STRATEGY.replace("ON_EXCHANGE", "False"))
    running.step()
    (trade,) = Trade.get_open_trades()
    assert (trade.amount, trade.open_rate) == (3.32, 100.0)
    check_agreement(running)
    for _ in range(3):
        running.step()
    trade = Trade.session.query(Trade).first()
    assert (trade.is_open, trade.exit_reason, trade.close_rate) == (False, "long enough", 100.0)
    check_agreement(running)
    bought, sold = list(running.account.settling.orders.values())[:2]
    assert (bought.side, sold.side) == ("BUY", "SELL")
    assert bought.status == sold.status == "FILLED"
    # A database of its own, and nothing of the user's keys anywhere.
    assert (tmp_path / "bot.sqlite").stat().st_size > 0
    key = running.bot.exchange._api.apiKey
    assert key == running.account.credentials.key == running.bot.exchange._api_async.apiKey


def test_a_stop_on_the_exchange_is_filled(live_bot: Callable[[str], LiveBot]) -> None:
    running = live_bot(STRATEGY.replace("ON_EXCHANGE", "True").replace(">= 600", ">= 6000"))
    running.step()
    running.step()
    (stop,) = running.account.settling.open()
    assert (stop.kind, stop.side, stop.stop_price) == ("STOP_LOSS_LIMIT", "SELL", Decimal(96))
    assert running.account.account.locked["AAA"] == stop.quantity
    check_agreement(running)
    # The dip: from 100 down to 90 and back within a candle.
    for _ in range(2):
        running.step()
    assert (stop.status, stop.quote_executed / stop.executed <= 96) == ("FILLED", True)
    trade = Trade.session.query(Trade).first()
    assert (trade.is_open, trade.exit_reason) == (False, "stoploss_on_exchange")
    check_agreement(running)


def test_without_an_account_a_live_configuration_cannot_trade(
    tmp_path: Path, hand_made: Path
) -> None:
    """A user's own ``dry_run: false`` under plain ``regimeswitch offline``."""
    with ExchangeServer(Market(CandleStore(hand_made))) as server:
        config = json.loads(json.dumps(CONFIG | {"dry_run": False}))
        for name, content in {"config": config, "offline": overlay(server.url)}.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        given = {
            "config": [str(tmp_path / f"{name}.json") for name in ("config", "offline")],
            "user_data_dir": str(tmp_path),
            "db_url": "sqlite://",
        }
        merged = Configuration(given, RunMode.LIVE).get_config()
        from freqtrade.resolvers import ExchangeResolver

        exchange = ExchangeResolver.load_exchange(merged, validate=False)
        for client in (exchange._api, exchange._api_async):
            assert not client.apiKey and not client.secret
            assert all("127.0.0.1" in str(url) for url in client.urls["api"].values())
        exchange.close()
