"""Files that commands read and write: candles, configs, exported figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import rapidjson

import regimeswitch
from regimeswitch.candles import OHLCV, utc_dates


HOME = Path(regimeswitch.__file__).resolve().parents[1]
"""The user_data folder that the package, the strategy and the models live in."""
# What freqtrade itself allows in a config file.
CONFIG_MODE = rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS


class InputError(ValueError):
    """Something a command was given cannot be used; the text says what to change."""


def load_candles(datadir: Path, pair: str, timeframe: str) -> pd.DataFrame:
    """Candles of one pair from freqtrade's feather file.

    :raises InputError: when the file is missing, unreadable or empty
    """
    path = datadir / f"{pair.replace('/', '_').replace(':', '_')}-{timeframe}.feather"
    if not path.is_file():
        raise InputError(
            f"{path} is missing; run `freqtrade download-data --pairs {pair} "
            f"--timeframes {timeframe}` or name another --datadir"
        )
    try:
        frame = pd.read_feather(path, columns=OHLCV)
    except (pyarrow.ArrowException, ValueError) as error:
        raise InputError(f"{path} is not a candle file ({error}); download it again") from None
    if frame.empty:
        raise InputError(f"{path} holds no candles; download it again")
    return frame.assign(date=utc_dates(frame["date"]))


def config_of(config: Path) -> dict[str, Any]:
    """A freqtrade config file.

    :raises InputError: when the file is missing or not JSON
    """
    try:
        content = rapidjson.loads(config.read_text(encoding="utf-8"), parse_mode=CONFIG_MODE)
    except OSError as error:
        raise InputError(f"--config {config} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"--config {config} is not JSON ({error}); mend it there") from None
    if not isinstance(content, dict):
        raise InputError(f"--config {config} must hold one JSON object")
    return content


def section_of(config: Path) -> dict[str, Any]:
    """The section ``regimeswitch`` of a freqtrade config file; as :func:`config_of`."""
    section = config_of(config).get("regimeswitch", {})
    return dict(section) if isinstance(section, dict) else section


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Write exported figures.

    :raises InputError: when the file cannot be written
    """
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--export {path} cannot be written ({error.strerror})") from None
