"""``regimeswitch market``: a synthetic market as candle files, its true regimes beside them.

The generator itself is :mod:`regimeswitch_lab.synthetic.worlds`; this file is the command and the
files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from regimeswitch.market.candles import TIMEFRAME_SECONDS, resample
from regimeswitch_lab.screen import screen
from regimeswitch_lab.synthetic.worlds import (
    KINDS,
    NO_REGIME,
    TRUE_REGIMES,
    MarketPair,
    synthetic_market,
)


__all__ = ["MarketPair", "add_parser", "market_figures", "run", "synthetic_market", "write_market"]

TRUE_REGIMES_FOLDER = "true-regimes"


def write_market(market: Mapping[str, MarketPair], folder: Path) -> list[Path]:
    """Write a market as files that freqtrade loads as its own downloads.

    :param market: of :func:`synthetic_market`
    :param folder: data folder, made if missing; existing files of the same names are replaced,
        each in one step, so that a reader never meets half a file
    :return: for each pair the candles of 5m, 15m, 30m, 1h, 4h and 1d, then its true regimes
    :raises OSError: if the folder cannot be made or written
    """
    truth = folder / TRUE_REGIMES_FOLDER
    truth.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for pair, content in market.items():
        name = pair.replace("/", "_")
        for timeframe in TIMEFRAME_SECONDS:
            candles = _candles(content.candles, timeframe)
            written.append(_write_feather(candles, folder / f"{name}-{timeframe}.feather"))
        written.append(_write_feather(content.regimes, truth / f"{name}.feather"))
    return written


def market_figures(market: Mapping[str, MarketPair]) -> list[dict[str, Any]]:
    """Per pair: number of candles, switches of the true regime, share of each regime (0 to 1)."""
    figures = []
    for pair, content in market.items():
        regime = content.regimes["regime"]
        names = [NO_REGIME] if regime.iloc[0] == NO_REGIME else list(TRUE_REGIMES)
        figures.append(
            {
                "pair": pair,
                "candles": len(content.candles),
                "switches": int((regime != regime.shift()).sum()) - 1,
                "shares": {name: round(float((regime == name).mean()), 4) for name in names},
            }
        )
    return figures


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``market`` to the command line."""
    parser = subparsers.add_parser(
        "market",
        help="write a synthetic market with its true regimes",
        description="Write seeded synthetic candles as freqtrade data files (5m to 1d) "
        f"and the true regime of every 5m candle in {TRUE_REGIMES_FOLDER}/.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="data folder")
    parser.add_argument(
        "--pairs",
        nargs="+",
        default=["BTC/USDT", "ETH/USDT"],
        metavar="PAIR",
        help="spot pairs (default: BTC/USDT ETH/USDT)",
    )
    parser.add_argument("--days", type=_whole, default=120, help="length (default: 120)")
    parser.add_argument(
        "--end",
        default="2025-01-01",
        metavar="DATE",
        help="UTC date at which the last candle closes (default: 2025-01-01)",
    )
    parser.add_argument("--seed", type=_whole, default=1, help="0 or more (default: 1)")
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default=KINDS[0],
        help="regimes: learnable, its sign changes with the regime; random-walk: nothing to learn",
    )
    parser.add_argument("--export", type=Path, metavar="FILE.json", help="the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Generate, write and print; 0 when written, 2 on bad usage."""
    figures: list[dict[str, Any]] = []
    progress = Console(stderr=True)
    try:
        # One pair at a time: pairs are independent, and a long market fits memory.
        for pair in track(
            dict.fromkeys(args.pairs),
            description="market",
            console=progress,
            transient=True,
            disable=not progress.is_terminal,
        ):
            market = synthetic_market([pair], args.days, args.end, args.seed, args.kind)
            write_market(market, args.out)
            figures += market_figures(market)
        if args.export:
            _export(args, figures)
    except ValueError as error:
        return _refuse(str(error))
    except OSError as error:
        place = error.filename2 or error.filename or args.out
        return _refuse(
            f"cannot write {place}: {error.strerror or error}; --out is a folder and --export a "
            "file in a folder, both writable: choose another place or mend its permissions"
        )
    screen().print(_table(figures))
    return 0


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number; write it like 120"
        ) from None


def _refuse(message: str) -> int:
    print(f"regimeswitch market: {message}", file=sys.stderr)
    return 2


def _candles(candles: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    if timeframe == "5m":
        return candles
    longer = resample(candles, timeframe, "5m")
    # freqtrade's own files are in milliseconds.
    dates = longer["date"].dt.as_unit("ms")
    # The exchange has no more decimals; what adding floats makes beyond them is no volume.
    return longer.assign(date=dates, volume=longer["volume"].round(8))


def _write_feather(frame: pd.DataFrame, path: Path) -> Path:
    return _replace(path, lambda draft: frame.to_feather(draft, compression="lz4"))


def _replace(path: Path, write: Callable[[Path], object]) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _export(args: argparse.Namespace, figures: list[dict[str, Any]]) -> None:
    result = {
        "kind": args.kind,
        "seed": args.seed,
        "days": args.days,
        "end": args.end,
        "pairs": figures,
    }
    text = json.dumps(result, indent=2) + "\n"
    args.export.parent.mkdir(parents=True, exist_ok=True)
    _replace(args.export, lambda draft: draft.write_text(text, encoding="utf-8"))


def _table(figures: list[dict[str, Any]]) -> Table:
    regimes = list(figures[0]["shares"])
    table = Table("pair", title="Synthetic market: true regimes")
    for heading in ("candles", "switches", *regimes):
        table.add_column(heading, justify="right")
    for row in figures:
        shares = [f"{row['shares'][name]:.0%}" for name in regimes]
        table.add_row(row["pair"], str(row["candles"]), str(row["switches"]), *shares)
    return table
