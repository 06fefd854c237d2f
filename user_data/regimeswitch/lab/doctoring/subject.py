"""What is examined: a configuration, its folders, and the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regimeswitch.lab.botconfig import BotConfig, section
from regimeswitch.lab.candlefolder import CandleFolder
from regimeswitch.settings import Settings


@dataclass(frozen=True)
class Subject:
    """All that checks look at.

    :ivar settings: the section ``regimeswitch``, or the defaults when it cannot be read
    :ivar userdir: the bot's user_data folder; need not exist
    :ivar datadir: folder of candles; need not exist
    :ivar pairs: traded pairs
    :ivar datadir_given: the folder was named on the command line
    :ivar environment: environment variables
    :ivar cores: of this machine
    :ivar in_container: the program runs in one
    """

    config: BotConfig
    settings: Settings
    userdir: Path
    datadir: Path
    pairs: list[str]
    datadir_given: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    in_container: bool = False

    def part(self, name: str) -> dict[str, Any]:
        """A section of the configuration, defaults included."""
        return section(self.config.merged, name)

    @property
    def features(self) -> dict[str, Any]:
        """``freqai.feature_parameters``."""
        return section(self.part("freqai"), "feature_parameters")

    @property
    def candle_folder(self) -> CandleFolder:
        """The data folder, in the configuration's format."""
        return self.config.candles(self.datadir)

    @property
    def timeframe(self) -> str:
        """The base timeframe."""
        return self.config.timeframe

    def number(self, part: str, key: str, default: float) -> float:
        """A number of a section; the default where there is none."""
        value = self.part(part).get(key, default)
        usable = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if usable else default
