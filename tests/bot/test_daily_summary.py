"""The summary of a day and news of models: once, complete, and across restarts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import Trade

from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.trading.daily_summary import day_is_complete, summary_text
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.settings import load_settings


FIVE = timedelta(minutes=5)
DAY = date(2025, 1, 2)
AFTER = datetime(2025, 1, 3, 0, 0, 5, tzinfo=UTC)


class Bot:
    """A bot and its data provider."""

    def __init__(self, folder: Path, frames: dict[str, pd.DataFrame], **section: Any) -> None:
        self.dp = self
        self.runmode, self.timeframe = RunMode.DRY_RUN, "5m"
        self.sent: list[str] = []
        self.config = {
            "user_data_dir": folder,
            "db_url": "sqlite:///bot.sqlite",
            "stake_currency": "USDT",
            "regimeswitch": section,
        }
        self.frames = frames
        self.notices = Notices()
        self.notices.begin(self, load_settings(section))

    def current_whitelist(self) -> list[str]:
        return list(self.frames)

    def get_analyzed_dataframe(self, pair: str, timeframe: str) -> tuple[pd.DataFrame, None]:
        return self.frames[pair], None

    def send_msg(self, message: str, *, always_send: bool = False) -> None:
        self.sent.append(message)

    def loop(self, equity: float | None, now: datetime) -> list[str]:
        self.sent.clear()
        self.notices.loop(self, equity, now)
        Messenger.of(self).flush()
        return list(self.sent)


def candles(until: str, **columns: Any) -> pd.DataFrame:
    """Two days of candles, the last of which opens at ``until``."""
    dates = pd.date_range(end=pd.Timestamp(until, tz="UTC"), periods=600, freq="5min")
    return pd.DataFrame({"date": dates, "regime": "bull", **columns})


def closed(regime: str, profit: float, when: datetime) -> SimpleNamespace:
    kept = {"regime": regime, "atr": 1.0}
    return SimpleNamespace(
        enter_tag="tag",
        close_profit_abs=profit,
        close_date_utc=when,
        get_custom_data=lambda key: kept if regime else None,
    )


@pytest.fixture
def trades(monkeypatch: pytest.MonkeyPatch) -> dict[bool, list[Any]]:
    """What the database holds: open ones under True."""
    found: dict[bool, list[Any]] = {True: [], False: []}
    monkeypatch.setattr(Trade, "get_trades_proxy", lambda **wanted: found[wanted["is_open"]])
    return found


def test_a_day_has_its_trades_by_regime_its_equity_and_what_rules_made(
    trades: dict[bool, list[Any]],
) -> None:
    noon = datetime(2025, 1, 2, 12, tzinfo=UTC)
    trades[False] = [
        closed("bull", 10.0, noon),
        closed("bull", -4.0, noon),
        closed("", 1.0, noon),
        closed("bear", 99.0, noon + timedelta(days=1)),
    ]
    trades[True] = [SimpleNamespace(stake_amount=500.0)]
    frame = candles("2025-01-02 23:55", shadow_rules=1.0, shadow_hold=2.0)
    frame.loc[frame["date"] >= "2025-01-02", "shadow_rules"] = 1.01
    frame.loc[frame["date"] >= "2025-01-02", "shadow_hold"] = 1.9
    frames = {"A/B": frame, "C/B": frame.assign(shadow_rules=1.0, regime="bear"), "D/B": frame[:0]}
    assert summary_text(DAY, frames, FIVE, (1010.0, 1000.0, "2025-01-01"), "USDT").split("; ") == [
        "2025-01-02 (UTC)",
        "equity 1010.00 USDT (+1.00% since the end of 2025-01-01)",
        "3 trades closed, +7.00 USDT (bull 2: +6.00, tag 1: +1.00)",
        "1 position open, 500.00 USDT at cost, 50% of equity",
        "in equal slots, costs taken off, the rules without models would have earned +0.50%, "
        "holding -5.00%",
        "regimes of the pairs now: bear 1, bull 1",
    ]


def test_without_trades_and_without_a_shadow_nothing_is_made_up(
    trades: dict[bool, list[Any]],
) -> None:
    text = summary_text(DAY, {"A/B": candles("2025-01-02 23:55")}, FIVE, (5.0, None, ""), "USDT")
    assert text.split("; ") == [
        "2025-01-02 (UTC)",
        "equity 5.00 USDT",
        "no trade was closed",
        "nothing is held",
        "regimes of the pairs now: bull 1",
    ]


def test_the_last_candle_of_the_day_is_waited_for_but_not_for_ever() -> None:
    whole, late = candles("2025-01-02 23:55"), candles("2025-01-02 23:50")
    assert day_is_complete({"A/B": whole}, FIVE, AFTER)
    assert not day_is_complete({"A/B": whole, "C/B": late}, FIVE, AFTER)
    assert not day_is_complete({"A/B": whole, "C/B": late[:0]}, FIVE, AFTER)
    assert day_is_complete({"A/B": late}, FIVE, AFTER + timedelta(minutes=15))


def test_a_day_is_summed_up_once_also_over_a_restart(
    tmp_path: Path, trades: dict[bool, list[Any]]
) -> None:
    frames = {"A/B": candles("2025-01-02 23:50")}
    bot = Bot(tmp_path, frames)
    assert bot.loop(None, AFTER - timedelta(days=1)) == []
    # The day before the first start was not this bot's.
    assert bot.loop(1000.0, AFTER - timedelta(days=1)) == []
    assert bot.loop(1000.0, AFTER) == []
    bot = Bot(tmp_path, frames)
    frames["A/B"] = candles("2025-01-02 23:55")
    (text,) = bot.loop(1010.0, AFTER)
    assert text.startswith("Info: 2025-01-02 (UTC); equity 1010.00 USDT (+1.00% since the end of ")
    assert bot.loop(1010.0, AFTER + timedelta(hours=5)) == []
    assert Bot(tmp_path, frames).loop(1010.0, AFTER + timedelta(hours=6)) == []


def model(**weights: float) -> Any:
    return SimpleNamespace(ensemble_=SimpleNamespace(weights_=weights))


def test_a_first_model_and_changes_of_weights_are_reported_once_for_all_pairs(
    tmp_path: Path,
) -> None:
    bot = Bot(tmp_path, {})
    served = candles("2025-01-02 23:55", trained_at=1735776000.0)
    unserved = served.assign(trained_at=0.0)

    def told(given: Any, frame: pd.DataFrame = served) -> list[str]:
        bot.sent.clear()
        for pair in ("A/B", "C/B"):
            bot.notices.model(pair, frame, given)
        Messenger.of(bot).flush()
        return list(bot.sent)

    assert told(None) == told(model(bull=1.0), unserved) == told(model(), served[["date"]]) == []
    assert told(model(bull=0.5, bear=0.0)) == [
        "Info: first model ready, trained on candles until 2025-01-02 00:00 UTC; weights of its "
        "sub-models: bull 0.50, bear 0.00; forecasts begin"
    ]
    assert told(model(bull=0.51, bear=0.0)) == []
    bot = Bot(tmp_path, {})
    assert told(model(bull=0.5, bear=0.0)) == []
    (text,) = told(model(bull=0.5, bear=0.6))
    assert "bull 0.50 -> 0.50, bear 0.00 -> 0.60" in text


def test_models_of_single_pairs_are_reported_by_pair(tmp_path: Path) -> None:
    bot = Bot(tmp_path, {}, models={"rows": "pair"})
    served = candles("2025-01-02 23:55", trained_at=1735776000.0)
    for pair in ("A/B", "C/B"):
        bot.notices.model(pair, served, model(bull=1.0))
    Messenger.of(bot).flush()
    (text,) = bot.sent
    assert text.startswith("Info: A/B, C/B: first model ready")


def test_a_kind_that_is_off_stays_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trades: dict[bool, list[Any]]
) -> None:
    caplog.set_level("INFO")
    bot = Bot(tmp_path, {"A/B": candles("2025-01-02 23:55")}, messages={"daily_summary": "off"})
    bot.loop(1000.0, AFTER - timedelta(days=1))
    assert bot.loop(1000.0, AFTER) == []
    assert "not sent, regimeswitch.messages.daily_summary is off: Info: 2025-01-02" in caplog.text
