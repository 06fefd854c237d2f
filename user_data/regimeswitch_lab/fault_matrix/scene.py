"""Where a case takes place: candles, configuration, exchange, and the moments of its loops."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.misc import deep_merge_dicts

from regimeswitch_lab.fault_matrix.cases import CANDLE, EVERY, EXIT, PATIENCE, Case
from regimeswitch_lab.fault_matrix.cases_changes import RESTING, SHRINK, STOP, changes_of
from regimeswitch_lab.fault_matrix.cases_exits import GAP, RELISTED
from regimeswitch_lab.offline.overlay import LiveAccount, overlay


STRATEGIES = Path(__file__).parent / "strategies"
BASES = ("AAA", "BBB")
WALLET = Decimal(10_000)
STAKE = 100
START = datetime(2026, 1, 28, tzinfo=UTC)
# Candles before the bot starts; then the slots of the schedule, the second of which is troubled.
QUIET, SLOTS, TROUBLED = 60, 3, 1
BEGIN = START + timedelta(seconds=QUIET * CANDLE)
OFFSET = CANDLE
"""From the bot's start to the first entry."""
LOOPS, QUIET_LOOPS = (0, 60, 120, 180, 240), (0, 120)
"""Seconds after a candle's close, and one more, at which the bot looks."""


def slot_begin(slot: int) -> datetime:
    """When the entry of a slot is due."""
    return BEGIN + timedelta(seconds=OFFSET + slot * EVERY)


END = slot_begin(SLOTS)


def slot_of(moment: datetime) -> int:
    """The slot in which a moment lies."""
    return int((moment - slot_begin(0)).total_seconds() // EVERY)


def moments(begin: datetime = BEGIN, end: datetime = END) -> Iterator[datetime]:
    """When the bot looks: a second after each candle has closed, and a few times in between."""
    candle = begin
    while candle < end:
        quiet = slot_of(candle + timedelta(seconds=CANDLE)) != TROUBLED
        for seconds in QUIET_LOOPS if quiet else LOOPS:
            yield candle + timedelta(seconds=seconds + 1)
        candle += timedelta(seconds=CANDLE)


CANDLES = QUIET + (SLOTS + 3) * EVERY // CANDLE


def write_candles(folder: Path, count: int = CANDLES, gap: bool = False) -> Path:
    """A market that breathes by one percent around 100.

    :param gap: AAA opens a tenth lower once, a candle after the troubled entry
    """
    folder.mkdir(parents=True, exist_ok=True)
    dates = pd.date_range(START, periods=count, freq="5min").as_unit("ms")
    for number, base in enumerate(BASES):
        random = np.random.default_rng(number)
        closes = np.round(100 + np.clip(np.cumsum(random.normal(0, 0.1, count)), -1, 1), 2)
        opens = np.concatenate([[100.0], closes[:-1]])
        prices = {
            "open": opens,
            "high": np.round(np.maximum(opens, closes) + 0.2, 2),
            "low": np.round(np.minimum(opens, closes) - 0.2, 2),
            "close": closes,
        }
        if gap and number == 0:
            lower = dates >= pd.Timestamp(slot_begin(TROUBLED) + timedelta(seconds=CANDLE))
            factor = np.where(lower, 0.9, 1)
            prices = {name: np.round(one * factor, 2) for name, one in prices.items()}
        frame = pd.DataFrame({"date": dates, **prices, "volume": 6000.0})
        frame.to_feather(folder / f"{base}_USDT-5m.feather")
    return folder


@dataclass(frozen=True)
class Bot:
    """The files of a bot.

    :ivar database: its own, whatever the mode
    """

    home: Path
    configs: list[Path]
    database: Path


def configuration(case: Case, guards: bool) -> dict[str, Any]:
    """What the bot of a case is configured to."""
    words, changes = case.variant.split(), changes_of(case.variant)
    never = [0.0, 0.0]
    begin = slot_begin(TROUBLED).timestamp() + (CANDLE if changes else 0)
    rests = [begin, begin + CANDLE] if RESTING in words else never
    shrinks = SHRINK in words
    usual: dict[str, Any] = {
        "stake_currency": "USDT",
        "stake_amount": STAKE,
        "dry_run_wallet": float(WALLET),
        "max_open_trades": len(BASES),
        "dry_run": True,
        "initial_state": "running",
        "timeframe": "5m",
        "exchange": {
            "name": "binance",
            "pair_whitelist": [f"{base}/USDT" for base in BASES],
            "markets_refresh_interval": 5 if case.variant == RELISTED else 60,
        },
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "order_types": {
            "entry": "limit",
            "exit": "limit",
            "stoploss": "limit",
            "stoploss_on_exchange": STOP in words or case.variant == GAP,
            "stoploss_on_exchange_interval": 60,
        },
        "stoploss": -0.04 if case.variant == GAP else -0.5,
        "custom_price_max_distance_ratio": 0.1,
        "unfilledtimeout": {"entry": 2, "exit": 2, "unit": "minutes"},
        "regimeswitch": {"safety": {"guards": guards}},
        "schedule": {
            "every": EVERY,
            "hold": EXIT,
            "offset": int(slot_begin(0).timestamp()),
            "resting": never if shrinks else rests,
            "shrinking": rests if shrinks else never,
            "changes": changes,
        },
    }
    merged: dict[str, Any] = deep_merge_dicts(dict(case.config), usual)
    return merged


def write_bot(
    home: Path,
    case: Case,
    url: str,
    keys: tuple[str, str],
    config: dict[str, Any],
    patience: float = PATIENCE,
) -> Bot:
    """Write the files of a bot.

    :param keys: of its account, where it trades live
    :param config: of :func:`configuration`
    :param patience: how long its clients wait for an answer, seconds
    """
    (home / "user_data").mkdir(parents=True, exist_ok=True)
    database = home / "bot.sqlite"
    live = LiveAccount(*keys, database) if case.live else None
    top = overlay(url, live=live)
    exchange: Any = top["exchange"]
    for name in ("ccxt_config", "ccxt_sync_config", "ccxt_async_config"):
        exchange[name] = {**exchange[name], "timeout": int(patience * 1000)}
    exchange["enable_ws"] = case.scene == "websocket"
    top["db_url"] = f"sqlite:///{database}"
    files = {"config": config, "exchange": top}
    paths = []
    for name, content in files.items():
        paths.append(home / f"{name}.json")
        paths[-1].write_text(json.dumps(content, indent=1), encoding="utf-8")
    return Bot(home, paths, database)
