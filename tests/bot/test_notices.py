"""What people are told: regime switches, refused entries, coloured bands in FreqUI."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.ft_types.plot_annotation_type import AnnotationTypeTA
from freqtrade.persistence import Trade

from frames import candle_frame
from listeners import Listener
from project import in_signal_mode
from regimeswitch.bot.charts.chart_marks import regime_bands
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.bot.trading.wording import switch_text
from regimeswitch.market.candles import find_bad_candles
from regimeswitch.market.hysteresis import age
from regimeswitch.settings import RegimeSettings, load_settings


def analysed(names: list[str | None]) -> pd.DataFrame:
    codes = pd.Series(names).map({"bull": 1, "bear": 2, "sideways": 3}).fillna(0).astype("int8")
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=len(names), freq="5min", tz="UTC"),
            "regime": pd.array(names, dtype="str"),
            "regime_age": age(codes.to_numpy()),
        }
    )


@pytest.fixture(autouse=True)
def no_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no database here."""
    monkeypatch.setattr(Trade, "get_trades_proxy", lambda **wanted: [])


def notices_of(listener: Listener) -> Notices:
    """Of a bot that has just started."""
    notices = Notices()
    notices.begin(listener, load_settings(None))
    return notices


def loop(notices: Notices, listener: Listener, names: Sequence[str | None], *pairs: str) -> None:
    for pair in pairs:
        notices.regime_switch(pair, analysed(names), listener)
    Messenger.of(listener).flush()


def test_each_confirmed_switch_is_sent_once_for_all_pairs(tmp_path: Path) -> None:
    names = [None, "bull", "bull", "bear", "bear", "bear", "sideways"]
    listener = Listener(tmp_path)
    notices = notices_of(listener)
    for end in range(2, len(names) + 1):
        for _ in range(2):
            loop(notices, listener, names[:end], "BTC/USDT", "ETH/USDT")
    assert listener.sent == [
        "Info: BTC/USDT, ETH/USDT: regime bull -> bear at 2025-01-01 00:15 UTC; target weight "
        "0: no entries in bear",
        "Info: BTC/USDT, ETH/USDT: regime bear -> sideways at 2025-01-01 00:30 UTC, after 15 min "
        "of bear; target weight 0: no entries in sideways",
    ]


def test_a_switch_on_a_candle_that_was_missed_is_still_sent(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    notices = notices_of(listener)
    loop(notices, listener, ["bull"] * 3, "BTC/USDT")
    loop(notices, listener, ["bull"] * 3 + ["bear"] * 3, "BTC/USDT")
    assert len(listener.sent) == 1


def test_after_a_restart_no_switch_is_sent_again_and_none_is_lost(tmp_path: Path) -> None:
    names = ["bear"] * 3 + ["bull"] * 3 + ["bear"] * 3
    sent: list[str] = []
    for end in (4, 4, 7, 7, 9):
        listener = Listener(tmp_path)
        loop(notices_of(listener), listener, names[:end], "BTC/USDT")
        sent += listener.sent
    assert [text.split(" at ")[0] for text in sent] == ["Info: BTC/USDT: regime bull -> bear"]
    for path in tmp_path.glob("regimeswitch-messages-*.json"):
        path.write_text("{ nonsense")
    listener = Listener(tmp_path)
    loop(notices_of(listener), listener, names, "BTC/USDT")
    assert listener.sent == []


def test_what_a_switch_changes_is_said(tmp_path: Path) -> None:
    frame = analysed(["bull", "bear", "bear", "bull"]).assign(target_weight=0.625)
    length, held = timedelta(minutes=5), SimpleNamespace(amount=0.5, safe_base_currency="BTC")
    position, signal = load_settings(None), load_settings(in_signal_mode())
    into = switch_text(frame, 3, length, position, [])
    assert into.endswith("after 10 min of bear; entries are allowed, target weight 0.62 of a slot")
    out = analysed(["bull", "bull", "bear"])
    leaves = switch_text(out, 2, length, position, [held])
    assert "the open position of 0.5 BTC is closed (exit regime_bear)" in leaves
    stays = switch_text(analysed(["bear", "bull"]), 1, length, signal, [held])
    assert stays.endswith("the open position of 0.5 BTC stays open")


def test_a_message_that_cannot_be_made_costs_no_candle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**wanted: object) -> None:
        raise OSError("the database is locked")

    listener = Listener(tmp_path)
    notices = notices_of(listener)
    loop(notices, listener, ["bull", "bull"], "BTC/USDT")
    monkeypatch.setattr(Trade, "get_trades_proxy", fails)
    loop(notices, listener, ["bull", "bull", "bear"], "BTC/USDT")
    assert listener.sent == []
    assert "no message about it: BTC/USDT: regime switch" in caplog.text


def test_switches_from_before_the_start_and_in_backtests_are_not_sent(tmp_path: Path) -> None:
    past = ["bull", "bull", "bear", "bear"]
    listener = Listener(tmp_path)
    loop(notices_of(listener), listener, past, "BTC/USDT")
    assert not listener.sent
    backtest = Listener(tmp_path, RunMode.BACKTEST)
    notices = notices_of(backtest)
    notices.regime_switch("BTC/USDT", analysed(past[:2]), backtest)
    notices.regime_switch("BTC/USDT", analysed(past), backtest)
    assert not backtest.sent


def test_a_refused_signal_is_logged_once_and_a_refused_person_every_time(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    listener = Listener(tmp_path)
    notices = notices_of(listener)
    for reason in ("no room", "no room", "", "no room", "daily_loss_limit"):
        notices.entry_refused("BTC/USDT", reason, False, listener)
    assert caplog.messages == [
        "BTC/USDT: entry not made: no room",
        "BTC/USDT: entry not made: no room",
        "BTC/USDT: entry not made: daily_loss_limit",
    ]
    assert listener.sent == []
    for _ in range(2):
        notices.entry_refused("BTC/USDT", "no room", True, listener)
        Messenger.of(listener).flush()
    assert listener.sent == ["Info: BTC/USDT: forced entry not made: no room"] * 2


def test_bad_candles_are_counted_in_the_log_when_the_count_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    frame = candle_frame(50, seed=1)
    frame.loc[20, "close"] = 0.0
    frame.loc[30, ["open", "high", "low", "close"]] *= 10
    bad = find_bad_candles(frame, "5m", 0.5)
    notices = Notices()
    for _ in range(3):
        notices.bad_candles("BTC/USDT", "5m", bad)
    (record,) = caplog.records
    assert "1 zero" in record.message
    assert "1 spike" in record.message
    assert "of 50" in record.message


def test_bands_cover_each_known_stretch_and_pass_freqtrade_s_own_check() -> None:
    frame = analysed([None, "bull", "bull", "bear", "sideways", "sideways"])
    dates = frame["date"]
    bands = regime_bands(frame, dates.iloc[0], dates.iloc[-1])
    assert [band["label"] for band in bands] == ["bull", "bear", "sideways"]
    assert bands[0]["start"] == dates.iloc[1]
    assert bands[0]["end"] == bands[1]["start"] == dates.iloc[3]
    for band in bands:
        AnnotationTypeTA.validate_python(band)
    assert regime_bands(frame, dates.iloc[-1] + pd.Timedelta("1h"), dates.iloc[-1]) == []


def test_an_entry_record_looks_at_closed_candles_only_and_survives_the_trade() -> None:
    frame = analysed(["bull", "bear", "bear"]).assign(stop_atr=[1.0, 2.0, 3.0])
    opened = frame["date"].iloc[2].to_pydatetime()
    record = EntryRecord.of(frame, opened, "5m", load_settings(in_signal_mode()))
    assert record == EntryRecord("bear", 2.0)
    kept: dict[str, object] = {}
    trade = SimpleNamespace(set_custom_data=kept.__setitem__, get_custom_data=kept.get)
    record.write(trade)
    assert EntryRecord.read(trade) == record
    EntryRecord.of(frame.head(0), opened, "5m", load_settings(in_signal_mode())).write(trade)
    assert EntryRecord.read(trade) is None


def test_the_default_rule_settles_within_an_hour_at_the_earliest() -> None:
    assert RegimeSettings().grace_candles >= 12


def test_what_the_account_refuses_is_one_message_per_reason_not_per_pair(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    notices = notices_of(listener)
    slots, small = "account: all 2 slots are taken", "account: the stake is below"
    told = [
        ("BTC/USDT", slots),
        ("ETH/USDT", slots),
        ("BTC/USDT", slots),
        ("ETH/USDT", small),
        # Guards and loss limits send messages of their own.
        ("ETH/USDT", "guard: the exchange does not answer"),
        ("BTC/USDT", "limit: the loss of the day has reached risk.max_daily_loss"),
        ("ADA/USDT", "regime bear"),
        ("BTC/USDT", ""),
        ("BTC/USDT", slots),
    ]
    for pair, reason in told:
        notices.no_trade(pair, pd.Series(["", reason]), listener)
        Messenger.of(listener).flush()
    assert listener.sent == [
        "Info: BTC/USDT: no entry: all 2 slots are taken",
        "Info: ETH/USDT: no entry: the stake is below",
        "Info: BTC/USDT: no entry: all 2 slots are taken",
    ]
    backtest = Listener(tmp_path, RunMode.BACKTEST)
    Notices().no_trade("BTC/USDT", pd.Series([slots]), backtest)
    assert backtest.sent == []
