"""What the bot of a benchmark has to do, and what it has found: two JSON files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class LivePlan:
    """What a bot has to do.

    :param arguments: of the freqtrade command
    :param clock: file of the present, which the exchange reads
    :param start: close of the first candle, epoch seconds
    :param candles: to analyse after the first one
    :param trains: one round of trainings, of every pair, after the first candle
    :param out: file of what it has found
    """

    arguments: list[str]
    clock: str
    start: int
    candles: int
    trains: bool
    out: str

    def write(self, path: Path) -> Path:
        """Write it for the process to read."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """As written by :meth:`write`."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class LiveFindings:
    """What a bot has found.

    :ivar analysed: CPU seconds of the strategy's analysis of all pairs, by candle
    :ivar looped: CPU seconds of the whole loop of the bot, by candle
    :ivar round_seconds: CPU seconds of the round of trainings; 0 where none was asked for
    :ivar predicted: pairs with a prediction on the last candle
    """

    analysed: list[float]
    looped: list[float]
    round_seconds: float
    predicted: int

    def write(self, path: Path) -> None:
        """Write it for the driver to read."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """As written by :meth:`write`."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
