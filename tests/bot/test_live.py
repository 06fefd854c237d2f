"""A real dry-run bot under a moved clock: live training, serving, retraining and notices.

freqtrade's own FreqtradeBot talks HTTP to the embedded exchange; FreqAI trains in its own thread.
Time stands still between steps, so each candle is analysed exactly once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from freqtrade.persistence import Trade

from examples import EXAMPLE, spot_example
from heldpairs import POSITION, position_frame
from movedbots import START, MovedBot, live_config, moved_bot
from project import QUICK
from regimeswitch.settings import load_settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.commands.regimes_command import find_regimes


__all__ = ["moved_bot"]

pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

CANDLE = timedelta(minutes=5)


def test_live_training_serves_retrains_and_agrees_with_the_files(
    moved_bot: Callable[..., MovedBot], market: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running = moved_bot(live_config(QUICK))
    first = running.step()
    # Before the first model: nothing is known, nothing is missing.
    assert {"buy", "hold", "sell", "do_predict", "sub_model_weight"} <= set(first.columns)
    assert first["do_predict"].iloc[-1] == 0
    assert not first.get("enter_long", pd.Series(dtype=float)).any()
    trained = running.wait_for_training(after=0)

    for _ in range(3):
        frame = running.step()
        last = frame.iloc[-1]
        assert last["do_predict"] == 1
        assert last[["buy", "hold", "sell"]].sum() == pytest.approx(1)
        assert last["regime"] in ("bull", "bear", "sideways")
        newer = running.wait_for_training(after=trained)
        assert newer > trained
        trained = newer
    assert "raised exception" not in caplog.text
    # One message for the first model; the later ones say so only where a weight has changed.
    ours = [one.getMessage() for one in caplog.records if one.name.endswith("trading.notices")]
    assert len([text for text in ours if text.startswith("first model ready")]) == 1

    agrees_with_the_files(frame, market, "5m")


def test_a_bot_on_quarters_of_an_hour_trains_serves_and_agrees_with_the_files(
    moved_bot: Callable[..., MovedBot], market: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = live_config(QUICK) | {"timeframe": "15m"}
    features = {"include_timeframes": ["15m", "1h"], "label_period_candles": 4}
    config["freqai"]["feature_parameters"] = features
    running = moved_bot(config)
    assert running.step()["do_predict"].iloc[-1] == 0
    running.wait_for_training(after=0)
    frame = running.step()
    assert frame["do_predict"].iloc[-1] == 1
    assert frame[["buy", "hold", "sell"]].iloc[-1].sum() == pytest.approx(1)
    assert "raised exception" not in caplog.text
    agrees_with_the_files(frame, market, "15m")


def agrees_with_the_files(frame: pd.DataFrame, market: Path, timeframe: str) -> None:
    """The regimes of a bot are those of its candle files."""
    settings = load_settings(QUICK["regimeswitch"])
    candles, columns = find_regimes(CandleFolder(market), "BTC/USDT", settings, timeframe)
    known = columns["regime"].set_axis(candles["date"])
    live = frame.set_index("date")["regime"].dropna()
    assert len(live) > 200
    assert (known.reindex(live.index) == live).all()


@pytest.mark.parametrize(
    ("strategy", "model", "target"),
    [
        ("FreqaiExampleHybridStrategy", "RegimeSwitchClassifier", "up"),
        ("FreqaiExampleStrategy", "RegimeSwitchRegressor", "&-s_close"),
    ],
)
def test_an_example_strategy_is_served_live(
    moved_bot: Callable[..., MovedBot],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    strategy: str,
    model: str,
    target: str,
) -> None:
    caplog.set_level(logging.INFO)
    config = live_config(EXAMPLE)
    config["freqai"]["feature_parameters"]["include_corr_pairlist"] = []
    running = moved_bot(
        config,
        strategy=strategy,
        freqaimodel=model,
        strategy_path=str(spot_example(tmp_path, strategy)),
    )
    running.step()
    trained = running.wait_for_training(after=0)
    served: list[datetime] = []
    for _ in range(3):
        frame = running.step()
        last = frame.iloc[-1]
        assert last["regime"] in ("bull", "bear", "sideways")
        assert last["do_predict"] == 1
        assert last[target] != 0
        served.append(last["date"])
        trained = running.wait_for_training(after=trained)
    assert len(set(served)) == 3
    assert "No data found" not in caplog.text
    assert "raised exception" not in caplog.text


def test_position_mode_holds_from_the_first_loop_on_and_leaves_with_its_regime(
    moved_bot: Callable[..., MovedBot], market: Path
) -> None:
    """Nothing is trained: neither the first position nor any other waits for a model."""
    told = position_frame(market, "ETH/USDT", "5m", load_settings(POSITION)).set_index("date")
    later = told.index[told["regime"] != told["regime"].shift()][-1]
    begin = later - 20 * CANDLE
    first = told["regime"][begin]
    wanted = deepcopy(POSITION)
    wanted["entries"]["regimes"] = [first]
    given = {"regimeswitch": wanted, "max_open_trades": 2}
    bot = moved_bot(given, ["ETH/USDT"], begin.to_pydatetime())
    bot.step()
    frame, _ = bot.bot.dataprovider.get_analyzed_dataframe("ETH/USDT", "5m")
    (trade,) = Trade.get_open_trades()
    assert trade.enter_tag == first
    row = told.loc[begin]
    for name in ("volatility", "target_weight", "daily_atr"):
        assert frame[name].iloc[-1] == row[name]
    capital = bot.bot.wallets.get_total_stake_amount()
    assert trade.stake_amount == pytest.approx(capital * row["target_weight"], rel=0.01)
    assert trade.stop_loss == pytest.approx(trade.open_rate - 4 * row["daily_atr"], rel=0.001)
    # Known with the close of the candle in which the other regime becomes the active one.
    bot.step(19)
    assert trade.is_open
    bot.step()
    assert (trade.is_open, trade.exit_reason) == (False, f"regime_{told['regime'][later]}")
    assert Trade.get_open_trades() == []


def test_a_training_delays_no_position_and_its_forecast_is_served_later(
    moved_bot: Callable[..., MovedBot], market: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is no model yet the rule trades, with the exponential mean for a size."""
    caplog.set_level(logging.INFO)
    told = position_frame(market, "BTC/USDT", "5m", load_settings(POSITION)).set_index("date")
    begin = pd.Timestamp(START)
    wanted = deepcopy(POSITION)
    wanted["entries"]["regimes"] = [told["regime"][begin]]
    wanted["models"] = {"sub_models": "warm_start", "min_rows": 100, "own_trees": 5}
    wanted["risk"]["size_from"] = "forecast"
    config = live_config({"freqai": QUICK["freqai"], "regimeswitch": wanted})
    running = moved_bot(config, freqaimodel="RegimeSwitchRegressor")
    frame = running.step()
    last = frame.iloc[-1]
    assert (last["do_predict"], last["volatility_forecast"]) == (0, 0)
    (trade,) = Trade.get_open_trades()
    capital = running.bot.wallets.get_total_stake_amount()
    weight = told["target_weight"][begin]
    assert last["target_weight"] == weight
    assert trade.stake_amount == pytest.approx(capital * weight, rel=0.01)
    assert "forecast of the next 24 hours unknown" in caplog.text
    trained = running.wait_for_training(after=0)
    for _ in range(2):
        last = running.step().iloc[-1]
        assert last["do_predict"] == 1
        forecast = last["volatility_forecast"]
        assert forecast > 0
        assert last["target_weight"] == pytest.approx(min(1, 0.6 / forecast))
        assert 0 <= last["model_weight"] <= 1
        trained = running.wait_for_training(after=trained)
    # The position is what it was: sizes are those of entries.
    assert [one.id for one in Trade.get_open_trades()] == [trade.id]
    assert "raised exception" not in caplog.text
    assert "mean QLIKE of the next 24 hours' variance" in caplog.text
