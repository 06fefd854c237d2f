"""Result files of ``freqtrade backtesting``, every number to its last digit."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.data.btanalysis import load_file_from_zip


def read_stats(result: Path) -> dict[str, Any]:
    """What freqtrade's ``load_backtest_stats`` reads.

    That takes numbers as rapidjson does, so that the last digit of one in eight is another.
    """
    content: dict[str, Any] = json.loads(load_file_from_zip(result, f"{result.stem}.json"))
    return content


def read_wallet(result: Path, strategy: str) -> pd.DataFrame:
    """The balance of each currency over time; see freqtrade's ``get_backtest_wallet_change``."""
    wallet = load_file_from_zip(result, f"{result.stem}_{strategy}_wallet.feather")
    return pd.read_feather(io.BytesIO(wallet))
