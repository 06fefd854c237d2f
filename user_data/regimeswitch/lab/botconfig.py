"""The configuration that a bot would run with, and which file each part of it comes from.

Read as freqtrade reads it: files (with ``add_config_files``), environment, defaults. Nothing else
of freqtrade's start is done: no logging, no folder is made, no strategy is loaded.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.configuration import environment_vars, load_config
from freqtrade.configuration.config_validation import Draft4Validator, FreqtradeValidator
from freqtrade.constants import ENV_VAR_PREFIX
from freqtrade.exceptions import FreqtradeException
from freqtrade.misc import deep_merge_dicts

from regimeswitch.bot.config import mark_identifier
from regimeswitch.lab.inputs import InputError, config_of
from regimeswitch.settings import Settings


WHOLE = "the configuration"
"""Place of a mistake that is in no section."""


@dataclass(frozen=True)
class BotConfig:
    """A bot's configuration.

    :ivar files: each configuration file and what stands in it, sub-files included
    :ivar environment: what freqtrade takes from environment variables
    :ivar given: files and environment, the environment on top
    :ivar merged: the same with freqtrade's defaults
    :ivar mistakes: what freqtrade's schema says of it, place and message
    """

    files: list[tuple[Path, dict[str, Any]]]
    environment: dict[str, Any]
    given: dict[str, Any]
    merged: dict[str, Any]
    mistakes: list[tuple[str, str]]

    @property
    def pairs(self) -> list[str]:
        """The whitelist, as far as it names pairs rather than patterns."""
        named = listed(section(self.merged, "exchange"), "pair_whitelist")
        return [pair for pair in named if "/" in pair and not set(pair) & set("*[]()|")]

    @property
    def timeframe(self) -> str:
        """The base timeframe."""
        return str(self.merged.get("timeframe") or "5m")

    def timeframes(self, settings: Settings) -> list[str]:
        """Timeframes that candles are needed of: base, features, the rule's."""
        features = section(section(self.merged, "freqai"), "feature_parameters")
        included = listed(features, "include_timeframes")
        return list(dict.fromkeys([self.timeframe, *included, settings.regime.timeframe]))

    def other_pairs(self, settings: Settings) -> list[str]:
        """Pairs that are not traded but looked at: correlated ones and the regime's anchor."""
        features = section(section(self.merged, "freqai"), "feature_parameters")
        anchor = settings.regime.anchor
        named = [*listed(features, "include_corr_pairlist"), *([anchor] * (anchor != "self"))]
        return [pair for pair in dict.fromkeys(named) if pair not in self.pairs]

    def with_options(self, options: Mapping[str, str | None]) -> BotConfig:
        """The same with what freqtrade's command line says, which wins; None says nothing."""
        said = {name: value for name, value in options.items() if value is not None}
        return replace(self, given={**self.given, **said}, merged={**self.merged, **said})

    def identifier(self, settings: Settings) -> str:
        """The FreqAI identifier that a bot of this configuration uses."""
        return mark_identifier(copy.deepcopy(self.merged), settings)


def section(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section of a configuration; empty when there is none, or it is no object."""
    found = config.get(name)
    return dict(found) if isinstance(found, Mapping) else {}


def load_bot_config(paths: list[Path], environment: Mapping[str, str]) -> BotConfig:
    """Read configuration files as ``freqtrade --config`` reads them, the last one strongest.

    :param environment: e.g. ``os.environ``
    :raises InputError: when a file is missing, unreadable or no JSON object
    """
    for path in paths:
        config_of(path)
    try:
        own = environment_vars._flat_vars_to_nested_dict(dict(environment), ENV_VAR_PREFIX)
        given = deep_merge_dicts(own, load_config.load_from_files([str(path) for path in paths]))
    except (FreqtradeException, AttributeError, TypeError) as error:
        raise InputError(f"--config {paths[0]} and what it adds cannot be read: {error}") from None
    names = [Path(name) for name in given.pop("config_files", [])]
    files = [(path, config_of(path)) for path in dict.fromkeys(names)]
    merged, mistakes = _with_defaults(given)
    return BotConfig(files, own, given, merged, mistakes)


def _with_defaults(given: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A configuration with freqtrade's defaults, and what freqtrade's schema says of it."""
    schema = {**copy.deepcopy(CONF_SCHEMA), "required": ["exchange"]}
    merged = copy.deepcopy(given)
    try:
        errors = list(FreqtradeValidator(schema).iter_errors(merged))
    except (AttributeError, TypeError):
        # Where a section is no object there is nothing to fill defaults into.
        merged = copy.deepcopy(given)
        errors = list(Draft4Validator(schema).iter_errors(merged))
    return merged, [
        (".".join(map(str, error.absolute_path)) or WHOLE, error.message) for error in errors
    ]


def listed(config: Mapping[str, Any], name: str) -> list[str]:
    """A list of names of a section; empty when there is none, or it is no list."""
    found = config.get(name)
    return [str(one) for one in found] if isinstance(found, list) else []
