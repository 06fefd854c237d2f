"""The synthetic market: seeded, sane, learnable only by regime; and the command that writes it."""

from __future__ import annotations

import argparse
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.history import load_pair_history
from hypothesis import given, settings
from hypothesis import strategies as st

from regimeswitch.market.candles import OHLCV, TIMEFRAME_SECONDS
from regimeswitch_lab.synthetic import market_command as market_command
from regimeswitch_lab.synthetic.market_command import (
    MarketPair,
    add_parser,
    market_figures,
    synthetic_market,
    write_market,
)
from regimeswitch_lab.synthetic.worlds import KINDS, TRUE_REGIMES


END = "2025-01-01"
SEEDS = (1, 2, 3, 4)
PER_HOUR = 12


@cache
def long_market(kind: str) -> list[MarketPair]:
    """Several seeds of 120 days: a statement about the generator, not about one draw."""
    return [synthetic_market(["BTC/USDT"], 120, END, seed, kind)["BTC/USDT"] for seed in SEEDS]


def log_returns(content: MarketPair) -> pd.Series:
    return content.candles["close"].transform(np.log).diff().dropna()


def echo(content: MarketPair, regime: str) -> float:
    """Correlation of the last hour's return with the next hour's, inside one regime."""
    price = np.log(content.candles["close"])
    inside = content.regimes["regime"] == regime
    return float(price.diff(PER_HOUR)[inside].corr(-price.diff(-PER_HOUR)[inside]))


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))
    return parser.parse_args(["market", *arguments])


def command(*arguments: str) -> int:
    args = parse(*arguments)
    return int(args.run(args))


# --- the generator -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
    kind: str, tmp_path: Path
) -> None:
    for name, seed in (("one", 5), ("again", 5), ("other", 6)):
        write_market(synthetic_market(["BTC/USDT"], 2, END, seed, kind), tmp_path / name)
    one, again, other = (
        (tmp_path / name / "BTC_USDT-5m.feather").read_bytes() for name in ("one", "again", "other")
    )
    assert one == again
    assert one != other


@pytest.mark.parametrize("kind", KINDS)
def test_a_further_pair_changes_none_of_the_others(kind: str) -> None:
    alone = synthetic_market(["BTC/USDT"], 3, END, 1, kind)["BTC/USDT"]
    among = synthetic_market(["ADA/USDT", "BTC/USDT", "ETH/USDT"], 3, END, 1, kind)
    pd.testing.assert_frame_equal(alone.candles, among["BTC/USDT"].candles)
    pd.testing.assert_frame_equal(alone.regimes, among["BTC/USDT"].regimes)
    moves = [log_returns(among[pair]) for pair in ("BTC/USDT", "ETH/USDT")]
    assert abs(moves[0].corr(moves[1])) < 4 / np.sqrt(len(moves[0]))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    days=st.integers(1, 3),
    kind=st.sampled_from(KINDS),
    pair=st.from_regex(r"[A-Z0-9]{2,6}/USDT", fullmatch=True),
)
def test_candles_are_possible(seed: int, days: int, kind: str, pair: str) -> None:
    content = synthetic_market([pair], days, END, seed, kind)[pair]
    candles = content.candles
    assert list(candles.columns) == OHLCV
    assert len(candles) == len(content.regimes) == days * 288
    assert str(candles["date"].dtype) == "datetime64[ms, UTC]"
    assert (candles["date"].diff().dropna() == pd.Timedelta("5min")).all()
    assert candles["date"].iloc[-1] + pd.Timedelta("5min") == pd.Timestamp(END, tz="UTC")
    body = candles[["open", "close"]]
    assert (candles["low"] > 0).all()
    assert (candles["low"] <= body.min(axis=1)).all()
    assert (candles["high"] >= body.max(axis=1)).all()
    assert (candles["volume"] > 0).all()
    jump = candles["open"].iloc[1:].to_numpy() / candles["close"].iloc[:-1].to_numpy() - 1
    assert np.abs(jump).max() < 0.0005
    prices = candles[["open", "high", "low", "close"]].to_numpy()
    assert (np.round(prices, 5) == prices).all(), "prices are not on a tick"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**63), days=st.sampled_from([1, 2, 7, 30, 60, 90]))
def test_every_regime_occurs(seed: int, days: int) -> None:
    regime = synthetic_market(["BTC/USDT"], days, END, seed)["BTC/USDT"].regimes["regime"]
    assert set(regime) == set(TRUE_REGIMES)


def test_stretches_last_days_and_shares_are_balanced() -> None:
    shares, lengths = [], []
    for content in long_market("regimes"):
        regime = content.regimes["regime"]
        runs = regime.groupby((regime != regime.shift()).cumsum()).size() / 288
        lengths += runs.iloc[:-1].tolist()
        shares.append(regime.value_counts(normalize=True))
    assert min(lengths) >= 8
    assert max(lengths) <= 20.01
    assert np.std(lengths) > 2
    assert pd.concat(shares, axis=1).min().min() > 0.15
    assert pd.concat(shares, axis=1).mean(axis=1).between(0.22, 0.45).all()


def test_price_rises_in_bull_falls_in_bear_and_stays_in_sideways() -> None:
    daily: dict[str, list[float]] = {name: [] for name in TRUE_REGIMES}
    for content in long_market("regimes"):
        moves = np.log(content.candles["close"]).diff().fillna(0)
        for name in TRUE_REGIMES:
            daily[name].append(288 * moves[content.regimes["regime"] == name].mean())
    assert min(daily["bull"]) > 0.01
    assert max(daily["bear"]) < -0.01
    assert abs(np.mean(daily["sideways"])) < 0.01


def test_tails_are_fat_and_volatility_clusters() -> None:
    for content in long_market("regimes"):
        moves = log_returns(content)
        assert 0.0015 < moves.std() < 0.0040
        assert moves.to_frame().kurt().gt(2).all()
        size = moves.abs()
        assert size.autocorr(1) > 0.08
        assert size.autocorr(24) > 0.05
        hours = content.candles.groupby(np.arange(len(size) + 1) // PER_HOUR)
        volume, spread = hours["volume"].sum(), hours["close"].std()
        assert volume.corr(spread, method="spearman") > 0.4


def test_the_echo_of_the_last_hour_changes_its_sign_with_the_regime() -> None:
    echoes = pd.DataFrame(
        [{name: echo(content, name) for name in TRUE_REGIMES} for content in long_market("regimes")]
    )
    assert (echoes[["bull", "bear"]] > 0).all().all()
    assert (echoes[["bull", "bear"]].mean() > 0.08).all()
    assert (echoes["sideways"] < -0.15).all()


def test_a_random_walk_has_nothing_to_learn() -> None:
    scores = []
    for content in long_market("random-walk"):
        assert set(content.regimes["regime"]) == {"none"}
        candles = content.candles
        moves = candles["close"].pct_change().dropna()
        noise = 1 / np.sqrt(len(moves))
        for lag in (1, 2, 3, 12, 288):
            assert abs(moves.autocorr(lag)) < 4 * noise
            # Not even the size of the next move.
            assert abs(moves.abs().autocorr(lag)) < 4 * noise
        assert abs(moves.mean()) < 4 * moves.std() / np.sqrt(len(moves))
        hourly = np.log(candles["close"].iloc[::PER_HOUR]).diff()
        assert abs(hourly.autocorr(1)) < 4 * 1.5 / np.sqrt(len(hourly))
        scores.append(moves.mean() / moves.std() * np.sqrt(len(moves)))
    assert abs(np.mean(scores)) < 4 / np.sqrt(len(scores))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"days": 0}, "days 0"),
        ({"days": 10**9}, "days 1000000000"),
        ({"seed": -1}, "seed -1"),
        ({"kind": "flat"}, "kind 'flat'"),
        ({"pairs": ["BTCUSDT"]}, "pair 'BTCUSDT'"),
        ({"pairs": ["../../BTC/USDT"]}, "pair '../../BTC/USDT'"),
        ({"end": "soon"}, "end 'soon'"),
        ({"end": "2025-01-01 00:01"}, "end '2025-01-01 00:01'"),
        ({"end": "1066-10-14"}, "end '1066-10-14'"),
    ],
)
def test_a_value_out_of_range_is_named(change: dict[str, Any], named: str) -> None:
    arguments: dict[str, Any] = {
        "pairs": ["BTC/USDT"],
        "days": 1,
        "end": END,
        "seed": 1,
        "kind": "regimes",
    }
    with pytest.raises(ValueError, match=f"^{re.escape(named)}.*(use|write|try) "):
        synthetic_market(**(arguments | change))


# --- the files -----------------------------------------------------------------------------------


# freqtrade's own use of pandas, in the function under which users load these files.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:DeprecationWarning")
@pytest.mark.parametrize("timeframe", TIMEFRAME_SECONDS)
def test_freqtrade_loads_the_files_and_longer_candles_are_exact(
    timeframe: str, tmp_path: Path
) -> None:
    content = synthetic_market(["BTC/USDT"], 5, END, 7)
    paths = write_market(content, tmp_path)
    assert sorted(paths) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    loaded = load_pair_history(
        pair="BTC/USDT", timeframe=timeframe, datadir=tmp_path, data_format="feather"
    )
    width = TIMEFRAME_SECONDS[timeframe] // 300
    short = content["BTC/USDT"].candles
    blocks = [short.iloc[row : row + width] for row in range(0, len(short), width)]
    assert loaded["date"].tolist() == [block["date"].iloc[0] for block in blocks]
    assert loaded["open"].tolist() == [block["open"].iloc[0] for block in blocks]
    assert loaded["high"].tolist() == [block["high"].max() for block in blocks]
    assert loaded["low"].tolist() == [block["low"].min() for block in blocks]
    assert loaded["close"].tolist() == [block["close"].iloc[-1] for block in blocks]
    np.testing.assert_allclose(loaded["volume"], [block["volume"].sum() for block in blocks])


def test_the_true_regimes_lie_beside_the_candles(tmp_path: Path) -> None:
    content = synthetic_market(["ETH/USDT"], 2, END, 1)
    write_market(content, tmp_path)
    stored = pd.read_feather(tmp_path / "true-regimes" / "ETH_USDT.feather")
    pd.testing.assert_frame_equal(stored, content["ETH/USDT"].regimes)


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = synthetic_market(["BTC/USDT"], 1, END, 1)
    write_market(content, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.feather")}

    def half(_frame: pd.DataFrame, path: Path, **_options: object) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, "to_feather", half)
    with pytest.raises(OSError, match="disk full"):
        write_market(synthetic_market(["BTC/USDT"], 1, END, 2), tmp_path)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


# --- the command ---------------------------------------------------------------------------------


def test_the_command_writes_prints_and_exports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, export = tmp_path / "new" / "data", tmp_path / "figures.json"
    assert command("--out", str(out), "--days", "3", "--seed", "4", "--export", str(export)) == 0
    printed = capsys.readouterr().out
    figures = json.loads(export.read_text(encoding="utf-8"))
    assert figures["pairs"] == market_figures(synthetic_market(["BTC/USDT", "ETH/USDT"], 3, END, 4))
    for row in figures["pairs"]:
        assert row["candles"] == 3 * 288
        assert row["switches"] >= 2
        assert sum(row["shares"].values()) == pytest.approx(1, abs=0.001)
        assert row["pair"] in printed
        for share in row["shares"].values():
            assert f"{share:.0%}" in printed
    assert len(list(out.glob("*.feather"))) == 12


def test_the_command_writes_a_random_walk_without_regimes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--out", str(tmp_path), "--days", "1", "--kind", "random-walk") == 0
    printed = capsys.readouterr().out
    assert "none" in printed
    assert "bull" not in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pairs", "BTCUSDT"], ["'BTCUSDT'", "BTC/USDT"]),
        (["--end", "31.12.2024x"], ["'31.12.2024x'", "2025-01-01"]),
    ],
)
def test_bad_usage_is_one_message(
    arguments: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    assert command("--out", str(out), *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert all(word in printed.err for word in words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--days", "ten"], "'ten'"),
        (["--days", "0"], "--days: 0 must be 1 to 3650"),
        (["--seed", "-3"], "--seed: -3 must be 0 or more"),
        (["--kind", "flat"], "'flat'"),
        ([], "--out"),
    ],
)
def test_words_that_cannot_be_parsed_are_named(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", "data"] if arguments else []
    with pytest.raises(SystemExit) as caught:
        parse(*out, *arguments)
    assert caught.value.code == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--out", "--export"])
def test_a_place_that_cannot_be_written_is_named(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way", encoding="utf-8")
    places = {"--out": str(tmp_path / "data"), option: str(blocker / "inside")}
    arguments = [word for pair in places.items() for word in pair]
    assert command(*arguments, "--days", "1") == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "cannot write" in printed.err
    assert str(blocker) in printed.err


def test_progress_never_reaches_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run whose output goes to a file prints the table and nothing else."""
    assert market_command.run(parse("--out", str(tmp_path), "--days", "1")) == 0
    assert capsys.readouterr().err == ""
