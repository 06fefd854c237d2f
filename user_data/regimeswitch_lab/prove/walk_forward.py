"""Walk-forward: window after window, each model learns from the past and answers for the future.

Windows are independent of each other, so they are computed side by side, one thread each, and
every finished window is kept on disk: a command that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from regimeswitch.market.candles import candles_spanning, timeframe_seconds
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.prove.candidates import (
    FREQUENCIES,
    MODELS,
    UNSWITCHED,
    Answers,
    Recipe,
    Window,
    answers_of_window,
    test_places,
)
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.side_by_side import Shared, Workers


SERVED = (*MODELS, UNSWITCHED, FREQUENCIES)
VERSION = 4
"""Of the kept windows; a change of the figures' meaning makes them unusable."""


@dataclass(frozen=True)
class Answered:
    """One pair's test rows over all windows, in order of time.

    :param places: positions in the pair's data
    :param answers: probabilities by model, shape (n, 3)
    """

    places: NDArray[np.int64]
    answers: Answers


def windows_between(
    begin: int, until: int, train_days: int, step_days: int, timeframe: str
) -> list[Window]:
    """Windows whose test parts follow each other from ``begin`` to ``until`` (candle numbers).

    :param timeframe: the base timeframe, whose candles are counted
    """
    day = candles_spanning(DAY_CANDLES, timeframe)
    step = step_days * day
    return [
        Window(start - train_days * day, start, min(start + step, until))
        for start in range(begin, until, step)
    ]


def check_windows(pairs: Sequence[PairData], windows: Sequence[Window], timeframe: str) -> None:
    """Does every window have something to learn from and something to be tested on?

    :param timeframe: the base timeframe
    :raises InputError: with the first and last date that would do
    """
    first = windows[0]
    rows = sum(
        int((data.usable & (data.time >= first.begin) & (data.time < first.end)).sum())
        for data in pairs
    )
    if rows < candles_spanning(DAY_CANDLES, timeframe):
        known = _first_known(pairs, timeframe)
        raise InputError(f"the first training window has {rows} usable rows: {known}")
    silent = [
        data.pair for data in pairs if not any(len(test_places(data, one)) for one in windows)
    ]
    if silent:
        raise InputError(
            f"{', '.join(silent)}: no candle of --timerange has complete features and a label; "
            "choose another range, or leave the pair out of --pairs"
        )


def _first_known(pairs: Sequence[PairData], timeframe: str) -> str:
    known = [int(data.time[data.usable].min()) for data in pairs if data.usable.any()]
    if known:
        return (
            f"complete features begin at {_day(min(known), timeframe)}; start --timerange at least "
            "a day later, or use earlier candles"
        )
    data = pairs[0]
    absent = [name for name, column in zip(data.names, data.X.T, strict=True) if not _any(column)]
    lacking = f" ({data.pair} lacks {absent[0]})" if absent else ""
    return (
        f"no candle has all features{lacking}; use earlier candles, shorter "
        "freqai.feature_parameters.indicator_periods_candles, or fewer include_timeframes"
    )


def _any(column: NDArray[np.float32]) -> bool:
    return bool(np.isfinite(column).any())


def _day(number: int, timeframe: str) -> str:
    seconds = number * timeframe_seconds(timeframe)
    return str(np.datetime64(seconds, "s").astype("datetime64[D]"))


def walk(
    pairs: Sequence[PairData],
    windows: Sequence[Window],
    recipe: Recipe,
    work: Path,
    workers: Workers,
    done: Callable[[], None],
) -> tuple[list[Answered], list[list[dict[str, Any]]]]:
    """Train and ask all models in all windows.

    :param work: folder that keeps finished windows
    :param workers: who computes windows side by side
    :param done: called after each window
    :return: by pair its answers; by window the weights of validation
    """
    folder = work.absolute() / key_of(pairs, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{w.begin}-{w.end}-{w.until}.npz" for w in windows]
    missing = [(w, file) for w, file in zip(windows, files, strict=True) if not file.is_file()]
    for _ in range(len(windows) - len(missing)):
        done()
    with workers.sharing(list(pairs), work) as shared:
        tasks = (delayed(_keep)(shared, window, recipe, file) for window, file in missing)
        for _ in workers.results(tasks):
            done()
    return _collected(pairs, windows, files)


def _keep(shared: Shared, window: Window, recipe: Recipe, file: Path) -> None:
    answers, findings = answers_of_window(shared.value, window, recipe)
    arrays: dict[str, Any] = {
        f"{place}/{name}": values.astype(np.float32)
        for place, own in enumerate(answers)
        for name, values in own.items()
    }
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, **arrays, findings=np.array(json.dumps(findings)))
    part.replace(file)


def _collected(
    pairs: Sequence[PairData], windows: Sequence[Window], files: Sequence[Path]
) -> tuple[list[Answered], list[list[dict[str, Any]]]]:
    kept = [dict(np.load(file)) for file in files]
    findings = [json.loads(str(one["findings"])) for one in kept]
    result = []
    for number, data in enumerate(pairs):
        answers = {
            name: np.concatenate([one[f"{number}/{name}"] for one in kept]).astype(np.float64)
            for name in SERVED
        }
        places = np.concatenate([test_places(data, window) for window in windows])
        result.append(Answered(places, answers))
    return result, findings


def key_of(pairs: Sequence[PairData], recipe: Recipe) -> str:
    """Hash of all that decides the answers of a window."""
    digest = hashlib.sha256()
    settings = recipe.settings.model_hash(dict(recipe.training_parameters), recipe.timeframe)
    digest.update(f"{VERSION} {settings} {recipe.shares}".encode())
    digest.update(f"{recipe.weight_factor} {recipe.label_period}".encode())
    for data in pairs:
        digest.update(f"{data.pair} {data.names}".encode())
        for part in (data.X, data.regime, data.time, data.usable, data.y):
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]
