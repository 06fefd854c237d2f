"""What a bot decided against what a backtest decided on the same candles. Pure; reads no file.

Decisions must be equal: candles, regime columns, features, models, probabilities, ``do_predict``,
signals and tags. Numbers that were computed from differently long histories may differ by rounding
alone (:data:`ROUNDING`); what a model sees and says is compared exactly.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regimeswitch.bot.freqai.columns import ERROR_COLUMN, LIMIT_COLUMN
from regimeswitch.bot.trading.entry_reasons import (
    CODE_COLUMN,
    REASON_COLUMN,
    candle_code,
    candle_reason,
)
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch_lab.replay.records import Floats32, Key, Records


ROUNDING = 1e-10
"""Relative difference up to which two numbers of the candles' own scale are the same."""
SIGNALS = ("enter_", "exit_")
TRAINED = "trained_at"
NEEDED = ("regime", "enter_tag", "exit_tag")
"""Columns without which there is nothing to compare."""
PREDICTED = "do_predict"
"""The same of a bot with models: none has it, or both have it."""
AGE = "regime_age"
CALIBRATION = (ERROR_COLUMN, LIMIT_COLUMN)
"""What is known of forecasts that were served before; FreqAI stores them at trainings and when it
ends, so that a bot that was killed has lost the last ones."""
OF_CANDLES: dict[str, Callable[[Any], Any]] = {
    REASON_COLUMN: candle_reason,
    CODE_COLUMN: candle_code,
}
"""What a running bot says of a candle that a backtest of the same candles says, too: account and
guards, which keep a wanted entry out, are known to the bot alone."""


@dataclass(frozen=True)
class Difference:
    """One candle on which the two differ.

    :param columns: what differs, with the live and the backtest value
    """

    pair: str
    at_ms: int
    columns: dict[str, tuple[Any, Any]]


@dataclass
class Decisions:
    """Result of the comparison.

    :param candles: pair-candles that both decided on and that were compared
    :param again: decided on once more after a restart, and compared too
    :param renewed: decided on once more after a restart by a model that was trained when the
        candle closed; a backtest asks that model from the next candle on, so they are not compared
    :param different: those that differ
    :param models: trainings of the bot, and those that differ or have no counterpart
    :param forgotten: on which nothing but the calibration of recent forecasts differs, after a
        kill; not among those that differ
    :param unmatched: pair-candles of the range that the bot has not analysed
    :param columns: compared
    """

    candles: int = 0
    again: int = 0
    renewed: int = 0
    different: list[Difference] = field(default_factory=list)
    trainings: int = 0
    models_different: list[Key] = field(default_factory=list)
    forgotten: int = 0
    unmatched: list[Key] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    features: int = 0

    @property
    def count(self) -> int:
        """Decisions that differ: candles and models."""
        return len(self.different) + len(self.models_different)

    @property
    def by_column(self) -> dict[str, int]:
        """On how many candles each column differs."""
        return dict(Counter(name for one in self.different for name in one.columns).most_common())


def compare_decisions(
    live: Records,
    backtest: Records,
    start_ms: int,
    stop_ms: int,
    killed_ms: float = math.inf,
) -> Decisions:
    """Compare candle by candle.

    :param start_ms: opening time of the first candle of the range, epoch milliseconds
    :param stop_ms: closing time of the last one
    :param killed_ms: when the bot was first ended without a chance to store anything
    """
    result = Decisions()
    for key in sorted(key for key in backtest.candles if start_ms <= key[1] < stop_ms):
        seen = live.candles.get(key)
        if seen is None:
            result.unmatched.append(key)
            continue
        first, *later = seen
        again = [one for one in later if not _renewed(key, one)]
        result.candles += 1
        result.again += len(again)
        result.renewed += len(later) - len(again)
        columns = _columns_that_differ(key, [first, *again], live, backtest, start_ms)
        if key[1] >= killed_ms and columns and columns.keys() <= {*CALIBRATION}:
            result.forgotten += 1
        elif columns:
            result.different.append(Difference(*key, columns))
    _compare_models(result, live, backtest)
    result.columns = _shared_columns(live, backtest)
    result.features = max((len(names) for names in backtest.names.values()), default=0)
    return result


def _shared_columns(live: Records, backtest: Records) -> list[str]:
    def names(records: Records) -> set[str]:
        return set().union(*(one.keys() for many in records.candles.values() for one in many[:1]))

    return sorted(names(live) & names(backtest))


def _renewed(key: Key, decided: dict[str, Any]) -> bool:
    return bool(decided.get(TRAINED) == key[1] / 1000 + timeframe_seconds("5m"))


def _columns_that_differ(
    key: Key,
    decisions: list[dict[str, Any]],
    live: Records,
    backtest: Records,
    start_ms: int,
) -> dict[str, tuple[Any, Any]]:
    expected = backtest.candles[key][-1]
    found: dict[str, tuple[Any, Any]] = {}
    for decided in decisions:
        either, both = decided.keys() | expected.keys(), decided.keys() & expected.keys()
        needed = {*NEEDED, *({PREDICTED} & either)}
        for name in sorted(needed | both):
            ours, theirs = decided.get(name), expected.get(name)
            if name == AGE and _began_before(ours, theirs, key[1] - start_ms):
                continue
            if name not in both or not same(name, ours, theirs):
                found[name] = (ours, theirs)
    wanted = backtest.features.get(key)
    if wanted:
        for row in live.features.get(key, [np.zeros(0, np.float32)]):
            found |= _features_that_differ(row, wanted[-1], key[0], live, backtest)
    return found


def _began_before(one: Any, other: Any, since_ms: int) -> bool:
    """Whether a regime began before the range, and only the longer of two frames reaches to it.

    Without models a backtest loads no more candles before the range than the rule needs.

    :param since_ms: from the beginning of the range to the candle
    """
    known = one if other is None else other
    if (one is None) == (other is None):
        return False
    return bool(known * timeframe_seconds("5m") * 1000 > since_ms)


def _features_that_differ(
    row: Floats32, wanted: Floats32, pair: str, live: Records, backtest: Records
) -> dict[str, tuple[Any, Any]]:
    names, expected = live.names.get(pair, []), backtest.names[pair]
    if names != expected or len(row) != len(wanted):
        return {"features": (len(row), len(wanted))}
    unequal = np.flatnonzero(~((row == wanted) | (np.isnan(row) & np.isnan(wanted))))
    return {names[at]: (float(row[at]), float(wanted[at])) for at in unequal}


def same(name: str, one: Any, other: Any) -> bool:
    """Equal, or both missing, or numbers that differ by rounding alone.

    :param name: of the column; a signal or tag that was never set is missing on one side and 0 or
        empty on the other
    """
    if name.startswith(SIGNALS):
        one, other = one or None, other or None
    if name in OF_CANDLES and one is not None and other is not None:
        one, other = (OF_CANDLES[name](value) for value in (one, other))
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return math.isclose(one, other, rel_tol=ROUNDING, abs_tol=1e-12)


def _compare_models(result: Decisions, live: Records, backtest: Records) -> None:
    result.trainings = len(live.trainings)
    for key, digest in sorted(live.trainings.items()):
        if backtest.trainings.get(key) != digest:
            result.models_different.append(key)
