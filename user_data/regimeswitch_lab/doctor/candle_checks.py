"""Checks of the candle files: there, of their timeframe, long enough, and possible."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.exchange import timeframe_to_seconds

from regimeswitch.market.candles import BAD_KINDS, OHLCV, timeframe_seconds, utc_dates
from regimeswitch.market.cleaning import bad_candles
from regimeswitch_lab.doctor.findings import Finding, Severity
from regimeswitch_lab.doctor.freqai_checks import startup_needs
from regimeswitch_lab.doctor.start_checks import foreign_to
from regimeswitch_lab.doctor.subject import ExaminedBot
from regimeswitch_lab.inputs import InputError


MANY_GAPS, LONG_GAP = 0.001, pd.Timedelta(days=1)
MANY_FLAT, MANY_IMPOSSIBLE = 0.01, 0.01
APART = pd.Timedelta(days=1)
OLD = pd.Timedelta(days=60)
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class CandleFile:
    """Candles of one pair and timeframe, in order of time, each date once.

    :ivar bad: damaged candles by kind
    """

    pair: str
    timeframe: str
    frame: pd.DataFrame
    bad: pd.DataFrame

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.pair} {self.timeframe}"

    @property
    def begins(self) -> pd.Timestamp:
        """Opening time of the first candle."""
        return pd.Timestamp(self.frame["date"].iloc[0])

    @property
    def ends(self) -> pd.Timestamp:
        """Closing time of the last candle."""
        step = pd.Timedelta(seconds=timeframe_seconds(self.timeframe))
        return pd.Timestamp(self.frame["date"].iloc[-1]) + step

    def figures(self) -> dict[str, Any]:
        """As exported."""
        counts = {kind: int(self.bad[kind].sum()) for kind in BAD_KINDS}
        span = {"begins": str(self.begins), "ends": str(self.ends)}
        return {"candles": len(self.frame), **span, **counts}


def read_candles(subject: ExaminedBot) -> tuple[list[CandleFile], list[Finding]]:
    """Every candle file that is needed, and what is wrong with the files themselves."""
    files: list[CandleFile] = []
    findings: list[Finding] = []
    stake = subject.config.merged.get("stake_currency")
    traded = [pair for pair in subject.pairs if not foreign_to(pair, stake)]
    pairs = [*traded, *subject.config.other_pairs(subject.settings)]
    timeframes = subject.config.timeframes(subject.settings)
    wanted = [(pair, timeframe) for pair in pairs for timeframe in timeframes]
    present = [one for one in wanted if subject.candle_folder.file(*one).is_file()]
    if wanted and not present and not subject.datadir_given:
        what = "there are no candles yet: a bot loads them itself, a backtest cannot run"
        fix = "freqtrade download-data, or name a folder by --datadir"
        return [], [Finding("warning", "candles.none", what, str(subject.datadir), fix)]
    for pair, timeframe in wanted:
        try:
            frame = subject.candle_folder.stored(pair, timeframe)
        except InputError as error:
            kind = "candles.unreadable" if (pair, timeframe) in present else "candles.missing"
            what, _, fix = str(error).rpartition("; ")
            findings.append(Finding("serious", kind, what, f"{pair} {timeframe}", fix))
            continue
        frame, mistakes = _in_order(frame, f"{pair} {timeframe}")
        findings += mistakes
        bad = bad_candles(frame, timeframe, subject.settings.safety)
        files.append(CandleFile(pair, timeframe, frame[OHLCV], bad))
    return files, findings


def _in_order(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[Finding]]:
    """The frame without duplicates, sorted; and whether that was needed."""
    found = []
    fix = "download it again: freqtrade download-data --erase"
    twice = int(frame["date"].duplicated().sum())
    if twice:
        what = f"{twice} candles are there twice"
        found.append(Finding("serious", "candles.duplicate", what, name, fix))
    if not frame["date"].is_monotonic_increasing:
        what = "candles are not in the order of time"
        found.append(Finding("serious", "candles.order", what, name, fix))
    single = frame.drop_duplicates("date", keep="last").sort_values("date", ignore_index=True)
    return single.assign(date=utc_dates(single["date"])), found


def check_contents(files: list[CandleFile]) -> Iterator[Finding]:
    """Gaps, candles that cannot be true, and files of another timeframe than their name says."""
    for file in files:
        step = pd.Timedelta(seconds=timeframe_seconds(file.timeframe))
        steps = file.frame["date"].diff().dropna()
        if len(steps) and steps.median() != step:
            what = f"most candles are {steps.median()} apart"
            fix = f"download it again: freqtrade download-data --timeframes {file.timeframe}"
            yield Finding("serious", "candles.timeframe", what, file.name, fix)
            continue
        yield from _gaps(file, steps, step)
        yield from _impossible(file)


def _gaps(file: CandleFile, steps: pd.Series, step: pd.Timedelta) -> Iterator[Finding]:
    wide = steps[steps > step]
    if wide.empty:
        return
    missing = round(float(wide.dt.total_seconds().sum() / step.total_seconds()) - len(wide))
    share = missing / (missing + len(file.frame))
    bad: Severity = "warning" if share > MANY_GAPS or wide.max() > LONG_GAP else "info"
    hours = wide.max() / pd.Timedelta(hours=1)
    longest = f"the longest of {len(wide)} gaps is {hours:.1f} h"
    what = f"{missing} candles ({share:.3%}) are missing, {longest}"
    fix = "exchange outages leave such gaps and they are kept out; else download it again"
    yield Finding(bad, "candles.gap", what, file.name, fix)


def _impossible(file: CandleFile) -> Iterator[Finding]:
    count = len(file.frame)
    for kind in ("flat", "zero", "negative", "inverted", "spike"):
        found = file.bad[kind].to_numpy()
        if not found.any():
            continue
        share = found.mean()
        if kind == "flat":
            severity: Severity = "warning" if share > MANY_FLAT else "info"
            fix = "nobody traded then; with many of them take a more liquid pair"
        else:
            severity = "serious" if share > MANY_IMPOSSIBLE else "warning"
            fix = "they are kept out of models and trades; download these days again"
        first = file.frame["date"].iloc[int(np.argmax(found))]
        what = f"{int(found.sum())} of {count} candles are {kind}, the first {first:%Y-%m-%d %H:%M}"
        yield Finding(severity, f"candles.{kind}", what, file.name, fix)


def check_history(subject: ExaminedBot, files: list[CandleFile]) -> Iterator[Finding]:
    """Enough candles for one training and the warm-up before it; all pairs reach as far."""
    train = pd.Timedelta(days=subject.train_days)
    warm_up = max(
        need.candles * pd.Timedelta(seconds=timeframe_to_seconds(need.timeframe))
        for need in startup_needs(subject)
    )
    needed = train + warm_up
    short = [file for file in files if file.ends - file.begins < needed]
    if short:
        yield _short(short, needed)
    if files and max(file.ends for file in files) - min(file.ends for file in files) > APART:
        last = min(files, key=lambda file: file.ends)
        what = f"it ends at {last.ends:%Y-%m-%d}, others go on: pairs learn from other times"
        fix = "download all pairs and timeframes up to the same day"
        yield Finding("warning", "candles.uneven", what, last.name, fix)


def _short(files: list[CandleFile], needed: pd.Timedelta) -> Finding:
    days = sorted({round((file.ends - file.begins) / DAY) for file in files})
    spans = f"{days[0]} to {days[-1]}" if len(days) > 1 else str(days[0])
    pairs, timeframes = (
        " ".join(dict.fromkeys(names))
        for names in zip(*((file.pair, file.timeframe) for file in files), strict=True)
    )
    return Finding(
        *("serious", "candles.short"),
        f"{spans} days; {needed / DAY:.0f} are needed to train and warm up",
        ", ".join(file.name for file in files),
        f"freqtrade download-data --pairs {pairs} --timeframes {timeframes} "
        f"--days {needed / DAY + 1:.0f} --prepend, or lower freqai.train_period_days",
    )


def check_age(files: list[CandleFile], now: pd.Timestamp) -> Iterator[Finding]:
    """How old the newest candle is; a bot loads the rest, a backtest does not."""
    if files and now - max(file.ends for file in files) > OLD:
        newest = max(files, key=lambda file: file.ends)
        what = f"the newest candle closed at {newest.ends:%Y-%m-%d}"
        yield Finding(
            *("info", "candles.old", what, newest.name),
            "a bot catches up by itself; for a backtest of late months download more",
        )
