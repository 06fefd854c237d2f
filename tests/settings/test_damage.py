"""Whatever a config section or a candle frame holds: one clear error or a clean run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from frames import PRICES, candle_frame
from regimeswitch.market.candles import BAD_KINDS, UNUSABLE_KINDS
from regimeswitch.market.cleaning import bad_candles, cleaned
from regimeswitch.market.features import basic_features, period_features
from regimeswitch.market.labels import class_labels, forward_return
from regimeswitch.market.regimes import average_true_range, regime_columns
from regimeswitch.market.volatility_features import volatility_features
from regimeswitch.settings import Settings, SettingsError, load_settings
from sections import real_sections


SMALL = load_settings(
    {
        "regime": {"timeframe": "5m", "average_period": 20, "atr_period": 20, "grace_candles": 3},
        "labels": {"horizon": 3, "window": 20},
    }
)
ROWS = 120
values = st.sampled_from([0.0, -1.0, np.nan, np.inf, -np.inf, 1e-300, 1e300, 1e9, 3.0, 99.0])
damages = st.lists(
    st.tuples(
        st.integers(0, ROWS - 1), st.sampled_from([*PRICES, "volume"]), values, st.integers(1, 9)
    ),
    max_size=6,
)


@settings(max_examples=1000, deadline=None)
@given(real_sections)
def test_a_thousand_config_sections_are_settings_or_one_clear_error(section: Any) -> None:
    try:
        found = load_settings(section)
    except SettingsError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(line.startswith("regimeswitch") for line in lines)
        assert "Traceback" not in str(error)
        return
    # Nothing was accepted in silence: what was given is what is used.
    assert load_settings(found.model_dump(mode="json")) == found
    for name, keys in section.items():
        used = getattr(found, name)
        assert set(keys) <= set(type(used).model_fields)
    assert isinstance(found, Settings)


def every_step(candles: pd.DataFrame) -> dict[str, Any]:
    """What the bot computes from candles before any model is asked."""
    bad = bad_candles(candles, "5m", SMALL.safety)
    good = cleaned(candles, "5m", SMALL.safety)
    features = pd.concat([period_features(good, 12), basic_features(good)], axis=1)
    return {
        "bad": bad,
        "good": good,
        "features": pd.concat([features, volatility_features(good, "5m")], axis=1),
        "labels": class_labels(candles, SMALL.labels, "5m", bad),
        "returns": forward_return(candles, SMALL.labels, "5m", bad),
        "atr": average_true_range(good, 20),
    }


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(0, [(0, "open", np.inf, 1), (0, "high", -np.inf, 1)], [])
@given(st.integers(0, 2**32), damages, st.lists(st.integers(0, ROWS - 2), max_size=3))
def test_a_thousand_damaged_frames_run_cleanly_and_teach_nothing_damaged(
    seed: int, spoiled: list[tuple[int, str, float, int]], lost: list[int]
) -> None:
    candles = candle_frame(ROWS, seed)
    for row, column, value, length in spoiled:
        candles.loc[row : row + length - 1, column] = value
    candles = candles.drop(index=sorted(set(lost))).reset_index(drop=True)
    before = candles.copy()
    with np.errstate(over="raise"):
        found = every_step(candles)
        if seed % 5 == 0:  # by far the slowest step
            regime_columns(found["good"], SMALL.regime, None, "5m")
    pd.testing.assert_frame_equal(candles, before)
    assert list(found["bad"].columns) == list(BAD_KINDS)
    unusable = found["bad"][list(UNUSABLE_KINDS)].any(axis=1)
    # What is left to compute with is possible.
    prices = found["good"][PRICES].to_numpy()[~np.isnan(found["good"]["close"].to_numpy())]
    assert np.isfinite(prices).all()
    assert (prices > 0).all()
    # Rows that are damaged are no examples, and damaged prices are nobody's outcome.
    assert found["labels"][unusable].isna().all()
    assert found["returns"][unusable].isna().all()
    assert np.isfinite(found["returns"].dropna()).all()
    wild = [column for column in found["features"] if np.isinf(found["features"][column]).any()]
    assert wild == []
