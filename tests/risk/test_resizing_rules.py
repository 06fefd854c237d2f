"""When a position is changed and when it is left alone: one condition each, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.persistence import LocalTrade, Order, Trade

from regimeswitch.bot.trading.marked_equity import _worth_by
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.bot.trading.position_exits import Positions
from regimeswitch.bot.trading.resizing import ADDED, REDUCED, Change, Resizing
from regimeswitch.bot.trading.stakes import Stakes
from regimeswitch.settings import load_settings


PAIR = "BTC/USDT"
NOW = datetime(2025, 1, 5, 12, 0, 1, tzinfo=UTC)
OPENED = NOW - timedelta(days=2)
PRICE, CAPITAL, LEAST = 100.0, 1000.0, 7.5
CANDLE = {"close": PRICE, "enter_long": 1, "enter_short": 0, "target_weight": 0.8}


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the trades keep of the candle that opened them; nothing unless it is put here."""
    found: dict[str, Any] = {}

    def read(self: LocalTrade, key: str) -> dict[str, Any] | None:
        return found or None

    monkeypatch.setattr(LocalTrade, "get_custom_data", read, raising=False)
    return found


def order(trade: LocalTrade, side: str, amount: float, price: float, at: datetime) -> Order:
    made = Order(
        ft_order_side=side,
        side=side,
        order_id=f"{len(trade.orders)}",
        ft_pair=trade.pair,
        ft_is_open=False,
        status="closed",
        price=price,
        average=price,
        amount=amount,
        filled=amount,
        remaining=0.0,
        ft_price=price,
        ft_amount=amount,
        order_date=at.replace(tzinfo=None),
        order_filled_date=at.replace(tzinfo=None),
    )
    made._trade_bt = trade
    return made


def position(amount: float, pair: str = PAIR, short: bool = False) -> LocalTrade:
    trade = LocalTrade(
        id=1,
        pair=pair,
        stake_amount=amount * PRICE,
        amount=amount,
        open_rate=PRICE,
        open_date=OPENED,
        is_open=True,
        is_short=short,
        fee_open=0.001,
        fee_close=0.001,
        leverage=1.0,
        orders=[],
    )
    trade.orders.append(order(trade, trade.entry_side, amount, PRICE, OPENED))
    return trade


def resizing(
    monkeypatch: pytest.MonkeyPatch,
    trades: list[LocalTrade],
    candle: dict[str, Any] | None = None,
    age: timedelta = timedelta(minutes=5, seconds=1),
    **risk: Any,
) -> Resizing:
    """Two slots of 500, of which 0.8 is the target unless the candle says otherwise."""
    own = {"rebalance_band": 0.25, "stop_daily_atr": 0} | risk
    settings = load_settings({"entries": {"mode": "position"}, "risk": own})
    opened = pd.Timestamp(NOW - age)
    frame = pd.DataFrame([{"date": opened, **CANDLE, **(candle or {})}])
    exchange = SimpleNamespace(get_min_pair_stake_amount=lambda *given: LEAST)
    dp = SimpleNamespace(
        get_analyzed_dataframe=lambda pair, timeframe: (frame, None),
        current_whitelist=lambda: [PAIR, "ETH/USDT"],
        _exchange=exchange,
    )
    strategy = SimpleNamespace(
        dp=dp,
        timeframe="5m",
        config={"max_open_trades": 2, "stake_amount": "unlimited"},
        wallets=SimpleNamespace(get_total_stake_amount=lambda: CAPITAL),
    )
    monkeypatch.setattr(Trade, "get_trades_proxy", lambda **_: trades)
    stakes = Stakes(strategy, settings, lambda pair, moment: None, Notices())
    return Resizing(strategy, settings, stakes)


def change(
    monkeypatch: pytest.MonkeyPatch, amount: float, free: float = 1e6, **given: Any
) -> Change | None:
    trade = given.pop("trade", None) or position(amount)
    return resizing(monkeypatch, [trade], **given).change(trade, NOW, free)


def test_a_small_position_grows_and_a_large_one_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert change(monkeypatch, 3.0) is None
    assert change(monkeypatch, 5.0) is None
    assert change(monkeypatch, 2.9) == Change(pytest.approx(110), ADDED)
    assert change(monkeypatch, 5.1) == Change(pytest.approx(-110), REDUCED)


def test_a_reduction_is_reported_in_the_stake_at_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """As freqtrade wants it: bought at 100, worth 200 now, a third of it is to go."""
    found = change(monkeypatch, 3.0, candle={"close": 200.0})
    assert found == Change(pytest.approx(-300 / 3), REDUCED)


@pytest.mark.parametrize(
    "candle",
    [
        {"enter_long": 0},
        {"enter_long": float("nan")},
        {"target_weight": float("nan")},
        {"close": float("nan")},
        {"close": 0.0},
    ],
)
@pytest.mark.parametrize("amount", [1.0, 9.0])
def test_a_candle_that_would_not_enter_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, candle: dict[str, Any], amount: float
) -> None:
    assert change(monkeypatch, amount, candle=candle) is None


def test_an_old_candle_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the newest is there; a backtest sees the newest alone."""
    late = timedelta(minutes=10, seconds=1)
    assert change(monkeypatch, 9.0, age=late) is None
    assert change(monkeypatch, 9.0, age=timedelta(minutes=9, seconds=59)) is not None
    # The candle is still forming.
    assert change(monkeypatch, 9.0, age=timedelta(minutes=4)) is None


def test_one_order_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    trade, other = position(9.0), position(1.0, "ETH/USDT")
    made = resizing(monkeypatch, [trade, other])
    assert made.change(trade, NOW, 1e6) is not None
    other.orders[0].ft_is_open = True
    assert made.change(trade, NOW, 1e6) is None


@pytest.mark.parametrize(
    ("risk", "grown"),
    [
        ({"max_position": 0.3}, 100),
        ({"max_pair": 0.35}, 150),
        ({"max_exposure": 0.65}, 150),
        ({"max_positions": 1}, None),
        ({"max_positions": 2}, 200),
    ],
)
def test_caps_hold_for_additions(
    monkeypatch: pytest.MonkeyPatch, risk: dict[str, Any], grown: float | None
) -> None:
    """At cost 200 here and 300 elsewhere; the target would be 400."""
    trade = position(2.0)
    found = resizing(monkeypatch, [trade, position(3.0, "ETH/USDT")], **risk).change(
        trade, NOW, 1e6
    )
    assert found == (None if grown is None else Change(pytest.approx(grown), ADDED))


def test_money_that_is_not_free_is_not_added(monkeypatch: pytest.MonkeyPatch) -> None:
    assert change(monkeypatch, 2.0, free=50) == Change(50, ADDED)
    assert change(monkeypatch, 2.0, free=LEAST - 0.1) is None


def test_no_order_below_the_minimum_and_no_rest_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = {"target_weight": 0.01}
    assert change(monkeypatch, 1.0, candle=tiny) is None
    assert change(monkeypatch, 1.0, candle={"target_weight": 0.02}) is not None
    assert change(monkeypatch, 0.15, candle={"target_weight": 0.04}) is None


def test_a_short_position_is_the_mirror_image(monkeypatch: pytest.MonkeyPatch) -> None:
    bear = {"enter_long": 0, "enter_short": 1}
    short = position(2.0, short=True)
    assert change(monkeypatch, 2.0, trade=short, candle=bear) == Change(200, ADDED)
    assert change(monkeypatch, 2.0, trade=short) is None


def test_the_time_counts_from_the_last_order(monkeypatch: pytest.MonkeyPatch) -> None:
    trade = position(2.0)
    made = resizing(monkeypatch, [trade], rebalance_hours=24)
    assert made.may_be_due(trade, NOW)
    # Filled some seconds into the candle, as a bot fills.
    sold = NOW - timedelta(hours=24) + timedelta(seconds=40)
    trade.orders.append(order(trade, "sell", 0.5, PRICE, sold))
    assert made.may_be_due(trade, NOW)
    trade.orders.append(order(trade, "buy", 0.5, PRICE, sold + timedelta(minutes=5)))
    assert not made.may_be_due(trade, NOW)


def test_additions_that_rest_count_in_the_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    trade = position(2.0)
    made = order(trade, "buy", 1.0, PRICE, NOW)
    made.ft_is_open, made.status, made.filled = True, "open", 0.0
    trade.orders.append(made)
    monkeypatch.setattr(Trade, "get_trades_proxy", lambda **_: [trade])
    assert Stakes.exposure(PAIR).total == 300
    trade.orders[0].ft_is_open = True
    # An entry that has not filled counts in the trade.
    assert Stakes.exposure(PAIR).total == 200


def test_what_the_models_left_of_an_entry_is_left_of_its_target(
    monkeypatch: pytest.MonkeyPatch, kept: dict[str, Any]
) -> None:
    kept |= {"regime": "bull", "atr": 5.0, "scale": 0.5}
    assert change(monkeypatch, 2.0) is None
    assert change(monkeypatch, 4.0) == Change(pytest.approx(-200), REDUCED)


def test_an_addition_moves_no_stop(kept: dict[str, Any]) -> None:
    """freqtrade would raise it by the share by which the average price has risen."""
    settings = load_settings({"entries": {"mode": "position"}})
    trade = position(2.0)
    for name, value in {"amount_precision": 8, "price_precision": 0.01}.items():
        setattr(trade, name, value)
    trade.precision_mode, trade.precision_mode_price = 2, 4
    kept |= {"regime": "bull", "atr": 5.0}
    trade.adjust_stop_loss(PRICE, -0.2, initial=True)
    assert trade.stop_loss == 80
    trade.orders.append(order(trade, "buy", 2.0, 120.0, NOW))
    trade.recalc_trade_from_orders()
    assert trade.open_rate == 110 and trade.stop_loss == 88 and trade.is_stop_loss_trailing
    Positions(SimpleNamespace(), settings).keep_stop(trade)
    assert trade.stop_loss == 80 and not trade.is_stop_loss_trailing
    trade.recalc_trade_from_orders()
    assert trade.stop_loss == 80 and not trade.is_stop_loss_trailing


@pytest.mark.parametrize("short", [False, True])
def test_what_a_position_was_worth_does_not_know_of_later_orders(short: bool) -> None:
    """For the daily limit of a bot that did not run at 00:00."""
    trade = position(2.0, short=short)
    sign = -1 if short else 1
    later = NOW - timedelta(hours=2)
    trade.orders.append(order(trade, trade.entry_side, 1.0, 120.0, later))
    trade.orders.append(order(trade, trade.exit_side, 3.0, 90.0, NOW))

    def worth(moment: datetime) -> float:
        return _worth_by(trade, 110.0, moment)

    assert worth(OPENED - timedelta(hours=1)) == 0
    assert worth(NOW - timedelta(hours=3)) == pytest.approx(sign * 20 - 0.2 - 0.22)
    assert worth(later) == pytest.approx(sign * 10 - 0.2 - 0.12 - 0.33)
    # Closed: the price of the moment is of no matter any more.
    assert worth(NOW) == pytest.approx(sign * -50 - 0.2 - 0.12 - 0.27)
