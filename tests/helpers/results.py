"""Read what freqtrade wrote: trades of a backtest, stored predictions, models."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd


def trades_of(userdir: Path) -> list[dict[str, Any]]:
    """Trades of the newest backtest."""
    newest = max(
        (userdir / "backtest_results").glob("*.zip"), key=lambda path: path.stat().st_mtime
    )
    with zipfile.ZipFile(newest) as archive:
        name = next(
            name
            for name in archive.namelist()
            if name.endswith(".json") and "_config" not in name and "_market" not in name
        )
        result = json.loads(archive.read(name))
    (strategy,) = result["strategy"].values()
    return list(strategy["trades"])


def stored_predictions(userdir: Path) -> list[tuple[Path, pd.DataFrame]]:
    """FreqAI's stored backtest predictions with their files."""
    files = sorted((userdir / "models").glob("*/backtesting_predictions/*.feather"))
    return [(path, pd.read_feather(path)) for path in files]


def predictions_of(userdir: Path) -> dict[str, pd.DataFrame]:
    """FreqAI's stored backtest predictions by file name, of a single identifier."""
    return {path.name: frame for path, frame in stored_predictions(userdir)}


def metadata_of(userdir: Path) -> list[dict[str, Any]]:
    """FreqAI's metadata of each saved model."""
    files = sorted((userdir / "models").glob("*/sub-train-*/*_metadata.json"))
    return [json.loads(path.read_text()) for path in files]
