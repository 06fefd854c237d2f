"""What is left of a bot's models on the disk at its start: damaged files are set aside."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regimeswitch.bot.freqai.model_files import (
    DamagedFileError,
    check_model,
    no_model,
    read_json,
    saved_models,
    set_aside,
    trusted_copy,
)
from regimeswitch.bot.freqai.model_versions import is_of_other_version
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.whole_files import replacing


class ModelCheck:
    """Looks through the folder of an identifier before FreqAI does.

    :param home: the folder
    :param identifier: FreqAI's, with the hash of the settings
    :param alarms: tells what was found
    """

    def __init__(self, home: Path, identifier: str, alarms: Alarms) -> None:
        self._home = home
        self._identifier = identifier
        self._alarms = alarms

    def run(self, live: bool) -> None:
        """Set aside what is damaged, before FreqAI reads it."""
        if not self._home.is_dir():
            return
        for name in ("pair_dictionary.json", "global_metadata.json", "metric_tracker.json"):
            self._check_json(self._home / name)
        if live:
            self._check_predictions()
            self._check_models()

    def _check_json(self, path: Path) -> None:
        if not path.is_file():
            return
        try:
            read_json(path)
        except DamagedFileError as error:
            set_aside(path)
            self._alarms.tell(path.name, f"{error}; it was set aside and is made anew")

    def _check_predictions(self) -> None:
        path = self._home / "historic_predictions.pkl"
        copy = self._home / "historic_predictions.backup.pkl"
        if not path.is_file() and not copy.is_file():
            return
        good = trusted_copy(path, copy)
        if good == path:
            return
        set_aside(path)
        if good is None:
            set_aside(copy)
            self._alarms.tell(path.name, f"{path.name} is damaged; earlier predictions are lost")
        else:
            shutil.copy(good, path)
            self._alarms.tell(path.name, f"{path.name} is damaged; its copy is used")

    def _check_models(self) -> None:
        path = self._home / "pair_dictionary.json"
        if not path.is_file():
            return
        pairs = read_json(path)
        known = {pair: self._trusted(pair, info) for pair, info in pairs.items()}
        if known != pairs:
            with replacing(path) as fresh:
                fresh.write_text(json.dumps(known), encoding="utf-8")

    def _trusted(self, pair: str, info: Any) -> Any:
        """The entry of a pair: as it is, of an older model, or of none."""
        if not isinstance(info, dict) or not info.get("model_filename"):
            return info if isinstance(info, dict) and "trained_timestamp" in info else no_model()
        folder = self._home / Path(str(info.get("data_path", ""))).name
        try:
            check_model(folder, str(info["model_filename"]), self._identifier)
        except DamagedFileError as error:
            set_aside(folder)
            return self._older(pair, str(error))
        return {**info, "data_path": str(folder)}

    def _older(self, pair: str, why: str) -> dict[str, Any]:
        coin = pair.split("/")[0]
        for stamp, folder in saved_models(self._home, coin):
            name = f"cb_{coin.lower()}_{stamp}"
            if is_of_other_version(folder):
                continue
            try:
                check_model(folder, name, self._identifier)
            except DamagedFileError:
                continue
            self._alarms.tell(
                f"model {pair}",
                f"{pair}: the model cannot be used ({why}); served by the one of "
                f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d %H:%M} UTC until the next training",
            )
            return {**no_model(), "model_filename": name, "trained_timestamp": stamp} | {
                "data_path": str(folder)
            }
        self._alarms.tell(
            f"model {pair}",
            f"{pair}: the model cannot be used ({why}); there are no forecasts until it is "
            "trained again",
        )
        return no_model()
