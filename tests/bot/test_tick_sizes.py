"""The tick sizes of a backtest, counted by arithmetic: what freqtrade's own function finds."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.btanalysis.historic_precision import get_tick_size_over_time

from regimeswitch.bot.patches import is_installed
from regimeswitch.bot.text_storage import keep_text_as_objects
from regimeswitch.bot.trading import tick_sizes
from regimeswitch.bot.trading.tick_sizes import UNKNOWN, count_quickly, decimals


NAMES = ["open", "high", "low", "close"]


@pytest.fixture(autouse=True)
def as_the_strategy_sets_it() -> None:
    keep_text_as_objects()


def candles(prices: np.ndarray, every: str = "6h") -> pd.DataFrame:
    """Candles whose prices are the columns of an array."""
    dates = pd.date_range("2024-01-30", periods=len(prices), freq=every, tz="UTC", unit="ms")
    frame = pd.DataFrame(prices, columns=NAMES, index=np.arange(len(prices)) + 7)
    frame.insert(0, "date", dates)
    return frame.assign(volume=1.0)


def rounded(digits: int, rows: int = 500) -> np.ndarray:
    """Prices above a millionth with so many digits behind the point, 13 in all at most."""
    rng = np.random.default_rng(digits)
    return np.round(10 ** rng.uniform(-6, min(6, 12 - digits), (rows, 4)), digits) + 10.0**-digits


@pytest.mark.parametrize(
    "prices",
    [
        *(rounded(digits) for digits in range(1, 10)),
        np.array([[1.0, 2.0, 3.0, 1.0]] * 9),
        np.array([[1.5, 2.5, 3.25, 1.0], [1.5, 2.5, 3.25, 1.5]] * 9),
        np.array([[99999999.99, 100000000.01, 1e-8, 0.1 + 0.2]] * 9),
        np.array([[1 / 3, 2 / 3, 1 / 7, 0.00001205]] * 9),
        np.array([[1.5, 2.5, 3.25, 4.125]] * 3),
    ],
    ids=lambda prices: f"{prices[0, 0]:.14g}",
)
def test_counted_as_freqtrade_counts(prices: np.ndarray) -> None:
    asked = candles(prices)
    counted = asked.copy()
    expected = get_tick_size_over_time(asked)
    seen: list[int] = []

    def few(some: pd.DataFrame) -> pd.Series:
        seen.append(len(some))
        return get_tick_size_over_time(some)

    found = tick_sizes.tick_sizes(counted, few)
    assert found is not None
    pd.testing.assert_series_equal(found, expected)
    pd.testing.assert_frame_equal(counted, asked)
    assert seen == [asked["date"].dt.month.nunique()]


@pytest.mark.parametrize("price", [np.nan, 0.0, -1.5, np.inf, 1e-9, 12345678901234.5])
def test_what_cannot_be_counted_is_left_to_freqtrade(price: float) -> None:
    prices = np.full((9, 4), 1.25)
    prices[3, 2] = price
    given = candles(prices)
    assert decimals(prices)[3, 2] == UNKNOWN
    assert tick_sizes.tick_sizes(given, get_tick_size_over_time) is None
    pd.testing.assert_frame_equal(given, candles(prices))


def test_a_release_that_counts_otherwise_is_asked_about_all_candles() -> None:
    prices = rounded(4)

    def other(some: pd.DataFrame) -> pd.Series:
        return get_tick_size_over_time(some.assign(close=some["close"] + 0.000001))

    def with_more(some: pd.DataFrame) -> pd.Series:
        result = get_tick_size_over_time(some)
        some["open_count"] = 9
        return result

    def with_another(some: pd.DataFrame) -> pd.Series:
        result = get_tick_size_over_time(some)
        some["volume_count"] = 9
        return result

    for ask in (other, with_more, with_another):
        given = candles(prices)
        assert tick_sizes.tick_sizes(given, ask) is None
        pd.testing.assert_frame_equal(given, candles(prices))


def test_backtests_count_quickly_once_they_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("backtests")
    asked: list[int] = []

    def ask(candles: pd.DataFrame) -> pd.Series:
        asked.append(len(candles))
        return get_tick_size_over_time(candles)

    module.get_tick_size_over_time = ask
    monkeypatch.setattr(tick_sizes, "BACKTESTING", "no.such.backtests")
    count_quickly()
    assert not is_installed(module, "get_tick_size_over_time")
    monkeypatch.setitem(tick_sizes.sys.modules, "no.such.backtests", module)
    count_quickly()
    count_quickly()
    plain, odd = candles(rounded(3)), candles(np.zeros((9, 4)))
    expected = get_tick_size_over_time(plain.copy())
    pd.testing.assert_series_equal(module.get_tick_size_over_time(plain), expected)
    module.get_tick_size_over_time(odd)
    assert asked == [plain["date"].dt.strftime("%Y-%m").nunique(), 9]
