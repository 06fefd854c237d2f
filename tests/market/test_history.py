"""The regime inside a bot: FreqAI's longer history makes more known, and nothing different."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode

from frames import candle_frame
from regimeswitch.bot.freqai.regime_candles import pair_regimes
from regimeswitch.market.candles import resample
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
