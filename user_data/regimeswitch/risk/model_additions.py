"""What models add to the rule of position mode: a volatility that sizes a slot, and a veto.

Where the models have nothing to say, volatility and entries are those of the rule.
Pure functions of columns, the same in backtests, live and ``regimeswitch prove --utility``.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from regimeswitch.market.volatility import target_weights
from regimeswitch.settings import EntrySettings, RiskSettings, Settings


Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FORECAST_COLUMN = "volatility_forecast"
"""Volatility of the next 24 hours, a year, fraction; 0 = unknown."""
MODEL_WEIGHT_COLUMN = "model_weight"
"""Weight of all models in what was served, 0 to 1; 0 = class frequencies, or a rival alone."""
SCALE_COLUMN = "entry_scale"
"""Share of the stake that an entry on this candle gets; below 1 where the models speak against."""


def sizing_volatility(volatility: Floats, forecast: Floats, settings: RiskSettings) -> Floats:
    """The volatility that scales a slot, by ``risk.size_from``.

    :param volatility: exponential mean, a year, shape (n,)
    :param forecast: of the next 24 hours, a year, shape (n,); 0 or NaN = unknown
    :param settings: the section ``risk``
    :return: a year, fraction, shape (n,); the exponential mean wherever there is no forecast
    """
    if settings.size_from == "volatility":
        return volatility
    return np.asarray(np.where(forecast > 0, forecast, volatility))


def slot_weights(volatility: Floats, forecast: Floats, settings: RiskSettings) -> Floats:
    """Share of a slot, see :func:`regimeswitch.market.volatility.target_weights`.

    :param volatility: as in :func:`sizing_volatility`
    :param forecast: as there
    :param settings: the section ``risk``: ``size_from`` and ``volatility_target``
    :return: 0 to 1, shape (n,); NaN where the exponential mean is not known: the rule opens nothing
        there, and models add to the rule
    """
    used = sizing_volatility(volatility, forecast, settings)
    weights = target_weights(used, settings.volatility_target)
    if settings.size_from == "forecast" and settings.volatility_target:
        weights = np.where(np.isnan(volatility), np.nan, weights)
    return np.asarray(weights)


def vetoed(
    buy: Floats, sell: Floats, weight: Floats, settings: EntrySettings, short: bool = False
) -> Flags:
    """Where the models speak against an entry.

    :param buy: probability of buy, shape (n,); 0 = unknown
    :param sell: probability of sell, shape (n,); 0 = unknown
    :param weight: :data:`MODEL_WEIGHT_COLUMN`, shape (n,); where it is 0 nothing is vetoed
    :param settings: the section ``entries``: ``veto`` and ``veto_margin``
    :param short: of a short position
    :return: shape (n,); False where a value is NaN
    """
    if settings.veto == "none":
        return np.zeros(len(buy), dtype=np.bool_)
    against = buy - sell if short else sell - buy
    return np.asarray((weight > 0) & (against > settings.veto_margin))


def entry_scales(against: Flags, settings: RiskSettings) -> Floats:
    """Share of the stake of an entry: ``risk.veto_scale`` where it is vetoed, else 1.

    :param against: of :func:`vetoed`, shape (n,)
    :param settings: the section ``risk``
    :return: 0 to 1, shape (n,)
    """
    return np.where(against, settings.veto_scale, 1.0)


def without_model(model: str | None, trains: bool, settings: Settings) -> Iterator[tuple[str, str]]:
    """Keys whose model is not the bot's: the rule trades as if they were off. With what they need.

    :param model: ``freqaimodel``
    :param trains: the bot trains models at all
    :param settings: the parsed section ``regimeswitch``
    :return: pairs of the key and of what it needs; empty where every key has its model
    """
    found = str(model) if trains else "none"
    wants = {
        "entries.veto": (settings.entries.veto != "none", "Classifier"),
        "risk.size_from": (settings.risk.size_from == "forecast", "Regressor"),
    }
    for key, (is_on, ending) in wants.items():
        if is_on and not found.endswith(ending):
            yield key, f"needs RegimeSwitch{ending}, and the model of this bot is {found}"
