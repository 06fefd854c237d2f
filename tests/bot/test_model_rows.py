"""What model bots send and trading bots take: exact, by name refused, and who has which part."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import time_machine
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import CandleType, RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.misc import dataframe_to_json, json_to_dataframe
from freqtrade.strategy import IStrategy
from hypothesis import given, settings
from hypothesis import strategies as st

from project import QUICK, ROOT
from regimeswitch.bot.bot_settings import mark_identifier, settings_from
from regimeswitch.bot.freqai.columns import REFUSAL_COLUMN, SENT_COLUMN
from regimeswitch.bot.model_bots.answers import ModelAnswers
from regimeswitch.bot.model_bots.model_rows import Maker, model_columns, read, written
from regimeswitch.bot.model_bots.roles import checked_role
from regimeswitch.bot.trading.resizing import ADDED, Change
from regimeswitch.settings import SettingsError, load_settings
from regimeswitch_lab.replay.stage import merged
from strategies import load


BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
CANDLES = 6
NOW = BEGIN + CANDLES * timedelta(minutes=5)
PAIR = "BTC/USDT"
MAKER = Maker("1.0", "0123abcd")
NAMES = ("buy", "do_predict")
PRODUCERS = [{"name": name, "host": "127.0.0.1", "ws_token": "t"} for name in ("a", "b")]


def candles(close: float = 1.0) -> pd.DataFrame:
    dates = pd.date_range(BEGIN, periods=CANDLES, freq="5min").as_unit("ms")
    return pd.DataFrame({"date": dates, "close": close, "regime": "bull"})


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=50)
@given(st.lists(numbers, min_size=CANDLES, max_size=CANDLES), numbers)
def test_a_number_comes_through_freqtrades_json_as_it_was(
    values: list[float], close: float
) -> None:
    frame = candles(close).assign(buy=values, do_predict=1)
    frame[SENT_COLUMN] = written(frame, NAMES, MAKER)
    sent = json_to_dataframe(dataframe_to_json(frame.copy()))
    rows = [read(text, len(NAMES)) for text in sent[SENT_COLUMN]]
    assert [row and row.predicted for row in rows] == [(value, 1) for value in values]
    assert [row and (row.close, row.regime, row.maker) for row in rows] == (
        [(close, "bull", MAKER)] * CANDLES
    )


def test_freqtrade_alone_rounds_numbers_and_takes_a_number_for_a_date() -> None:
    """Why there is a text: the columns as they come are not those that were sent."""
    frame = candles().assign(expected_return=1 / 30_000, trained_at=1_735_689_600.0)
    sent = json_to_dataframe(dataframe_to_json(frame.copy()))
    assert sent["expected_return"].iloc[0] == pytest.approx(1 / 30_000, abs=1e-10)
    assert sent["expected_return"].iloc[0] != 1 / 30_000
    assert str(sent["trained_at"].dtype).startswith("datetime")


@pytest.mark.parametrize("text", [None, float("nan"), "", "{}", "[1]", '{"version": 1}'])
def test_what_is_no_row_is_none(text: Any) -> None:
    assert read(text, 2) is None


def test_a_row_of_another_width_keeps_its_maker() -> None:
    text = written(candles().assign(buy=1.0), ["buy"], MAKER).iloc[0]
    row = read(text, 2)
    assert row is not None
    assert (row.maker, row.predicted) == (MAKER, (0, 0))


def config_of(role: str, **changes: Any) -> dict[str, Any]:
    base = merged(json.loads((ROOT / "config.json").read_text()), deepcopy(QUICK))
    overlay = json.loads((ROOT / f"user_data/bots/{role}-bot.json").read_text())
    given: dict[str, Any] = {"runmode": RunMode.DRY_RUN, "candle_type_def": CandleType.SPOT}
    given["external_message_consumer"] = {"producers": PRODUCERS}
    given["api_server"] = {"ws_token": "t"}
    return merged(merged(merged(base, overlay), given), changes)


class Trading:
    """The trading bot's side, with freqtrade's data provider."""

    def __init__(self) -> None:
        config = config_of("trading", db_url="sqlite://")
        self.settings = settings_from(config)
        mark_identifier(config, self.settings)
        self.dp = DataProvider(config, None)
        strategy = SimpleNamespace(dp=self.dp, config=config, timeframe="5m")
        self.answers = ModelAnswers(strategy, self.settings)
        self.maker, self.names = Maker.of(config), model_columns(config, self.settings)

    def send(
        self,
        count: int = CANDLES,
        *,
        maker: Maker | None = None,
        name: str = "a",
        buy: float = 0.5,
        frame: pd.DataFrame | None = None,
    ) -> None:
        """The first candles, as a model bot has analysed them."""
        frame = candles() if frame is None else frame
        sent = frame.iloc[:count].assign(buy=buy, do_predict=1)
        texts = written(sent, self.names, maker or self.maker)
        self.put(sent.assign(**{SENT_COLUMN: texts}), name)

    def put(self, frame: pd.DataFrame, name: str) -> None:
        self.dp._set_producer_pairs([PAIR], name)
        self.dp._replace_external_df(PAIR, frame, NOW, "5m", CandleType.SPOT, name)

    def last(self) -> tuple[float, str]:
        row = self.answers.added(candles(), PAIR).iloc[-1]
        return row["buy"], row[REFUSAL_COLUMN].removeprefix("model bot: ")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW + timedelta(seconds=1), tick=False) as moved:
        yield moved


def test_a_candle_waits_for_its_own_row(clock: time_machine.Traveller) -> None:
    trading = Trading()
    assert trading.last() == (0, "no prediction yet")
    trading.send(CANDLES - 1)
    assert not trading.answers.has_news(PAIR)
    assert trading.last() == (0, "no prediction yet")
    trading.send()
    assert trading.answers.has_news(PAIR)
    assert trading.last() == (0.5, "")
    assert not trading.answers.has_news(PAIR)
    assert trading.answers.refusal(PAIR) == ""


def test_a_model_bot_is_silent_after_the_age_limit_and_its_late_row_opens_nothing(
    clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    trading = Trading()
    trading.send(CANDLES - 1)
    trading.last()
    clock.shift(timedelta(seconds=148))
    assert not trading.answers.has_news(PAIR)
    clock.shift(timedelta(seconds=1))
    assert trading.answers.has_news(PAIR)
    for _ in range(2):
        assert trading.last() == (0, "a is silent")
    assert not trading.answers.has_news(PAIR)
    assert caplog.text.count("a is silent; nothing is opened or resized, stops and exits") == 1
    trading.send()
    assert trading.answers.has_news(PAIR)
    # Its answer may close a position all the same.
    assert trading.last() == (0.5, "the prediction has come too late (bots.max_age_seconds)")
    assert caplog.text.count("the model bot answers again") == 1


def test_nobody_has_the_pair(
    clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    trading = Trading()
    clock.shift(timedelta(seconds=200))
    assert trading.last() == (0, "no model bot answers for the pair")
    assert "no model bot answers for the pair" in caplog.text


def test_other_models_are_refused_by_name(clock: time_machine.Traveller) -> None:
    trading = Trading()
    own = trading.maker
    trading.send(maker=Maker("0.1", own.models))
    assert trading.last() == (0, f"a runs RegimeSwitch 0.1, this bot {own.version}")
    trading.send(maker=Maker(own.version, "0123abcd"))
    assert trading.last() == (
        0,
        f"a has other settings of its models (hash 0123abcd, this bot {own.models})",
    )
    trading.put(candles(), "a")
    assert trading.last() == (
        0,
        'a is no model bot (its regimeswitch.bots.role is not "model")',
    )
    # Another one that has the pair takes its place.
    trading.send(name="b", buy=0.7)
    assert trading.last() == (0.7, "")
    trading.send(buy=0.6)
    assert trading.last() == (0.6, "")


def test_another_candle_or_regime_opens_nothing(clock: time_machine.Traveller) -> None:
    trading = Trading()
    trading.send(frame=candles(close=1.1))
    assert trading.last() == (0, "the model bot has predicted another candle than this bot's")
    trading.send(frame=candles().assign(regime="bear"))
    assert trading.last() == (0.5, "the model bot was in another regime")
    trading.send()
    assert trading.last() == (0.5, "")


def test_candles_before_what_was_sent_have_no_model(clock: time_machine.Traveller) -> None:
    trading = Trading()
    trading.send(frame=candles().iloc[3:])
    found = trading.answers.added(candles(), PAIR)
    assert found["do_predict"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found[REFUSAL_COLUMN].tolist() == (
        ["model bot: the prediction of this candle was not sent"] * 3 + [""] * 3
    )


def strategy_of(role: str, folder: Path) -> IStrategy:
    config = config_of(role)
    held = {"entries": {"mode": "position"}, "risk": {"rebalance_band": 0.1}}
    names = ("external_message_consumer", "api_server", "max_open_trades", "dry_run")
    given = {name: config[name] for name in names}
    section = held | {"bots": {"role": role}}
    return load(folder, section, runmode=RunMode.DRY_RUN, db_url="sqlite://", **given)


def test_a_position_is_resized_by_a_candle_with_its_prediction_alone(
    clock: time_machine.Traveller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = strategy_of("trading", tmp_path)
    assert not strategy.config["freqai"]["enabled"]
    answers = strategy.answers = ModelAnswers(strategy, strategy.rs)
    monkeypatch.setattr(strategy, "_is_leaving", lambda *given: False)
    monkeypatch.setattr(strategy.resizing, "change", lambda *given: Change(10.0, ADDED))
    trade = SimpleNamespace(pair=PAIR)
    resized = partial(strategy.adjust_trade_position, trade, NOW, 1.0, 0.0, 1.0, 100.0)
    assert resized() is None
    answers.added(candles(), PAIR)
    assert resized() is None
    maker, names = Maker.of(strategy.config), model_columns(strategy.config, strategy.rs)
    frame = candles().assign(**{SENT_COLUMN: written(candles(), names, maker)})
    strategy.dp._replace_external_df(PAIR, frame, NOW, "5m", CandleType.SPOT, "a")
    answers.added(candles(), PAIR)
    assert resized() == (10.0, ADDED)


def test_a_model_bot_opens_nothing_even_when_it_is_forced(tmp_path: Path) -> None:
    strategy = strategy_of("model", tmp_path)
    assert strategy.config["freqai"]["enabled"]
    entry = (PAIR, "limit", 1.0, 1.0, "GTC", NOW, "forced", "long")
    assert strategy.confirm_trade_entry(*entry) is False


@pytest.mark.parametrize(
    ("role", "changes", "said"),
    [
        (
            "model",
            {"dry_run": False},
            "dry_run: is False, and a model bot needs no account",
        ),
        (
            "model",
            {"max_open_trades": 3},
            "is 3, and a model bot opens nothing; set it to 0",
        ),
        (
            "model",
            {"api_server": {"enabled": False}},
            "api_server.enabled: is False, and a",
        ),
        ("model", {"api_server": {"ws_token": ""}}, "variable FREQTRADE__API_SERVER__WS_TOKEN to"),
        (
            "trading",
            {"external_message_consumer": {"enabled": False}},
            "external_message_consumer.enabled: is False, and a trading bot has",
        ),
        (
            "trading",
            {"external_message_consumer": {"producers": []}},
            "producers: is missing: no model bot is named; set the environment variable",
        ),
        (
            "trading",
            {"external_message_consumer": {"producers": [PRODUCERS[0] | {"ws_token": ""}]}},
            "producers: 'a' has no ws_token; give it the FREQTRADE__API_SERVER__WS_TOKEN of that",
        ),
    ],
)
def test_a_config_that_does_not_fit_its_part_is_refused(
    role: str, changes: dict[str, Any], said: str
) -> None:
    config = config_of(role, **changes)
    with pytest.raises(OperationalException) as raised:
        checked_role(config, settings_from(config), learns=True)
    assert f'regimeswitch.bots.role is "{role}"' in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("role", ["model", "trading"])
def test_parts_are_for_bots_with_models(role: str) -> None:
    config = config_of(role)
    parsed = settings_from(config)
    assert checked_role(config, parsed, learns=True) == role
    with pytest.raises(OperationalException, match="no models are trained"):
        checked_role(config, parsed, learns=False)
    # A backtest of the same config trains, and trades.
    assert checked_role(config | {"runmode": RunMode.BACKTEST}, parsed, learns=True) == "alone"


def test_a_bot_that_works_alone_says_that_it_uses_nothing_of_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    config = config_of("trading")
    assert checked_role(config, load_settings({}), learns=True) == "alone"
    assert "nothing of what other bots send is used" in caplog.text


@pytest.mark.parametrize("given", [{"role": "producer"}, {"max_age_seconds": 0}])
def test_a_wrong_setting_is_named(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"bots.{next(iter(given))}"):
        load_settings({"bots": given})
