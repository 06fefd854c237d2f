"""Checks of what models would learn from: labels, and rows of each regime, of the last window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from regimeswitch.market.candles import candles_spanning, resample
from regimeswitch.market.cleaning import cleaned
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.labels import CLASSES, class_labels
from regimeswitch.market.regimes import regime_columns
from regimeswitch.model.training_set import thinning_step
from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.doctor.candle_checks import CandleFile
from regimeswitch_lab.doctor.findings import Finding, Severity
from regimeswitch_lab.doctor.subject import ExaminedBot


RARE_CLASS, MANY_MISSING = 0.05, 0.05
SELDOM, MOST_SWITCHES = 0.1, 1.0


@dataclass(frozen=True)
class LastWindow:
    """The last training window of one pair.

    :ivar labels: classes, missing where there is none
    :ivar regimes: names, missing where unknown
    :ivar switches: per day, over all known candles of the file
    """

    pair: str
    labels: pd.Series
    regimes: pd.Series
    switches: float

    @property
    def balance(self) -> dict[str, float]:
        """Share of each class."""
        shares = self.labels.value_counts(normalize=True)
        return {name: float(shares.get(name, 0.0)) for name in CLASSES}

    @property
    def missing(self) -> float:
        """Share of rows without a label."""
        return float(self.labels.isna().mean()) if len(self.labels) else 0.0

    def rows(self) -> dict[str, int]:
        """Rows with a label, by regime."""
        counts = self.regimes[self.labels.notna()].value_counts()
        return {name: int(counts.get(name, 0)) for name in REGIME_NAMES}

    def figures(self) -> dict[str, Any]:
        """As exported."""
        return {
            "rows": self.rows(),
            "classes": {name: round(share, 4) for name, share in self.balance.items()},
            "labels_missing": round(self.missing, 4),
            "switches_per_day": round(self.switches, 3),
        }


def windows_of(subject: ExaminedBot, files: list[CandleFile]) -> list[LastWindow]:
    """The last training window of every traded pair that has base candles."""
    known = {(file.pair, file.timeframe): file for file in files}
    found = []
    for pair in subject.pairs:
        file = known.get((pair, subject.timeframe))
        if file is not None:
            found.append(_window(subject, file, known))
    return found


def _window(
    subject: ExaminedBot, file: CandleFile, known: dict[tuple[str, str], CandleFile]
) -> LastWindow:
    settings = subject.settings
    rule, anchor = settings.regime, settings.regime.anchor_of(file.pair)
    base = cleaned(file.frame, file.timeframe, settings.safety)
    longer = known.get((anchor, rule.timeframe))
    shorter = known.get((anchor, file.timeframe))
    candles = None
    if longer is not None:
        candles = cleaned(longer.frame, rule.timeframe, settings.safety)
    elif shorter is not None and shorter is not file:
        candles = resample(shorter.frame, rule.timeframe, file.timeframe)
    columns = regime_columns(base, rule, candles, file.timeframe)
    per_day = candles_spanning(DAY_CANDLES, file.timeframe)
    days = float(columns["regime"].notna().sum() / per_day)
    switches = int((columns["regime_age"] == 0).sum()) / days if days else 0.0
    labels = class_labels(file.frame, settings.labels, file.timeframe, file.bad)
    train = pd.Timedelta(days=subject.train_days)
    inside = file.frame["date"] >= file.ends - train
    # The last rows have no label because nothing is known after them.
    inside &= file.frame.index < len(file.frame) - settings.labels.horizon_in(file.timeframe)
    return LastWindow(file.pair, labels[inside], columns.loc[inside, "regime"], switches)


def check_labels(windows: list[LastWindow]) -> Iterator[Finding]:
    """Classes that hardly occur, and rows without a label."""
    for window in windows:
        for name, share in window.balance.items():
            if share >= RARE_CLASS:
                continue
            what = f"{share:.1%} of the last training window are {name}"
            fix = "lower regimeswitch.labels.multiple, or lengthen labels.horizon"
            kind = "labels.rare" if share else "labels.absent"
            severity: Severity = "warning" if share else "serious"
            yield Finding(severity, kind, what, window.pair, fix)
        if window.missing > MANY_MISSING:
            what = f"{window.missing:.1%} of the last training window have no label"
            fix = "warm-up (labels.window), gaps and damaged candles: load more or better candles"
            yield Finding("warning", "labels.missing", what, window.pair, fix)


def check_regimes(subject: ExaminedBot, windows: list[LastWindow]) -> Iterator[Finding]:
    """Regimes with too few rows for a model of their own, and rules that never rest."""
    models = subject.settings.models
    for window in windows:
        if window.switches > MOST_SWITCHES:
            what = f"{window.switches:.1f} switches of the regime a day"
            fix = "lengthen regime.grace_candles, widen the bands, or use a longer timeframe"
            yield Finding("warning", "regimes.switches", what, window.pair, fix)
        yield from _seldom(window.pair, window.rows())
        if models.rows == "pair":
            yield from _few(window.pair, window.rows(), 1, models.min_rows)
    if models.rows == "shared" and windows:
        parts = [window.rows() for window in windows]
        whole = {name: sum(rows[name] for rows in parts) for name in parts[0]}
        base = subject.timeframe
        horizon, least = subject.settings.labels.horizon_in(base), models.row_step_in(base)
        step = thinning_step(sum(whole.values()), models.row_budget, least, horizon)
        yield from _few("all pairs together", whole, step, models.min_rows)


def _seldom(where: str, rows: dict[str, int]) -> Iterator[Finding]:
    whole = sum(rows.values())
    for name, count in rows.items():
        if whole and count < SELDOM * whole:
            what = f"{name} is {count / whole:.1%} of the last training window ({count} rows)"
            fix = "lower the band that starts it (regime.trend_enter), or train on more days"
            yield Finding("info", "regimes.seldom", what, where, fix)


def _few(where: str, rows: dict[str, int], step: int, least: int) -> Iterator[Finding]:
    for name, count in rows.items():
        if count // step < least:
            what = f"{count // step} rows of {name}, {least} make a sub-model: the base serves it"
            fix = "train on more days, add pairs (models.rows shared), or lower models.min_rows"
            yield Finding("warning", "regimes.few_rows", what, where, fix)
