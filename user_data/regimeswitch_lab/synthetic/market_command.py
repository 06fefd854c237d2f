"""``regimeswitch market``: a synthetic market as candle files, its true regimes beside them.

The generator itself is :mod:`regimeswitch_lab.synthetic.worlds`; this file is the command and the
files.
"""

import argparse
import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.misc import pair_to_filename
from rich.console import Console
from rich.progress import track
from rich.table import Table

from regimeswitch.bot.whole_files import replacing
from regimeswitch.market.candles import TIMEFRAME_SECONDS, resample
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.options import OK, Subparsers, option, refusing, whole
from regimeswitch_lab.screen import screen, table_of
from regimeswitch_lab.synthetic.worlds import (
    KINDS,
    MOST_DAYS,
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
        name = pair_to_filename(pair)
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


def add_parser(subparsers: Subparsers) -> None:
    """Add the command ``market`` to the command line."""
    parser = subparsers.add_parser(
        "market",
        help="write a synthetic market with its true regimes",
        description="Write seeded synthetic candles as freqtrade data files (5m to 1d) "
        f"and the true regime of every 5m candle in {TRUE_REGIMES_FOLDER}/.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="data folder")
    option(
        parser,
        "--pairs",
        default=["BTC/USDT", "ETH/USDT"],
        metavar="PAIR",
        help="spot pairs (default: BTC/USDT ETH/USDT)",
    )
    parser.add_argument(
        "--days", type=whole(1, MOST_DAYS), default=120, help="length (default: 120)"
    )
    parser.add_argument(
        "--end",
        default="2025-01-01",
        metavar="DATE",
        help="UTC date at which the last candle closes (default: 2025-01-01)",
    )
    parser.add_argument("--seed", type=whole(0), default=1, help="0 or more (default: 1)")
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default=KINDS[0],
        help="regimes: learnable, its sign changes with the regime; random-walk: nothing to learn",
    )
    option(parser, "--export", metavar="FILE.json", help="the figures as JSON")
    parser.set_defaults(run=run)


@refusing("market", InputError)
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
        raise InputError(str(error)) from error
    except OSError as error:
        place = error.filename2 or error.filename or args.out
        raise InputError(
            f"cannot write {place}: {error.strerror or error}; --out is a folder and --export a "
            "file in a folder, both writable: choose another place or correct its permissions"
        ) from error
    screen().print(_table(figures))
    return OK


def _candles(candles: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    if timeframe == "5m":
        return candles
    longer = resample(candles, timeframe, "5m")
    # freqtrade's own files are in milliseconds.
    dates = longer["date"].dt.as_unit("ms")
    # The exchange has no more decimals; what adding floats makes beyond them is no volume.
    return longer.assign(date=dates, volume=longer["volume"].round(8))


def _write_feather(frame: pd.DataFrame, path: Path) -> Path:
    with _replacing(path) as fresh:
        frame.to_feather(fresh, compression="lz4")
    return path


def _replacing(path: Path) -> AbstractContextManager[Path]:
    """Two commands may write the same market."""
    return replacing(path, draft=f".{os.getpid()}.tmp", durable=False)


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
    with _replacing(args.export) as fresh:
        fresh.write_text(text, encoding="utf-8")


def _table(figures: list[dict[str, Any]]) -> Table:
    regimes = list(figures[0]["shares"])
    return table_of(
        "Synthetic market: true regimes",
        ["pair", "candles", "switches", *regimes],
        [
            [row["pair"], row["candles"], row["switches"]]
            + [f"{row['shares'][name]:.0%}" for name in regimes]
            for row in figures
        ],
    )
