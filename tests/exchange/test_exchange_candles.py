"""Candles of the embedded exchange: paging, aggregation, and nothing after the clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import ccxt
import ccxt.async_support
import numpy as np
import pandas as pd
import pytest

from exchanges import (
    END_MS,
    ROWS,
    START_MS,
    STEP_MS,
    Clock,
    as_rows,
    get,
    page_through,
)
from regimeswitch.market.candles import resample
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options


def test_paging_gives_the_stored_rows(
    client: ccxt.binance, frames: dict[str, pd.DataFrame]
) -> None:
    assert page_through(client, "BTC/USDT", "5m") == as_rows(frames["BTC"])


def test_async_client_reads_the_same(
    server: ExchangeServer, frames: dict[str, pd.DataFrame]
) -> None:
    async def last_candles() -> list[list[float]]:
        binance = ccxt.async_support.binance(ccxt_options(server.url))
        try:
            return await binance.fetch_ohlcv("ETH/USDT", "5m", limit=700)
        finally:
            await binance.close()

    assert asyncio.run(last_candles()) == as_rows(frames["ETH"])[-700:]


@pytest.mark.parametrize("timeframe", ["15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"])
def test_longer_timeframes_aggregate_exactly(
    client: ccxt.binance, frames: dict[str, pd.DataFrame], timeframe: str
) -> None:
    # Binance has eight decimals; a sum of floats has more digits than its parts.
    longer = resample(frames["BTC"], timeframe).round({"volume": 8})
    expected = as_rows(longer)
    assert page_through(client, "BTC/USDT", timeframe) == expected


def test_weeks_begin_on_monday_and_months_on_the_first(
    client: ccxt.binance, frames: dict[str, pd.DataFrame]
) -> None:
    frame = frames["BTC"].set_index("date")
    weeks = page_through(client, "BTC/USDT", "1w")
    assert pd.Timestamp(weeks[0][0], unit="ms") == pd.Timestamp("2026-02-02")
    week = frame.loc["2026-02-02":"2026-02-08"]
    assert weeks[0][1:5] == [
        week["open"].iloc[0],
        week["high"].max(),
        week["low"].min(),
        week["close"].iloc[-1],
    ]
    # The week that the candles end in: as far as the clock has got.
    assert weeks[-1][4] == frame["close"].iloc[-1]
    complete, forming = page_through(client, "BTC/USDT", "1M")
    assert pd.Timestamp(complete[0], unit="ms") == pd.Timestamp("2026-02-01")
    assert complete[2] == frame.loc["2026-02", "high"].max()
    assert complete[5] == pytest.approx(frame.loc["2026-02", "volume"].sum())
    assert forming[1] == frame.loc["2026-03", "open"].iloc[0]


def test_own_file_is_served_where_there_is_one(
    tmp_path: Path, frames: dict[str, pd.DataFrame]
) -> None:
    frames["BTC"].to_feather(tmp_path / "BTC_USDT-5m.feather")
    own = resample(frames["BTC"], "1h")
    own["volume"] += 1000.0
    own["date"] = own["date"].dt.as_unit("ms")
    own.to_feather(tmp_path / "BTC_USDT-1h.feather")
    rows = Market(CandleStore(tmp_path), Clock(END_MS)).klines("BTCUSDT", "1h", None, None, 10)
    assert rows.ohlcv[:, 4].tolist() == own["volume"].iloc[-10:].tolist()


def test_bounds_and_limits(server: ExchangeServer) -> None:
    def opens(**query: object) -> list[int]:
        status, rows = get(server, "/api/v3/klines", symbol="BTCUSDT", interval="5m", **query)
        assert status == 200
        return [row[0] for row in rows]

    assert len(opens()) == 500
    assert len(opens(limit=5000)) == 1000
    assert opens()[-1] == END_MS - STEP_MS
    assert opens(startTime=START_MS + 1, limit=2) == [START_MS + STEP_MS, START_MS + 2 * STEP_MS]
    assert opens(endTime=START_MS + STEP_MS) == [START_MS, START_MS + STEP_MS]
    both = opens(startTime=START_MS, endTime=START_MS + 10 * STEP_MS, limit=3)
    assert both == [START_MS, START_MS + STEP_MS, START_MS + 2 * STEP_MS]
    assert opens(startTime=END_MS) == []
    assert opens(startTime=END_MS, endTime=START_MS) == []
    assert opens(endTime=START_MS - 1) == []


def test_nothing_after_the_clock_is_served(
    tmp_path: Path, folder: Path, frames: dict[str, pd.DataFrame]
) -> None:
    """A market that knows the future shows what one shows whose candles end at the clock."""
    random = np.random.default_rng(7)
    for row in random.integers(600, ROWS, 6).tolist():
        now = START_MS + row * STEP_MS + int(random.integers(0, STEP_MS))
        part = tmp_path / str(row)
        part.mkdir()
        known = frames["BTC"].iloc[: row + 1]
        known.to_feather(part / "BTC_USDT-5m.feather")
        short = Market(CandleStore(part), Clock(now))
        long = Market(CandleStore(folder), Clock(now))
        for interval in ("5m", "15m", "1h", "4h", "1d", "1w", "1M"):
            seen, expected = (
                one.klines("BTCUSDT", interval, None, None, 1000) for one in (long, short)
            )
            assert (seen.opens <= now).all()
            assert np.array_equal(seen.opens, expected.opens), interval
            assert np.array_equal(seen.ohlcv, expected.ohlcv), interval
        assert long.day("BTCUSDT") == short.day("BTCUSDT")
        assert long.book("BTCUSDT", 20) == short.book("BTCUSDT", 20)


def test_forming_candle_walks_from_open_to_close(
    client: ccxt.binance, clock: Clock, frames: dict[str, pd.DataFrame]
) -> None:
    row = 1000
    opened = START_MS + row * STEP_MS
    final = frames["BTC"].iloc[row]
    before = None
    for seconds in (0, 1, 29, 31, 100, 150, 200, 290, 299):
        clock.now = opened + seconds * 1000
        (candle,) = client.fetch_ohlcv("BTC/USDT", "5m", limit=1)
        assert candle[0] == opened
        assert candle[1] == final["open"]
        assert final["low"] <= candle[3] <= candle[4] <= candle[2] <= final["high"]
        if seconds < 30:
            assert candle[4] == final["open"]
        if before is not None:
            assert candle[2] >= before[2]
            assert candle[3] <= before[3]
            assert candle[5] >= before[5]
        before = candle
    assert before[1:5] == [final["open"], final["high"], final["low"], final["close"]]
    clock.now = opened + STEP_MS
    closed = client.fetch_ohlcv("BTC/USDT", "5m", limit=2)[0]
    assert closed == as_rows(frames["BTC"].iloc[[row]])[0]
