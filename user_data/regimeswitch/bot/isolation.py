"""Each guard by itself: one that fails ends no loop and no other guard."""

from __future__ import annotations

import logging
from collections.abc import Callable

from regimeswitch.bot.messages.alerts import Alarms


logger = logging.getLogger(__name__)


class Apart:
    """Runs the parts of a loop, each whatever became of the others.

    :param alarms: notifies the first failure of a part, and its end
    """

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._failed: dict[str, str] = {}
        self._questions: set[str] = set()

    @property
    def reason(self) -> str:
        """Why nothing may be bought: a guard that fails guards nothing; empty where none does."""
        failed = (one for one in self._failed.items() if one[0] not in self._questions)
        return next((f"{name} failed ({why})" for name, why in failed), "")

    def run(self, name: str, work: Callable[[], None], question: bool = False) -> None:
        """Run one part; a failure is logged with its traceback once and tried again next loop.

        :param name: of the part, as people read it
        :param question: about one pair, which need not come up again; its failure keeps back
            nothing else
        """
        if question:
            self._questions.add(name)
        try:
            work()
        except Exception as error:
            # Whatever it is, the other guards and freqtrade's exits must go on.
            why = f"{type(error).__name__}: {error}"
            if self._failed.get(name) != why:
                logger.error(f"{name} failed: {why}", exc_info=True)
            self._failed[name] = why
            then = "not bought" if question else "no entries until it works again"
            self._alarms.set(
                f"failed {name}", f"{name} failed ({why}); {then}, tried again in each loop"
            )
            return
        if self._failed.pop(name, None) is not None:
            self._alarms.clear(f"failed {name}", f"{name}: works again")
