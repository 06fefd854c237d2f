"""One exit mark at the end of a regime closes what a mark on every candle would have closed."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from project import in_signal_mode
from regimeswitch.bot.trading.position_exits import Positions
from regimeswitch.bot.trading.regime_ends import closing_regimes, end_tag, mark_ends, regime_ends
from regimeswitch.settings import REGIME_NAMES, Settings, load_settings


STEP = pd.Timedelta("5min")
NAMES = st.sampled_from([*REGIME_NAMES, None])
MODES = st.sampled_from(
    [
        load_settings({"entries": {"regimes": ["bull"]}}),
        load_settings({"entries": {"regimes": ["bull", "sideways"]}}),
        load_settings(in_signal_mode()),
        load_settings(in_signal_mode({"entries": {"regimes": [], "exit_regimes": ["bull"]}})),
    ]
)


def frame_of(names: list[str | None]) -> pd.DataFrame:
    """Analysed candles; a known regime stays known, as the grace period makes it."""
    regime = pd.Series(pd.array(names, dtype="str")).ffill()
    dates = pd.date_range("2025-01-01", periods=len(names), freq=STEP, tz="UTC")
    return pd.DataFrame({"date": dates, "regime": regime})


class Judge:
    """Position of one trade as freqtrade asks for it, on candles up to a moment."""

    def __init__(self, frame: pd.DataFrame, settings: Settings, opened: int, regime: Any) -> None:
        self.frame, self.rows = frame, 0
        dp = SimpleNamespace(get_analyzed_dataframe=lambda pair, tf: (frame.head(self.rows), None))
        self.positions = Positions(SimpleNamespace(dp=dp, timeframe="5m"), settings)
        kept = {"regime": regime if isinstance(regime, str) else "", "atr": 1.0}
        self.trade = SimpleNamespace(
            pair="BTC/USDT",
            is_short=False,
            open_date_utc=self.moment(opened),
            get_custom_data=lambda key: kept,
        )

    def moment(self, row: int) -> datetime:
        """One second after a candle closed."""
        at = self.frame["date"].iloc[row] + STEP + pd.Timedelta("1s")
        return at.to_pydatetime()

    def overdue(self, row: int) -> str | None:
        self.rows = row + 1
        return self.positions.overdue(self.trade, self.moment(row))

    def marked(self, row: int) -> bool:
        self.rows = row + 1
        leaves = self.frame["exit_long"].iloc[row] == 1
        return leaves and self.positions.may_leave(self.trade, self.moment(row))


def old_exit(frame: pd.DataFrame, settings: Settings, opened: int, seen: list[int]) -> int | None:
    """The candle that closed a position when every candle of an unwanted regime was marked."""
    own = frame["regime"].iloc[opened]
    for row in seen:
        regime = frame["regime"].iloc[row]
        changed = (frame["regime"].iloc[opened + 1 : row + 1].dropna() != own).any()
        if regime in closing_regimes(settings, False) and (regime != own or changed):
            return row
    return None


@effort(deadline=None, max_examples=60)
@given(names=st.lists(NAMES, min_size=2, max_size=40), settings=MODES, data=st.data())
def test_what_is_closed_and_when_is_what_it_was(
    names: list[str | None], settings: Settings, data: st.DataObject
) -> None:
    """Also for positions that were forced in an unwanted regime, and with candles not seen."""
    frame = frame_of(names)
    frame["exit_tag"] = ""
    frame["exit_long"] = 0
    mark_ends(frame, settings, short=False)
    opened = data.draw(st.integers(0, len(frame) - 2))
    missed = data.draw(st.sets(st.integers(opened + 1, len(frame) - 1)))
    seen = [row for row in range(opened + 1, len(frame)) if row not in missed]
    judge = Judge(frame, settings, opened, frame["regime"].iloc[opened])
    now = next((row for row in seen if judge.marked(row) or judge.overdue(row) is not None), None)
    assert now == old_exit(frame, settings, opened, seen)
    if now is not None:
        tag = end_tag(frame["regime"].iloc[now], settings, False)
        assert judge.overdue(now) == tag
        assert frame["exit_tag"].iloc[now] in ("", tag)


@effort(deadline=None, max_examples=60)
@given(names=st.lists(NAMES, min_size=1, max_size=40), settings=MODES)
def test_a_backtest_needs_the_marks_alone(names: list[str | None], settings: Settings) -> None:
    """It sees every candle, and opens nothing in a regime that closes."""
    frame = frame_of(names)
    marks = regime_ends(frame["regime"], settings, short=False).to_numpy()
    closing = frame["regime"].isin(closing_regimes(settings, short=False)).to_numpy()
    wanted = frame["regime"].notna().to_numpy() & ~closing
    for opened in wanted.nonzero()[0]:
        later = closing[opened + 1 :].nonzero()[0]
        marked = marks[opened + 1 :].nonzero()[0]
        assert list(later[:1]) == list(marked[:1])


@effort(deadline=None, max_examples=60)
@given(names=st.lists(NAMES, min_size=2, max_size=40), settings=MODES, short=st.booleans())
def test_a_mark_depends_on_its_candle_and_the_one_before(
    names: list[str | None], settings: Settings, short: bool
) -> None:
    regime = frame_of(names)["regime"]
    whole = regime_ends(regime, settings, short)
    for rows in range(1, len(regime)):
        part = regime_ends(regime.head(rows), settings, short)
        assert part.equals(whole.head(rows))
        assert regime_ends(regime.iloc[rows - 1 :], settings, short).iloc[1:].equals(whole[rows:])


@pytest.mark.parametrize(
    ("section", "long", "short", "tag"),
    [
        ({"entries": {"short": True}}, ("bear", "sideways"), ("bull", "sideways"), "regime_bull"),
        (in_signal_mode({"entries": {"short": True}}), ("bear",), ("bull",), "short_over"),
    ],
)
def test_shorts_end_where_bull_begins(
    section: dict[str, Any], long: tuple[str, ...], short: tuple[str, ...], tag: str
) -> None:
    settings = load_settings(section)
    assert closing_regimes(settings, short=False) == long
    assert closing_regimes(settings, short=True) == short
    frame = frame_of(["bear", "bear", "bull", "bull"]).assign(exit_tag="")
    for is_short in (False, True):
        mark_ends(frame, settings, is_short)
    assert frame["exit_short"].fillna(0).tolist() == [0, 0, 1, 0]
    assert frame["exit_tag"].tolist() == ["", "", tag, ""]
    assert frame["exit_long"].isna().all()
