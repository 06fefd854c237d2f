"""Models of another version are named in one line and trained again, whatever classes they hold."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agedmodels import age, of_gone_class
from movedbots import MovedBot, live_config, moved_bot
from project import QUICK, Run
from regimeswitch import __version__
from regimeswitch.bot.freqai.model_versions import (
    forget_other_versions,
    is_of_other_version,
    report_other_versions,
    stamped,
    version_of,
)
from results import predictions_of


# freqtrade's own warnings, in its own code.
pytestmark = pytest.mark.filterwarnings("default")

__all__ = ["moved_bot"]

TWO_DAYS = ("--timerange", "20241230-20250101", "--pairs", "BTC/USDT", "--cache", "none")
FEW_FEATURES = {"include_timeframes": ["5m"], "indicator_periods_candles": [12]}
BEFORE = "a version of RegimeSwitch before 0.2.0"


def folder_of(home: Path, stamp: int, section: Any, coin: str = "BTC") -> Path:
    folder = home / f"sub-train-{coin}_{stamp}"
    folder.mkdir(parents=True)
    content = {} if section is None else {"regimeswitch": section}
    (folder / f"cb_{coin.lower()}_{stamp}_metadata.json").write_text(json.dumps(content))
    return folder


def bot_home(home: Path, sections: dict[str, Any]) -> Path:
    """A folder of models in use, by coin what the metadata says."""
    pairs = {}
    for coin, section in sections.items():
        folder = folder_of(home, 1735084800, section, coin)
        pairs[f"{coin}/USDT"] = {
            "model_filename": f"cb_{coin.lower()}_1735084800",
            "trained_timestamp": 1735084800,
            "data_path": str(folder),
            "extras": {},
        }
    (home / "pair_dictionary.json").write_text(json.dumps(pairs))
    (home / "historic_predictions.pkl").write_bytes(pickle.dumps({}))
    return home


def test_the_pickles_of_these_tests_cannot_be_read() -> None:
    with pytest.raises(ModuleNotFoundError):
        pickle.loads(of_gone_class("regimeswitch.gated"))


@pytest.mark.parametrize(
    ("section", "version", "other"),
    [
        (None, None, False),
        ("text", None, False),
        ({}, "", True),
        ({"version": "0.1.9"}, "0.1.9", True),
        ({"version": __version__}, f"{__version__} (format 1 of models)", True),
        (stamped({}), __version__, False),
    ],
)
def test_the_version_is_read_in_the_metadata(
    tmp_path: Path, section: Any, version: str | None, other: bool
) -> None:
    folder = folder_of(tmp_path, 1735084800, section)
    assert (version_of(folder), is_of_other_version(folder)) == (version, other)


def test_metadata_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 1735084800, {})
    (path,) = folder.iterdir()
    path.write_text("{")
    assert version_of(folder) is None
    assert version_of(tmp_path / "none") is None


def test_a_bot_forgets_models_of_other_versions_and_keeps_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = bot_home(tmp_path / "rs", {"BTC": {}, "ETH": stamped({}), "XRP": {"version": "0.1.9"}})
    forget_other_versions(home)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"BTC/USDT, XRP/USDT: the models in {home} were fitted by {BEFORE}, RegimeSwitch 0.1.9; "
        "there are no forecasts until they are trained again"
    )
    pairs = json.loads((home / "pair_dictionary.json").read_text())
    assert {pair for pair, info in pairs.items() if info["model_filename"]} == {"ETH/USDT"}
    assert not (home / "historic_predictions.pkl").exists()
    assert (home / "historic_predictions.pkl.other-version").is_file()
    # Once: what is made from now on is kept.
    (home / "historic_predictions.pkl").write_bytes(pickle.dumps({}))
    forget_other_versions(home)
    assert (home / "historic_predictions.pkl").is_file()
    assert len(caplog.records) == 1


@pytest.mark.parametrize("look", [forget_other_versions, report_other_versions])
def test_nothing_is_said_of_models_of_this_version_or_of_none(
    look: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    look(tmp_path / "rs-rs0123abcd")
    look(bot_home(tmp_path / "rs-rs0123abcd", {"BTC": stamped({})}))
    (tmp_path / "rs-rs0123abcd" / "pair_dictionary.json").write_text("{")
    look(tmp_path / "rs-rs0123abcd")
    assert caplog.records == []


@pytest.mark.parametrize("look", [forget_other_versions, report_other_versions])
def test_models_that_an_earlier_version_kept_under_another_identifier_are_named(
    look: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder_of(tmp_path / "mine-rs0123abcd", 1735084800, {})
    folder_of(tmp_path / "mine-rs4567abcd", 1735084800, stamped({}))
    folder_of(tmp_path / "other-rs0123abcd", 1735084800, {})
    home = tmp_path / "mine-rs89abcdef"
    look(home)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"the models in mine-rs0123abcd were fitted by {BEFORE} and serve no longer; they are "
        f"trained again, in {home}"
    )
    # Not once more when this version has trained.
    folder_of(home, 1735084800, stamped({}))
    look(home)
    assert len(caplog.records) == 1


def quick(**safety: Any) -> dict[str, Any]:
    """A configuration whose training takes a moment."""
    config = live_config(QUICK)
    config["freqai"] |= {"train_period_days": 8, "feature_parameters": FEW_FEATURES}
    config["regimeswitch"]["safety"] = safety
    return config


@pytest.mark.slow
def test_a_backtest_trains_models_of_the_version_before_again(
    freqtrade_here: Callable[..., Run], market: Path
) -> None:
    config = quick()
    first = freqtrade_here("backtesting", *TWO_DAYS, datadir=market, config=config)
    assert first.code == 0, first.log
    before = predictions_of(first.userdir)
    (home,) = (first.userdir / "models").iterdir()
    assert age(home) == 1
    second = freqtrade_here("backtesting", *TWO_DAYS, datadir=market, config=config)
    assert second.code == 0, second.log
    assert f"1 models in {home} were fitted by {BEFORE}; they are trained again" in second.words
    assert second.words.count(BEFORE) == 1
    assert "Traceback" not in second.log
    after = predictions_of(second.userdir)
    assert after.keys() == before.keys()
    for name, frame in after.items():
        pd.testing.assert_frame_equal(frame, before[name])
    (folder,) = home.glob("sub-train-*")
    assert version_of(folder) == __version__


@pytest.mark.slow
def test_a_bot_trains_models_of_the_version_before_again_without_guards_too(
    moved_bot: Callable[..., MovedBot], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = quick(guards=False)
    running = moved_bot(config)
    running.step()
    trained = running.wait_for_training(after=0)
    assert running.step()["do_predict"].iloc[-1] == 1
    running.close()
    home = Path(running.drawer.full_path)
    assert age(home) >= 1

    caplog.clear()
    again = moved_bot(config, begin=running.now)
    assert caplog.text.count(BEFORE) == 1
    assert f"BTC/USDT: the models in {home} were fitted by {BEFORE}" in caplog.text
    assert again.step()["do_predict"].iloc[-1] == 0
    again.wait_for_training(after=trained)
    frame = again.step()
    assert frame["do_predict"].iloc[-1] == 1
    assert frame[["buy", "hold", "sell"]].iloc[-1].sum() == pytest.approx(1)
    assert "Traceback" not in caplog.text
    assert "raised exception" not in caplog.text
