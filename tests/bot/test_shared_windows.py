"""Rows of all pairs in one window: as if all frames lay side by side, while one is held."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException

from frames import candle_frame
from regimeswitch.bot.freqai.columns import RIVALS
from regimeswitch.bot.freqai.shared_rows import SharedWindow, shared_rows
from regimeswitch.market.cleaning import bad_candles
from regimeswitch.market.labels import (
    CLASS_COLUMN,
    VOLATILITY_TARGET,
    class_labels,
    next_day_volatility,
)
from regimeswitch.model.factory import row_step
from regimeswitch.settings import Settings, load_settings


WINDOW = TimeRange.parse_timerange("20240304-20240309")
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


class Labelling:
    """A strategy as far as a training of rows asks it."""

    timeframe = "5m"

    def __init__(self, settings: Settings, volatility: bool) -> None:
        self._settings, self._volatility = settings, volatility

    def set_freqai_targets(self, frame: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        bad = bad_candles(frame, "5m", self._settings.safety)
        if self._volatility:
            return frame.assign(**{VOLATILITY_TARGET: next_day_volatility(frame, "5m", bad)})
        labels = class_labels(frame, self._settings.labels, "5m", bad)
        return frame.assign(**{CLASS_COLUMN: labels})


def window_of(budget: int, volatility: bool) -> SharedWindow:
    settings = load_settings({"models": {"row_budget": budget}})
    strategy: Any = Labelling(settings, volatility)
    return SharedWindow(WINDOW, len(PAIRS), strategy, settings)


def populated(pair: str, seed: int, start: str = "2024-03-01", correlated: bool = False) -> Any:
    rng = np.random.default_rng(seed)
    frame = candle_frame(2600, seed, start=start)
    names = [f"%-a_{pair}_5m", f"%-b_{pair}_5m", "%-hour"]
    if correlated and pair != "BTC/USDT":
        names += ["%-a_BTC/USDT_5m", "%-b_BTC/USDT_5m"]
    columns = {name: rng.normal(size=len(frame)).astype(np.float32) for name in names}
    columns |= {name: rng.normal(size=len(frame)) for name in RIVALS}
    frame = frame.assign(**columns, _regimeswitch_code=np.int8(1), _regimeswitch_threshold=0.01)
    frame.loc[rng.integers(0, len(frame), 40), names[0]] = np.nan
    frame.loc[rng.integers(0, len(frame), 40), names[1]] = np.inf
    return frame


def side_by_side(frames: dict[str, pd.DataFrame], window: SharedWindow) -> pd.DataFrame:
    """Pair and time of the rows of all frames, thinned when all of them are there."""
    parts = []
    for pair, frame in frames.items():
        cut = frame[frame["date"] < WINDOW.stopdt]
        labelled = window.strategy.set_freqai_targets(cut, metadata={"pair": pair})
        (label,) = (name for name in labelled if name.startswith("&"))
        rivals = list(RIVALS) if label == VOLATILITY_TARGET else []
        wanted = [name for name in labelled if "%" in name] + [label, *rivals]
        known = labelled[wanted].replace([np.inf, -np.inf], np.nan).notna().all(axis=1)
        rows = labelled[known & (labelled["date"] >= WINDOW.startdt)]
        time = rows["date"].astype("int64") // 300_000
        parts.append(pd.DataFrame({"pair": pair, "time": time, "y": rows[label]}))
    rows = pd.concat(parts, ignore_index=True)
    step = row_step(len(rows), window.settings, "5m", label == VOLATILITY_TARGET)
    return rows[rows["time"] % step == 0].reset_index(drop=True)


@pytest.mark.parametrize("volatility", [False, True])
@pytest.mark.parametrize("budget", [1000, 1500, 80_000])
@pytest.mark.parametrize("correlated", [False, True])
def test_rows_are_those_of_all_frames_side_by_side(
    volatility: bool, budget: int, correlated: bool
) -> None:
    window = window_of(budget, volatility)
    frames = {pair: populated(pair, seed, correlated=correlated) for seed, pair in enumerate(PAIRS)}
    given = ((pair, lambda frame=frame: frame) for pair, frame in frames.items())
    rows, names = shared_rows(given, window, np.ones)
    wanted = side_by_side(frames, window)
    assert rows.pair.tolist() == wanted["pair"].tolist()
    assert rows.time.tolist() == wanted["time"].tolist()
    assert rows.y.tolist() == wanted["y"].tolist()
    own = ["%-a_{pair}_5m", "%-b_{pair}_5m", "%-hour"]
    assert names == own + (["%-a_BTC/USDT_5m", "%-b_BTC/USDT_5m"] if correlated else [])
    assert rows.X.shape == (len(wanted), len(names) + (len(RIVALS) if volatility else 0))
    assert np.isfinite(rows.X).all()
    place = int(np.flatnonzero(rows.pair == "ETH/USDT")[0])
    times = frames["ETH/USDT"]["date"].astype("int64") // 300_000
    row = frames["ETH/USDT"].loc[times == rows.time[place]].iloc[0]
    assert rows.X[place, 0] == row["%-a_ETH/USDT_5m"]
    if correlated:  # BTC is its own correlated pair
        first = rows.X[rows.pair == "BTC/USDT"]
        assert (first[:, 0] == first[:, 3]).all()


def test_one_frame_is_held_at_a_time() -> None:
    alive: list[weakref.ref[pd.DataFrame]] = []

    def make(pair: str, seed: int) -> pd.DataFrame:
        gc.collect()
        assert not any(one() is not None for one in alive)
        frame: pd.DataFrame = populated(pair, seed)
        alive.append(weakref.ref(frame))
        return frame

    def given() -> Iterator[tuple[str, Callable[[], pd.DataFrame]]]:
        for seed, pair in enumerate(PAIRS):
            yield pair, lambda pair=pair, seed=seed: make(pair, seed)

    rows, _ = shared_rows(given(), window_of(80_000, False), np.ones)
    assert {*rows.pair} == {*PAIRS}
    assert len(alive) == len(PAIRS)


def test_a_pair_without_candles_yet_has_no_rows_and_alone_is_an_error() -> None:
    late = populated("SOL/USDT", 3, start="2024-05-01")
    early = populated("BTC/USDT", 1)
    window = window_of(80_000, False)
    rows, _ = shared_rows(
        iter([("SOL/USDT", lambda: late), ("BTC/USDT", lambda: early)]), window, np.ones
    )
    assert {*rows.pair} == {"BTC/USDT"}
    with pytest.raises(OperationalException, match="SOL/USDT has no candles then"):
        shared_rows(iter([("SOL/USDT", lambda: late)]), window, np.ones)
    with pytest.raises(OperationalException, match="no candles"):
        shared_rows(iter(()), window, np.ones)


def test_a_pair_that_lacks_a_feature_is_named() -> None:
    frames = {"BTC/USDT": populated("BTC/USDT", 1), "ETH/USDT": populated("ETH/USDT", 2)}
    frames["ETH/USDT"] = frames["ETH/USDT"].drop(columns="%-hour")
    given = ((pair, lambda frame=frame: frame) for pair, frame in frames.items())
    with pytest.raises(KeyError, match="ETH/USDT has no feature %-hour"):
        shared_rows(given, window_of(80_000, False), np.ones)


def test_weights_follow_the_order_of_time() -> None:
    frames = {pair: populated(pair, seed) for seed, pair in enumerate(PAIRS)}
    given = ((pair, lambda frame=frame: frame) for pair, frame in frames.items())
    rows, _ = shared_rows(given, window_of(80_000, False), lambda count: np.arange(count) + 1.0)
    newest = rows.time == rows.time.max()
    assert (rows.weight[newest] == rows.weight.max()).all()
    assert rows.weight.min() == 1.0
