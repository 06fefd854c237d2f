"""The configuration of a backtest, read by freqtrade itself, as it is handed to workers."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from freqtrade.commands.optimize_commands import setup_optimize_configuration
from freqtrade.enums import RunMode

from regimeswitch_lab.confidential import confidential
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.freqtrade_arguments import FreqtradeCall
from regimeswitch_lab.offline.overlay import NO_TELEGRAM
from regimeswitch_lab.offline.servable import check_mode
from regimeswitch_lab.sameness import CLASSIFIER, REGRESSOR


Config = dict[str, Any]
PATHS = ("user_data_dir", "datadir", "strategy_path", "freqaimodel_path", "exportdirectory")
"""Keys whose folders workers find wherever they were started."""
TALKING = ("api_server", "external_message_consumer", "webhook", "discord", "db_url")
"""Keys that no backtest looks at, and that hold addresses and passwords."""


def backtest_config(call: FreqtradeCall) -> Config:
    """The configuration of a ``freqtrade backtesting`` command.

    Keys and passwords are taken out, and paths are absolute.

    :raises FreqtradeException: what freqtrade says of it
    :raises InputError: when it is no backtest of models that can be trained window by window
    """
    if call.subcommand != "backtesting":
        found = call.subcommand or "nothing"
        raise InputError(
            f"pretrain trains for freqtrade backtesting, not for {found}; write the command of "
            "the backtest after --, e.g. -- freqtrade backtesting --timerange 20260101-"
        )
    # freqtrade sets up its own log while it reads, on standard error.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        config: Config = setup_optimize_configuration(dict(call.options), RunMode.BACKTEST)
    check_mode(config)
    _check_windows(config)
    for key in PATHS:
        if config.get(key):
            config[key] = type(config[key])(Path(config[key]).absolute())
    return _without_secrets(config)


def _check_windows(config: Mapping[str, Any]) -> None:
    """Whether the windows can be trained apart from each other.

    :raises InputError: naming the key
    """
    freqai = config.get("freqai") or {}
    if not freqai.get("enabled"):
        raise InputError(
            "freqai.enabled is not true: there is nothing to train; set it to true, or run "
            "freqtrade backtesting alone"
        )
    if freqai.get("continual_learning"):
        raise InputError(
            "freqai.continual_learning true: a window would go on from the model of the one before "
            "it, so they cannot be trained side by side; set it to false"
        )
    if config.get("freqai_backtest_live_models"):
        raise InputError(
            "--freqai-backtest-live-models backtests a bot's own predictions: nothing is trained; "
            "leave it out"
        )
    if config.get("strategy_list"):
        raise InputError(
            "--strategy-list: pretrain trains for one strategy; name it by --strategy, and start "
            "pretrain once for each"
        )
    model = config.get("freqaimodel")
    if not model:
        raise InputError(f"freqaimodel is not given; set it to {CLASSIFIER!r} or {REGRESSOR!r}")


def _without_secrets(config: Config) -> Config:
    """What a worker on another machine may read."""
    kept = {name: copy.deepcopy(value) for name, value in config.items() if name not in TALKING}
    kept["telegram"] = dict(NO_TELEGRAM)
    for *sections, name in confidential(kept):
        found: Any = kept
        for one in sections:
            found = found[int(one)] if isinstance(found, list) else found[one]
        key = int(name) if isinstance(found, list) else name
        # Nothing of the same kind.
        found[key] = type(found[key])()
    # What stood in the files, which RegimeSwitch looks at again.
    if "original_config" in kept:
        kept["original_config"] = _without_secrets(kept["original_config"])
    return kept
