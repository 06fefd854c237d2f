"""What a replay counts as equal: decisions and trades, each kind of difference on its own."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from regimeswitch_lab.replay.compare import ROUNDING, compare_decisions, same
from regimeswitch_lab.replay.deals import compare_deals
from regimeswitch_lab.replay.plan import ReplayPlan
from regimeswitch_lab.replay.records import Recorder, Records, model_digest, read_records
from regimeswitch_lab.replay.stage import CANDLE_SECONDS, RESTART_PAUSE, Scene, scene_config
from regimeswitch_lab.replay.trades import Deal, PositionChange, read_database


PAIR, STEP = "BTC/USDT", 300_000
NAMES = ["%-a", "%-b", "%-c"]
CANDLE: dict[str, Any] = {
    "close": 100.0,
    "regime": "bull",
    "buy": 0.4,
    "do_predict": 1,
    "enter_long": None,
    "enter_tag": "",
    "exit_tag": "",
}


def records(count: int = 4) -> Records:
    keys = [(PAIR, number * STEP) for number in range(count)]
    return Records(
        candles={key: [dict(CANDLE)] for key in keys},
        features={key: [np.array([1, 2, np.nan], np.float32)] for key in keys},
        names={PAIR: NAMES},
        trainings={(PAIR, 0): "digest"},
    )


def test_equal_records_do_not_differ() -> None:
    found = compare_decisions(records(), records(), 0, 4 * STEP)
    assert (found.candles, found.count, found.unmatched) == (4, 0, [])
    assert (found.trainings, found.features) == (1, 3)
    assert set(found.columns) == set(CANDLE)


@settings(deadline=None)
@given(
    st.integers(0, 3),
    st.sampled_from(
        [
            ("close", 100.0001),
            ("regime", "bear"),
            ("regime", None),
            ("buy", 0.4 * (1 + 3 * ROUNDING)),
            ("do_predict", 0),
            ("enter_long", 1),
            ("enter_tag", "bull"),
            ("exit_tag", "sell_signal"),
        ]
    ),
)
def test_each_changed_column_is_found(row: int, change: tuple[str, Any]) -> None:
    live = records()
    live.candles[PAIR, row * STEP][0][change[0]] = change[1]
    found = compare_decisions(live, records(), 0, 4 * STEP)
    (difference,) = found.different
    assert (difference.at_ms, set(difference.columns)) == (row * STEP, {change[0]})
    assert found.by_column == {change[0]: 1}


def test_the_candle_after_a_restart_is_compared_as_well() -> None:
    live = records()
    live.candles[PAIR, STEP].append(CANDLE | {"buy": 0.5})
    found = compare_decisions(live, records(), 0, 4 * STEP)
    assert (found.again, found.count) == (1, 1)


def test_a_restart_at_a_training_is_a_boundary() -> None:
    """The candle that closes when a model is trained, and is decided on again by that model."""
    close = STEP / 1000 * 2
    live = records()
    live.candles[PAIR, STEP].append(CANDLE | {"buy": 0.5, "trained_at": close})
    found = compare_decisions(live, records(), 0, 4 * STEP)
    assert (found.renewed, found.again, found.count) == (1, 0, 0)
    # At first it was to be answered by the model before, and any other model is a difference.
    live.candles[PAIR, STEP] = [CANDLE | {"buy": 0.5, "trained_at": close}]
    assert compare_decisions(live, records(), 0, 4 * STEP).count == 1
    live.candles[PAIR, STEP] = [CANDLE, CANDLE | {"buy": 0.5, "trained_at": close - 300}]
    assert compare_decisions(live, records(), 0, 4 * STEP).count == 1


def test_calibration_of_forecasts_that_were_lost_with_a_kill_is_a_boundary() -> None:
    known = {"calibration_error": 0.4, "model_limit": 4.0}
    live, backtest = records(), records()
    for key, row in backtest.candles.items():
        row[0].update(known)
        live.candles[key][0].update(dict.fromkeys(known, 0.0))
    found = compare_decisions(live, backtest, 0, 4 * STEP, killed_ms=2 * STEP)
    assert (found.forgotten, found.count) == (2, 2)
    assert compare_decisions(live, backtest, 0, 4 * STEP).count == 4
    # What a limit does is a decision.
    live.candles[PAIR, 3 * STEP][0]["do_predict"] = 0
    found = compare_decisions(live, backtest, 0, 4 * STEP, killed_ms=2 * STEP)
    assert (found.forgotten, found.count) == (1, 3)


def test_features_models_missing_candles_and_missing_columns_are_found() -> None:
    live = records()
    live.features[PAIR, STEP] = [np.array([1, 2.0001, np.nan], np.float32)]
    live.features[PAIR, 0] = [np.array([1, 2, 0], np.float32)]
    del live.candles[PAIR, 2 * STEP]
    del live.candles[PAIR, 3 * STEP][0]["exit_tag"]
    live.trainings = {(PAIR, 0): "other", (PAIR, STEP): "digest"}
    found = compare_decisions(live, records(), 0, 4 * STEP)
    assert found.by_column == {"%-c": 1, "%-b": 1, "exit_tag": 1}
    assert found.unmatched == [(PAIR, 2 * STEP)]
    assert found.models_different == [(PAIR, 0), (PAIR, STEP)]
    assert found.count == 5


def test_other_features_are_one_difference_per_candle() -> None:
    live = records()
    live.names = {PAIR: [*NAMES[:2], "%-d"]}
    assert compare_decisions(live, records(), 0, 4 * STEP).by_column == {"features": 4}


def test_candles_beyond_the_range_do_not_count() -> None:
    live = records()
    del live.candles[PAIR, 3 * STEP], live.candles[PAIR, 0]
    found = compare_decisions(live, records(), STEP, 3 * STEP)
    assert (found.candles, found.unmatched) == (2, [])


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(-1, 1))
def test_numbers_are_the_same_up_to_rounding(number: float, share: float) -> None:
    assert same("close", number, number * (1 + share * ROUNDING / 2))
    if abs(number) > 0.01:
        assert not same("close", number, number * (1 + 3 * ROUNDING))
    assert not same("close", number, None)
    assert same("close", None, None)
    assert same("enter_long", None, 0)
    assert not same("regime_code", None, 0)


def test_records_survive_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    frame = pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=3, freq="5min", tz="UTC").as_unit("ms"),
            "close": [1.0, np.nan, 3.0],
            "regime": pd.array(["bull", None, "bear"], dtype="str"),
            "close_mean": 0.0,
            "%-a": [0.5, np.nan, 1.5],
        }
    )
    whole, last = (Recorder(path, last_row=last_row) for last_row in (False, True))
    whole.analysed(frame, PAIR)
    last.analysed(frame, PAIR)
    last.asked(frame, PAIR, ["%-a"])
    last.trained({"any": "model"}, PAIR, 1_735_689_600)
    whole.close()
    last.close()
    with path.open("a") as stream:
        stream.write('["candle","BTC/US')
    found = read_records([path])
    begin = 1_735_689_600_000
    assert [len(many) for many in found.candles.values()] == [1, 1, 2]
    first = found.candles[PAIR, begin + STEP][0]
    assert first == {"close": None, "regime": None, "%-a": None}
    assert found.features[PAIR, begin + 2 * STEP][0].tolist() == [1.5]
    assert found.names == {PAIR: ["%-a"]}
    assert list(found.trainings) == [(PAIR, begin)]


def test_a_digest_tells_models_apart() -> None:
    X, y = np.array([[0.0], [1], [2], [3]]), [0, 0, 1, 1]
    one, again = (LogisticRegression().fit(X, y) for _ in range(2))
    other = LogisticRegression(C=0.5).fit(X, y)
    assert model_digest(one) == model_digest(again)
    assert model_digest(one) != model_digest(other)


AT = pd.Timestamp("2025-01-01", tz="UTC")
STOP = AT + pd.Timedelta(days=1)
DEAL = Deal(
    pair=PAIR,
    opened=AT + pd.Timedelta(seconds=1),
    open_rate=100.0,
    amount=2.0,
    stake=200.0,
    enter_tag="bull",
    closed=AT + pd.Timedelta(minutes=10, seconds=1),
    close_rate=101.0,
    exit_reason="exit_signal",
    profit=1.6,
)


def dealings(live: list[Deal], backtest: list[Deal]) -> Any:
    return compare_deals(live, backtest, 1000.0, {PAIR: 0.001}, STOP)


def test_equal_deals_do_not_differ() -> None:
    on_time = replace(DEAL, opened=AT, closed=AT + pd.Timedelta(minutes=10))
    found = dealings([DEAL], [on_time])
    assert (found.trades, found.differences, found.open_at_end) == (1, [], [])
    assert found.execution.entries == found.execution.signal_exits == [0.0]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"opened": AT + pd.Timedelta(minutes=5)}, "entry"),
        ({"enter_tag": "bear"}, "tag"),
        ({"stake": 201.0}, "stake as a share of capital"),
        ({"closed": AT + pd.Timedelta(minutes=15)}, "exit"),
        ({"exit_reason": "max_hold"}, "exit"),
        ({"exit_reason": "stop_loss"}, "exit"),
    ],
)
def test_each_decision_of_a_trade_is_compared(change: dict[str, Any], what: str) -> None:
    found = dealings([DEAL], [replace(DEAL, **change)])
    assert {one["what"] for one in found.differences} == {what}


def test_a_stake_may_differ_by_a_lot_and_with_the_capital() -> None:
    before = replace(DEAL, opened=AT - pd.Timedelta(hours=1), closed=AT, profit=100.0)
    richer = replace(DEAL, stake=DEAL.stake * 1.1, opened=AT + pd.Timedelta(hours=1), closed=None)
    poorer = replace(richer, stake=DEAL.stake)
    # One earned 100 on the trade before, the other nothing: the same fifth of unequal capital.
    found = dealings([before, richer], [replace(before, profit=0.0), poorer])
    assert found.differences == []
    found = dealings([replace(DEAL, stake=200.09)], [DEAL])
    assert found.differences == []


def test_price_exits_are_execution_and_missing_trades_are_not() -> None:
    stopped = replace(DEAL, exit_reason="stop_loss", close_rate=99.0)
    found = dealings([replace(stopped, close_rate=98.99)], [stopped])
    assert found.differences == []
    assert found.execution.price_exits == [pytest.approx((98.99 / 99 - 1) * 1e4)]
    assert found.execution.seconds == [1.0]
    later = replace(stopped, closed=AT + pd.Timedelta(minutes=20), exit_reason="roi")
    found = dealings([later], [stopped])
    assert (found.differences, len(found.execution.moved)) == ([], 1)
    assert [one["what"] for one in dealings([], [DEAL]).differences] == ["entry"]
    assert [one["what"] for one in dealings([DEAL], []).differences] == ["entry"]


def test_trades_at_the_end_of_the_range_are_boundaries() -> None:
    still_open = replace(DEAL, closed=None, close_rate=None, exit_reason="")
    forced = replace(DEAL, exit_reason="force_exit")
    found = dealings([still_open], [forced])
    assert (found.differences, len(found.open_at_end)) == ([], 1)
    beyond = replace(DEAL, opened=STOP, closed=None)
    assert dealings([], [beyond]).differences == []


FIVE = pd.Timedelta(minutes=5)
GROWN = PositionChange(AT + FIVE + pd.Timedelta(seconds=1), 100.0, 1.0, 3.0, "rebalance_add")
SHRUNK = PositionChange(AT + 2 * FIVE, 100.0, -0.5, 2.5, "rebalance_reduce")
CHANGED = replace(DEAL, closed=AT + pd.Timedelta(hours=1), changes=(GROWN, SHRUNK))


def test_equal_changes_do_not_differ() -> None:
    found = dealings([CHANGED], [replace(CHANGED, changes=(replace(GROWN, at=AT + FIVE), SHRUNK))])
    assert (found.changes, found.differences) == (2, [])
    assert found.execution.changes == [0.0, 0.0]
    # Of a position that is open at the end, too; what lies beyond it is left out.
    late = replace(SHRUNK, at=STOP)
    one = replace(CHANGED, closed=None, changes=(GROWN, late))
    found = dealings([one], [replace(one, changes=(GROWN,))])
    assert (found.changes, found.differences, len(found.open_at_end)) == (1, [], 1)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ((), "changes"),
        ((GROWN,), "changes"),
        ((replace(GROWN, at=AT + 2 * FIVE), SHRUNK), "changes"),
        ((replace(GROWN, tag="rebalance_reduce"), SHRUNK), "changes"),
        ((replace(GROWN, amount=-1.0), SHRUNK), "changes"),
        (
            (replace(GROWN, held=3.1), SHRUNK),
            f"size after + rebalance_add at {AT + FIVE}",
        ),
    ],
)
def test_each_change_of_a_trade_is_compared(changes: tuple[PositionChange, ...], what: str) -> None:
    found = dealings([CHANGED], [replace(CHANGED, changes=changes)])
    assert {one["what"] for one in found.differences} == {what}


def test_a_size_may_differ_by_lots_and_with_the_capital() -> None:
    cut = (replace(GROWN, held=3.0015), SHRUNK)
    assert dealings([CHANGED], [replace(CHANGED, changes=cut)]).differences == []
    before = replace(DEAL, opened=AT - pd.Timedelta(hours=1), closed=AT, profit=100.0)
    more = tuple(replace(one, held=one.held * 1.1) for one in CHANGED.changes)
    richer = replace(CHANGED, stake=DEAL.stake * 1.1, changes=more)
    assert dealings([before, richer], [replace(before, profit=0.0), CHANGED]).differences == []


def test_orders_of_a_database_are_read_as_those_of_a_backtest(tmp_path: Path) -> None:
    """An order that was cancelled without a fill, or still rests, changed nothing."""
    path = tmp_path / "trades.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "create table trades (id, pair, open_date, open_rate, amount, stake_amount, enter_tag, "
            "close_date, close_rate, exit_reason, close_profit_abs, is_short)"
        )
        database.execute(
            "create table orders (id, ft_trade_id, order_filled_date, average, price, ft_price, "
            "filled, ft_order_side, ft_order_tag, ft_is_open)"
        )
        row = [1, PAIR, "2025-01-01 00:00:01", 105.0, 2.0, 210.0, "bull", None, None, None, None]
        database.execute(f"insert into trades values ({'?, ' * 11}?)", [*row, 0])
        orders = [
            (1, "2025-01-01 00:00:01", 100.0, 2.0, "buy", "bull", 0),
            (2, "2025-01-01 00:05:01", 110.0, 1.0, "buy", "rebalance_add", 0),
            (3, None, 110.0, 0.0, "buy", "rebalance_add", 0),
            (4, "2025-01-01 00:15:01", 120.0, 0.5, "sell", "rebalance_reduce", 0),
            (5, None, 120.0, 0.1, "sell", "rebalance_reduce", 1),
        ]
        for number, at, price, filled, side, tag, is_open in orders:
            values = (number, 1, at, price, None, None, filled, side, tag, is_open)
            database.execute(f"insert into orders values ({'?, ' * 9}?)", values)
    (deal,) = read_database(path)
    assert (deal.open_rate, deal.amount, deal.stake) == (100, 2, 200)
    told = [(one.candle.minute, one.price, one.amount, one.held) for one in deal.changes]
    assert told == [(5, 110, 1, 3), (15, 120, -0.5, 2.5)]


def scene(count: int, restarts: int) -> Scene:
    start = 1_735_689_600
    return Scene(
        configs=[],
        candles=Path("candles"),
        pairs=[PAIR],
        start=start,
        stop=start + count * CANDLE_SECONDS,
        work=Path("work"),
        restarts=restarts,
        retrain_hours=12.0,
        loop_seconds=15,
        sabotage="",
        wallet=1000.0,
        extra={"freqai": {"identifier": "mine"}},
    )


@settings(deadline=None)
@given(st.integers(0, 6), st.integers(14, 400))
def test_stretches_cover_the_range_and_ends_alternate(restarts: int, count: int) -> None:
    whole = scene(count, restarts)
    stretches = whole.stretches()
    assert len(stretches) == restarts + 1
    assert stretches[0][0] == whole.start + 1
    assert stretches[-1][1:] == (whole.stop, 0, "SIGTERM")
    for (start, stop, pause, _), following in pairwise(stretches):
        assert start < stop < whole.stop
        assert pause == RESTART_PAUSE
        assert following[0] == stop + pause + 1
    assert [ending for *_, ending in stretches[:2] if restarts > 1] in (
        [],
        ["SIGKILL", "SIGTERM"],
    )


def test_both_sides_train_at_the_same_moments() -> None:
    freqai = scene(10, 0) and scene_config(scene(10, 0))["freqai"]
    assert freqai["backtest_period_days"] * 24 == 12
    # FreqAI asks for MORE hours than these.
    assert 11.9 < freqai["live_retrain_hours"] < 12
    assert freqai["identifier"] == "mine"
    assert math.isclose(freqai["expiration_hours"], 24)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = ReplayPlan(
        ["trade"], "candles", str(tmp_path / "r.jsonl"), 10, 20, 5, "SIGKILL", 30, "memory"
    )
    assert ReplayPlan.read(plan.write(tmp_path / "plan.json")) == plan


def test_what_a_bot_s_account_says_is_no_difference_and_what_its_candles_say_is_one() -> None:
    wanted, refused = {"no_trade_reason": "", "no_trade_code": 0}, "account: all 2 slots are taken"
    live, backtest = records(), records()
    for one in (live, backtest):
        for kept in one.candles.values():
            kept[0] |= wanted
    live.candles[PAIR, STEP][0] |= {"no_trade_reason": refused, "no_trade_code": 5}
    assert compare_decisions(live, backtest, 0, 4 * STEP).count == 0
    live.candles[PAIR, 2 * STEP][0] |= {"no_trade_reason": "bad candle", "no_trade_code": 1}
    backtest.candles[PAIR, 3 * STEP][0] |= {"no_trade_reason": "regime bear", "no_trade_code": 2}
    found = compare_decisions(live, backtest, 0, 4 * STEP)
    assert found.by_column == {"no_trade_code": 2, "no_trade_reason": 2}


def test_when_a_bot_is_first_killed() -> None:
    assert scene(10, 0).killed_at == math.inf
    stretches = scene(9, 2).stretches()
    kills = [stop for _, stop, _, end in stretches if end == "SIGKILL"]
    assert scene(9, 2).killed_at == kills[0] and len(kills) == 1
