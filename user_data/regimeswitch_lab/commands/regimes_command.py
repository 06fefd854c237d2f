"""``regimeswitch regimes``: the regimes of a pair as a table, a feather file or a picture."""

import argparse
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow

from regimeswitch.market.candles import candles_spanning, resample, utc_dates
from regimeswitch.market.cleaning import cleaned
from regimeswitch.market.features import DAY_CANDLES, HOUR_CANDLES
from regimeswitch.market.regimes import regime_columns
from regimeswitch.market.warmup import check_length
from regimeswitch.settings import REGIME_NAMES, Settings, SettingsError, load_settings
from regimeswitch_lab.bot_config import BotConfig, load_sound_config
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.commands.regime_picture import PICTURES, draw_regimes
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import OK, Subparsers, option, refusing
from regimeswitch_lab.ranges import time_inside
from regimeswitch_lab.screen import screen, table_of
from regimeswitch_lab.synthetic.truth import agreement


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("regimes", help="regimes of a pair: table, feather or picture")
    option(parser, "--datadir", required=True)
    parser.add_argument("--pair", required=True, help="e.g. BTC/USDT")
    option(parser, "--config", default=[], help="freqtrade configs (the defaults)")
    parser.add_argument("--rule", help="trend, change, volatility or vote, over the config")
    option(parser, "--timerange", default="")
    parser.add_argument(
        "--out", type=Path, help="write the columns (.feather, .csv) or a picture (.png, .svg)"
    )
    parser.add_argument(
        "--truth", type=Path, help="true regimes of a synthetic market: print the agreement"
    )
    option(parser, "--export")
    parser.set_defaults(run=run)


@refusing("regimes", InputError, SettingsError, OSError)
def run(args: argparse.Namespace) -> int:
    """Find the regimes, print their figures, write what was asked for."""
    config = load_sound_config(args.config, os.environ)
    settings, base = _settings(config, args.rule), config.timeframe
    check_length(base, settings.regime.timeframe)
    folder = config.candles(args.datadir)
    candles, columns = find_regimes(folder, args.pair, settings, base, args.timerange)
    figures = regime_figures(columns, base)
    if args.truth:
        figures |= agreement(columns["regime"], _truth(args.truth, candles["date"]))
    if args.out:
        _write(args.out, args.pair, candles, columns)
    if args.export:
        write_json(args.export, {"pair": args.pair, **figures})
    hour = candles_spanning(HOUR_CANDLES, base)
    _print(args.pair, figures, hour)
    if args.truth:
        late = figures["median_delay_candles"] / hour
        print(
            f"Agreement with the true regimes, {late:.1f} h late: "
            f"{figures['agreement']:.1%}; {figures['missed_switches']} of "
            f"{figures['true_switches']} true switches missed"
        )
    return OK


def find_regimes(
    folder: CandleFolder, pair: str, settings: Settings, base_timeframe: str, timerange: str = ""
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Base candles of a pair and their regime columns, both cut to the time range.

    The regimes are found on all candles first, so that the range starts warm.

    :raises InputError: when the candles of the rule have no file and base candles cannot be put
        together to them
    """
    base = cleaned(folder.candles(pair, base_timeframe), base_timeframe, settings.safety)
    anchor = settings.regime.anchor_of(pair)
    rule = stored_rule_candles(folder, anchor, settings, base_timeframe)
    columns = regime_columns(base, settings.regime, rule, base_timeframe)
    inside = time_inside(base["date"], timerange)
    return base[inside].reset_index(drop=True), columns[inside].reset_index(drop=True)


def stored_rule_candles(
    folder: CandleFolder, pair: str, settings: Settings, base_timeframe: str
) -> pd.DataFrame:
    """Cleaned candles of the rule's timeframe; put together where there is no file of them.

    :raises InputError: as :func:`find_regimes`
    """
    timeframe, safety = settings.regime.timeframe, settings.safety
    try:
        rule = folder.candles(pair, timeframe)
    except InputError:
        base = cleaned(folder.candles(pair, base_timeframe), base_timeframe, safety)
        rule = resample(base, timeframe, base_timeframe)
    return cleaned(rule, timeframe, safety)


def regime_figures(columns: pd.DataFrame, timeframe: str) -> dict[str, Any]:
    """Switches a day, share and median duration of the regimes; UNKNOWN rows do not count.

    :param columns: of :func:`regimeswitch.market.regimes.regime_columns`
    :param timeframe: the base timeframe, of the rows
    """
    known = columns["regime"].dropna()
    switches = int((columns["regime_age"] == 0).sum())
    days = len(known) / candles_spanning(DAY_CANDLES, timeframe)
    runs = (known != known.shift()).cumsum()
    durations = known.groupby(runs).size()
    shares = known.value_counts(normalize=True)
    return {
        "candles": len(columns),
        "known": len(known),
        "switches": switches,
        "switches_per_day": switches / days if len(known) else 0.0,
        "share": {name: float(shares.get(name, 0.0)) for name in REGIME_NAMES},
        "median_duration_candles": float(durations.median()) if len(durations) else 0.0,
    }


def _settings(config: BotConfig, rule: str | None) -> Settings:
    settings = config.settings
    if not rule:
        return settings
    section = config.merged.get("regimeswitch") or {}
    return load_settings({**section, "regime": {**section.get("regime", {}), "rule": rule}})


def _write(out: Path, pair: str, candles: pd.DataFrame, columns: pd.DataFrame) -> None:
    frame = pd.concat([candles, columns], axis=1)
    if out.suffix in PICTURES:
        draw_regimes(frame, pair, out)
    elif out.suffix == ".feather":
        frame.to_feather(out)
    elif out.suffix == ".csv":
        frame.to_csv(out, index=False)
    else:
        raise InputError(
            f"--out {out}: {out.suffix or 'no ending'} is not known; "
            "allowed: .feather, .csv, .png, .svg"
        )


def _truth(path: Path, dates: pd.Series) -> pd.Series:
    try:
        truth = pd.read_feather(path, columns=["date", "regime"])
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise InputError(
            f"--truth {path} cannot be read ({error}); name a file in the folder true-regimes "
            "that `regimeswitch market` wrote"
        ) from None
    names = truth.set_index(utc_dates(truth["date"]))["regime"].reindex(dates)
    if names.isna().any():
        raise InputError(f"--truth {path} does not cover the candles; use one of the same market")
    return names


def _print(pair: str, figures: dict[str, Any], hour: int) -> None:
    headings = ["candles", "known", "switches a day", *REGIME_NAMES, "median duration"]
    row = [
        f"{figures['candles']:,}",
        f"{figures['known']:,}",
        f"{figures['switches_per_day']:.2f}",
        *(f"{figures['share'][name]:.0%}" for name in REGIME_NAMES),
        f"{figures['median_duration_candles'] / hour:.0f} h",
    ]
    screen().print(table_of(f"Regimes of {pair}", headings, [row], words=0))
