"""A bot that is stopped, and started again beside an account or a database that is another."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from freqtrade.persistence import Trade

from regimeswitch_lab.fault_matrix.cases_changes import OLDER
from regimeswitch_lab.fault_matrix.run import Drive
from regimeswitch_lab.fault_matrix.scene import TROUBLED, slot_begin


GHOST = "entry cancelled"


class RestartDrive(Drive):
    """Stops the bot at the end of its case's trouble and starts it again in the next loop.

    At the beginning of the trouble a copy of the database is kept; what happens between the two is
    the case's ``what``.
    """

    copied = stopped = False

    def _look(self) -> None:
        seconds = (self.clock.now - slot_begin(TROUBLED)).total_seconds()
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
