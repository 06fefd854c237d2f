"""What a bot leaves on disk, made by hand in seconds; and the commands that look at it."""

from __future__ import annotations

import json
import pickle
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from project import QUICK, ROOT
from regimeswitch.settings import load_settings
from regimeswitch_lab.bot_config import load_bot_config
from regimeswitch_lab.replay.stage import merged


PAIRS = ["BTC/USDT", "ETH/USDT"]
TRAINED = 1_735_000_000
PARTS = ("_model.joblib", "_metadata.json", "_feature_pipeline.pkl", "_label_pipeline.pkl")


@dataclass
class Bot:
    """A bot's files."""

    home: Path
    config: Path
    identifier: str

    @property
    def userdir(self) -> Path:
        return self.home / "user_data"

    @property
    def database(self) -> Path:
        return self.userdir / "tradesv3.dryrun.sqlite"

    @property
    def models(self) -> Path:
        return self.userdir / "models" / self.identifier

    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.config.read_text())
        return found

    def change(self, **sections: Any) -> None:
        self.config.write_text(json.dumps(merged(self.content(), sections)))


def make_bot(home: Path) -> Bot:
    """Config, database in WAL mode with an open trade, models of two pairs, candles."""
    home.mkdir(exist_ok=True)
    config = home / "config.json"
    project = json.loads((ROOT / "config.json").read_text())
    config.write_text(json.dumps(merged(project, QUICK)))
    loaded = load_bot_config([config], {})
    identifier = loaded.identifier(load_settings(loaded.merged["regimeswitch"]))
    bot = Bot(home, config, identifier)
    bot.models.mkdir(parents=True)
    write_models(bot)
    write_database(bot.database)
    candles = bot.userdir / "data" / "binance"
    candles.mkdir(parents=True)
    dates = pd.date_range("2025-01-01", periods=20, freq="5min", tz="UTC").as_unit("ms")
    frame = pd.DataFrame({"date": dates, **dict.fromkeys(("open", "high", "low", "close"), 1.0)})
    for pair in PAIRS:
        name = pair.replace("/", "_")
        frame.assign(volume=1.0).to_feather(candles / f"{name}-5m.feather")
    return bot


def write_models(bot: Bot, trained: int = TRAINED) -> None:
    listed = {}
    for pair in PAIRS:
        coin = pair.split("/")[0]
        folder = bot.models / f"sub-train-{coin}_{trained}"
        folder.mkdir(exist_ok=True)
        name = f"cb_{coin.lower()}_{trained}"
        for part in PARTS:
            text = b'{"rows": 5}' if part.endswith("json") else pickle.dumps([pair, trained, part])
            (folder / f"{name}{part}").write_bytes(text)
        listed[pair] = {
            "model_filename": name,
            "trained_timestamp": trained,
            "data_path": str(folder.resolve()),
            "extras": {},
        }
    (bot.models / "historic_predictions.pkl").write_bytes(pickle.dumps({"trained": trained}))
    (bot.models / "pair_dictionary.json").write_text(json.dumps(listed))


def write_database(path: Path, trades: int = 3) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE trades (id INTEGER PRIMARY KEY, pair TEXT, is_open INTEGER)")
    for number in range(trades):
        row = (number, PAIRS[number % 2], int(number == trades - 1))
        database.execute("INSERT INTO trades VALUES (?, ?, ?)", row)
    database.commit()
    database.close()


def trades_of(path: Path) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(path)
    try:
        return database.execute("SELECT * FROM trades ORDER BY id").fetchall()
    finally:
        database.close()
