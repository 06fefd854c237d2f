"""Position mode through freqtrade's own backtester: held while the pair's regime says so."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crashes import PAIRS, crashing, with_files_of
from frames import candle_frame
from heldpairs import POSITION, position_frame
from project import Run, in_signal_mode
from regimeswitch.bot.trading.entry_filters import position_reasons
from regimeswitch.market.candles import resample, timeframe_seconds
from regimeswitch.market.regimes import regime_columns
from regimeswitch.settings import Settings, load_settings
from results import metadata_of, predictions_of, trades_of


RANGE = "20241205-20241229"
# The shipped wallet is 1,000; a hundredth of it is never put at stake.
CAPITAL = 990.0


def run_of(
    freqtrade_here: Callable[..., Run],
    market: Path,
    *words: str,
    also: dict[str, Any] | None = None,
    **section: Any,
) -> tuple[Run, pd.DataFrame]:
    merged = deepcopy(POSITION)
    for name, keys in section.items():
        merged[name] = merged.get(name, {}) | keys
    config = {"regimeswitch": merged, "max_open_trades": 2, "fee": 0.001, **(also or {})}
    run = freqtrade_here("backtesting", *words, datadir=market, config=config)
    assert run.code == 0, run.log[-3000:]
    trades = pd.DataFrame(trades_of(run.userdir))
    for name in ("open_date", "close_date"):
        trades[name] = pd.to_datetime(trades[name], utc=True)
    return run, trades


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("timeframe", "rule"), [("5m", "1h"), ("15m", "1h"), ("1h", "1h"), ("5m", "4h")]
)
def test_in_the_market_exactly_while_the_regime_is_bull(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path, timeframe: str, rule: str
) -> None:
    market = with_files_of(market, timeframe, tmp_path / "candles")
    # freqtrade takes no base timeframe above the shortest that FreqAI would include.
    learns = {"enabled": timeframe == "5m"}
    words = ("--timerange", RANGE, "-i", timeframe)
    # The rule on 4h is the calm setting, one line more.
    regime = {} if rule == "1h" else {"regime": {"timeframe": rule}}
    run, trades = run_of(freqtrade_here, market, *words, also={"freqai": learns}, **regime)
    settings = load_settings(POSITION | regime)
    length = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    start, end = (pd.Timestamp(day, tz="UTC") for day in RANGE.split("-"))
    assert set(trades["exit_reason"]) <= {"regime_sideways", "regime_bear", "force_exit"}
    assert not (run.userdir / "models").exists() or not list((run.userdir / "models").iterdir())
    shares = []
    for pair in PAIRS:
        told = position_frame(market, pair, timeframe, settings)
        held = pd.Series(False, index=told["date"])
        for trade in trades[trades["pair"] == pair].itertuples():
            held[(held.index >= trade.open_date) & (held.index < trade.close_date)] = True
        # A position is in force in the candle after the one that wants it.
        bull = (told["regime"] == "bull").shift(1, fill_value=False).set_axis(held.index)
        inside = (held.index > start) & (held.index < end - length)
        shares.append(bull[inside].mean())
        assert (held[inside] == bull[inside]).all(), pair
    assert 0.05 < np.mean(shares) < 0.95


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_position_is_a_slot_scaled_by_the_volatility_of_its_entry(
    freqtrade_here: Callable[..., Run], market: Path
) -> None:
    run, trades = run_of(
        freqtrade_here, market, "--timerange", RANGE, risk={"volatility_target": 0.2}
    )
    section = deepcopy(POSITION)
    section["risk"]["volatility_target"] = 0.2
    settings = load_settings(section)
    weights = []
    for pair in PAIRS:
        told = position_frame(market, pair, "5m", settings).set_index("date")
        for trade in trades[trades["pair"] == pair].itertuples():
            weight = told["target_weight"][trade.open_date - pd.Timedelta(minutes=5)]
            closed = trades[trades["close_date"] < trade.open_date]["profit_abs"].sum()
            slot = (CAPITAL + 0.99 * closed) / 2
            # Amounts are cut to the exchange's step, and another position may close meanwhile.
            assert trade.stake_amount == pytest.approx(slot * weight, rel=0.02)
            weights.append(weight)
    assert min(weights) > 0 and max(weights) < 1 and len(weights) > 3
    assert run.code == 0


MODELS: dict[str, Any] = {
    "freqaimodel": "RegimeSwitchRegressor",
    "freqai": {
        "train_period_days": 20,
        "backtest_period_days": 7,
        "model_training_parameters": {"n_estimators": 15, "learning_rate": 0.2},
    },
}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_models_forecast_the_size_of_the_next_day_and_the_rule_trades(
    freqtrade_here: Callable[..., Run], market: Path
) -> None:
    run, trades = run_of(
        freqtrade_here,
        market,
        *("--timerange", "20241218-20241229"),
        also=MODELS,
        models={"sub_models": "warm_start", "min_rows": 100, "own_trees": 5},
        risk={"size_from": "forecast"},
    )
    for sign in ("raised exception", "Traceback"):
        assert sign not in run.log, run.log[-5000:]
    assert (
        "mean QLIKE of the next 24 hours' variance (0 = exact), and what is served: bull: EWMA"
        in (run.words)
    )
    for metadata in metadata_of(run.userdir):
        kept = metadata["regimeswitch"]
        assert set(kept["volatility"]) == {"bull", "bear", "sideways", "unknown"}
        # One row an hour of both pairs, less the last day, which is no label yet.
        assert 2 * 24 * 18 < sum(kept["rows"].values()) <= 2 * 24 * 19
        assert len(kept["har"]["coefficients"]) == 4
        for shares in kept["features"].values():
            assert 0.5 < sum(shares.values()) <= 1.001
            assert all(name.startswith(("%-", "volatility_")) for name in shares)
        assert "base" in kept["features"]
        for one in kept["volatility"].values():
            assert one["served"] and {"EWMA", "HAR"} <= set(one["scores"])
    frames = predictions_of(run.userdir).values()
    told = {pair: position_frame(market, pair, "5m", load_settings(POSITION)) for pair in PAIRS}
    for frame in frames:
        assert (frame["volatility_forecast"] > 0).all()
        np.testing.assert_allclose(np.exp(frame["&-volatility"]), frame["volatility_forecast"])
        assert frame["model_weight"].between(0, 1).all()
    weights = []
    for trade in trades.itertuples():
        frame = told[trade.pair].set_index("date")
        before = trade.open_date - pd.Timedelta(minutes=5)
        assert frame["regime"][before] == "bull"
        closed = trades[trades["close_date"] < trade.open_date]["profit_abs"].sum()
        slot = (CAPITAL + 0.99 * closed) / 2
        weights.append((trade.stake_amount / slot, frame["target_weight"][before]))
    by_forecast, by_mean = np.array(weights).T
    # Another volatility, and so another stake; never more than the slot.
    assert (by_forecast <= 1.02).all() and not np.allclose(by_forecast, by_mean, rtol=0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_an_entry_waits_while_the_models_speak_against_it(
    freqtrade_here: Callable[..., Run], market: Path
) -> None:
    run, trades = run_of(
        freqtrade_here,
        market,
        *("--timerange", "20241218-20241229"),
        also={**MODELS, "freqaimodel": "RegimeSwitchClassifier"},
        # What is served has proven nothing: the veto is tried, not its worth.
        evidence={"gate": False},
        models={"sub_models": "warm_start", "min_rows": 100, "own_trees": 5},
        entries={"veto": "forecast", "veto_margin": 0},
    )
    assert "raised exception" not in run.log
    assert "the models speak against it" in run.words
    for pair in PAIRS:
        told = position_frame(market, pair, "5m", load_settings(POSITION)).set_index("date")
        coin = pair.split("/")[0].lower()
        # Each file is a window, named by the end of its training, where its candles begin.
        said = pd.concat(
            [
                frame.set_axis(
                    pd.date_range(
                        pd.Timestamp(int(name.split("_")[2]), unit="s", tz="UTC"),
                        periods=len(frame),
                        freq="5min",
                    )
                )
                for name, frame in predictions_of(run.userdir).items()
                if coin in name
            ]
        )
        held = trades[trades["pair"] == pair]
        for trade in held.itertuples():
            before = said.loc[trade.open_date - pd.Timedelta(minutes=5)]
            assert before["buy"] >= before["sell"] and before["model_weight"] == 1
        # Candles of bull that are not held are those on which they speak against it.
        inside = (told.index >= pd.Timestamp("2024-12-18", tz="UTC")) & (told["regime"] == "bull")
        for date in told.index[inside & (told.index < pd.Timestamp("2024-12-28", tz="UTC"))]:
            into = date + pd.Timedelta(minutes=5)
            if not ((held["open_date"] <= into) & (into < held["close_date"])).any():
                assert said.loc[date, "sell"] > said.loc[date, "buy"], date


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_disaster_stop_and_no_way_back_into_the_same_regime(
    freqtrade_here: Callable[..., Run], tmp_path: Path
) -> None:
    folder = crashing(tmp_path / "candles")
    limits = {"max_daily_loss": 0, "max_drawdown": 0}
    _, trades = run_of(freqtrade_here, folder, "--timerange", "20241226-20241230", risk=limits)
    fallen = trades[trades["pair"] == "BTC/USDT"]
    (trade,) = [one for one in fallen.itertuples() if one.exit_reason == "stop_loss"]
    section = deepcopy(POSITION)
    settings = load_settings(section)
    told = position_frame(folder, "BTC/USDT", "5m", settings).set_index("date")
    atr = told["daily_atr"][trade.open_date - pd.Timedelta(minutes=5)]
    assert trade.close_rate == pytest.approx(trade.open_rate - 4 * atr, rel=0.001)
    # The rule needs hours to leave bull, and all that time it would be bought again.
    after = told[(told.index >= trade.close_date) & (told["regime"] == "bull")]
    assert len(after) > 12
    assert fallen["open_date"].max() == trade.open_date
    _, trades = run_of(
        freqtrade_here,
        folder,
        "--timerange",
        "20241226-20241230",
        risk={"max_daily_loss": 0.1, "stop_daily_atr": 0},
    )
    assert set(trades["exit_reason"]) == {"daily_loss_limit"}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_fixed_stake_is_the_whole_slot(freqtrade_here: Callable[..., Run], market: Path) -> None:
    merged = deepcopy(POSITION)
    merged["risk"]["volatility_target"] = 0
    config = {"regimeswitch": merged, "max_open_trades": 2, "stake_amount": 120, "fee": 0.001}
    run = freqtrade_here("backtesting", "--timerange", RANGE, datadir=market, config=config)
    assert run.code == 0, run.log[-3000:]
    stakes = [trade["stake_amount"] for trade in trades_of(run.userdir)]
    assert stakes and all(stake == pytest.approx(120, rel=0.02) for stake in stakes)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (
            in_signal_mode({"risk": {"volatility_target": 0.5}}),
            "does not read risk.volatility_target",
        ),
        (
            {"entries": {"mode": "position", "buy": {"bull": 0.5}}, "risk": {"stop_atr": 3}},
            'entries.mode is "position", which does not read entries.buy, risk.stop_atr; leave '
            'them out, or set entries.mode to "signal"',
        ),
        ({"entries": {"short": True, "regimes": ["bear"], "exit_regimes": []}}, "both ways"),
    ],
)
def test_keys_of_the_other_mode_are_refused(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        load_settings(section)
    assert words in str(caught.value)


def test_nothing_is_opened_on_a_regime_whose_rule_has_no_candles_any_more() -> None:
    """As where the reference pair was delisted: the active regime lasts, but nobody checks it."""
    one = {"bad_candle": False, "volume": 1.0, "target_weight": 0.5, "daily_atr": 1.0}
    frame = pd.DataFrame({"regime": ["bull"] * 2, "regime_raw": ["bull", None], **one})
    assert position_reasons(frame, Settings()).tolist() == ["", "rule candles missing"]


def test_each_mode_has_its_defaults() -> None:
    """As positions.md measured them: nothing here is to be tuned."""
    held = Settings()
    assert held == load_settings({"entries": {"mode": "position"}})
    assert held.entries.regimes == ("bull",)
    risk = held.risk
    assert (risk.stake_fraction, risk.max_position, risk.max_pair) == (1.0, 1.0, 1.0)
    assert (risk.max_daily_loss, risk.max_drawdown, risk.stop_daily_atr) == (0.1, 0.3, 4.0)
    assert (risk.volatility_target, risk.volatility_half_life_days) == (0.6, 10.0)
    rule = held.regime
    found = (rule.rule, rule.timeframe, rule.average_period, rule.anchor)
    assert found == ("trend", "1h", 200, "self")
    assert (rule.trend_enter, rule.trend_exit, rule.grace_candles) == (3.0, 1.0, 36)
    signal = load_settings({"entries": {"mode": "signal"}})
    assert (signal.entries.regimes, signal.risk.stake_fraction) == (("bull", "sideways"), 0.2)
    assert (signal.risk.max_position, signal.risk.max_pair) == (0.4, 0.4)
    assert (signal.risk.max_daily_loss, signal.risk.max_drawdown) == (0.05, 0.2)
    assert load_settings(signal.model_dump(mode="json")) == signal
    assert load_settings(held.model_dump(mode="json")) == held


def test_the_grace_period_is_a_time() -> None:
    rule = Settings().regime
    assert [rule.grace_in(name) for name in ("5m", "15m", "1h")] == [36, 12, 3]
    none = rule.model_copy(update={"grace_candles": 1})
    assert [none.grace_in(name) for name in ("5m", "15m", "1h")] == [1, 1, 1]


@pytest.mark.parametrize("timeframe", ["15m", "1h"])
def test_a_longer_base_timeframe_knows_the_same_regimes(timeframe: str) -> None:
    five = candle_frame(288 * 40, 4)
    rule = Settings().regime.model_copy(update={"average_period": 50, "atr_period": 50})
    hours = resample(five, "1h", "5m")
    short = regime_columns(five, rule, hours, "5m")["regime"].set_axis(
        five["date"] + pd.Timedelta(minutes=5)
    )
    base = resample(five, timeframe, "5m")
    length = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    long = regime_columns(base, rule, hours, timeframe)["regime"].set_axis(base["date"] + length)
    # The last candle of a grace period closes with it, or before by less than its length.
    known = short.reindex(long.index + length - pd.Timedelta(minutes=5)).set_axis(long.index)
    long, known = long[known.notna()], known[known.notna()]
    assert known.nunique() == 3
    pd.testing.assert_series_equal(long, known, check_names=False)
