"""The figures of a replay, as they are exported."""

from collections import Counter
from typing import Any

import pandas as pd

from regimeswitch_lab.replay.compare import Decisions
from regimeswitch_lab.replay.deals import Dealings
from regimeswitch_lab.replay.records import Key
from regimeswitch_lab.replay.stage import Scene, Side


SHOWN = 200
"""Most differences that are listed one by one."""


def replay_figures(
    scene: Scene, live: Side, decisions: Decisions, deals: Dealings
) -> dict[str, Any]:
    """All keys of the export but the speed.

    A candle of the range that the bot has not analysed is a boundary where the candle files have a
    gap there, and a difference anywhere else.
    """
    gaps, skipped = _unmatched(scene, decisions.unmatched)
    trained = Counter(pair for pair, _ in live.records.trainings)
    listed = [_listed(one.pair, one.at_ms, one.columns) for one in decisions.different[:SHOWN]]
    return {
        "candles": scene.count,
        "pairs": scene.pairs,
        "pair_candles": decisions.candles,
        "decision_diffs": decisions.count + len(skipped) + len(live.exceptions),
        "trade_diffs": len(deals.differences),
        "trades": deals.trades,
        "changes": deals.changes,
        "retrainings": max(min((trained[pair] - 1 for pair in scene.pairs), default=0), 0),
        "restarts": scene.restarts,
        "models": decisions.trainings,
        "models_different": [_named(key) for key in decisions.models_different],
        "features": decisions.features,
        "columns": decisions.columns,
        "differences_by_column": decisions.by_column,
        "differences": listed,
        "not_analysed": [_named(key) for key in skipped],
        "exceptions": live.exceptions,
        "trade_differences": deals.differences,
        "execution": deals.execution.figures(),
        "boundaries": _boundaries(scene, decisions, deals, gaps),
        "sabotage": scene.sabotage,
    }


def _unmatched(scene: Scene, unmatched: list[Key]) -> tuple[list[Key], list[Key]]:
    """Candles that the bot did not analyse: those without data, and the others."""
    known: dict[str, set[int]] = {}
    for pair in {pair for pair, _ in unmatched}:
        dates = scene.candles.candles(pair, "5m")["date"]
        known[pair] = set(dates.astype("int64").tolist())
    gaps = [key for key in unmatched if key[1] not in known[key[0]]]
    return gaps, [key for key in unmatched if key[1] in known[key[0]]]


def _boundaries(scene: Scene, decisions: Decisions, deals: Dealings, gaps: list[Key]) -> list[str]:
    first = pd.Timestamp(scene.start, unit="s") - pd.Timedelta(minutes=5)
    why = "the bot has no model yet" if scene.trains else "decided on, and its trades are compared"
    lines = [f"{first:%Y-%m-%d %H:%M}: before the range; {why}"]
    lines += [f"{_named(key)}: no candle in the files, nothing to analyse live" for key in gaps]
    if decisions.again:
        lines.append(f"{decisions.again} pair-candles analysed again after a restart, compared too")
    if decisions.renewed:
        lines.append(f"{decisions.renewed} decided again after a restart by the model trained then")
    if decisions.forgotten:
        lines.append(
            f"{decisions.forgotten} pair-candles after a kill: the bot lost forecasts that FreqAI "
            "had not stored, and knows another calibration of them"
        )
    if scene.trains and (scene.stop - scene.start) % round(scene.retrain_hours * 3600) == 0:
        end = pd.Timestamp(scene.stop, unit="s")
        lines.append(f"{end:%Y-%m-%d %H:%M}: after the range; the training due then is not made")
    lines += [f"{name}: still open at the end of the range" for name in deals.open_at_end]
    return lines


def _named(key: Key) -> str:
    return f"{key[0]} {pd.Timestamp(key[1], unit='ms'):%Y-%m-%d %H:%M}"


def _listed(pair: str, at_ms: int, columns: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    values = {name: {"live": one, "backtest": other} for name, (one, other) in columns.items()}
    return {"pair": pair, "candle": _named((pair, at_ms)).split(" ", 1)[1], "columns": values}
