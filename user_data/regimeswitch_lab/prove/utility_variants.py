"""The rule alone and with what models add, in money: the simulated account on other columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.market.regimes import NAMES
from regimeswitch.market.volatility_forecast import ewma_variance
from regimeswitch.model.shrinkage import qlike
from regimeswitch.model.volatility_model import EWMA, HAR
from regimeswitch.risk.model_additions import entry_scales, slot_weights, vetoed
from regimeswitch.settings import Settings
from regimeswitch_lab.money.book import Days
from regimeswitch_lab.money.compared import Variant, of_trades
from regimeswitch_lab.money.position_signals import PositionMarket
from regimeswitch_lab.money.simulated_account import Terms, simulate
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.prove.utility_forecasts import KINDS, Asked, SizeData, hourly
from regimeswitch_lab.prove.utility_proof import RULE, SIZE, VETO, with_addition


Floats = NDArray[np.float64]


def variants_of(
    market: PositionMarket,
    days: Days,
    terms: Terms,
    settings: Settings,
    pairs: Sequence[PairData],
    asked: Sequence[Asked],
    additions: Sequence[str],
) -> dict[str, Variant]:
    """The rule alone, and each addition by each kind of model: ``veto/regimes`` and so on.

    :param pairs: in the order of the market's, as is ``asked``
    """
    rule = with_addition(settings, RULE)
    result = {RULE: of_trades(simulate(market, rule, terms), days, terms)}
    for addition in additions:
        own = with_addition(settings, addition)
        for kind in KINDS:
            changed = _market_with(market, own, pairs, asked, addition, kind)
            trades = simulate(changed, own, terms)
            result[f"{addition}/{kind}"] = of_trades(trades, days, terms)
    return result


def _market_with(
    market: PositionMarket,
    settings: Settings,
    pairs: Sequence[PairData],
    asked: Sequence[Asked],
    addition: str,
    kind: str,
) -> PositionMarket:
    """The market with entries or weights as the models would have them."""

    def known(name: str) -> Floats:
        columns = [
            on_clock(market, data, one, one.answers[f"{addition}/{kind}/{name}"])
            for data, one in zip(pairs, asked, strict=True)
        ]
        return np.stack(columns, axis=1)

    if addition == VETO:
        buy, sell, weight = known("buy"), known("sell"), known("weight")
        against = vetoed(buy.ravel(), sell.ravel(), weight.ravel(), settings.entries)
        scale = entry_scales(against, settings.risk).reshape(buy.shape)
        return replace(market, enter=market.enter & (scale > 0), weight=market.weight * scale)
    forecast = known("forecast")
    weights = slot_weights(forecast.ravel(), forecast.ravel(), settings.risk)
    sized = np.where(forecast > 0, weights.reshape(forecast.shape), market.weight)
    return replace(market, weight=np.where(np.isnan(market.weight), np.nan, sized))


def on_clock(market: PositionMarket, data: PairData, one: Asked, values: Floats) -> Floats:
    """Answers in the rows of a market, each in the candle after the one it was given at.

    :param values: shape (places,)
    :return: shape (candles,); 0 where nothing was asked
    """
    numbers = market.moments // timeframe_seconds(market.timeframe)
    wanted = data.time[one.places] + 1
    rows = np.searchsorted(numbers, wanted)
    inside = rows < len(numbers)
    inside[inside] = numbers[rows[inside]] == wanted[inside]
    result = np.zeros(len(numbers))
    result[rows[inside]] = values[inside]
    return result


def size_scores(
    pairs: Sequence[PairData],
    sizes: Sequence[SizeData],
    asked: Sequence[Asked],
    timeframe: str,
) -> dict[str, dict[str, Any]]:
    """Mean QLIKE of the next day's size on one row an hour, by regime and forecast."""
    parts: list[dict[str, Floats]] = []
    for data, size, one in zip(pairs, sizes, asked, strict=True):
        place = one.places
        given = {name: one.answers[f"{SIZE}/{name}/forecast"] for name in (HAR, *KINDS)}
        usable = hourly(data.time[place], timeframe) & np.isfinite(size.target[place])
        usable &= np.isfinite(size.known[place]).all(axis=1)
        for values in given.values():
            usable &= values > 0
        columns = {name: values[usable] ** 2 for name, values in given.items()}
        columns[EWMA] = ewma_variance(size.known[place][usable])
        columns["truth"] = np.exp(2 * size.target[place][usable])
        columns["regime"] = data.regime[place][usable].astype(np.float64)
        parts.append(columns)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    result: dict[str, dict[str, Any]] = {}
    for code, name in NAMES.items():
        mask = joined["regime"] == code
        if not mask.any():
            continue
        loss = qlike(joined["truth"][mask])
        scores = {
            label: float(loss(joined[label][mask][:, None]).mean()) for label in (EWMA, HAR, *KINDS)
        }
        result[name] = {"rows": int(mask.sum()), **scores}
    return result
