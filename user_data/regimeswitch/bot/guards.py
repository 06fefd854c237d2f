"""All guards of one running bot, for any strategy: three lines in its hooks.

``install`` from ``bot_start``, ``loop_started`` from ``bot_loop_start``, ``refusal`` from
``confirm_trade_entry``. In backtests nothing is installed, and on another exchange than Binance
neither: its errors, limits and order ids mean something else.
"""

from __future__ import annotations

import logging
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.strategy import IStrategy

from regimeswitch.bot.compatibility.supported import GUARDED, Subject, check_parts
from regimeswitch.bot.connection.ban_file import BanFile
from regimeswitch.bot.connection.candle_filter import CandleGuard
from regimeswitch.bot.connection.health import Outages
from regimeswitch.bot.connection.rate_limits import Traffic
from regimeswitch.bot.isolation import Apart
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.channels import report_channels
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.orders.adoption import coin_of, held, held_symbols, is_spot
from regimeswitch.bot.orders.journal import Journal, journal_path
from regimeswitch.bot.orders.order_guard import OrderGuard
from regimeswitch.bot.orders.upkeep import Upkeep
from regimeswitch.bot.shutdown import ENDING
from regimeswitch.bot.trading.due_exits import ExitWatch
from regimeswitch.bot.trading.exchange_stops import StopWatch
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)

EXCHANGE = "binance"
"""The exchange whose answers the guards know, by freqtrade's name."""


class Guards:
    """What stands between a bot and an exchange that cannot be relied on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._safety = settings.safety
        self._traffic = Traffic(self._safety)
        self._outages: Outages | None = None
        self._strategy: IStrategy | None = None
        self._candles: CandleGuard | None = None
        self._orders: OrderGuard | None = None
        self._upkeep: Upkeep | None = None
        self._exits: ExitWatch | None = None
        self._messenger: Messenger | None = None
        self._apart = Apart(Alarms(lambda message: None))
        self._told_refusal: dict[str, str] = {}
        self._tags: dict[str, str] = {}

    def check(self, config: dict[str, Any]) -> None:
        """Refuse a freqtrade that does not fit before a bot is made of it.

        What is raised in ``bot_start`` comes with a traceback. :meth:`install` looks again, at the
        bot itself.

        :raises OperationalException: naming what does not fit
        """
        mode = config.get("runmode")
        if self._are_wanted(mode) and _exchange_of(config) == EXCHANGE:
            self._check(mode, Subject())

    def _are_wanted(self, mode: RunMode | None) -> bool:
        return mode in (RunMode.DRY_RUN, RunMode.LIVE) and self._safety.guards

    def _check(self, mode: RunMode | None, subject: Subject) -> None:
        parts = (*GUARDED, "orders") if mode == RunMode.LIVE else GUARDED
        check_parts(parts, subject, self._safety.allow_untested_freqtrade)

    def install(self, strategy: IStrategy) -> None:
        """Wrap the exchange of a dry-run or live bot; nothing with ``safety.guards`` false.

        A live bot's orders that a crash left open are settled before this returns.

        :raises OperationalException: with a freqtrade that the guards do not fit
        """
        mode = strategy.dp.runmode
        if not self._are_wanted(mode):
            return
        ENDING.install()
        name = _exchange_of(strategy.config)
        exchange: Any = getattr(strategy.dp, "_exchange", None)
        if name == EXCHANGE:
            self._check(mode, Subject.of(exchange))
        self._messenger = messenger = Messenger.of(strategy)
        alarms = messenger.alarms("guard")
        report_channels(strategy)
        if name != EXCHANGE:
            alarms.tell(
                "exchange",
                f"the guards of orders, limits, outages and candles are made for {EXCHANGE}; this "
                f"bot runs on {name} without them, as with regimeswitch.safety.guards false",
            )
            return
        self._strategy = strategy
        self._apart = Apart(alarms)
        self._candles = CandleGuard(self._settings, alarms.of("candle"))
        self._candles.install(exchange)
        self._traffic.silence.file = BanFile(Path(strategy.config["user_data_dir"]))
        self._watch(exchange)
        self._traffic.next_loop(held_symbols(strategy))
        self._outages = Outages(self._traffic, self._safety, alarms.of("outage"))
        self._watch_exits(strategy, alarms.of("exit"))
        if mode == RunMode.LIVE:
            self._guard_orders(strategy, exchange._api, alarms.of("order"))

    def _watch_exits(self, strategy: IStrategy, alarms: Alarms) -> None:
        loops = self._safety.exit_loops
        stops = StopWatch(strategy, alarms, self._safety.stop_limit_seconds, loops)
        stops.install()
        self._exits = ExitWatch(strategy, alarms, loops, stops.exits)
        self._exits.install()

    def _watch(self, exchange: Any) -> None:
        clients = [exchange._api, exchange._api_async, getattr(exchange, "_ws_async", None)]
        for client in clients:
            if client is not None:
                self._traffic.watch(client)

    def _guard_orders(self, strategy: IStrategy, client: Any, alarms: Alarms) -> None:
        path = journal_path(Path(strategy.config["user_data_dir"]), strategy.config["db_url"])
        try:
            journal = Journal(path)
        except sqlite3.Error as error:
            raise OperationalException(
                f"the journal of orders {path} cannot be opened ({error}); make its folder "
                "writable, or restore the file from a backup"
            ) from error
        # With futures, buying may be the exit of a short position.
        refuse = self._may_not_buy if is_spot(strategy) else lambda pair: ""
        self._orders = OrderGuard(
            client,
            journal,
            self._safety,
            alarms,
            held=lambda pair: held(strategy, pair),
            tag=lambda pair: self._tags.get(pair) or _tag(strategy, pair),
            refuse=refuse,
            coins=lambda pair: strategy.wallets.get_total(coin_of(pair)),
        )
        upkeep = self._upkeep = Upkeep(self._orders, strategy, self._safety, alarms, self._apart)
        upkeep.start()

    def _may_not_buy(self, pair: str) -> str:
        """Why nothing of a pair may be bought, additions and replacements included."""
        reason = self._outages.reason(pair) if self._outages is not None else ""
        if not reason and self._upkeep is not None:
            reason = self._upkeep.refusal(pair)
        return reason or self._apart.reason

    def loop_started(self, strategy: IStrategy, now: datetime) -> None:
        """Look at unknown orders, exits, limits and outages; cheap, and never raises.

        Each guard looks by itself. While one fails nothing is bought.

        :param now: UTC
        """
        outages, messenger = self._outages, self._messenger
        if outages is None or messenger is None:
            return
        run = self._apart.run
        run("sending notices", messenger.flush)
        run("the guard of limits and outages", lambda: outages.look(strategy, now))
        if (candles := self._candles) is not None:
            run("the guard of candles", lambda: candles.look(strategy, now))
        run("the watch of requests", lambda: self._traffic.next_loop(held_symbols(strategy)))
        if (upkeep := self._upkeep) is not None:
            run(
                "the comparison of orders, trades and account",
                lambda: upkeep.loop(_prices(strategy)),
            )
        if (exits := self._exits) is not None:
            run("the watch of exits", lambda: exits.look(now))

    def refusal(self, pair: str, now: datetime, tag: str = "") -> str:
        """Why no entry may be made now; empty where it may. Never raises.

        :param now: UTC
        :param tag: of the entry, kept for a trade that has to be adopted after a crash; empty =
            that of the last analysed candle
        """
        self._tags[pair] = tag
        if self._outages is None:
            return ""
        reason = self._refusal(pair, now)
        if self._told_refusal.get(pair) != reason:
            self._told_refusal[pair] = reason
            logger.info(f"{pair}: entries {'pause: ' + reason if reason else 'go on'}")
        return reason

    def pause(self, pair: str) -> str:
        """Why no entry would be made, as far as nobody has to be asked for it. Never raises.

        An entry that is tried is judged by :meth:`refusal`, which looks at the order book as well.
        """
        found: list[str] = []
        name = f"the question whether entries of {pair} pause"
        self._apart.run(name, lambda: found.append(self._may_not_buy(pair)), question=True)
        return found[0] if found else f"{name} failed"

    def change_refusal(self, pair: str, now: datetime, tag: str, grows: bool) -> str:
        """Why the size of an open position may not be changed now; empty where it may.

        Nothing is changed while an order of the pair is not known for certain. Beside that, what
        refuses an entry refuses an addition; a reduction lowers the risk. Never raises.

        :param now: UTC
        :param tag: of the order
        :param grows: whether it is an addition
        """
        reason = self.refusal(pair, now, tag) if grows else ""
        upkeep = self._upkeep
        if reason or upkeep is None:
            return reason
        found: list[str] = []
        name = f"the question whether the position of {pair} may be changed"
        self._apart.run(name, lambda: found.append(upkeep.change_refusal(pair)), question=True)
        return found[0] if found else f"{name} failed"

    def _refusal(self, pair: str, now: datetime) -> str:
        found: list[str] = []
        # freqtrade takes an error of confirm_trade_entry for a yes.
        name = f"the question whether {pair} may be bought"
        self._apart.run(name, lambda: found.append(self._asked(pair, now)), question=True)
        return found[0] if found else f"{name} failed"

    def _asked(self, pair: str, now: datetime) -> str:
        reason = self._may_not_buy(pair)
        if not reason and self._candles is not None and self._strategy is not None:
            reason = self._candles.refusal(self._strategy, pair, now)
        return reason


def _exchange_of(config: dict[str, Any]) -> str:
    return str(config["exchange"]["name"]).lower()


def _tag(strategy: IStrategy, pair: str) -> str:
    """The entry tag of the last analysed candle."""
    frame, _ = strategy.dp.get_analyzed_dataframe(pair, strategy.timeframe)
    if frame.empty or "enter_tag" not in frame:
        return ""
    tag = frame["enter_tag"].iloc[-1]
    return tag if isinstance(tag, str) else ""


def _prices(strategy: IStrategy) -> dict[str, float]:
    """The last close of each pair that has candles and is still listed."""
    dp = strategy.dp
    listed = [pair for pair in dp.current_whitelist() if pair in dp._exchange.markets]
    frames = {pair: dp.ohlcv(pair, strategy.timeframe, copy=False) for pair in listed}
    return {pair: float(one["close"].iloc[-1]) for pair, one in frames.items() if not one.empty}
