"""The lines of a chart lie where the rule turns."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from frames import candle_frame
from regimeswitch.market.candles import resample
from regimeswitch.market.hysteresis import BEAR, BULL
from regimeswitch.market.regimes import average_distance, change_rule, trend_rule
from regimeswitch.market.rule_lines import (
    AVERAGE_LINE,
    BAND_LINES,
    DISTANCE_LINES,
    distance_lines,
    price_lines,
    rule_line_columns,
    rule_prices,
)
from regimeswitch.settings import RegimeSettings


def hours(days: int = 40, seed: int = 3) -> pd.DataFrame:
    return resample(candle_frame(288 * days, seed), "1h", "5m")


@pytest.mark.parametrize("unit", ["atr", "percent"])
@pytest.mark.parametrize("average", ["sma", "ema"])
def test_a_close_above_a_line_is_a_distance_above_its_threshold(unit: str, average: str) -> None:
    short = 50 if average == "ema" else 200
    settings = RegimeSettings(unit=unit, average=average, average_period=short, atr_period=100)
    candles = hours()
    lines, distance = rule_prices(candles, settings), average_distance(candles, settings)
    known = ~np.isnan(distance)
    assert known.sum() > 300
    close = candles["close"].to_numpy()
    for name, threshold in zip(BAND_LINES, distance_lines(settings).values(), strict=True):
        assert (close > lines[name])[known].equals(pd.Series(distance > threshold)[known]), name
    assert ((close > lines[AVERAGE_LINE])[known] == (distance > 0)[known]).all()
    codes = trend_rule(candles, settings)
    assert ((close < lines[BAND_LINES[1]]) & (codes == BULL))[known].sum() == 0
    assert ((close > lines[BAND_LINES[2]]) & (codes == BEAR))[known].sum() == 0


def test_the_rule_change_has_bands_and_no_average() -> None:
    settings = RegimeSettings(rule="change", change_days=5)
    candles = hours()
    lines, codes = rule_prices(candles, settings), change_rule(candles, settings)
    assert tuple(lines) == BAND_LINES == price_lines(settings)
    close, known = candles["close"], lines[BAND_LINES[0]].notna()
    assert (codes[known & (close > lines[BAND_LINES[0]])] == BULL).all()
    assert (codes[known & (close < lines[BAND_LINES[3]])] == BEAR).all()
    assert distance_lines(settings) == {}


@pytest.mark.parametrize(
    ("rule", "prices", "distances"),
    [
        ("trend", (AVERAGE_LINE, *BAND_LINES), DISTANCE_LINES),
        ("vote", (AVERAGE_LINE, *BAND_LINES), DISTANCE_LINES),
        ("volatility", (AVERAGE_LINE,), ()),
        ("change", BAND_LINES, ()),
    ],
)
def test_each_rule_has_its_lines_and_no_constant_ones_beside_them(
    rule: str, prices: tuple[str, ...], distances: tuple[str, ...]
) -> None:
    settings = RegimeSettings.model_validate_json(json.dumps({"rule": rule, "change_days": 5}))
    base = candle_frame(288 * 40, 3)
    columns = rule_line_columns(base, hours(), settings, "5m")
    assert tuple(columns) == (*prices, *distances)
    assert columns.index.equals(base.index)
    for name in prices:
        assert columns[name].notna().any(), name


def test_lines_use_candles_that_have_closed_and_do_not_depend_on_where_a_frame_begins() -> None:
    settings = RegimeSettings(average_period=50, atr_period=50)
    base, rule = candle_frame(288 * 12, 4), hours(12, 4)
    whole = rule_line_columns(base, rule, settings, "5m")
    # 10:55 is the first candle to see the hour that began at 10:00.
    changes = whole[AVERAGE_LINE].diff().fillna(0) != 0
    assert set(base["date"][changes & whole[AVERAGE_LINE].shift().notna()].dt.minute) == {55}
    cut = 288 * 10
    closed = rule[
        rule["date"] + pd.Timedelta("1h") <= base["date"].iloc[cut - 1] + pd.Timedelta("5min")
    ]
    part = rule_line_columns(base.head(cut), closed, settings, "5m")
    pd.testing.assert_frame_equal(part, whole.head(cut))
    late = rule_line_columns(base.tail(288 * 4), rule.tail(24 * 9), settings, "5m")
    pd.testing.assert_frame_equal(late.tail(288), whole.tail(288))
