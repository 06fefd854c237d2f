"""Which settings and versions a result comes from, without anything that could be a secret."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from regimeswitch import __version__
from regimeswitch.settings import Settings, load_settings
from regimeswitch_lab.report.report_source import Source


PACKAGES = ("freqtrade", "ccxt", "numpy", "pandas", "lightgbm", "plotly")
KEYS = (
    *("timeframe", "stake_currency", "stake_amount", "max_open_trades", "tradable_balance_ratio"),
    *("dry_run_wallet", "fee", "trading_mode", "timerange", "stoploss", "minimal_roi"),
)
"""Of freqtrade's configuration, as far as they are given."""


def changed_settings(settings: Settings) -> dict[str, tuple[str, str]]:
    """Keys of the section ``regimeswitch`` that are not at the default of their mode.

    :return: value and default by key, e.g. ``risk.volatility_target``
    """
    usual = load_settings({"entries": {"mode": settings.entries.mode}})
    own, default = (_flat(one.model_dump(mode="json")) for one in (settings, usual))
    return {
        key: (json.dumps(value), json.dumps(default.get(key)))
        for key, value in own.items()
        if default.get(key) != value
    }


def _flat(section: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{place}{key}.")
        else:
            found[f"{place}{key}"] = value
    return found


def all_settings(settings: Settings) -> str:
    """The whole section, defaults included, as JSON."""
    return json.dumps(settings.model_dump(mode="json"), indent=2)


def freqtrade_keys(source: Source) -> dict[str, str]:
    """Keys of freqtrade's configuration that decide a result."""
    given = source.config
    return {key: json.dumps(given[key]) for key in KEYS if given.get(key) is not None}


def versions() -> dict[str, str]:
    """What made the page: name and version."""
    packages = {name: version(name) for name in PACKAGES}
    return {"regimeswitch": __version__, "Python": platform.python_version(), **packages}
