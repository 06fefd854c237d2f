"""The configuration of each side: the project's config.json, and what differs on top of it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.children import ROOT, answer, module
from benchmarks.rounds import Workplace
from benchmarks.sides import PRODUCT, SHIPPED
from regimeswitch_lab.offline.overlay import overlay


SIGNAL = {"regimeswitch": {"entries": {"mode": "signal"}}}
OWN = (PRODUCT, SHIPPED)


@cache
def rival_parameters(log: Path) -> dict[str, dict[str, Any]]:
    """``freqai.model_training_parameters`` by rival, asked of a child: they need LightGBM."""
    found: dict[str, dict[str, Any]] = json.loads(answer(module("rivals"), log))
    return found


def freqtrade(
    place: Workplace,
    side: str,
    home: Path,
    command: str,
    pairs: list[str],
    days: int,
    url: str,
) -> list[str]:
    """Arguments of a freqtrade command of one side, its files in ``home``.

    :param days: of a training window
    :param url: of the embedded exchange
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / "user_data").mkdir(exist_ok=True)
    config = home / f"{command}.json"
    own = _merged(_config(place, side, pairs, days), overlay(url))
    config.write_text(json.dumps(own, indent=1))
    strategies = ROOT / ("user_data/strategies" if side in OWN else "benchmarks/strategies")
    return [
        command,
        *("--config", str(ROOT / "config.json"), "--config", str(config)),
        *("--userdir", str(home / "user_data")),
        *("--strategy-path", str(strategies)),
        *("--freqaimodel-path", str(ROOT / "user_data/freqaimodels")),
    ]


def _config(place: Workplace, side: str, pairs: list[str], days: int) -> dict[str, Any]:
    own: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    if side == PRODUCT:
        own = {"freqaimodel": "RegimeSwitchClassifier", **SIGNAL}
    elif side != SHIPPED:
        own = {"strategy": "StockStrategy", "freqaimodel": "LightGBMClassifier", **SIGNAL}
        parameters = rival_parameters(place.log("rivals"))[side]
    return {
        **own,
        "exchange": {"pair_whitelist": pairs},
        "telegram": {"enabled": False, "token": "", "chat_id": ""},
        "freqai": {
            "identifier": f"benchmark-{side}",
            "train_period_days": days,
            "model_training_parameters": parameters,
        },
    }


def _merged(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    exchange = {**one["exchange"], **two["exchange"]}
    return {**one, **two, "exchange": exchange}
