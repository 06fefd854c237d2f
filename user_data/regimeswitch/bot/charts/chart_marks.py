"""What stands in FreqUI's price pane beside lines: regimes, switches, stops, reasons for no entry.

freqtrade knows three kinds of annotations: areas, lines and points, each with a label.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.persistence import Trade

from regimeswitch.bot.trading.entry_reasons import REASON_COLUMN, code_of


BAND_COLORS = {
    "bull": "rgba(46, 160, 67, 0.14)",
    "bear": "rgba(218, 54, 51, 0.14)",
    "sideways": "rgba(139, 148, 158, 0.10)",
}
MARK_COLORS = {"bull": "#2ea043", "bear": "#da3633", "sideways": "#8b949e"}
STOP_COLOR, TARGET_COLOR, REASON_COLOR = "#da3633", "#2ea043", "#d29922"
BY_REGIME = (2, 3)
"""Codes of reasons that the bands and the marks of switches tell already."""
FAR = 0.5
"""A stop or target further from the last close than this fraction would flatten the candles."""


def chart_marks(
    frame: pd.DataFrame, start_date: datetime, end_date: datetime
) -> list[dict[str, Any]]:
    """All that the columns of analysed candles tell between two dates."""
    parts = (regime_bands, switch_marks, pending_marks, reason_marks)
    return [one for part in parts for one in part(frame, start_date, end_date)]


def regime_bands(
    frame: pd.DataFrame, start_date: datetime, end_date: datetime
) -> list[dict[str, Any]]:
    """One area per stretch of one regime between two dates; none where it is UNKNOWN.

    :param frame: analysed candles with ``date`` and ``regime``
    """
    shown = _shown(frame, start_date, end_date)
    if shown.empty or "regime" not in shown:
        return []
    names = shown["regime"].fillna("").to_numpy()
    begins = _begins(names)
    ends = np.r_[begins[1:], len(names) - 1]
    return [
        {
            "type": "area",
            "start": _date(shown, begin),
            "end": _date(shown, end),
            "color": BAND_COLORS[names[begin]],
            "label": names[begin],
        }
        for begin, end in zip(begins, ends, strict=True)
        if names[begin] in BAND_COLORS
    ]


def switch_marks(
    frame: pd.DataFrame, start_date: datetime, end_date: datetime
) -> list[dict[str, Any]]:
    """One point per confirmed switch, at the close of the candle that confirms it.

    :param frame: analysed candles with ``date``, ``close`` and ``regime``
    """
    shown = _shown(frame, start_date, end_date)
    if shown.empty or "regime" not in shown:
        return []
    names = shown["regime"].fillna("").to_numpy()
    switches = [row for row in _begins(names)[1:] if names[row] and names[row - 1]]
    return [
        _point(shown, row, f"{names[row - 1]} to {names[row]}", MARK_COLORS[names[row]], "pin", 14)
        for row in switches
    ]


def pending_marks(
    frame: pd.DataFrame, start_date: datetime, end_date: datetime
) -> list[dict[str, Any]]:
    """One point per candidate, on the first candle of its grace period.

    :param frame: analysed candles with ``date``, ``close`` and ``regime_pending``
    """
    shown = _shown(frame, start_date, end_date)
    if shown.empty or "regime_pending" not in shown:
        return []
    names = shown["regime_pending"].fillna("").to_numpy()
    return [
        _point(shown, row, f"{names[row]} pending", MARK_COLORS[names[row]], "circle", 7)
        for row in _begins(names)
        if names[row]
    ]


def reason_marks(
    frame: pd.DataFrame, start_date: datetime, end_date: datetime
) -> list[dict[str, Any]]:
    """One point per stretch of a reason for no entry inside a wanted regime, and on the last
    candle whatever its reason is.

    :param frame: analysed candles with ``date``, ``close`` and ``no_trade_reason``
    """
    shown = _shown(frame, start_date, end_date)
    if shown.empty or REASON_COLUMN not in shown:
        return []
    reasons = shown[REASON_COLUMN].fillna("").to_numpy()
    rows = [row for row in _begins(reasons) if code_of(reasons[row]) not in (0, *BY_REGIME)]
    last = len(reasons) - 1
    if reasons[last] and (not rows or reasons[rows[-1]] != reasons[last]):
        rows.append(last)
    return [
        _point(shown, row, f"no entry: {reasons[row]}", REASON_COLOR, "triangle", 8) for row in rows
    ]


def trade_lines(
    pair: str,
    frame: pd.DataFrame,
    end_date: datetime,
    target: Callable[[Trade], float | None],
) -> list[dict[str, Any]]:
    """Stop and target of open positions of a running bot, from the entry to the end of the chart.

    :param frame: analysed candles, not empty
    :param target: price of a trade's target, None where it has none
    """
    close, begin = float(frame["close"].iloc[-1]), _date(frame, 0)
    lines = []
    for trade in Trade.get_trades_proxy(pair=pair, is_open=True):
        prices = {"stop": (trade.stop_loss, STOP_COLOR), "target": (target(trade), TARGET_COLOR)}
        for name, (price, color) in prices.items():
            if not price or abs(price / close - 1) > FAR:
                continue
            lines.append(
                {
                    "type": "line",
                    # What begins left of the chart is not drawn.
                    "start": max(trade.open_date_utc, begin),
                    "end": end_date,
                    "y_start": float(price),
                    "y_end": float(price),
                    "color": color,
                    "line_style": "dashed",
                    "width": 1,
                    "label": f"{name} {price:.6g}",
                }
            )
    return lines


def _shown(frame: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    dates = frame["date"]
    return frame[(dates >= start) & (dates <= end)]


def _begins(names: Any) -> Any:
    """Rows on which a stretch of one name begins, the first row included."""
    return np.flatnonzero(np.r_[True, names[1:] != names[:-1]])


def _date(frame: pd.DataFrame, row: int) -> datetime:
    found: datetime = frame["date"].iloc[row].to_pydatetime()
    return found


def _point(
    frame: pd.DataFrame, row: int, label: str, color: str, shape: str, size: int
) -> dict[str, Any]:
    return {
        "type": "point",
        "x": _date(frame, row),
        "y": float(frame["close"].iloc[row]),
        "label": label,
        "color": color,
        "shape": shape,
        "size": size,
    }
