"""What the charts of the page draw: few enough points, every mark exact.

Times are minutes since the beginning of the range, so that the page stays small.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.volatility import VOLATILITY_COLUMN, WEIGHT_COLUMN
from regimeswitch.settings import REGIME_NAMES
from regimeswitch.settings.modes import POSITION, SIGNAL
from regimeswitch_lab.report.candle_history import Histories, PairHistory
from regimeswitch_lab.report.equity import EquityAccount
from regimeswitch_lab.report.model_parts import ModelParts
from regimeswitch_lab.report.regime_table import UNKNOWN, regime_names, stretches
from regimeswitch_lab.report.reliability import ReliabilityRow
from regimeswitch_lab.report.report_source import Fill, Source, fills_of, records
from regimeswitch_lab.report.trainings import Training
from regimeswitch_lab.report.volatility_accuracy import AccuracyRow


POINTS = 3_000
"""Of a line, at most; a screen has fewer columns."""
SIZED_POINTS = 1_000
"""Of target weight and volatility, which move once an hour or slower."""
SIZED_BY = {POSITION: (WEIGHT_COLUMN, VOLATILITY_COLUMN), SIGNAL: (VOLATILITY_COLUMN,)}
"""Lines below the price by mode: only position mode sizes by the target weight."""
DIGITS = 6
LEAST_ROWS = 20
"""Of a bin of probabilities that is drawn; a share of fewer is mostly chance."""
NAMES = (*REGIME_NAMES, UNKNOWN)
Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


def drawing(
    source: Source,
    account: EquityAccount,
    shadows: Mapping[str, pd.DataFrame],
    histories: Histories,
    models: ModelParts,
) -> dict[str, Any]:
    """Everything that the page's script draws, as JSON has it.

    :param shadows: balances beside those of the account and of holding, by name
    """
    held = {} if account.held is None else {"buy and hold": account.held}
    accounts = {"RegimeSwitch": account.balance, **held, **shadows}
    trainings = models.trainings if isinstance(models.trainings, list) else []
    return {
        "begin": int(source.begin.timestamp() * 1000),
        "end": _minutes(source, pd.Series([source.end]))[0],
        "currency": source.currency,
        "regimes": list(NAMES),
        "accounts": [_account(source, name, frame) for name, frame in accounts.items()],
        "majority": _bands(source, _majority(histories)) if histories.pairs else [],
        "shares": _shares(source, histories),
        "pairs": [_pair(source, history) for history in histories.pairs],
        "trainings": [_training(source, one) for one in trainings],
        "reliability": [_reliability(one) for one in models.reliability],
        "accuracy": [_accuracy(one) for one in models.accuracy],
    }


def thinned(values: Floats, points: int) -> Rows:
    """Rows that draw the same line: of each part the lowest and the highest, and both ends.

    :param values: shape (n,); NaN is never chosen while a part has a number
    :param points: wanted at most, up to the two ends
    :return: rows in order, at most ``points`` and two
    """
    count = len(values)
    if count <= points:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, points // 2 + 1).astype(np.int64)
    low, high = np.nan_to_num(values, nan=np.inf), np.nan_to_num(values, nan=-np.inf)
    chosen = [0, count - 1]
    for begin, end in pairwise(edges):
        chosen += [begin + int(low[begin:end].argmin()), begin + int(high[begin:end].argmax())]
    return np.unique(np.asarray(chosen, dtype=np.int64))


def _minutes(source: Source, dates: pd.Series) -> list[float]:
    elapsed = (pd.to_datetime(dates, utc=True) - source.begin).dt.total_seconds() / 60
    return [int(one) if one == int(one) else round(one, 2) for one in elapsed]


def _numbers(values: Floats) -> list[float | None]:
    return [float(f"{one:.{DIGITS}g}") if np.isfinite(one) else None for one in values]


def _line(source: Source, dates: pd.Series, values: Floats, points: int) -> dict[str, Any]:
    rows = thinned(values, points)
    return {"t": _minutes(source, dates.iloc[rows]), "y": _numbers(values[rows])}


def _account(source: Source, name: str, frame: pd.DataFrame) -> dict[str, Any]:
    total = frame["total_quote"].to_numpy(dtype=np.float64)
    fall = total / np.maximum.accumulate(total) - 1
    return {
        "name": name,
        "equity": _line(source, frame["date"], total, POINTS),
        "fall": _line(source, frame["date"], fall, POINTS),
    }


def _bands(source: Source, names: pd.Series) -> list[list[float]]:
    """Begin, end and number of the regime of each stretch; ``names`` is indexed by date."""
    runs = stretches(names)
    dates = names.index.to_series()
    begins = dates.iloc[runs["first"]]
    ends = pd.concat([begins.iloc[1:], dates.iloc[-1:]])
    spans = zip(_minutes(source, begins), _minutes(source, ends), runs["name"], strict=True)
    return [[begin, end, NAMES.index(name)] for begin, end, name in spans if name in NAMES]


def _majority(histories: Histories) -> pd.Series:
    """The regime of more than half of the pairs at each candle, else ``mixed``, by date."""
    counts = _counts(histories)
    largest = counts.idxmax(axis=1)
    return largest.where(counts.max(axis=1) > counts.sum(axis=1) / 2, "mixed")


def _counts(histories: Histories) -> pd.DataFrame:
    """Number of pairs in each regime, a row for each candle."""
    names = pd.concat(
        [regime_names(one.frame).set_axis(one.frame["date"]) for one in histories.pairs], axis=1
    ).sort_index()
    return pd.DataFrame({name: (names == name).sum(axis=1) for name in NAMES})


def _shares(source: Source, histories: Histories) -> dict[str, Any]:
    """Share of the pairs in each regime, daily means; for more than one pair."""
    if len(histories.pairs) < 2:
        return {}
    counts = _counts(histories)
    daily = counts.div(counts.sum(axis=1), axis=0).resample("1D").mean().dropna()
    t = _minutes(source, daily.index.to_series())
    return {"t": t, "y": {name: _numbers(daily[name].to_numpy()) for name in NAMES}}


def _pair(source: Source, history: PairHistory) -> dict[str, Any]:
    frame = history.frame
    close = frame["close"].to_numpy(dtype=np.float64)
    rows = thinned(close, POINTS)
    names = regime_names(frame)
    price = {"t": _minutes(source, frame["date"].iloc[rows]), "y": _numbers(close[rows])}
    price["regime"] = [NAMES.index(name) for name in names.iloc[rows]]
    lines = {
        name: _line(source, frame["date"], frame[name].to_numpy(dtype=np.float64), SIZED_POINTS)
        for name in SIZED_BY[source.settings.entries.mode]
    }
    bands = _bands(source, names.set_axis(frame["date"]))
    return {
        "pair": history.pair,
        "price": price,
        "bands": bands,
        "marks": _marks(source, history.pair),
        **lines,
    }


def _marks(source: Source, pair: str) -> dict[str, Any]:
    """Filled orders of a pair by kind: time, price and text of each."""
    found: dict[str, list[tuple[int, float, str]]] = {
        kind: [] for kind in ("entry", "addition", "reduction", "exit")
    }
    for trade in [*records(source.trades), *records(source.still_open)]:
        fills = fills_of(trade["orders"]) if trade["pair"] == pair else []
        for number, fill in enumerate(fills):
            kind = _kind(fill, number == 0, number == len(fills) - 1 and not trade["is_open"])
            text = _told(kind, fill, trade, source.currency)
            found[kind].append((fill.moment, fill.price, text))
    return {
        kind: {
            "t": _minutes(source, pd.Series(pd.to_datetime([m for m, _, _ in marks], unit="ms"))),
            "y": [price for _, price, _ in marks],
            "text": [text for _, _, text in marks],
        }
        for kind, marks in found.items()
        if marks
    }


def _kind(fill: Fill, first: bool, closes: bool) -> str:
    if fill.is_entry:
        return "entry" if first else "addition"
    return "exit" if closes else "reduction"


def _told(kind: str, fill: Fill, trade: dict[str, Any], currency: str) -> str:
    text = f"{kind} of {fill.amount * fill.price:,.2f} {currency} at {fill.price:,.8g}"
    if kind == "exit":
        profit = f"{trade['profit_abs']:+,.2f} {currency}, {trade['profit_ratio']:+.2%}"
        return f"{text} ({trade['exit_reason']}; {profit})"
    tag = fill.tag or trade["enter_tag"]
    return f"{text} ({tag})" if tag else text


def _training(source: Source, one: Training) -> dict[str, Any]:
    return {
        "t": _minutes(source, pd.Series([one.moment]))[0],
        "coins": ", ".join(one.coins),
        "weight": one.weight,
        "sub_models": {
            sub.regime: {
                "weight": sub.weight,
                "slope": sub.slope,
                "gain": _gain(sub.scores, "sub_model"),
                "placebo": _gain(sub.scores, "placebo"),
            }
            for sub in one.sub_models
        },
    }


def _gain(scores: Mapping[str, float], name: str) -> float | None:
    """Log loss of the base model minus that of another: above 0 is better than the base."""
    if "base" not in scores or name not in scores:
        return None
    return round(scores["base"] - scores[name], 6)


def _reliability(one: ReliabilityRow) -> dict[str, Any]:
    """Points of each class: mean probability, share that came true, rows."""
    points: dict[str, list[list[float]]] = {}
    for part in one.bins:
        if part.rows < LEAST_ROWS:
            continue
        point = [round(part.given, DIGITS), round(part.came, DIGITS), part.rows]
        points.setdefault(part.answer, []).append(point)
    return {"regime": one.regime, "points": points}


def _accuracy(one: AccuracyRow) -> dict[str, Any]:
    points = [
        [round(part.forecast, DIGITS), round(part.realised, DIGITS), part.rows]
        for part in one.groups
    ]
    return {"regime": one.regime, "points": points}
