"""What FreqUI gets of a running bot and of a webserver: areas, marks, lines, reasons, sizes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.persistence import Trade

import regimeswitch
from heldpairs import POSITION, position_frame
from regimeswitch.bot.trading.entry_reasons import KINDS, code_of
from regimeswitch.settings import load_settings
from servedbots import ServedBot, served_bot
from webservers import chart_of, webserver


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

PAIR = "BTC/USDT"
# Bull until 10:55, sideways until 19:55, bull from then on.
BEGIN = datetime(2024, 12, 20, 10, 25, tzinfo=UTC)
MOST_BYTES = 300_000
CONFIG: dict[str, Any] = {"regimeswitch": POSITION, "freqai": {"enabled": False}}


@pytest.fixture(scope="module")
def bot(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBot]:
    """A bot that entered in bull, did not see the candle on which bull ended, and went on."""
    folder = tmp_path_factory.mktemp("charts")
    with served_bot(folder, market, BEGIN, CONFIG) as running:
        running.step()
        yield running


def pair_candles(bot: ServedBot) -> tuple[dict[str, Any], pd.DataFrame, int]:
    body = bot.answer("pair_candles", pair=PAIR, timeframe="5m", limit=1000)
    answer = json.loads(body)
    return answer, chart_of(answer), len(body)


def of_kind(answer: dict[str, Any], kind: str, words: str = "") -> list[dict[str, Any]]:
    found = [one for one in answer["annotations"] if one["type"] == kind]
    return [one for one in found if words in one["label"]]


def moments(frame: pd.DataFrame, chosen: pd.Series) -> list[pd.Timestamp]:
    return list(frame.index[chosen.to_numpy(dtype=bool)])


def check(answer: dict[str, Any], chart: pd.DataFrame) -> None:
    """Areas, marks, codes and exit marks say what the columns say."""
    regime, before = chart["regime"], chart["regime"].shift()
    switched = (regime != before) & before.notna()
    # Every candle of a stretch lies in the area of its regime, and in no other one.
    areas = of_kind(answer, "area")
    assert len(areas) == switched.sum() + 1
    for one in areas:
        inside = chart[one["start"] : one["end"]]["regime"]
        assert (inside.iloc[:-1] == one["label"]).all(), one
    marks = of_kind(answer, "point", " to ")
    assert [pd.Timestamp(one["x"]) for one in marks] == moments(chart, switched)
    for one in marks:
        row = chart.loc[pd.Timestamp(one["x"])]
        assert one["label"].endswith(f" to {row['regime']}")
        assert one["y"] == row["close"]
    waits = chart["regime_pending"].fillna("")
    begun = (waits != waits.shift(fill_value="")) & (waits != "")
    pending = of_kind(answer, "point", " pending")
    pending = [one for one in pending if not one["label"].startswith("no entry")]
    assert [pd.Timestamp(one["x"]) for one in pending] == moments(chart, begun)
    # Exit marks stand where bull ends or another unwanted regime begins, and nowhere else.
    ends = switched & (regime != "bull")
    assert moments(chart, chart["exit_long"] == 1) == moments(chart, ends)
    assert answer["exit_long_signals"] == ends.sum()
    tags = chart.loc[ends.to_numpy(), "exit_tag"]
    assert list(tags) == [f"regime_{name}" for name in regime[ends]]
    assert chart["no_trade_code"].tolist() == [code_of(one) for one in chart["no_trade_reason"]]
    assert ((chart["no_trade_reason"] == "") <= (chart["enter_long"] == 1)).all()


def test_a_chart_of_a_running_bot_says_what_its_columns_say(bot: ServedBot, market: Path) -> None:
    (trade,) = Trade.get_open_trades()
    assert trade.pair == PAIR
    answer, chart, _ = pair_candles(bot)
    (stop,) = of_kind(answer, "line")
    assert stop["y_start"] == stop["y_end"] == pytest.approx(trade.stop_loss)
    assert stop["label"].startswith("stop ")
    # The candle that ends bull closes at 10:55, and the bot is not there to see it.
    bot.step(12)
    assert bot.frame(PAIR)["exit_long"].iloc[-1] != 1
    assert not trade.is_open
    assert trade.exit_reason == "regime_sideways"
    assert trade.close_date_utc == bot.worker.freqtrade.last_process
    bot.step(66)
    answer, chart, size = pair_candles(bot)
    assert len(chart) > 900
    check(answer, chart)
    assert of_kind(answer, "line") == []
    assert size / len(chart) * 1000 < MOST_BYTES
    (reason,) = of_kind(answer, "point", "no entry: ")
    assert reason["label"] == "no entry: regime sideways, bull pending"
    assert chart["no_trade_reason"].iloc[-1] == "regime sideways, bull pending"

    told = position_frame(market, PAIR, "5m", load_settings(POSITION)).set_index("date")
    told = told.loc[chart.index]
    assert list(told["regime"]) == list(chart["regime"])
    # What is drawn is rounded, and lies where the rule turns.
    for name, decimals in (("target_weight", 4), ("volatility", 4), ("regime_distance", 3)):
        assert (chart[name] - told[name]).abs().max() <= 0.5001 * 10**-decimals, name
    for name in ("rule_average", "rule_bull_enter"):
        assert len(f"{chart[name].iloc[-1]:.10g}".replace(".", "")) <= 6
    hours = chart[chart.index.minute == 55]
    above = hours["close"] >= hours["rule_bull_enter"]
    assert list(above) == list(hours["regime_distance"] >= 3)


def test_the_plot_config_names_columns_that_are_served(bot: ServedBot) -> None:
    drawn = json.loads(bot.answer("plot_config"))
    columns = set(pair_candles(bot)[1].columns)
    assert set(drawn["main_plot"]) <= columns
    assert len(drawn["main_plot"]) == 5
    for title, pane in drawn["subplots"].items():
        assert set(pane) <= columns, title
    (title,) = [one for one in drawn["subplots"] if one.startswith("No entry")]
    for kind in KINDS:
        assert f"{kind.code} {kind.label}" in title
    assert json.loads(bot.answer("show_config"))["strategy_version"] == regimeswitch.__version__


def test_a_chart_of_the_webserver_says_what_its_columns_say(market: Path, tmp_path: Path) -> None:
    (tmp_path / "overlay.json").write_text(json.dumps(CONFIG))
    (tmp_path / "user_data").mkdir()
    with webserver(market, tmp_path) as (ask, _):
        status, answer = ask(
            "pair_history",
            pair=PAIR,
            timeframe="5m",
            timerange="20241218-20241222",
            strategy="RegimeSwitchStrategy",
        )
    assert status == 200, answer
    chart = chart_of(answer)
    assert len(chart) > 1000
    check(answer, chart)
    assert len(json.dumps(answer, separators=(",", ":"))) / len(chart) * 1000 < MOST_BYTES
    assert len(of_kind(answer, "area")) == 4
    assert answer["exit_long_signals"] == 1
