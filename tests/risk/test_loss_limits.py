"""Floors under the equity: arithmetic, restarts, and no day that falls through."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import LocalTrade, Trade
from hypothesis import given, settings
from hypothesis import strategies as st

from project import QUICK, Run
from regimeswitch.bot.trading.marked_equity import DAILY, PEAK, LossLimits, Marks
from regimeswitch.risk.loss_limits import DAY_SECONDS, LimitState, limits_after
from regimeswitch.settings import RiskSettings, Settings
from results import trades_of


DAY = 20_000 * DAY_SECONDS
STEP = 300
RISK = RiskSettings(max_daily_loss=0.05, max_drawdown=0.2, peak_pause_days=2)


def walked(profits: list[float], risk: RiskSettings, step: int = STEP) -> list[LimitState]:
    """One state per look, 1,000 of capital, from the beginning of a day."""
    states: list[LimitState] = []
    for number, profit in enumerate(profits):
        state = states[-1] if states else None
        states.append(limits_after(state, DAY + number * step, profit, 1000.0, profit, risk))
    return states


def test_the_daily_loss_limit_stops_until_the_next_day_and_counts_from_its_beginning() -> None:
    half = DAY_SECONDS // 2
    states = walked([100, 46, 40, 90, 80], RISK, step=half)
    # 1,100 at 00:00: 55 less is 5 %; the next day begins with 1,040.
    assert [state.stopped for state in states] == [False, False, False, False, False]
    states = walked([100, 45, 40, -13], RISK, step=half)
    assert [state.stopped for state in states] == [False, True, False, True]
    assert states[3].day_loss(-13) == pytest.approx(53 / 1040)


def test_a_day_that_was_stopped_stays_so_whatever_is_gained() -> None:
    assert walked([0, -50, 500], RISK)[-1].stopped


def test_after_a_loss_from_the_peak_there_is_a_pause_and_a_new_peak() -> None:
    states = walked([0, 100, -120, -120, -120, -121], RISK, step=DAY_SECONDS)
    began = DAY + 2 * DAY_SECONDS
    assert [state.paused_until - began for state in states[2:4]] == [2 * DAY_SECONDS] * 2
    assert states[1].paused_until == 0
    assert states[4].paused_until == 0
    assert states[4].drawdown(-120) == 0


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(-30, 30), min_size=2, max_size=80),
    st.floats(0.01, 0.3),
    st.integers(1, 10).map(lambda hours: hours * 3600),
)
def test_no_day_falls_further_than_its_limit_and_one_step(
    moves: list[float], limit: float, step: int
) -> None:
    """Positions are closed where a look finds the limit broken, as ``daily_close`` does."""
    risk = RiskSettings(max_daily_loss=limit, max_drawdown=0)
    profit, state, lowest = 0.0, None, {}
    for number, move in enumerate(moves):
        moment = DAY + number * step
        held = state is None or not state.stopped or moment // DAY_SECONDS != state.day
        profit += move if held else 0.0
        state = limits_after(state, moment, profit, 1000.0, profit, risk)
        start = lowest.setdefault(state.day, [state.capital, 0.0])
        start[1] = max(start[1], state.start - profit)
    worst = max(-min(moves), 0.0)
    for capital, loss in lowest.values():
        assert loss <= limit * capital + worst + 1e-9


@given(st.lists(st.floats(-300, 300), min_size=1, max_size=30), st.integers(0, 29))
def test_a_restart_changes_nothing(profits: list[float], place: int) -> None:
    whole = walked(profits, RISK, step=7200)
    kept = LimitState(**asdict(whole[min(place, len(profits) - 1)]))
    assert kept == whole[min(place, len(profits) - 1)]
    state = kept
    for number in range(min(place, len(profits) - 1) + 1, len(profits)):
        moment = DAY + number * 7200
        state = limits_after(state, moment, profits[number], 1000.0, profits[number], RISK)
    assert state == whole[-1]


class Provider:
    """Stands for the data provider of a backtest: candles, all of them."""

    runmode = RunMode.BACKTEST

    def __init__(self, closes: list[float], begin: datetime) -> None:
        dates = pd.date_range(begin, periods=len(closes), freq="5min").as_unit("ms")
        close = np.array(closes)
        self.frame = pd.DataFrame({"date": dates, "open": close, "close": close, "volume": 1.0})
        self.frame[["high", "low"]] = self.frame[["close", "close"]].to_numpy()

    def historic_ohlcv(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self.frame


@pytest.fixture
def one_trade(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An open position of 500 at 100, fee 0.1 %, among freqtrade's backtest trades."""
    monkeypatch.setattr(Trade, "use_db", False)
    LocalTrade.reset_trades()
    trade = SimpleNamespace(
        pair="A/B",
        is_open=True,
        amount=5.0,
        open_rate=100.0,
        nr_of_successful_entries=1,
        realized_profit=0.0,
        open_date_utc=datetime(2025, 1, 1, tzinfo=UTC),
        calc_profit=lambda rate: 5 * (rate - 100) - 5 * (rate + 100) * 0.001,
    )
    LocalTrade.bt_trades_open.append(trade)
    yield trade
    LocalTrade.reset_trades()


def test_equity_is_marked_at_the_last_good_close_with_fees(one_trade: Any) -> None:
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    closes = [100, 100, 100, 92, 0, 91, 91]
    strategy = SimpleNamespace(
        dp=Provider(closes, begin),
        timeframe="5m",
        wallets=SimpleNamespace(get_starting_balance=lambda: 1000.0),
    )
    limits = LossLimits(strategy, Settings(risk=RiskSettings(max_daily_loss=0.044, max_drawdown=0)))
    found = []
    for number in range(1, 8):
        now = begin + number * timedelta(minutes=5)
        limits.look(now)
        found.append(limits.refusal(now))
        assert limits.exit_reason(now) == limits.refusal(now)
    # 92 loses 41 with its fees, the zero is no price, 91 loses 46, 1 of them at once.
    assert found == ["", "", "", "", "", DAILY, DAILY]
    tomorrow = datetime(2025, 1, 2, tzinfo=UTC)
    limits.look(tomorrow)
    assert limits.refusal(tomorrow) == ""


class Live(Provider):
    """Stands for the data provider of a running bot: candles up to a moment, and a book."""

    runmode = RunMode.LIVE

    def __init__(self, closes: list[float], begin: datetime, book: list[float]) -> None:
        super().__init__(closes, begin)
        self.book = book

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self.frame

    def orderbook(self, pair: str, maximum: int) -> dict[str, list[list[float]]]:
        sides = [[[price, 1.0]] for price in self.book]
        return dict(zip(("bids", "asks"), sides, strict=False))


@pytest.mark.parametrize(
    ("volume", "book", "price", "fresh"),
    [
        # Whatever the volume says, the book decides.
        (1.0, [29.9, 30.1], 30.0, True),
        (9.0, [29.9, 30.1], 30.0, True),
        (9.0, [99.9, 100.1], 100.0, True),
        # Unknown: the last good close, and asked again in the next loop.
        (1.0, [], 100.0, False),
        (9.0, [30.1, 29.9], 30.0, False),
    ],
)
def test_limits_of_a_running_bot_see_the_true_price_of_a_crash(
    volume: float, book: list[float], price: float, fresh: bool
) -> None:
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    provider = Live([100.0] * 20 + [30.0], begin, book)
    provider.frame.loc[20, "volume"] = volume
    marks = Marks(provider, "5m", Settings())
    moment = int(begin.timestamp()) + 21 * 300
    assert marks.price("A/B", moment) == (pytest.approx(price), fresh)
    assert marks.price("A/B", moment - 300) == (100.0, True)


@pytest.mark.parametrize(("volume", "price"), [(1.0, 100.0), (9.0, 30.0)])
def test_a_backtest_s_limits_believe_a_crash_by_its_volume(volume: float, price: float) -> None:
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    provider = Provider([100.0] * 20 + [30.0, 30.0], begin)
    provider.frame.loc[20, "volume"] = volume
    marks = Marks(provider, "5m", Settings())
    moment = int(begin.timestamp()) + 21 * 300
    assert marks.price("A/B", moment) == (price, True)
    assert marks.price("A/B", moment + 300) == (30.0, True)


def test_positions_stay_where_only_entries_are_stopped(one_trade: Any) -> None:
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    strategy = SimpleNamespace(
        dp=Provider([100, 70], begin),
        timeframe="5m",
        wallets=SimpleNamespace(get_starting_balance=lambda: 1000.0),
    )
    risk = RiskSettings(max_daily_loss=0.1, daily_close=False, max_drawdown=0.9)
    limits = LossLimits(strategy, Settings(risk=risk))
    assert limits.refusal(begin) == "equity unknown"
    for minutes in (5, 10):
        limits.look(begin + timedelta(minutes=minutes))
    assert limits.refusal(begin + timedelta(minutes=10)) == DAILY
    assert limits.exit_reason(begin + timedelta(minutes=10)) == ""
    deep = LossLimits(strategy, Settings(risk=RiskSettings(max_daily_loss=0, max_drawdown=0.1)))
    for minutes in (5, 10):
        deep.look(begin + timedelta(minutes=minutes))
    assert deep.exit_reason(begin + timedelta(minutes=10)) == PEAK


@pytest.mark.slow
def test_no_day_of_a_backtest_falls_through_its_limit(
    freqtrade: Callable[..., Run], market: Path
) -> None:
    config = deepcopy(QUICK)
    config["regimeswitch"]["entries"]["buy"] = {"bull": 0.2, "sideways": 0.2}
    limits = {"max_daily_loss": 0.002, "max_drawdown": 0}
    config["regimeswitch"]["risk"] = {"stake_fraction": 0.4, **limits}
    run = freqtrade("backtesting", "--timerange", "20241222-20250101", config=config)
    assert run.code == 0, run.log[-3000:]
    trades = pd.DataFrame(trades_of(run.userdir))
    assert (trades["exit_reason"] == "daily_loss_limit").any()
    closed = pd.to_datetime(trades["close_date"], utc=True)
    opened = pd.to_datetime(trades["open_date"], utc=True)
    for day in closed.dt.floor("D").unique():
        # Positions of the night before are counted from another price; they prove nothing here.
        own = (closed.dt.floor("D") == day) & (opened.dt.floor("D") == day)
        stopped = own & (trades["exit_reason"] == "daily_loss_limit")
        lost = -trades.loc[own, "profit_abs"].sum()
        gap = 0.4 * 1000 * 2 * largest_move(market)
        assert lost <= 0.002 * 1050 + gap
        if stopped.any():
            assert lost > 0
            # Nothing is opened any more until the next day.
            assert opened[own].max() < closed[stopped].min() + pd.Timedelta("5min")


def largest_move(market: Path) -> float:
    """Between the opens of two candles in a row, fraction, of any pair."""
    files = list(market.glob("*-5m.feather"))
    moves = [pd.read_feather(path)["open"].pct_change().tail(3000).abs().max() for path in files]
    return float(max(moves))
