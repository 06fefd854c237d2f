"""A result file of ``freqtrade backtesting``."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
from freqtrade.data.btanalysis import BT_DATA_COLUMNS

from regimeswitch.settings import SettingsError, load_settings
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.report.report_source import Note, Source, closed_trades


CONFIG_END = "_config.json"
NO_BALANCE = Note(
    "This result has no balance over time, so that equity counts a trade when it is closed.",
    "Backtest again with freqtrade 2026.3 or newer and --export trades.",
)
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, pyarrow.ArrowException, OSError),
    # A file of another content: keys are missing, or hold something else.
    *(LookupError, ValueError, TypeError, AttributeError),
)


def read_backtest(path: Path) -> Source:
    """Read a result file; pickles in it are left alone.

    :param path: the zip that freqtrade writes into ``backtest_results``
    :raises InputError: when it is not one, or holds more than one strategy
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _source(path, archive)
    except (InputError, SettingsError):
        raise
    except _UNREADABLE as error:
        raise InputError(
            f"{path} is not a result of `freqtrade backtesting` ({type(error).__name__}: {error}); "
            "name a backtest-result-*.zip of the folder backtest_results"
        ) from None


def _source(path: Path, archive: zipfile.ZipFile) -> Source:
    configs = [name for name in archive.namelist() if name.endswith(CONFIG_END)]
    if len(configs) != 1:
        raise ValueError(f"it has {len(configs)} files *{CONFIG_END}")
    base = configs[0].removesuffix(CONFIG_END)
    config = json.loads(archive.read(configs[0]))
    strategies = json.loads(archive.read(f"{base}.json"))["strategy"]
    if len(strategies) != 1:
        raise InputError(
            f"{path} holds the strategies {', '.join(strategies)}; a report is about one: backtest "
            "it without --strategy-list"
        )
    ((name, found),) = strategies.items()
    trades, still_open = closed_trades(pd.DataFrame(found["trades"], columns=BT_DATA_COLUMNS))
    balance = _balance(archive, f"{base}_{name}_wallet.feather")
    home = path.resolve().parent.parent
    return Source(
        kind="backtest",
        path=path,
        strategy=name,
        config=config,
        settings=load_settings(config.get("regimeswitch")),
        timeframe=str(found["timeframe"]),
        currency=str(found["stake_currency"]),
        pairs=tuple(map(str, found["pairlist"])),
        trades=trades,
        still_open=still_open,
        begin=_moment(found["backtest_start_ts"]),
        end=_moment(found["backtest_end_ts"]),
        capital=float(found["starting_balance"]),
        balance=balance,
        final=float(found["final_balance"]),
        market_change=float(found["market_change"]),
        models=_models(home, found),
        datadirs=[home / "data" / str(config.get("exchange", {}).get("name", "binance"))],
        notes=[NO_BALANCE] if balance is None else [],
    )


def _moment(milliseconds: float) -> pd.Timestamp:
    return pd.Timestamp(int(milliseconds), unit="ms", tz="UTC")


def _models(home: Path, found: Mapping[str, Any]) -> list[Path]:
    identifier = found.get("freqai_identifier")
    return [home / "models" / str(identifier)] if identifier else []


def _balance(archive: zipfile.ZipFile, name: str) -> pd.DataFrame | None:
    """As freqtrade's own wallet statistics add it up."""
    if name not in archive.namelist():
        return None
    wallet = pd.read_feather(io.BytesIO(archive.read(name)))
    if len(wallet) < 2:
        return None
    totals = wallet.assign(total_quote=wallet["rate"] * wallet["balance"])
    return totals.groupby("date", sort=True)["total_quote"].sum().reset_index()
