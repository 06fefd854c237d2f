"""Files that commands read and write: configs, exported figures."""

import json
from pathlib import Path
from typing import Any

import rapidjson

import regimeswitch


HOME = Path(regimeswitch.__file__).resolve().parents[1]
"""The user_data folder that the package, the strategy and the models live in."""
# What freqtrade itself allows in a config file.
CONFIG_MODE = rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS


class InputError(ValueError):
    """Something a command was given cannot be used; the text says what to change."""


class NoCandlesError(InputError):
    """A candle file is there and empty, as that of a pair that was not traded in the range."""


def config_of(config: Path) -> dict[str, Any]:
    """One freqtrade config file, without what it adds and the environment.

    A bot's configuration comes from :mod:`regimeswitch_lab.bot_config`.

    :raises InputError: when the file is missing or not JSON
    """
    try:
        content = rapidjson.loads(config.read_text(encoding="utf-8"), parse_mode=CONFIG_MODE)
    except OSError as error:
        raise InputError(f"--config {config} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"--config {config} is not JSON ({error}); correct it there") from None
    if not isinstance(content, dict):
        raise InputError(f"--config {config} must hold one JSON object")
    return content


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Write exported figures.

    :raises InputError: when the file cannot be written
    """
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--export {path} cannot be written ({error.strerror})") from None
