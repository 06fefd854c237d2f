"""The proof of an addition: an entry of the ledger of trials for the very same settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regimeswitch.bot.trial_ledger import settings_hash, trials_of
from regimeswitch.settings import Settings
from regimeswitch.settings.renamed import with_hashed_names


UTILITY = "prove --utility"
RULE, VETO, SIZE = "rule", "veto", "size"
ADDITIONS = (VETO, SIZE)
TRAIN_DAYS = 120
"""Of each window, where no configuration says it."""
OF_FREQAI = ("feature_parameters", "model_training_parameters")


def with_addition(settings: Settings, addition: str) -> Settings:
    """The settings of a bot that uses one addition, or none; everything else as it is.

    :param addition: ``veto``, ``size`` or ``rule``
    """
    veto, size = addition == VETO, addition == SIZE
    entries = {"veto": "forecast" if veto else "none"}
    risk = {"size_from": "forecast" if size else "volatility"}
    return settings.model_copy(
        update={
            "entries": settings.entries.model_copy(update=entries),
            "risk": settings.risk.model_copy(update=risk),
        }
    )


def proof_hash(
    settings: Settings, freqai: Mapping[str, Any], train_days: int, timeframe: str
) -> str:
    """Hash of all that an addition was proven with.

    :param settings: with the addition on, and no other
    :param freqai: section ``freqai``
    :param train_days: length of a training
    :param timeframe: the base timeframe
    """
    parts = with_hashed_names(settings.model_dump(mode="json"))
    parts["models"].pop("jobs")
    safety = parts.pop("safety")
    candles = [safety["spike_fraction"], safety["spike_volume"]]
    given = [freqai.get(key) for key in OF_FREQAI]
    return settings_hash([parts, candles, given, train_days, timeframe])


def is_proven(hashed: str, ledgers: list[Path]) -> bool | None:
    """What the newest entry for these settings says; None where no ledger has one.

    :raises LedgerError: or OSError, when a ledger cannot be read
    """
    entries = [
        one
        for ledger in ledgers
        for one in trials_of(ledger)
        if one.command == UTILITY and one.settings == hashed
    ]
    if not entries:
        return None
    return bool(sorted(entries, key=lambda one: one.time)[-1].result.get("proven"))
