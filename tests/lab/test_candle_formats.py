"""Candle files in each of freqtrade's formats, for every command, and ranges of a backtest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.history.datahandlers import get_datahandler
from freqtrade.enums import CandleType

from bots import Bot
from doctors import bot, doctor, kinds
from doctors import market as recent_market
from project import MARKET_END, QUICK, ROOT, Run
from regimeswitch.market.candles import OHLCV
from regimeswitch_lab.bot_config import load_bot_config
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.cli import main
from regimeswitch_lab.exchange.market.candle_files import FORMATS, CandleFileError, read_candle_file
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.offline.freqtrade_arguments import read_call
from regimeswitch_lab.offline.offline_command import format_of_bot
from regimeswitch_lab.replay.plan import ReplayPlan
from regimeswitch_lab.replay.stage import merged
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market
from results import trades_of


__all__ = ["bot", "recent_market"]

PAIR = "BTC/USDT"
OTHERS = ("json", "jsongz", "parquet")


def convert(source: Path, target: Path, data_format: str) -> Path:
    """A folder of feather files in another format, written by freqtrade itself."""
    target.mkdir(parents=True, exist_ok=True)
    reader, writer = get_datahandler(source, "feather"), get_datahandler(target, data_format)
    for path in source.glob("*.feather"):
        name, timeframe = path.stem.rsplit("-", 1)
        pair = name.replace("_", "/")
        frame = reader._ohlcv_load(pair, timeframe, None, CandleType.SPOT)
        writer.ohlcv_store(pair, timeframe, frame, CandleType.SPOT)
    return target


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same candles in every format; prices of ten digits, which JSON keeps."""
    home = tmp_path_factory.mktemp("formats")
    write_market(synthetic_market([PAIR], 20, MARKET_END, seed=5), home / "feather")
    for path in (home / "feather").glob("*.feather"):
        frame = pd.read_feather(path)
        frame[OHLCV[1:]] = frame[OHLCV[1:]].round(8)
        frame.to_feather(path)
    made = {"feather": home / "feather"}
    return made | {kind: convert(home / "feather", home / kind, kind) for kind in OTHERS}


def config_of(folder: Path, data_format: str, **more: Any) -> Path:
    path = folder / f"{data_format}-config.json"
    path.write_text(json.dumps({"dataformat_ohlcv": data_format, **more}))
    return path


@pytest.mark.parametrize("data_format", OTHERS)
def test_every_format_gives_the_same_candles(
    folders: dict[str, Path], tmp_path: Path, data_format: str
) -> None:
    usual, own = folders["feather"], folders[data_format]
    store, other = CandleStore(usual), CandleStore(own)
    for interval in ("5m", "1h", "1d"):
        one, two = store.rows("BTCUSDT", interval), other.rows("BTCUSDT", interval)
        assert np.array_equal(one.opens, two.opens)
        assert np.allclose(one.ohlcv, two.ohlcv, rtol=1e-12, atol=0)
    config = load_bot_config([config_of(tmp_path, data_format)], {})
    found = config.candles(own).candles(PAIR, "5m")
    pd.testing.assert_frame_equal(found, CandleFolder(usual).candles(PAIR, "5m"))


def test_regimes_of_every_format_are_the_same(folders: dict[str, Path], tmp_path: Path) -> None:
    section = {"regime": {"average_period": 50, "atr_period": 50}}
    texts = []
    for kind, folder in folders.items():
        out = tmp_path / f"{kind}.csv"
        words = ["--pair", PAIR, "--datadir", str(folder), "--out", str(out), "--config"]
        config = config_of(tmp_path, kind, regimeswitch=section)
        assert main(["regimes", *words, str(config)]) == 0
        texts.append(pd.read_csv(out)["regime"].to_list())
    assert "bull" in texts[0]
    assert all(text == texts[0] for text in texts)


@pytest.mark.parametrize("data_format", OTHERS)
def test_another_format_than_the_configured_one_is_named(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str], data_format: str
) -> None:
    words = ["regimes", "--pair", PAIR, "--datadir", str(folders[data_format])]
    assert main(words) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "BTC_USDT-5m.feather is missing" in "".join(told)
    assert f'set "dataformat_ohlcv": "{data_format}" in the config' in told
    assert f"convert-data --format-from {data_format} --format-to feather" in told


@pytest.mark.parametrize(("kind", "ending"), [*FORMATS.items()])
def test_a_damaged_file_is_named(
    folders: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    ending: str,
) -> None:
    path = tmp_path / f"BTC_USDT-5m{ending}"
    config = str(config_of(tmp_path, kind))
    words = ["regimes", "--pair", PAIR, "--datadir", str(tmp_path), "--config", config]
    whole = (folders[kind] / path.name).read_bytes()
    for content in (b"no candles", b"[[1, 2, 3]]", whole[: len(whole) // 2], b""):
        path.write_bytes(content)
        assert main(words) == 2
        told = "".join(capsys.readouterr().err.split())
        assert f"{path}isnotacandlefile" in told
        with pytest.raises(CandleFileError):
            read_candle_file(path)


def test_no_candles_in_any_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in FORMATS:
        get_datahandler(tmp_path, kind).ohlcv_store(
            PAIR, "5m", pd.DataFrame(columns=OHLCV).assign(date=pd.to_datetime([])), CandleType.SPOT
        )
        config = str(config_of(tmp_path, kind))
        words = ["regimes", "--pair", PAIR, "--datadir", str(tmp_path), "--config", config]
        assert main(words) == 2
        assert "holds no candles" in " ".join(capsys.readouterr().err.split())
    assert main(["exchange", "--datadir", str(tmp_path)]) == 2
    assert "has no candles, PAIR-5m.feather (or .feather, .parquet" in capsys.readouterr().err


def test_the_exchange_takes_the_configured_format_where_there_are_several(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    both = tmp_path / "both"
    shutil.copytree(folders["feather"], both)
    frame = pd.read_feather(both / "BTC_USDT-5m.feather")[:-288]
    get_datahandler(both, "json").ohlcv_store(PAIR, "5m", frame, CandleType.SPOT)
    (both / "BTC_USDT-5m.backup.json").write_text("something else")
    counts = [len(CandleStore(both, 0, kind).rows("BTCUSDT", "5m").opens) for kind in FORMATS]
    assert counts == [5760, 5760, 5760, 5760 - 288]
    assert open_market(both, data_format="json").span_ms() == open_market(both).span_ms()
    config = config_of(tmp_path, "json")
    plan = ReplayPlan([], str(both), "records", 0, 0, data_format="json")
    assert len(plan.market().store.rows("BTCUSDT", "5m").opens) == 5760 - 288
    call = read_call(["trade", "--config", str(config)])
    assert format_of_bot(call) == "json"
    chosen = read_call(["backtesting", "--config", str(config), "--data-format-ohlcv", "jsongz"])
    assert format_of_bot(chosen) == "jsongz"
    assert format_of_bot(read_call(["trade", "--config", str(tmp_path / "none")])) == "feather"


def test_doctor_reads_the_configured_format(bot: Bot, market: Path, tmp_path: Path) -> None:
    found = {}
    for kind in ("feather", "jsongz"):
        bot.change(dataformat_ohlcv=kind)
        found[kind] = doctor(bot, "--datadir", convert(market, tmp_path / kind, kind))
    assert found["feather"] == found["jsongz"]
    bot.change(dataformat_ohlcv="parquet")
    code, figures = doctor(bot, "--datadir", tmp_path / "jsongz")
    assert (code, kinds(figures)[0]) == (1, ("serious", "candles.missing"))
    assert '"dataformat_ohlcv": "jsongz"' in figures["findings"][0]["fix"]


@pytest.mark.slow
def test_a_backtest_on_json_with_a_table_of_money_and_an_open_range(
    freqtrade: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    """Each of these ended in a traceback or was passed over; one run for all of them."""
    candles = convert(market, tmp_path / "candles", "jsongz")
    base = tmp_path / "base.json"
    content = json.loads((ROOT / "config.json").read_text())
    own: dict[str, Any] = {"dataformat_ohlcv": "jsongz", "stake_amount": 40.0}
    content = merged(content, {**own, "exchange": {"pair_whitelist": [PAIR]}})
    content["dry_run_wallet"] = {"USDT": 500, "BTC": 0.1}
    base.write_text(json.dumps(content))
    config = deepcopy(QUICK)
    # 26 days of 75 warm up the features of 1h, 40 are for a training.
    config["freqai"]["train_period_days"] = 40
    run = freqtrade(
        "backtesting", "--timerange=-20241226", config=config, datadir=candles, base=base
    )
    assert run.code == 0, run.log[-3000:]
    assert "raised exception" not in run.log
    assert "the time range is 20241223-20241226, of -20241226" in run.words
    assert "Traceback" not in run.log
    trades = trades_of(run.userdir)
    assert len(trades) > 3
    stakes = [trade["stake_amount"] for trade in trades]
    assert max(stakes) <= 40
    assert max(stakes) > 10
    assert "500 USDT" in run.log
