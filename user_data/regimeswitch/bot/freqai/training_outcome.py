"""Outcome of a backtest's trainings: how many failed, and of what.

FreqAI logs a training that fails and goes on with zeros, so that a backtest without a single model
would end like one without a trade.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from freqtrade.configuration import TimeRange
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from regimeswitch.model.factory import TrainedModel


logger = logging.getLogger(__name__)

Window = tuple[int, int]


class Outcome:
    """Counts the windows of all pairs of one backtest, and the trainings that failed.

    :ivar failures: pair, days and cause of each
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._windows: dict[str, int] = {}
        self.failures: list[str] = []
        self._shared: dict[Window, Exception] = {}

    def begin(self, pair: str, windows: int) -> None:
        """The windows of a pair come next; a pair comes again with the next backtest.

        :param windows: to be served, by stored predictions and models or by trainings
        """
        if pair in self._windows:
            self._forget()
        self._windows[pair] = windows

    def once(self, window: TimeRange, train: Callable[[], TrainedModel]) -> TrainedModel:
        """A training of all pairs; one that has failed would fail for each of them."""
        key = (window.startts, window.stopts)
        if key in self._shared:
            raise self._shared[key]
        try:
            return train()
        except Exception as error:
            self._shared[key] = error
            raise

    def note(self, pair: str, window: TimeRange, error: Exception) -> None:
        """A training failed; one line of the log says why."""
        days = f"{window.startdt:%Y-%m-%d} to {window.stopdt:%Y-%m-%d}"
        cause = f"{type(error).__name__}: {error}"
        logger.warning(
            f"{pair}: training on {days} raised exception {cause}; its window has no forecasts"
        )
        logger.debug(f"{pair}: training on {days}", exc_info=error)
        # Its frames would keep all rows of the training in memory.
        error.__traceback__ = error.__context__ = None
        self.failures.append(f"{pair} on {days}: {cause}")

    def conclude(self) -> None:
        """After the last pair.

        :raises OperationalException: when every training failed; freqtrade ends with exit code 2
        """
        windows, failures = sum(self._windows.values()), self.failures
        self._forget()
        if not failures:
            return
        failed, first = len(failures), failures[0]
        if failed == windows:
            raise OperationalException(
                f"no training succeeded ({failed} of {failed} failed), so that nothing was "
                f"backtested. The first, {first}"
            )
        logger.warning(
            f"{failed} of {windows} trainings failed; nothing was opened in their windows. "
            f"The first, {first}"
        )


def is_last(pair: str, dp: DataProvider, timeframe: str) -> bool:
    """Whether no other pair of a backtest comes after this one.

    Freqtrade goes through the whitelist in its order and leaves out pairs without candles; other
    commands look at a single pair.
    """
    if dp.runmode not in (RunMode.BACKTEST, RunMode.HYPEROPT):
        return True
    pairs = dp.current_whitelist()
    later = pairs[pairs.index(pair) + 1 :] if pair in pairs else []
    return all(dp.get_pair_dataframe(name, timeframe).empty for name in later)
