"""The last closed candle that a decision looks at: the one that is found for a single look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from regimeswitch.bot.trading.last_candle import LastCandle
from regimeswitch.market.candles import closed_row


BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("timeframe", ["5m", "1h"])
@pytest.mark.parametrize("unit", ["ms", "ns"])
def test_every_moment_has_the_candle_that_had_closed(timeframe: str, unit: str) -> None:
    length = pd.Timedelta(timeframe.replace("m", "min"))
    dates = pd.date_range(BEGIN, periods=9, freq=length, unit=unit).delete(4)
    frame = pd.DataFrame({"date": dates, "close": range(8)}, index=range(20, 28))
    steps = [length * count / 4 for count in range(-2, 42)]
    near = timedelta(microseconds=1)
    for moment in (BEGIN + step + shift for step in steps for shift in (-near, 0 * near, near)):
        last = LastCandle(frame, moment, timeframe)
        assert last.row == closed_row(frame, moment, timeframe)
        assert LastCandle(frame, BEGIN, timeframe).row_at(moment) == last.row
        if last.row >= 0:
            assert last.get("close") == last.row
    with pytest.raises(KeyError):
        LastCandle(frame, moment, timeframe).get("open")


def test_without_candles_none_has_closed() -> None:
    assert LastCandle(pd.DataFrame(), BEGIN, "5m").row == -1
