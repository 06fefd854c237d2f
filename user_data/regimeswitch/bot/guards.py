"""All guards of one running bot, for any strategy: three lines in its hooks.

``install`` from ``bot_start``, ``loop_started`` from ``bot_loop_start``, ``refusal`` from
``confirm_trade_entry``. In backtests nothing is installed.
"""

from __future__ import annotations

import logging
from datetime import datetime

from freqtrade.enums import RunMode
from freqtrade.strategy import IStrategy

from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)


class Guards:
    """What stands between a bot and an exchange that cannot be relied on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._installed = False

    def install(self, strategy: IStrategy) -> None:
        """Wrap the exchange of a dry-run or live bot; nothing with ``safety.guards`` false."""
        running = strategy.dp.runmode in (RunMode.DRY_RUN, RunMode.LIVE)
        self._installed = running and self._settings.safety.guards

    def loop_started(self, strategy: IStrategy, now: datetime) -> None:
        """Look at unknown orders, limits and outages; cheap.

        :param now: UTC
        """

    def refusal(self, pair: str, now: datetime) -> str:
        """Why no entry may be made now; empty where it may.

        :param now: UTC
        """
        return ""
