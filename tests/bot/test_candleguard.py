"""Damaged candles and a running bot: none is taken in, none is traded on, each is told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded import QUIET_CANDLES, World, running_world
from regimeswitch.market.raw_candles import DUPLICATE, FUTURE, MISPLACED, MISSING, sound_ticks
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from regimeswitch_lab.fault_matrix.judge import judge
from regimeswitch_lab.fault_matrix.matrix import all_cases
from regimeswitch_lab.fault_matrix.scene import write_candles
from traders import QUIET, candles_of


NOW = 1_735_689_600_000 + 150_000
STEP = 300_000
GRID = NOW - 150_000
values = st.none() | st.floats() | st.integers(-5, 5) | st.text(max_size=2)
times = st.sampled_from([GRID + STEP * n for n in range(-3, 3)]) | st.integers(-(10**13), 10**13)
numbers = st.floats(0.1, 100)
anything = st.lists(
    st.lists(values | times, max_size=7)
    | st.tuples(times, numbers, numbers, numbers, numbers, numbers),
    max_size=12,
)


@settings(deadline=None, max_examples=300)
@given(anything)
def test_whatever_comes_only_sound_candles_are_kept_and_the_rest_is_named(ticks: list) -> None:
    kept, refused = sound_ticks(ticks, "5m", NOW)
    assert len(kept) + len(refused) == len(ticks)
    opened = [tick[0] for tick in kept]
    assert opened == sorted(set(opened))
    for tick in kept:
        assert tick in ticks
        assert all(math.isfinite(value) for value in tick[:6])
        assert tick[0] % STEP == 0 and tick[0] <= NOW + 30_000
    assert {kind for _, kind in refused} <= {MISSING, DUPLICATE, FUTURE, MISPLACED}
    assert sound_ticks(kept, "5m", NOW) == (kept, [])


def test_each_kind_is_named() -> None:
    good = [GRID - STEP, 1, 1, 1, 1, 1]
    ticks = [
        [GRID - 2 * STEP, 1, 1, 1, math.nan, 1],
        good,
        list(good),
        [GRID + 1000, 1, 1, 1, 1, 1],
        [GRID, 1, 1, 1, 1, 1],
        [GRID + STEP, 1, 1, 1, 1, 1],
    ]
    kept, refused = sound_ticks(ticks, "5m", NOW)
    assert kept == [good, ticks[4]]
    assert [kind for _, kind in refused] == [MISSING, MISPLACED, FUTURE, DUPLICATE]
    # Two that differ: which of them is right?
    kept, refused = sound_ticks([good, [GRID - STEP, 9, 9, 9, 9, 9], ticks[4]], "5m", NOW)
    assert (kept, [kind for _, kind in refused]) == ([ticks[4]], [DUPLICATE, DUPLICATE])
    monday = [GRID - 2 * 86_400_000, 1, 1, 1, 1, 1]
    assert sound_ticks([monday], "1w", NOW) == ([monday], [])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


KLINES = "/api/v3/klines"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("zero", "bad candle: zero"),
        ("negative", "bad candle: negative"),
        ("inverted", "bad candle: inverted"),
        ("spike", "bad candle: spike"),
        ("nan", "missing value"),
        ("null", "missing value"),
        ("duplicated", "duplicate"),
        ("future", "future"),
    ],
)
def test_a_live_bot_buys_on_no_damaged_candle_and_goes_on_afterwards(
    world: World, caplog: pytest.LogCaptureFixture, kind: str, told: str
) -> None:
    caplog.set_level("INFO")
    world.start()
    world.fail(Fault(kind, path=KLINES))
    for _ in range(2):
        world.step()
    assert world.faults.hits[0] > 0
    bought = len(world.filled("BUY"))
    assert told in caplog.text + " ".join(world.messages)
    # What is filtered on arrival harms nobody; what cannot be fixed is waited out.
    assert bought == 0 or kind in ("duplicated", "future")
    world.fail()
    for _ in range(3):
        world.step()
    assert len(world.filled("BUY")) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_true_crash_is_no_bad_candle_of_a_live_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    fallen = (100.0, 100.0, 30.0, 40.0)
    path = [*[QUIET] * (QUIET_CANDLES + 2), fallen, *[(40.0, 40.0, 40.0, 40.0)] * 20]
    crash = candles_of(path)
    crash.loc[QUIET_CANDLES + 2, "volume"] = 600.0
    with running_world(tmp_path, monkeypatch, crash) as world:
        world.start()
        world.step()
        assert len(world.filled("BUY")) == 1
        for _ in range(3):
            world.step()
        sold = world.filled("SELL")
        assert len(sold) == 1
        assert sold[0].quote_executed / sold[0].executed < 45
    assert "bad candle" not in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_without_the_guards_the_same_bot_buys_on_a_damaged_candle(world: World) -> None:
    world.start(regimeswitch={"safety": {"guards": False}})
    world.fail(Fault("inverted", path=KLINES))
    world.step()
    assert len(world.filled("BUY")) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("guards", [True, False])
def test_a_guarded_bot_listens_to_no_stream_and_misses_nothing_when_they_are_lost(
    tmp_path: Path, guards: bool
) -> None:
    # FreqAI warns when it is imported.
    from regimeswitch_lab.fault_matrix.run import market_case

    (case,) = [one for one in all_cases() if one.scene == "websocket"]
    candles = write_candles(tmp_path / "candles")
    (tmp_path / "bot").mkdir()
    evidence = market_case(case, tmp_path / "bot", candles, guards)
    assert (evidence.injection.hits[0] > 0) != guards
    if guards:
        assert judge(case, evidence).why == []
