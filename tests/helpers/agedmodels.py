"""Model files as another version left them: their classes are in modules that are gone."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from regimeswitch.bot.freqai.model_files import MANIFEST, read_json, write_manifest


GONE = {"_model.joblib": "regimeswitch.gated", "_feature_pipeline.pkl": "regimeswitch.bot.steps"}
"""Which file holds an object of which module."""


def age(home: Path, version: str = "") -> int:
    """Make all models of an identifier those of another version; how many there are.

    :param version: that their metadata names; empty for one before it did
    """
    folders = sorted(home.glob("sub-train-*"))
    for folder in folders:
        for ending, module in GONE.items():
            (path,) = folder.glob(f"*{ending}")
            path.write_bytes(of_gone_class(module))
        (path,) = folder.glob("*_metadata.json")
        content = json.loads(path.read_text())
        content["regimeswitch"].pop("version")
        if version:
            content["regimeswitch"]["version"] = version
        path.write_text(json.dumps(content))
        if (folder / MANIFEST).is_file():
            write_manifest(folder, str(read_json(folder / MANIFEST)["identifier"]))
    for path in home.glob("backtesting_predictions/*.feather"):
        renamed(pd.read_feather(path)).to_feather(path)
    for path in home.glob("historic_predictions*.pkl"):
        known: dict[str, pd.DataFrame] = pickle.loads(path.read_bytes())
        path.write_bytes(pickle.dumps({pair: renamed(one) for pair, one in known.items()}))
    for path in home.glob("*.digests"):
        path.unlink()
    return len(folders)


def renamed(predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions with a column by the name that it had."""
    return predictions.rename(columns={"sub_model_weight": "trust"})


def of_gone_class(name: str) -> bytes:
    """A pickle that cannot be read any more."""
    module: Any = ModuleType(name)
    module.Fitted = type("Fitted", (), {"__module__": name})
    sys.modules[name] = module
    try:
        return pickle.dumps(module.Fitted())
    finally:
        del sys.modules[name]
