"""Bots that trade often, and ``regimeswitch replay`` on them as a user runs it."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import forked
from project import QUICK, ROOT


REGIMES = ("bull", "bear", "sideways")


def busy(buy: float, sell: float, **risk: object) -> dict[str, Any]:
    """An overlay on the project's config: small models, entries in every regime by thresholds."""
    config = deepcopy(QUICK)
    config["regimeswitch"]["entries"] = {
        "mode": "signal",
        "require_edge": False,
        "regimes": [*REGIMES],
        "exit_regimes": [],
        "buy": dict.fromkeys(REGIMES, buy),
        "sell": dict.fromkeys(REGIMES, sell),
    }
    config["regimeswitch"]["risk"] = risk
    return config


def replay_with(
    config: dict[str, Any], folder: Path, *arguments: object, timeout: int = 1400
) -> tuple[int, dict[str, Any], str]:
    """Exit code, exported figures and output of the command.

    :param config: goes on top of config.json, as ``overlay.json`` in the folder
    """
    overlay, export = folder / "overlay.json", folder / "figures.json"
    overlay.write_text(json.dumps(config))
    done = forked.run(
        [
            *(sys.executable, "-m", "regimeswitch_lab", "replay"),
            *("--config", str(ROOT / "config.json"), str(overlay)),
            *map(str, arguments),
            *("--export", str(export)),
        ],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        spares=5,
    )
    figures = json.loads(export.read_text()) if export.is_file() else {}
    return done.returncode, figures, done.stdout + done.stderr
