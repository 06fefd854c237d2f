"""What the processes of a replay are given: one JSON file each, written by the command."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from regimeswitch_lab.exchange.market.candle_store import DEFAULT_FORMAT
from regimeswitch_lab.exchange.market.visible_market import Market, open_market
from regimeswitch_lab.offline.overlay import overlay


STOPS = ("SIGTERM", "SIGKILL")
SABOTAGES = ("memory", "late-window")


@dataclass(frozen=True)
class ReplayPlan:
    """One process: the bot for a stretch of time, or the backtest.

    :param arguments: of the freqtrade command, without the exchange's overlay
    :param candles: folder that the embedded exchange serves
    :param data_format: format of these candles, freqtrade's name
    :param records: file that the decisions are written to
    :param start: first moment of the clock, epoch seconds; for the backtest without meaning
    :param stop: closing time of the last candle that is analysed, epoch seconds
    :param pause: seconds after ``stop`` at which the process is ended
    :param signal: how it is ended
    :param loop_seconds: time between two looks at open positions inside a candle
    :param sabotage: a fault that the comparison must find; empty for none
    """

    arguments: list[str]
    candles: str
    records: str
    start: int
    stop: int
    pause: int = 0
    signal: str = "SIGTERM"
    loop_seconds: int = 15
    sabotage: str = ""
    data_format: str = DEFAULT_FORMAT

    def write(self, path: Path) -> Path:
        """Write it for the process to read."""
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """As written by :meth:`write`."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def exchange_overlay(self, url: str) -> Path:
        """A configuration file beside the records that points freqtrade to the exchange."""
        path = Path(self.records).with_suffix(".exchange.json")
        path.write_text(json.dumps(overlay(url), indent=2), encoding="utf-8")
        return path

    def market(self) -> Market:
        """What the embedded exchange serves."""
        return open_market(Path(self.candles), data_format=self.data_format)

    @property
    def final(self) -> bool:
        """Whether no other process takes over afterwards."""
        return self.pause == 0

    @property
    def began(self) -> datetime:
        """First moment of the clock."""
        return datetime.fromtimestamp(self.start, UTC)
