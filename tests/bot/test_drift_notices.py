"""Warnings of drift: once for each limit, for all pairs, and not again after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode

from listeners import Listener
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.settings import load_settings


PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def bot(folder: Path, **drift: Any) -> tuple[Listener, Notices]:
    listener = Listener(folder)
    notices = Notices()
    notices.begin(listener, load_settings({"drift": drift}))
    return listener, notices


def served(**columns: Any) -> pd.DataFrame:
    """The newest candle of a pair."""
    row = {
        "do_predict": 1,
        "trained_at": 1_735_000_000.0,
        "model_age": 1.0,
        "feature_psi": 0.0,
        "shifted_features": 0.1,
        "calibration_error": 0.0,
        "validated_error": 0.02,
        "model_limit": 0,
    }
    return pd.DataFrame([row | columns])


DRIFTED = {"feature_psi": 0.4, "shifted_features": 0.8, "model_limit": 2}


def loop(listener: Listener, notices: Notices, frame: pd.DataFrame, *pairs: str) -> None:
    for pair in pairs:
        notices.drift(pair, frame, ["volatility_month", "%-weekday"])
    Messenger.of(listener).flush()


def test_pairs_that_pass_a_limit_are_one_message_and_one_when_it_is_over(tmp_path: Path) -> None:
    listener, notices = bot(tmp_path, action="base")
    loop(listener, notices, served(), *PAIRS)
    assert listener.sent == []
    for _ in range(3):
        loop(listener, notices, served(**DRIFTED), *PAIRS[:2])
    (message,) = listener.sent
    for part in (
        "Warning: BTC/USDT, ETH/USDT: features have drifted",
        "median PSI 0.40 beyond the usual, 80% of them shifted, most volatility_month, %-weekday",
        "more than drift.max_psi 0.25",
        "the base answers in place of the sub-models",
    ):
        assert part in message
    # Later pairs are a part of it; a value that has not fallen enough ends nothing.
    loop(listener, notices, served(**DRIFTED), *PAIRS)
    loop(listener, notices, served(feature_psi=0.24), *PAIRS)
    loop(listener, notices, served(), *PAIRS[:2])
    assert len(listener.sent) == 1
    loop(listener, notices, served(), *PAIRS)
    assert len(listener.sent) == 2
    assert "within drift.max_psi again" in listener.sent[1]


def test_nothing_is_sent_again_after_a_restart(tmp_path: Path) -> None:
    listener, notices = bot(tmp_path)
    loop(listener, notices, served(**DRIFTED), *PAIRS)
    again, notices = bot(tmp_path)
    loop(again, notices, served(**DRIFTED), *PAIRS)
    assert (len(listener.sent), again.sent) == (1, [])
    loop(again, notices, served(), *PAIRS)
    assert len(again.sent) == 1


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"model_age": 12.3, "model_limit": 1},
            "its model is 12.3 days old; more than drift.max_model_age_days 10; it serves on",
        ),
        (
            {"calibration_error": 0.9, "model_limit": 4},
            "|log(volatility that came / forecast)| 0.90 against 0.02 in validation; more than "
            "drift.max_size_error 0.5",
        ),
        (
            {"calibration_error": 0.3, "model_limit": 4, "&s-signal": "buy"},
            "calibration error 0.30 against 0.02 in validation; more than "
            "drift.max_calibration_error 0.15",
        ),
    ],
)
def test_each_limit_says_what_it_is(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    listener, notices = bot(tmp_path)
    loop(listener, notices, served(**columns), PAIRS[0])
    (message,) = listener.sent
    assert words in message


def test_a_candle_without_a_prediction_changes_nothing(tmp_path: Path) -> None:
    listener, notices = bot(tmp_path, action="none")
    loop(listener, notices, served(**DRIFTED), *PAIRS)
    for nothing in (
        served(do_predict=0),
        served(do_predict=2, trained_at=0.0),
        served().head(0),
        pd.DataFrame({"close": [1.0]}),
    ):
        loop(listener, notices, nothing, *PAIRS)
    # With action none FreqAI's do_predict is 0 on the very candle.
    loop(listener, notices, served(**DRIFTED | {"do_predict": 0}), *PAIRS)
    assert len(listener.sent) == 1
    assert "no model answers" in listener.sent[0]


def test_a_backtest_sends_nothing(tmp_path: Path) -> None:
    listener = Listener(tmp_path, RunMode.BACKTEST)
    notices = Notices()
    notices.begin(listener, load_settings(None))
    loop(listener, notices, served(**DRIFTED), *PAIRS)
    assert listener.sent == []
