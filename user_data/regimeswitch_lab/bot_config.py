"""The configuration that a bot would run with, and which file each part of it comes from.

Read as freqtrade reads it: files (with ``add_config_files``), environment, defaults. Nothing else
of freqtrade's start is done: no logging, no folder is made, no strategy is loaded.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.configuration import environment_vars, load_config
from freqtrade.configuration.config_validation import Draft4Validator, FreqtradeValidator
from freqtrade.constants import ENV_VAR_PREFIX
from freqtrade.enums import CandleType
from freqtrade.exceptions import FreqtradeException
from freqtrade.misc import deep_merge_dicts
from freqtrade.util.dry_run_wallet import get_dry_run_wallet

from regimeswitch.bot.bot_settings import log_old_names, mark_identifier
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.market.warmup import BASE_TIMEFRAME
from regimeswitch.settings import Settings, load_settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.harmless import is_harmless_place
from regimeswitch_lab.inputs import InputError, config_of


DEEPEST = 5
"""Files that add files that add files: freqtrade goes no deeper."""


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
    :ivar wrong: those mistakes that are not a key that is absent; a part of a configuration will do
        for commands that start no bot
    """

    files: list[tuple[Path, dict[str, Any]]]
    environment: dict[str, Any]
    given: dict[str, Any]
    merged: dict[str, Any]
    mistakes: list[tuple[str, str]]
    wrong: list[tuple[str, str]]

    @property
    def settings(self) -> Settings:
        """The section ``regimeswitch``.

        :raises SettingsError: with all its mistakes
        """
        return load_settings(self.merged.get("regimeswitch"))

    @property
    def train_days(self) -> int | None:
        """FreqAI's ``train_period_days``; None where there is none.

        :raises InputError: when it is no number of days
        """
        found = section(self.given, "freqai").get("train_period_days")
        if found is not None and found < 1:
            raise InputError(f"freqai.train_period_days {found} must be 1 or more")
        return None if found is None else int(found)

    @property
    def wallet(self) -> float:
        """Capital of a dry run or backtest in stake currency, also where it is given as a table.

        :raises InputError: when the table names none
        """
        found = float(get_dry_run_wallet({"stake_currency": "USDT", **self.merged}))
        if not found > 0:
            raise InputError(
                f"dry_run_wallet {self.merged['dry_run_wallet']} holds no "
                f"{self.merged.get('stake_currency')}; give an amount of the stake_currency"
            )
        return found

    def candles(self, datadir: Path) -> CandleFolder:
        """A folder of candle files, in this configuration's format."""
        futures = self.merged.get("trading_mode") == "futures"
        kind = CandleType.FUTURES if futures else CandleType.SPOT
        return CandleFolder(datadir, str(self.merged["dataformat_ohlcv"]), kind)

    @property
    def pairs(self) -> list[str]:
        """The whitelist, as far as it names pairs rather than patterns."""
        named = listed(section(self.merged, "exchange"), "pair_whitelist")
        return [pair for pair in named if "/" in pair and not set(pair) & set("*[]()|")]

    @property
    def timeframe(self) -> str:
        """The base timeframe."""
        return str(self.merged.get("timeframe") or BASE_TIMEFRAME)

    def require_default_timeframe(self, command: str) -> None:
        """Refuse another base timeframe than the default, for a command made for that one.

        :raises InputError: naming the key
        """
        if self.timeframe != BASE_TIMEFRAME:
            raise InputError(
                f'{command}: timeframe: "{self.timeframe}" cannot be used; allowed: '
                f'"{BASE_TIMEFRAME}", the only base timeframe that {command} works on'
            )

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

    :param paths: may be empty: then there are defaults and environment alone
    :param environment: e.g. ``os.environ``
    :raises InputError: when a file is missing, unreadable or no JSON object
    """
    for path in paths:
        config_of(path)
    try:
        own = environment_vars._flat_vars_to_nested_dict(dict(environment), ENV_VAR_PREFIX)
        files = load_config.load_from_files([str(path) for path in paths]) if paths else {}
        given = deep_merge_dicts(own, files)
    except (FreqtradeException, AttributeError, TypeError, ValueError, OSError) as error:
        trouble = (
            clash_of(paths, environment) or f"{_named(paths)} cannot be read: {_first_line(error)}"
        )
        raise InputError(trouble) from None
    names = [Path(name) for name in given.pop("config_files", [])]
    contents = [(path, config_of(path)) for path in dict.fromkeys(names)]
    return BotConfig(contents, own, given, *_with_defaults(given))


def _first_line(error: Exception) -> str:
    """freqtrade shows the lines around a mistake in a file after it, and keys may stand in them."""
    return str(error).partition("\n")[0] or type(error).__name__


def load_sound_config(paths: list[Path], environment: Mapping[str, str]) -> BotConfig:
    """As :func:`load_bot_config`, for commands that use it at once; old names of keys are logged.

    :raises InputError: also with every key whose value freqtrade would refuse
    """
    config = load_bot_config(paths, environment)
    wrong = config.wrong or list(features_wrong(config.merged))
    if wrong:
        listed = "\n".join(f"{place}: {message}" for place, message in wrong)
        raise InputError(f"{_named(paths)} cannot be used; change\n{listed}")
    log_old_names(config.merged)
    return config


def features_wrong(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What freqtrade's schema leaves open of timeframes and periods."""
    features = section(section(config, "freqai"), "feature_parameters")
    timeframes = {"timeframe": [config.get("timeframe", BASE_TIMEFRAME)]}
    place = "freqai.feature_parameters."
    timeframes[f"{place}include_timeframes"] = features.get("include_timeframes", [])
    for key, given in timeframes.items():
        for one in given:
            try:
                timeframe_seconds(str(one))
            except ValueError as error:
                yield key, str(error)
    for one in features.get("indicator_periods_candles", []):
        if not isinstance(one, int) or isinstance(one, bool) or one < 1:
            yield f"{place}indicator_periods_candles", f"{one!r} must be a whole number from 1 on"


def _named(paths: list[Path]) -> str:
    if not paths:
        return "the environment (FREQTRADE__...)"
    return f"--config {' '.join(map(str, paths))} with what it adds and the environment"


def clash_of(paths: list[Path], environment: Mapping[str, str]) -> str:
    """Which key is a table in one place and a plain value in another, and the fix.

    freqtrade ends in a traceback when the table is the stronger one. Empty where there is none.
    """
    own = environment_vars._flat_vars_to_nested_dict(dict(environment), ENV_VAR_PREFIX)
    places = [("the environment (FREQTRADE__...)", own)]
    places += [(str(path), content) for path, content in _layers(paths)]
    for number, (strong, above) in enumerate(places):
        for weak, below in places[number + 1 :]:
            key = _clashing(above, below)
            if key:
                return (
                    f"{key} is a table in {strong} and a plain value in {weak}; freqtrade cannot "
                    "join the two: give it the same form in both, or in one of them alone"
                )
    return ""


def _layers(paths: list[Path], level: int = 0) -> list[tuple[Path, dict[str, Any]]]:
    """Files with those that they add, the strongest first; what cannot be read is left out."""
    found: list[tuple[Path, dict[str, Any]]] = []
    for path in reversed(paths):
        try:
            content = config_of(path)
        except InputError:
            continue
        added = [path.resolve().parent / name for name in listed(content, "add_config_files")]
        below = _layers(added, level + 1) if level < DEEPEST else []
        found += [(path, content), *below]
    return found


def _clashing(above: Mapping[str, Any], below: Mapping[str, Any]) -> str:
    """The first key, with its sections, that is a table above and a plain value below."""
    for key, value in above.items():
        if not isinstance(value, Mapping) or key not in below:
            continue
        other = below[key]
        if not isinstance(other, Mapping):
            return str(key)
        inner = _clashing(value, other)
        if inner:
            return f"{key}.{inner}"
    return ""


def _with_defaults(
    given: dict[str, Any],
) -> tuple[dict[str, Any], list[tuple[str, str]], list[tuple[str, str]]]:
    """A configuration with freqtrade's defaults, and what freqtrade's schema says of it."""
    schema = {**copy.deepcopy(CONF_SCHEMA), "required": ["exchange"]}
    merged = copy.deepcopy(given)
    try:
        errors = list(FreqtradeValidator(schema).iter_errors(merged))
    except (AttributeError, TypeError):
        # Where a section is no object there is nothing to fill defaults into.
        merged = copy.deepcopy(given)
        errors = list(Draft4Validator(schema).iter_errors(merged))
    wrong = [error for error in errors if error.validator != "required"]
    return merged, _told(errors), _told(wrong)


def _told(errors: list[Any]) -> list[tuple[str, str]]:
    return [(".".join(map(str, error.absolute_path)) or WHOLE, _message(error)) for error in errors]


def _message(error: Any) -> str:
    """What the schema says, without the value where that may be a secret.

    The schema's own words repeat the value: "'my password' is too short".
    """
    place = [part for part in error.absolute_path if isinstance(part, str)]
    plain = not isinstance(error.instance, (Mapping, list))
    if error.validator == "required" or (plain and is_harmless_place(place)):
        return str(error.message)
    form = _RULES.get(error.validator, f"it does not fit freqtrade's rule {error.validator}")
    value = error.validator_value
    return form.format(" or ".join(map(str, value)) if isinstance(value, list) else value)


_RULES = {
    "minLength": "it has fewer than {} characters",
    "maxLength": "it has more than {} characters",
    "type": "it must be of the type {}",
    "enum": "it must be one of {}",
    "format": "it must be of the form {}",
    "minimum": "it must be {} or more",
    "maximum": "it must be {} or less",
}


def listed(config: Mapping[str, Any], name: str) -> list[str]:
    """A list of names of a section; empty when there is none, or it is no list."""
    found = config.get(name)
    return [str(one) for one in found] if isinstance(found, list) else []
