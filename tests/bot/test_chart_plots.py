"""What is served to a chart: small, rounded, and all of it that is drawn."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from freqtrade.rpc import RPC

from frames import candle_frame
from project import in_signal_mode
from regimeswitch.bot.charts.chart_plots import BASE_NAMES, COSTS_COLUMN, entry_costs, plots, shrink
from regimeswitch.bot.freqai.columns import (
    DRIFT_OUTPUTS,
    LIMIT_OUTPUTS,
    OUTPUTS,
    POSITION_OUTPUTS,
)
from regimeswitch.bot.trading.entry_reasons import codes_of
from regimeswitch.bot.trading.shadow_columns import SHADOW_COLUMNS
from regimeswitch.market.labels import CLASS_COLUMN, RETURN_COLUMN, VOLATILITY_TARGET
from regimeswitch.market.rule_lines import distance_lines, price_lines
from regimeswitch.market.volatility import POSITION_COLUMNS
from regimeswitch.risk.model_additions import FORECAST_COLUMN
from regimeswitch.settings import Settings, load_settings


ROWS = 1000
MOST_BYTES = 300_000
MODES = [
    (Settings(), "RegimeSwitchRegressor"),
    (Settings(), "RegimeSwitchClassifier"),
    (load_settings(in_signal_mode()), "RegimeSwitchClassifier"),
    (load_settings(in_signal_mode()), "RegimeSwitchRegressor"),
]


def served(settings: Settings, model: str) -> pd.DataFrame:
    """The columns of a running bot with models, each number with all its digits."""
    holds = settings.entries.mode == "position"
    draw = np.random.default_rng(1)
    frame = candle_frame(ROWS, 1)
    for name in ("open", "high", "low", "close"):
        frame[name] = (frame[name] * 912.3456).round(2)
    frame["volume"] = frame["volume"].round(5)
    labels = [VOLATILITY_TARGET if holds else RETURN_COLUMN]
    if model.endswith("Classifier"):
        labels = ["buy", "hold", "sell"]
        frame[CLASS_COLUMN] = "hold"
    outputs = POSITION_OUTPUTS if holds else OUTPUTS
    numbers = [*labels, *outputs, *DRIFT_OUTPUTS, *BASE_NAMES]
    for name in numbers:
        frame[name] = draw.uniform(0.1, 0.9, ROWS)
        frame[f"{name}_mean"] = frame[f"{name}_std"] = 0.0
    frame["do_predict"], frame["trained_at"] = 1.0, 1734653101.0
    for name in LIMIT_OUTPUTS:
        frame[name] = draw.uniform(0, 7, ROWS)
    frame["model_limit"] = np.floor(frame["model_limit"])
    for name in ("high", "low", "close"):
        frame[f"{name}_price"] = frame[name]
    frame["date_pred"] = frame["date"]
    for name in price_lines(settings.regime):
        frame[name] = draw.uniform(80_000, 100_000, ROWS)
    frame = frame.assign(**distance_lines(settings.regime))
    for name in SHADOW_COLUMNS if holds else ():
        frame[name] = draw.uniform(0.5, 2.0, ROWS)
    frame["regime_raw"] = frame["regime"] = "sideways"
    frame["regime_pending"], frame["regime_code"] = "bull", 3
    frame["regime_age"] = np.arange(ROWS) + 1000.0
    frame["regime_distance"] = draw.uniform(-9, 9, ROWS)
    for name in POSITION_COLUMNS if holds else ("stop_atr",):
        frame[name] = draw.uniform(0, 1, ROWS)
    frame["bad_candle"], frame["enter_tag"], frame["exit_tag"] = False, "bull", ""
    frame["enter_long"], frame["exit_long"] = 1.0, np.nan
    frame.loc[5, "exit_long"] = 1.0
    reasons = pd.Series("regime sideways", index=frame.index)
    frame["no_trade_reason"], frame["no_trade_code"] = reasons, codes_of(reasons)
    if not holds:
        frame[COSTS_COLUMN] = entry_costs(frame["regime_code"], settings)
    return frame.assign(mine=1 / 3, own_mean=1.0)


def answer(frame: pd.DataFrame) -> dict[str, Any]:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    found: dict[str, Any] = RPC._convert_dataframe_to_dict(
        "S", "BTC/USDT", "5m", frame.copy(), now, None, []
    )
    return found


def size_of(found: dict[str, Any]) -> int:
    """Bytes, with moments as the API writes them."""
    return len(orjson.dumps(found, default=lambda one: f"{one:%Y-%m-%dT%H:%M:%SZ}"))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("settings", "model"), MODES)
def test_a_thousand_candles_stay_below_the_limit(settings: Settings, model: str) -> None:
    whole = served(settings, model)
    frame = whole.copy()
    shrink(frame, settings, model)
    size = size_of(answer(frame))
    # Two columns of somebody else's are in it, and in the other one.
    assert size - 25_000 < MOST_BYTES < size_of(answer(whole))
    drawn = plots(settings, True, model)
    for pane in (drawn["main_plot"], *drawn["subplots"].values()):
        assert set(pane) <= set(frame), pane
    assert {"date", "open", "high", "low", "close", "volume"} <= set(frame)
    assert frame["mine"].equals(whole["mine"]) and "own_mean" in frame
    assert not [name for name in frame if name.endswith("_std") or name.endswith("_price")]
    assert frame["exit_long"].sum() == 1 and frame["enter_long"].all()
    for name in ("regime", "no_trade_reason", "close"):
        assert frame[name].equals(whole[name])


def test_what_is_rounded_is_what_is_drawn() -> None:
    settings = Settings()
    frame = pd.DataFrame(
        {
            "rule_average": [91234.5678, 0.000012345678, np.nan],
            "target_weight": [0.123456, 1.0, np.nan],
            "regime_age": [5.0, 6.0, np.nan],
            FORECAST_COLUMN: [0.56789, 0.0, 1.0],
            "open": [91234.5678] * 3,
        }
    )
    shrink(frame, settings, "RegimeSwitchRegressor")
    assert frame["rule_average"].tolist()[:2] == [91234.6, 1.23457e-05]
    assert frame["target_weight"].tolist()[:2] == [0.1235, 1.0]
    assert frame[FORECAST_COLUMN].tolist() == [0.5679, 0.0, 1.0]
    assert frame["regime_age"].tolist()[:2] == [5.0, 6.0]
    assert frame["open"].tolist() == [91234.5678] * 3
    assert frame.isna().sum().to_dict() == {
        "rule_average": 1,
        "target_weight": 1,
        "regime_age": 1,
        FORECAST_COLUMN: 0,
        "open": 0,
    }
