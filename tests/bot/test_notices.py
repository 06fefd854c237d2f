"""What people are told: regime switches, impossible candles, coloured bands in FreqUI."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.ft_types.plot_annotation_type import AnnotationTypeTA

from frames import candle_frame
from project import in_signal_mode
from regimeswitch.bot.messages.chart import regime_bands
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.market.candles import find_bad_candles
from regimeswitch.market.hysteresis import age
from regimeswitch.settings import RegimeSettings, load_settings


class Listener:
    """Stands for the data provider: keeps what would go to Telegram."""

    def __init__(self, runmode: RunMode = RunMode.DRY_RUN) -> None:
        self.runmode = runmode
        self.sent: list[str] = []

    def send_msg(self, message: str, *, always_send: bool = False) -> None:
        assert always_send
        self.sent.append(message)


def analysed(names: list[str | None]) -> pd.DataFrame:
    codes = pd.Series(names).map({"bull": 1, "bear": 2, "sideways": 3}).fillna(0).astype("int8")
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=len(names), freq="5min", tz="UTC"),
            "regime": pd.array(names, dtype="str"),
            "regime_age": age(codes.to_numpy()),
        }
    )


def test_each_confirmed_switch_is_sent_once() -> None:
    names = [None, "bull", "bull", "bear", "bear", "bear", "sideways"]
    notices, listener = Notices(), Listener()
    for end in range(2, len(names) + 1):
        for _ in range(2):
            notices.regime_switch("BTC/USDT", analysed(names[:end]), listener)
    assert listener.sent == [
        "BTC/USDT: regime bull -> bear at 2025-01-01 00:15 UTC",
        "BTC/USDT: regime bear -> sideways at 2025-01-01 00:30 UTC",
    ]


def test_a_switch_on_a_candle_that_was_missed_is_still_sent() -> None:
    notices, listener = Notices(), Listener()
    notices.regime_switch("BTC/USDT", analysed(["bull"] * 3), listener)
    notices.regime_switch("BTC/USDT", analysed(["bull"] * 3 + ["bear"] * 3), listener)
    assert len(listener.sent) == 1


def test_switches_from_before_the_start_and_in_backtests_are_not_sent() -> None:
    past = analysed(["bull", "bull", "bear", "bear"])
    listener = Listener()
    Notices().regime_switch("BTC/USDT", past, listener)
    assert not listener.sent
    backtest, notices = Listener(RunMode.BACKTEST), Notices()
    notices.regime_switch("BTC/USDT", past.head(2), backtest)
    notices.regime_switch("BTC/USDT", past, backtest)
    assert not backtest.sent


def test_a_refused_signal_is_logged_once_and_a_refused_person_every_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    notices, listener = Notices(), Listener()
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
    assert listener.sent == ["BTC/USDT: forced entry not made: no room"] * 2


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
