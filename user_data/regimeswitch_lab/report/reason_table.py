"""Candles of each pair, and on how many of them nothing may be held, by reason."""

from dataclasses import dataclass

from regimeswitch_lab.report.candle_history import REASON_COLUMN, Histories
from regimeswitch_lab.report.report_source import Note


MAY_HOLD = "a position may be held"
SIGNAL_MODE = Note(
    "Reasons for no entry are not counted in signal mode: they depend on forecasts, which the "
    "result does not hold.",
    "The log of the backtest has a line of them for each pair.",
)


@dataclass(frozen=True)
class CandleCounts:
    """Candles of one pair.

    :ivar filled: missing in the file, put in without trades; in ``gaps`` places
    :ivar flat: in the file, without a trade
    :ivar impossible: prices or volumes that cannot be true, which the regime rule does not see
    """

    pair: str
    candles: int
    filled: int
    gaps: int
    flat: int
    impossible: int


def candle_counts(histories: Histories) -> list[CandleCounts]:
    """One row for each pair."""
    return [
        CandleCounts(one.pair, len(one.frame), one.filled, one.gaps, one.flat, one.impossible)
        for one in histories.pairs
    ]


def reason_counts(histories: Histories) -> dict[str, dict[str, int]]:
    """Candles by reason and pair, the most frequent reason first; empty in signal mode."""
    columns = {
        one.pair: one.frame[REASON_COLUMN].replace("", MAY_HOLD).value_counts()
        for one in histories.pairs
        if REASON_COLUMN in one.frame
    }
    sums: dict[str, int] = {}
    for counts in columns.values():
        for reason, count in counts.items():
            sums[str(reason)] = sums.get(str(reason), 0) + int(count)
    return {
        reason: {pair: int(counts.get(reason, 0)) for pair, counts in columns.items()}
        for reason in sorted(sums, key=lambda reason: (-sums[reason], reason))
    }
