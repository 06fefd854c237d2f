"""The regime inside a bot: FreqAI's longer history makes more known, and nothing different."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from hypothesis import given
from hypothesis import strategies as st

from frames import candle_frame
from regimeswitch.bot.freqai.regime_candles import joined_candles, pair_regimes
from regimeswitch.market.candles import OHLCV, resample, utc_dates
from regimeswitch.settings import load_settings


PAIR = "BTC/USDT"


class Provider:
    """A data provider that has fetched nothing itself."""

    runmode = RunMode.DRY_RUN
    available_pairs: tuple[Any, ...] = ()


@pytest.mark.parametrize("timeframe", ["5m", "15m"])
def test_the_age_of_a_regime_reaches_beyond_the_fetched_candles(timeframe: str) -> None:
    rule = {"timeframe": timeframe, "average_period": 20, "atr_period": 20, "grace_candles": 2}
    settings = load_settings({"regime": rule})
    candles = candle_frame(1500, seed=4)
    history = {PAIR: {"5m": candles, timeframe: resample(candles, timeframe)}}
    if timeframe == "5m":
        history[PAIR]["5m"] = candles
    whole = pair_regimes(candles, PAIR, Provider(), "5m", settings, history)
    assert whole["regime_age"].notna().any()
    beyond = 0
    for last in range(400, 1500, 7):
        frame = candles.iloc[last - 8 : last].set_axis(range(100, 108))
        known = {
            PAIR: {
                name: one[one["date"] <= frame["date"].iloc[-1]]
                for name, one in history[PAIR].items()
            }
        }
        alone = pair_regimes(frame, PAIR, Provider(), "5m", settings, known)
        expected = whole.iloc[last - 8 : last].set_axis(frame.index)
        if not expected["regime_age"].isna().any():
            beyond += int(expected["regime_age"].iloc[0] > 8)
            pd.testing.assert_frame_equal(alone.tail(1), expected.tail(1))
    assert beyond > 20


ROWS = st.lists(st.integers(0, 40), min_size=1, max_size=40)


@given(old=ROWS, new=ROWS, ordered=st.booleans())
def test_joined_candles_are_all_of_both_in_order_and_the_newer_ones_win(
    old: list[int], new: list[int], ordered: bool
) -> None:
    candles = candle_frame(41, seed=2)
    if ordered:
        old, new = sorted({*old}), sorted({*new})
    parts = [candles.iloc[old], candles.iloc[new].assign(volume=-1.0)]
    found = joined_candles(list(parts))
    rows = {
        row: part.iloc[place]
        for part, places in zip(parts, (old, new), strict=True)
        for place, row in enumerate(places)
    }
    assert len(found) == len(rows)
    wanted = pd.DataFrame([rows[row] for row in sorted(rows)])[OHLCV].reset_index(drop=True)
    wanted["date"] = utc_dates(wanted["date"])
    pd.testing.assert_frame_equal(found, wanted)
