"""The rules of risk in a running bot: each is met, and decides as in the backtest.

The bot is led through stored candles (``regimeswitch replay``); its own database shows what the
rules did, the comparison that the backtest did the same.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from project import MARKET_END
from regimeswitch.risk.sizing import MEAN_SIZE_OF_DEVIATION
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market
from replays import busy, replay_with


pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

CAPITAL = 0.99 * 1000
COSTS = 2 * (0.001 + 0.0005)
BY_STOP = busy(
    buy=0.2,
    sell=0.32,
    sizing="stop",
    risk_per_trade=0.004,
    stop_atr=4.0,
    take_profit_atr=8.0,
    trail_atr=2.5,
    max_daily_loss=0.0004,
    max_drawdown=0.004,
    peak_pause_days=1,
)
RECORDS = (
    "select cd_value from trade_custom_data where cd_key = 'regimeswitch_entry' and ft_trade_id = ?"
)


def deals_of(work: Path) -> list[dict[str, Any]]:
    """Trades of the bot's database, each with the record of the candle that opened it."""
    with closing(sqlite3.connect(work / "live/trades.sqlite")) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("select * from trades order by id")]
        for row in rows:
            (record,) = database.execute(RECORDS, [row["id"]]).fetchone()
            row["record"] = json.loads(record)
    return rows


def replayed(
    config: dict[str, Any],
    folder: Path,
    candles: Path,
    begin: str,
    count: int,
    *pairs: str,
    loop_seconds: int = 60,
) -> list[dict[str, Any]]:
    """Trades of a bot that decided as the backtest did.

    :param loop_seconds: between two looks at the price while a position is open
    """
    code, figures, output = replay_with(
        config,
        folder,
        *("--datadir", candles, "--timerange", f"{begin}-", "--count", count),
        *("--pairs", *pairs, "--retrain-hours", 24, "--loop-seconds", loop_seconds),
        *("--work", folder / "work"),
    )
    assert code == 0, output
    assert figures["decision_diffs"] == figures["trade_diffs"] == 0
    deals = deals_of(folder / "work")
    assert len(deals) == figures["trades"]
    return deals


def reasons(deals: list[dict[str, Any]]) -> set[str]:
    return {deal["exit_reason"] for deal in deals}


def test_a_daily_loss_limit_closes_positions_that_were_sized_by_their_stop(
    market: Path, tmp_path: Path
) -> None:
    deals = replayed(BY_STOP, tmp_path, market, "20241225", 60, "BTC/USDT", "ETH/USDT")
    assert reasons(deals) == {"trailing_stop_loss", "daily_loss_limit"}
    for deal in deals:
        record = deal["record"]
        stop = 4.0 * record["atr"] * record["size"] / deal["open_rate"]
        scale = {"bull": 1.0, "sideways": 0.7, "bear": 0.5}[deal["enter_tag"]]
        scale *= 0.5 if record["pending"] else 1.0
        # Two fees of 0.1 % and two slippages of 0.05 %.
        assert deal["stake_amount"] * (stop + COSTS) == pytest.approx(
            0.004 * scale * CAPITAL, rel=0.01
        )
    # Nothing is opened any more on this day.
    closed = [deal["close_date"] for deal in deals if deal["exit_reason"] == "daily_loss_limit"]
    assert max(deal["open_date"] for deal in deals) < min(closed)


def test_a_floor_from_the_peak_closes_positions_and_pauses(market: Path, tmp_path: Path) -> None:
    config = deepcopy(BY_STOP)
    config["regimeswitch"]["risk"]["max_daily_loss"] = 0.0
    # A stop that is looked at once a minute fills lower, and the floor comes a trade too early.
    deals = replayed(config, tmp_path, market, "20241225", 100, "BTC/USDT", loop_seconds=15)
    assert reasons(deals) == {"trailing_stop_loss", "drawdown_stop"}
    (last,) = [deal for deal in deals if deal["exit_reason"] == "drawdown_stop"]
    assert last is deals[-1]


def test_positions_are_sized_by_their_proven_edge_and_capped(tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    write_market(synthetic_market(["BTC/USDT"], 140, MARKET_END, seed=5), candles)
    # No answer is too weak; where nothing is proven the stake is zero.
    config = busy(
        buy=0.05, sell=0.6, sizing="edge", kelly=0.2, max_position=0.25, max_hold_candles=3
    )
    config["freqai"]["train_period_days"] = 90
    config["freqai"]["model_training_parameters"]["n_estimators"] = 30
    config["regimeswitch"]["models"]["own_trees"] = 10
    config["regimeswitch"]["entries"]["slippage"] = 0.0
    deals = replayed(config, tmp_path, candles, "20241229T0330", 60, "BTC/USDT")
    shares = [deal["stake_amount"] / CAPITAL for deal in deals]
    assert len(deals) >= 4
    assert min(shares) < 0.2
    assert max(shares) == pytest.approx(0.25, rel=0.01)
    for deal, share in zip(deals, shares, strict=True):
        record = deal["record"]
        edge = record["expected"] - 2 * 0.001
        variance = max(record["move"] / MEAN_SIZE_OF_DEVIATION, edge) ** 2
        scale = 0.7 * (0.5 if record["pending"] else 1.0)
        assert deal["enter_tag"] == "sideways"
        assert share == pytest.approx(min(scale * 0.2 * edge / variance, 0.25), rel=0.02)
