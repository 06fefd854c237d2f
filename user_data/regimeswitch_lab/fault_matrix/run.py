"""Runs a case of any scene: a real bot, led past a fault by a moved clock, and judged."""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

from freqtrade.enums import State
from freqtrade.persistence import Trade
from freqtrade.worker import Worker
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch_lab.exchange.account.decimals import UNIT, ZERO
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.fault_matrix import scene, surroundings
from regimeswitch_lab.fault_matrix.amounts import AmountWatch
from regimeswitch_lab.fault_matrix.cases import EXIT, Case
from regimeswitch_lab.fault_matrix.cases_changes import OLDER, changes_of
from regimeswitch_lab.fault_matrix.cases_exits import GAP
from regimeswitch_lab.fault_matrix.disk import full_disk
from regimeswitch_lab.fault_matrix.exit_watch import WatchedExits
from regimeswitch_lab.fault_matrix.judge import judge, judge_killed
from regimeswitch_lab.fault_matrix.kills import killed_case
from regimeswitch_lab.fault_matrix.model_cases import model_case
from regimeswitch_lab.fault_matrix.traces import Evidence, read_truth
from regimeswitch_lab.fault_matrix.verdict import CaseVerdict
from regimeswitch_lab.replay.clock import MovedClock, moved_clock


GHOST = "entry cancelled"


class CaseDrive:
    """Leads a bot from moment to moment, and starts it again where its owner would.

    :param case: with a full disk a bot may die, as any program; it is then started again
    :param watch: looks after each loop
    :param trading: the account, whose coins may leave; None on paper
    """

    def __init__(
        self,
        bot: scene.Bot,
        case: Case,
        clock: MovedClock,
        market: Market,
        watch: WatchedExits,
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
            for moment in scene.moments():
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
        seconds = (moment - scene.slot_begin(scene.TROUBLED)).total_seconds()
        full = self.case.scene == "disk" and self.case.begins <= seconds < self.case.ends
        return full_disk() if full else contextlib.nullcontext()

    def _set_clock(self, moment: datetime) -> None:
        begin, end, ahead = self.case.clock
        wrong = begin <= (moment - scene.slot_begin(scene.TROUBLED)).total_seconds() < end
        self.clock.set_by(ahead if wrong else 0)

    def _restart(self, moment: datetime) -> None:
        """End the bot, and start it again as ``docker-compose.yml`` does: by waiting first."""
        due = (
            self.restart
            and (moment - scene.slot_begin(scene.TROUBLED)).total_seconds() >= self.restart
        )
        if due:
            self.restart = 0
            self._end()
            surroundings.wait_first(self.bot, self.clock)

    def _transfer(self, moment: datetime) -> None:
        seconds = (moment - scene.slot_begin(scene.TROUBLED)).total_seconds()
        while self.transfers and self.transfers[0].at <= seconds:
            due = self.transfers.pop(0)
            assert self.trading is not None
            account = self.trading.account
            share = account.free.get(due.asset, ZERO) * Decimal(str(due.share))
            account.deposit(due.asset, share.quantize(UNIT, ROUND_DOWN))

    def _look(self) -> None:
        try:
            if self.worker is None:
                self.worker = surroundings.load_worker(self.bot, self.case)
                self.state = None
            self.state = self.worker._worker(old_state=self.state)
        except surroundings.DEATHS as error:
            self._end()
            if self.case.scene != "disk":
                raise surroundings.DeadError(f"{type(error).__name__}: {error}") from error
        if self.worker is not None and self.worker.freqtrade.state == State.STOPPED:
            raise surroundings.DeadError(f"the bot stopped itself at {self.clock.now:%H:%M:%S}")
        if self.worker is not None:
            self.watch.look(self.bot.database, self.market, self.trading)
            if self.trading is not None and changes_of(self.case.variant):
                self.amounts.look(self.bot.database, self.trading)

    def _end(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            with contextlib.suppress(SQLAlchemyError):
                worker.freqtrade.cleanup()


def market_case(case: Case, home: Path, candles: Path, guards: bool) -> Evidence:
    """A bot in this process."""
    log, died, watch = home / "bot.log", "", WatchedExits(EXIT)
    if case.variant == GAP:
        candles = scene.write_candles(home / "candles", gap=True)
    with (
        surroundings.logged(log, kept=case.scene == "disk"),
        surroundings.collected(),
        watch.listening(),
        moved_clock(scene.BEGIN) as (clock, _),
        surroundings.moved_pauses(clock),
    ):
        market = Market(CandleStore(candles), clock.milliseconds)
        trading = Trading(market, {"USDT": scene.WALLET}) if case.live else None
        keys = ("", "")
        if trading is not None:
            keys = (trading.credentials.key, trading.credentials.secret)
        begin = scene.BEGIN if case.scene == "start" else scene.slot_begin(scene.TROUBLED)
        injection = Injection(market.clock, case.timed(int(begin.timestamp() * 1000)))
        with ExchangeServer(market, trading=trading, faults=injection, limited=False) as server:
            bot = scene.write_bot(home, case, server.url, keys, scene.configuration(case, guards))
            kind = RestartDrive if case.scene == "restart" else CaseDrive
            drive = kind(bot, case, clock, market, watch, trading)
            try:
                with surroundings.bounded(surroundings.CASE_SECONDS):
                    if guards and case.scene == "start":
                        surroundings.wait_first(bot, clock)
                    drive.run()
            except (surroundings.DeadError, surroundings.HungError) as error:
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


class RestartDrive(CaseDrive):
    """Stops the bot at the end of its case's trouble and starts it again in the next loop.

    At the beginning of the trouble a copy of the database is kept; what happens between the two is
    the case's ``what``.
    """

    copied = stopped = False

    def _look(self) -> None:
        seconds = (self.clock.now - scene.slot_begin(scene.TROUBLED)).total_seconds()
        if not self.copied and seconds >= self.case.begins:
            self.copied = True
            self._copy(self.bot.database, self._older)
        if not self.stopped and seconds >= self.case.ends:
            self.stopped = True
            self._end()
            self._while_down()
        super()._look()

    @property
    def _older(self) -> Path:
        return self.bot.home / "older.sqlite"

    def _copy(self, source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)

    def _while_down(self) -> None:
        assert self.trading is not None
        if self.case.what == OLDER:
            Trade.session.remove()
            for path in self.bot.home.glob(f"{self.bot.database.name}*"):
                path.unlink()
            self._copy(self._older, self.bot.database)
        for order in self.trading.settling.open() if self.case.what == GHOST else []:
            self.trading.cancel(order)


def _unseen(done: int) -> None:
    """Progress that nobody watches."""


def run_case(
    case: Case,
    home: Path,
    candles: Path,
    guards: bool,
    progress: Callable[[int], None] = _unseen,
) -> CaseVerdict:
    """Run a case and judge what it left behind.

    :param home: a folder of the case's own, which is not there yet
    :param candles: of :func:`regimeswitch_lab.fault_matrix.scene.write_candles`
    :param progress: called with the number of kills done, in a case that has some
    """
    began = time.monotonic()
    home.mkdir(parents=True)
    if case.scene == "kill":
        verdict = judge_killed(case, killed_case(case, home, guards, progress))
    elif case.scene == "model":
        verdict = model_case(case, home, guards)
    else:
        verdict = judge(case, market_case(case, home, candles, guards))
    verdict.seconds = time.monotonic() - began
    return verdict
