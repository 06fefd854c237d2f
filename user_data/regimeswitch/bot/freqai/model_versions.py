"""Models of other versions of RegimeSwitch: named in one line of the log, and trained again.

A fitted model and its pipelines are pickled by the names of their classes, and the columns of
stored predictions are those of the version that made them. So a model serves the version that
fitted it and no other. FreqAI would load one without looking, and end in a traceback.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from freqtrade.enums import RunMode

from regimeswitch import __version__
from regimeswitch.bot.freqai.model_files import (
    DamagedFileError,
    no_model,
    read_json,
    set_aside,
)
from regimeswitch.bot.whole_files import replacing


logger = logging.getLogger(__name__)

SECTION, VERSION, FORMAT = "regimeswitch", "version", "format"
"""Where the metadata of a model says which version has fitted it, and in which form it is."""
CURRENT_FORMAT = 2
"""Of fitted models; raised where one cannot be read by the code before. In 1, which says nothing of
it, a sub-model had the trees of the base in it."""
_SETTINGS_HASH = re.compile(r"-rs[0-9a-f]{8}$")


def stamped(record: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a training in a model's metadata, with the version that has fitted it."""
    return {VERSION: __version__, FORMAT: CURRENT_FORMAT, **record}


def version_of(folder: Path) -> str | None:
    """The version that fitted the models of a folder, empty for one that did not say so yet.

    :return: with the format where that is not the one of today; None where there is nothing that
        RegimeSwitch has fitted
    """
    for path in folder.glob("*_metadata.json"):
        try:
            section = read_json(path).get(SECTION)
        except DamagedFileError:
            continue
        if isinstance(section, dict):
            version, form = str(section.get(VERSION, "")), section.get(FORMAT, 1)
            same = form == CURRENT_FORMAT or version != __version__
            return version if same else f"{version} (format {form} of models)"
    return None


def is_of_other_version(folder: Path) -> bool:
    """Whether a folder holds models that another version has fitted."""
    return version_of(folder) not in (None, __version__)


def look_at_versions(home: Path, mode: RunMode | None) -> None:
    """Before FreqAI looks into the folder of an identifier: see to models of other versions.

    Nothing is done for charts and commands that neither train nor trade.
    """
    if mode in (RunMode.DRY_RUN, RunMode.LIVE):
        forget_other_versions(home)
    elif mode in (RunMode.BACKTEST, RunMode.HYPEROPT):
        report_other_versions(home)


def report_other_versions(home: Path) -> None:
    """Before a backtest: a line of the log where models of other versions are trained again.

    :param home: folder of the identifier
    """
    others = [version for one in _folders(home) if (version := version_of(one)) is not None]
    others = [version for version in others if version != __version__]
    if others:
        logger.warning(
            f"{len(others)} models in {home} were fitted by {_names(others)}; they are trained "
            "again"
        )
    else:
        _report_earlier_homes(home)


def forget_other_versions(home: Path) -> None:
    """Before a bot starts: pairs served by models of other versions have none until they train.

    FreqAI's stored predictions, which have the columns of that version, are set aside.

    :param home: folder of the identifier
    """
    path = home / "pair_dictionary.json"
    try:
        pairs = read_json(path)
    except DamagedFileError:
        pairs = {}
    others = {
        pair: version
        for pair, info in pairs.items()
        if (version := _version_in_use(home, info)) not in (None, __version__)
    }
    if not others:
        _report_earlier_homes(home)
        return
    logger.warning(
        f"{', '.join(others)}: the models in {home} were fitted by {_names(others.values())}; "
        "there are no forecasts until they are trained again"
    )
    for name in ("historic_predictions.pkl", "historic_predictions.backup.pkl"):
        set_aside(home / name, "other-version")
    with replacing(path) as fresh:
        known = {pair: no_model() if pair in others else info for pair, info in pairs.items()}
        fresh.write_text(json.dumps(known), encoding="utf-8")


def _version_in_use(home: Path, info: Any) -> str | None:
    """Of the model that serves a pair, by FreqAI's entry; None where there is none."""
    if not isinstance(info, dict) or not info.get("model_filename"):
        return None
    return version_of(home / Path(str(info.get("data_path", ""))).name)


def _report_earlier_homes(home: Path) -> None:
    """A version with other settings has its own identifier; logged while nothing is trained."""
    if _folders(home):
        return
    plain = _SETTINGS_HASH.sub("", home.name)
    found = {
        one.name: version
        for one in sorted(home.parent.glob(f"{plain}-rs*"))
        for folder in _folders(one)[-1:]
        if (version := version_of(folder)) not in (None, __version__)
    }
    if found:
        logger.warning(
            f"the models in {', '.join(found)} were fitted by {_names(found.values())} and serve "
            f"no longer; they are trained again, in {home}"
        )


def _folders(home: Path) -> list[Path]:
    return sorted(home.glob("sub-train-*")) if home.is_dir() else []


def _names(versions: Collection[str | None]) -> str:
    known = sorted({f"RegimeSwitch {one}" for one in versions if one})
    earlier = ["a version of RegimeSwitch before 0.2.0"] if "" in versions else []
    return ", ".join([*earlier, *known])
