"""Bad candles are searched once, and what is remembered is what a search would find."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame, damaged, frames
from regimeswitch.bot import searched_candles
from regimeswitch.bot.searched_candles import bad_candles_once, cleaned_once
from regimeswitch.market.candles import BAD_KINDS
from regimeswitch.market.cleaning import bad_candles, cleaned
from regimeswitch.settings import SafetySettings


quick = settings(deadline=None, max_examples=20)
SAFETY = SafetySettings()


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Rows of each search that is made; nothing is remembered of other tests."""
    made: list[int] = []

    def counted(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
        made.append(len(candles))
        return bad_candles(candles, timeframe, safety)

    monkeypatch.setattr(searched_candles, "bad_candles", counted)
    searched_candles._SEARCHES.latest.clear()
    yield made
    searched_candles._SEARCHES.latest.clear()


@quick
@given(frames(120), st.integers(1, 120), st.integers(1, 100), st.sampled_from(BAD_KINDS))
def test_what_is_remembered_is_what_a_search_finds(
    candles: pd.DataFrame, rows: int, row: int, kind: str
) -> None:
    changed = damaged(candles, kind, min(row, len(candles) - 1))
    first = candles.iloc[:rows]
    for frame in (candles, first, candles.set_axis(candles.index + 7), changed, candles, first):
        pd.testing.assert_frame_equal(
            bad_candles_once(frame, "5m", SAFETY), bad_candles(frame, "5m", SAFETY)
        )
        pd.testing.assert_frame_equal(
            cleaned_once(frame, "5m", SAFETY), cleaned(frame, "5m", SAFETY)
        )


def test_copies_and_beginnings_are_not_searched_again(searches: list[int]) -> None:
    candles = damaged(candle_frame(100), "missing", 40)
    for frame in (candles, candles.copy(), candles.iloc[:60], candles.assign(other=1.0)):
        cleaned_once(frame, "5m", SAFETY)
    assert searches == [100]


def test_another_candle_or_limit_is_searched(searches: list[int]) -> None:
    candles = candle_frame(100)
    later = candles.assign(date=candles["date"] + pd.Timedelta("5min"))
    strict = SafetySettings(spike_fraction=0.1)
    for frame in (candles, damaged(candles, "negative", 0), later, candles.iloc[1:]):
        bad_candles_once(frame, "5m", SAFETY)
    bad_candles_once(candles, "15m", SAFETY)
    bad_candles_once(candles, "5m", strict)
    assert searches == [100, 100, 100, 99, 100, 100]


def test_a_frame_that_is_written_to_changes_nothing(searches: list[int]) -> None:
    candles = candle_frame(50)
    found = bad_candles_once(candles, "5m", SAFETY)
    found.loc[:, "gap"] = True
    assert not bad_candles_once(candles, "5m", SAFETY).any(axis=None)
    candles.loc[20, "close"] = -1.0
    assert bad_candles_once(candles, "5m", SAFETY)["negative"].sum() == 1
    assert searches == [50, 50]


def test_little_is_remembered(searches: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searched_candles, "MAX_ROWS", 250)
    made = [candle_frame(100, seed) for seed in range(4)]
    for frame in made:
        bad_candles_once(frame, "5m", SAFETY)
    assert len(searched_candles._SEARCHES.latest) == 2
    bad_candles_once(candle_frame(300), "5m", SAFETY)
    assert [len(one.bad) for one in searched_candles._SEARCHES.latest] == [300]


def test_a_frame_without_candles_has_no_bad_ones() -> None:
    empty = candle_frame(5).iloc[:0]
    assert bad_candles_once(empty, "5m", SAFETY).empty
    assert bad_candles_once(empty, "5m", SAFETY).columns.to_list() == list(BAD_KINDS)
