"""Walk-forward forecasts of what models add to the rule: probabilities, and the next day's size.

Window after window the models of a bot learn from the past and answer for the candles after it, as
they are; as one model for all regimes; and with the regimes of other days (placebo). A row is asked
about where an entry is possible, and once an hour elsewhere, for the scores of the sizes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from regimeswitch.market.cleaning import bad_candles, cleaned
from regimeswitch.market.labels import (
    CLASSES,
    next_day_volatility,
)
from regimeswitch.market.regimes import CODES
from regimeswitch.market.volatility_forecast import day_candles, rival_columns
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.factory import (
    row_step,
    unfitted_ensemble,
    unfitted_model,
    unfitted_volatility_model,
)
from regimeswitch.model.shrinkage import shuffled_regimes
from regimeswitch.model.training_set import Rows, recency_weighted, thinned
from regimeswitch.model.volatility_model import HAR, VolatilityModel
from regimeswitch.settings import Settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.commands.regimes_command import stored_rule_candles
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.prove.candidates import Recipe, Window, shared_training, training_rows
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.prove.utility_proof import SIZE, VETO
from regimeswitch_lab.side_by_side import Shared, Workers


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Answers = dict[str, Floats]

REGIMES, ONE_MODEL, PLACEBO = "regimes", "one_model", "placebo"
KINDS = (REGIMES, ONE_MODEL, PLACEBO)
"""Sub-models of the regimes, one model for all, sub-models of shuffled regimes."""
VERSION = 2
"""Of the kept windows; a change of their meaning makes them unusable."""


@dataclass(frozen=True)
class SizeData:
    """What the size of a pair's next day is learned from; rows of its :class:`PairData`.

    :ivar known: :data:`regimeswitch.market.volatility_forecast.RIVAL_COLUMNS`, shape (n, 4)
    :ivar target: log of the next 24 hours' annual volatility, shape (n,); NaN = not known
    """

    known: Floats
    target: Floats


@dataclass(frozen=True)
class Asked:
    """One pair's answers over all windows, in order of time.

    :ivar places: positions in the pair's data
    :ivar answers: by name of addition, kind and answer, e.g. ``size/regimes/forecast``
    """

    places: Ints
    answers: Answers


def size_data(folder: CandleFolder, pair: str, recipe: Recipe) -> SizeData:
    """Rivals and label of one pair's base candles."""
    settings, timeframe = recipe.settings, recipe.timeframe
    raw = folder.candles(pair, timeframe)
    bad = bad_candles(raw, timeframe, settings.safety)
    base = cleaned(raw, timeframe, settings.safety)
    rule = stored_rule_candles(folder, pair, settings, timeframe)
    known = rival_columns(base, rule, settings, timeframe)
    target = next_day_volatility(raw, timeframe, bad)
    return SizeData(known.to_numpy(dtype=np.float64), target.to_numpy(dtype=np.float64))


def hourly(time: Ints, timeframe: str) -> NDArray[np.bool_]:
    """One candle an hour.

    :param time: opening times, counted in candles since 1970
    """
    return np.asarray(time % max(day_candles(timeframe) // 24, 1) == 0)


def asked_places(data: PairData, window: Window, recipe: Recipe) -> Ints:
    """Candles of the test part with complete features that are asked about."""
    regimes = recipe.settings.entries.regimes
    wanted = np.isin(data.regime, [CODES[name] for name in regimes])
    wanted |= hourly(data.time, recipe.timeframe)
    inside = (data.time >= window.end) & (data.time < window.until)
    complete = np.isfinite(data.X).all(axis=1)
    return np.flatnonzero(inside & complete & wanted)


def size_rows(data: PairData, size: SizeData, window: Window, timeframe: str) -> Rows:
    """Training rows of the size whose next 24 hours end before the window does."""
    horizon = day_candles(timeframe)
    inside = (data.time >= window.begin) & (data.time + horizon < window.end)
    complete = np.isfinite(data.X).all(axis=1) & np.isfinite(size.known).all(axis=1)
    place = np.flatnonzero(inside & complete & np.isfinite(size.target))
    return Rows(
        X=_with_known(data, size, place),
        y=size.target[place],
        regime=data.regime[place],
        time=data.time[place],
        pair=np.full(len(place), data.pair),
        weight=np.ones(len(place)),
        move=data.move[place],
    )


def _with_known(data: PairData, size: SizeData, place: Ints) -> NDArray[np.float32]:
    return np.column_stack([data.X[place], size.known[place].astype(np.float32)])


def answers_of_window(
    pairs: Sequence[PairData],
    sizes: Sequence[SizeData],
    window: Window,
    recipe: Recipe,
    additions: Sequence[str],
) -> list[Answers]:
    """All answers of one window, by pair.

    :raises InputError: when a window has nothing to learn from
    """
    places = [asked_places(data, window, recipe) for data in pairs]
    result: list[Answers] = [{} for _ in pairs]
    if VETO in additions:
        rows = _learned([training_rows(one, window, recipe.horizon) for one in pairs], window)
        rows = shared_training([rows], recipe)
        for kind in KINDS:
            classifier = _classifier(kind, rows, recipe)
            for data, place, found in zip(pairs, places, result, strict=True):
                found |= _probabilities(kind, classifier, data, place)
    if SIZE in additions:
        both = zip(pairs, sizes, strict=True)
        rows = _learned([size_rows(*one, window, recipe.timeframe) for one in both], window)
        step = row_step(len(rows), recipe.settings, recipe.timeframe, volatility=True)
        rows = recency_weighted(rows.take(thinned(rows.time, step)), recipe.weight_factor)
        for kind in KINDS:
            model = _size_model(kind, rows, recipe)
            for data, size, place, found in zip(pairs, sizes, places, result, strict=True):
                X = _with_known(data, size, place)
                forecast = model.forecast(X, data.regime[place]).volatility
                found[f"{SIZE}/{kind}/forecast"] = np.nan_to_num(forecast)
                if kind == REGIMES:
                    har = np.sqrt(model.har_.variance(size.known[place]))
                    found[f"{SIZE}/{HAR}/forecast"] = np.nan_to_num(har)
    return result


def _learned(parts: Sequence[Rows], window: Window) -> Rows:
    rows = Rows.joined(parts)
    if not len(rows):
        raise InputError(
            f"no row to learn from in the {window.end - window.begin} candles of a window; start "
            "--timerange later, or use earlier candles"
        )
    return rows


def _as(kind: str, rows: Rows, recipe: Recipe) -> tuple[Rows, Settings]:
    """Rows and settings of a kind of model."""
    settings = recipe.settings
    if kind == ONE_MODEL:
        models = settings.models.model_copy(update={"sub_models": "none"})
        return rows, settings.model_copy(update={"models": models})
    if kind == PLACEBO:
        seed, day = settings.models.seed, day_candles(recipe.timeframe)
        codes = shuffled_regimes(rows.regime, rows.time, rows.pair, day, seed)
        return replace(rows, regime=codes), settings
    return rows, settings


def _classifier(kind: str, rows: Rows, recipe: Recipe) -> BlendedModel:
    rows, settings = _as(kind, rows, recipe)
    given = recipe.training_parameters
    ensemble = unfitted_ensemble(settings.models, "classifier", given, list(CLASSES))
    period = recipe.label_period
    return unfitted_model(ensemble, settings, recipe.shares, recipe.timeframe, period).fit(rows)


def _size_model(kind: str, rows: Rows, recipe: Recipe) -> VolatilityModel:
    rows, settings = _as(kind, rows, recipe)
    given = recipe.training_parameters
    period = recipe.label_period
    return unfitted_volatility_model(settings, given, recipe.timeframe, period).fit(rows)


def _probabilities(kind: str, model: BlendedModel, data: PairData, place: Ints) -> Answers:
    answers = model.answers(data.X[place], data.regime[place], data.pair)
    columns = {name: answers[:, CLASSES.index(name)] for name in ("buy", "sell")}
    columns["weight"] = np.full(len(place), float(model.weights_.models))
    return {f"{VETO}/{kind}/{name}": values for name, values in columns.items()}


def walk(
    pairs: Sequence[PairData],
    sizes: Sequence[SizeData],
    windows: Sequence[Window],
    recipe: Recipe,
    additions: Sequence[str],
    work: Path,
    workers: Workers,
    done: Callable[[], None],
) -> list[Asked]:
    """Train and ask in all windows; finished ones are kept in ``work`` and not made again.

    :param workers: who computes windows side by side
    :param done: called after each window
    :return: by pair its answers
    """
    folder = work.absolute() / _key_of(pairs, sizes, recipe, additions)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{w.begin}-{w.end}-{w.until}.npz" for w in windows]
    missing = [(w, file) for w, file in zip(windows, files, strict=True) if not file.is_file()]
    for _ in range(len(windows) - len(missing)):
        done()
    with workers.sharing((list(pairs), list(sizes)), work) as shared:
        tasks = (
            delayed(_keep)(shared, window, recipe, additions, file) for window, file in missing
        )
        for _ in workers.results(tasks):
            done()
    kept = [dict(np.load(file)) for file in files]
    names = [f"{a}/{k}/{c}" for a in additions for k in KINDS for c in COLUMNS[a]]
    names += [f"{SIZE}/{HAR}/forecast"] if SIZE in additions else []
    return [
        Asked(
            np.concatenate([asked_places(data, one, recipe) for one in windows]),
            {
                name: np.concatenate([one[f"{number}/{name}"] for one in kept]).astype(np.float64)
                for name in names
            },
        )
        for number, data in enumerate(pairs)
    ]


COLUMNS: Mapping[str, tuple[str, ...]] = {VETO: ("buy", "sell", "weight"), SIZE: ("forecast",)}


def _keep(
    shared: Shared, window: Window, recipe: Recipe, additions: Sequence[str], file: Path
) -> None:
    pairs, sizes = shared.value
    found = answers_of_window(pairs, sizes, window, recipe, additions)
    arrays: dict[str, Any] = {
        f"{number}/{name}": values.astype(np.float32)
        for number, own in enumerate(found)
        for name, values in own.items()
    }
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, **arrays)
    part.replace(file)


def _key_of(
    pairs: Sequence[PairData], sizes: Sequence[SizeData], recipe: Recipe, additions: Sequence[str]
) -> str:
    """Hash of all that decides the answers of a window."""
    digest = hashlib.sha256()
    models = recipe.settings.model_hash(dict(recipe.training_parameters), recipe.timeframe)
    wanted = recipe.settings.entries.regimes
    digest.update(f"{VERSION} {models} {wanted} {tuple(additions)}".encode())
    digest.update(f"{recipe.weight_factor} {recipe.label_period}".encode())
    for data, size in zip(pairs, sizes, strict=True):
        digest.update(f"{data.pair} {data.names}".encode())
        parts = (data.X, data.regime, data.time, data.usable, data.y, size.known, size.target)
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]
