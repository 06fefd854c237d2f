"""The two ways to trade, ``entries.mode``: which defaults each has, and which keys it reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel


POSITION, SIGNAL = "position", "signal"
SIGNAL_DEFAULTS: dict[str, dict[str, Any]] = {
    "entries": {"regimes": ("bull", "sideways")},
    "risk": {
        "stake_fraction": 0.2,
        "max_position": 0.4,
        "max_pair": 0.4,
        "max_daily_loss": 0.05,
        "max_drawdown": 0.2,
    },
}
"""Where signal mode has another default than the field, which has that of position mode."""
READ_IN: dict[str, dict[str, tuple[str, ...]]] = {
    SIGNAL: {
        "entries": (
            *("buy", "sell", "require_edge", "margin"),
            *("expected_return", "exit_return", "exit_regimes"),
        ),
        "risk": (
            *("sizing", "risk_per_trade", "kelly", "scale", "pending_scale", "atr_period"),
            *("stop_atr", "take_profit_atr", "trail_atr", "size_forecast", "max_size_ratio"),
        ),
    },
    POSITION: {
        "entries": ("veto", "veto_margin"),
        "risk": (
            *("volatility_target", "volatility_half_life_days", "stop_daily_atr"),
            *("rebalance_band", "rebalance_hours", "size_from", "veto_scale"),
        ),
    },
}
"""Keys that only one mode reads, by mode and section."""


def with_defaults_of_mode(section: Any) -> Any:
    """The section ``regimeswitch`` with what signal mode defaults to filled in.

    :param section: as parsed; what is no section of objects is returned as it is, for the
        validation to name
    """
    if not isinstance(section, Mapping):
        return section
    entries = section.get("entries", {})
    if _of(entries, "mode") != SIGNAL:
        return section
    filled = dict(section)
    for name, defaults in SIGNAL_DEFAULTS.items():
        given = filled.get(name, {})
        if isinstance(given, Mapping):
            filled[name] = {**defaults, **given}
    return filled


def not_read(settings: Any, mode: str) -> Iterator[str]:
    """Keys that are set to something in a mode that does not read them, as ``section.key``.

    :param settings: the parsed section ``regimeswitch``
    :param mode: its ``entries.mode``, :data:`POSITION` or :data:`SIGNAL`
    :return: keys of the other mode whose value is not the default of their field
    """
    for name, keys in READ_IN[SIGNAL if mode == POSITION else POSITION].items():
        section: BaseModel = getattr(settings, name)
        for key in keys:
            usual = type(section).model_fields[key].get_default(call_default_factory=True)
            if getattr(section, key) != usual:
                yield f"{name}.{key}"


def _of(section: Any, key: str) -> Any:
    return section.get(key) if isinstance(section, Mapping) else getattr(section, key, None)
