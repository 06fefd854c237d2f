"""What is examined: a configuration, its folders, and the machine."""

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regimeswitch.bot.bot_settings import is_learning
from regimeswitch.settings import Settings, SettingsError, load_settings
from regimeswitch.settings.bots_settings import TRADING
from regimeswitch_lab.bot_config import BotConfig, section
from regimeswitch_lab.candle_folder import CandleFolder


@dataclass(frozen=True)
class ExaminedBot:
    """All that checks look at.

    :ivar settings: the section ``regimeswitch``, or the defaults when it cannot be read
    :ivar userdir: the bot's user_data folder; need not exist
    :ivar datadir: folder of candles; need not exist
    :ivar pairs: traded pairs
    :ivar datadir_given: the folder was named on the command line
    :ivar environment: environment variables
    :ivar cores: of this machine
    :ivar in_container: the program runs in one
    :ivar ledgers: of trials, where proofs are looked for; need not exist
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
    ledgers: list[Path] = field(default_factory=list)

    def part(self, name: str) -> dict[str, Any]:
        """A section of the configuration, defaults included."""
        return section(self.config.merged, name)

    @property
    def features(self) -> dict[str, Any]:
        """``freqai.feature_parameters``."""
        return section(self.part("freqai"), "feature_parameters")

    @property
    def trains(self) -> bool:
        """Whether the bot trains models, or would if FreqAI were switched on."""
        others_train = self.settings.bots.role == TRADING
        return is_learning(self.config.merged, self.settings) and not others_train

    @property
    def train_days(self) -> float:
        """Length of a training window, days; 0 where nothing is trained."""
        return self.number("freqai", "train_period_days", 0) if self.trains else 0.0

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


def readable_settings(section: Any) -> Settings:
    """Settings without their mistakes, which are findings of their own: these at their defaults."""
    kept = copy.deepcopy(section)
    while kept:
        try:
            return load_settings(kept)
        except SettingsError as error:
            names = [line.partition(": ")[0] for line in str(error).splitlines()]
            taken = [_take_out(kept, name.split(".")[1:]) for name in names]
            if not any(taken):
                break
    return Settings()


def _take_out(section: Any, place: list[str]) -> bool:
    """Remove the last part of a place that is there; whether there was one."""
    found = None
    for name in place:
        if not isinstance(section, dict) or name not in section:
            break
        found, section = (section, name), section[name]
    if found is None:
        return False
    del found[0][found[1]]
    return True
