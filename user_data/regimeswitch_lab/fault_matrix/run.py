"""Runs one case: a real bot, led past a fault by a moved clock."""

from __future__ import annotations

import contextlib
import json
import logging
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

from freqtrade.enums import RunMode, State
from freqtrade.worker import Worker
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch.bot.connection.ban_file import BanFile
from regimeswitch_lab.exchange.account.decimals import UNIT, ZERO
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.http.server import ExchangeServer
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.fault_matrix.amounts import AmountWatch
from regimeswitch_lab.fault_matrix.cases import EXIT, Case
from regimeswitch_lab.fault_matrix.cases_changes import changes_of
from regimeswitch_lab.fault_matrix.cases_exits import GAP
from regimeswitch_lab.fault_matrix.disk import full_disk
from regimeswitch_lab.fault_matrix.exit_watch import ExitWatch
from regimeswitch_lab.fault_matrix.scene import (
    BEGIN,
    STRATEGIES,
    TROUBLED,
    WALLET,
    Bot,
    configuration,
    moments,
    slot_begin,
    write_bot,
    write_candles,
)
from regimeswitch_lab.fault_matrix.surroundings import (
    CASE_SECONDS,
    DEATHS,
    HungError,
    bounded,
    collected,
    logged,
    moved_pauses,
    worker_of,
)
from regimeswitch_lab.fault_matrix.traces import Evidence, read_truth
from regimeswitch_lab.offline.wait_command import ping_address, wait_for
from regimeswitch_lab.replay.clock import MovedClock, moved_clock


logger = logging.getLogger(__name__)
WAIT_SECONDS = 600.0
"""How long ``regimeswitch wait`` waits in a case, by its clock."""


def load_worker(bot: Bot, case: Case) -> Worker:
    """The worker of a bot with the strategy of the cases."""
    given = {
        "config": [str(path) for path in bot.configs],
        "user_data_dir": str(bot.home / "user_data"),
        "strategy": "ScheduledStrategy",
        "strategy_path": str(STRATEGIES),
    }
    return worker_of(given, RunMode.LIVE if case.live else RunMode.DRY_RUN)


class DeadError(RuntimeError):
    """The bot has ended before its time."""


class Drive:
    """Leads a bot from moment to moment, and starts it again where its owner would.

    :param case: with a full disk a bot may die, as any program; it is then started again
    :param watch: looks after each loop
    :param trading: the account, whose coins may leave; None on paper
    """

    def __init__(
        self,
        bot: Bot,
        case: Case,
        clock: MovedClock,
        market: Market,
        watch: ExitWatch,
        trading: Trading | None = None,
    ) -> None:
        self.bot, self.case, self.clock, self.trading = bot, case, clock, trading
        self.market, self.watch = market, watch
        self.amounts = AmountWatch(watch.notices)
        self.transfers = list(case.transfers)
        self.worker: Worker | None = None
        self.state: State | None = None
        self.restart = case.restart

    def run(self) -> None:
        """Every moment of the case.

        :raises DeadError: when the bot ends and nobody would start it again
        """
        try:
            for moment in moments():
                if moment > self.clock.now:
                    self.clock.move_to(moment)
                    self._transfer(moment)
                    self._set_clock(moment)
                    self._restart(moment)
                    with self._disk(moment):
                        self._look()
        finally:
            self._end()

    def _disk(self, moment: datetime) -> contextlib.AbstractContextManager[None]:
        seconds = (moment - slot_begin(TROUBLED)).total_seconds()
        full = self.case.scene == "disk" and self.case.begins <= seconds < self.case.ends
        return full_disk() if full else contextlib.nullcontext()

    def _set_clock(self, moment: datetime) -> None:
        begin, end, ahead = self.case.clock
        wrong = begin <= (moment - slot_begin(TROUBLED)).total_seconds() < end
        self.clock.set_by(ahead if wrong else 0)

    def _restart(self, moment: datetime) -> None:
        """End the bot, and start it again as ``docker-compose.yml`` does: by waiting first."""
        due = self.restart and (moment - slot_begin(TROUBLED)).total_seconds() >= self.restart
        if due:
            self.restart = 0
            self._end()
            wait_first(self.bot, self.clock)

    def _transfer(self, moment: datetime) -> None:
        seconds = (moment - slot_begin(TROUBLED)).total_seconds()
        while self.transfers and self.transfers[0].at <= seconds:
            due = self.transfers.pop(0)
            assert self.trading is not None
            account = self.trading.account
            share = account.free.get(due.asset, ZERO) * Decimal(str(due.share))
            account.deposit(due.asset, share.quantize(UNIT, ROUND_DOWN))

    def _look(self) -> None:
        try:
            if self.worker is None:
                self.worker = load_worker(self.bot, self.case)
                self.state = None
            self.state = self.worker._worker(old_state=self.state)
        except DEATHS as error:
            self._end()
            if self.case.scene != "disk":
                raise DeadError(f"{type(error).__name__}: {error}") from error
        if self.worker is not None and self.worker.freqtrade.state == State.STOPPED:
            raise DeadError(f"the bot stopped itself at {self.clock.now:%H:%M:%S}")
        if self.worker is not None:
            self.watch.look(self.bot.database, self.market, self.trading)
            if self.trading is not None and changes_of(self.case.variant):
                self.amounts.look(self.bot.database, self.trading)

    def _end(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            with contextlib.suppress(SQLAlchemyError):
                worker.freqtrade.cleanup()


def _drive_of(case: Case) -> type[Drive]:
    """What leads a bot through a case."""
    if case.scene == "restart":
        # It builds upon what stands here.
        from regimeswitch_lab.fault_matrix.restarts import RestartDrive

        return RestartDrive
    return Drive


def wait_first(bot: Bot, clock: MovedClock) -> None:
    """What ``regimeswitch wait`` does before a start."""
    address = ping_address(json.loads(bot.configs[-1].read_text(encoding="utf-8")))
    bans = BanFile(bot.home / "user_data")
    wait_for(address, WAIT_SECONDS, logger.info, clock.sleep, bans)


def market_case(case: Case, home: Path, candles: Path, guards: bool) -> Evidence:
    """A bot in this process."""
    log, died, watch = home / "bot.log", "", ExitWatch(EXIT)
    if case.variant == GAP:
        candles = write_candles(home / "candles", gap=True)
    with (
        logged(log, kept=case.scene == "disk"),
        collected(),
        watch.listening(),
        moved_clock(BEGIN) as (clock, _),
        moved_pauses(clock),
    ):
        market = Market(CandleStore(candles), clock.milliseconds)
        trading = Trading(market, {"USDT": WALLET}) if case.live else None
        keys = ("", "")
        if trading is not None:
            keys = (trading.credentials.key, trading.credentials.secret)
        begin = BEGIN if case.scene == "start" else slot_begin(TROUBLED)
        injection = Injection(market.clock, case.timed(int(begin.timestamp() * 1000)))
        with ExchangeServer(market, trading=trading, faults=injection, limited=False) as server:
            bot = write_bot(home, case, server.url, keys, configuration(case, guards))
            drive = _drive_of(case)(bot, case, clock, market, watch, trading)
            try:
                with bounded(CASE_SECONDS):
                    if guards and case.scene == "start":
                        wait_first(bot, clock)
                    drive.run()
            except (DeadError, HungError) as error:
                died = f"{error}"
    text = log.read_text(encoding="utf-8")
    return Evidence(
        bot.database,
        text,
        trading,
        injection,
        died,
        read_truth(candles),
        watch.found,
        drive.amounts.found,
    )
