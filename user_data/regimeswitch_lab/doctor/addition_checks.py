"""Checks of what models add to the rule: its model is there, and it was proven on candles."""

from __future__ import annotations

from collections.abc import Iterator

from regimeswitch.bot.trial_ledger import LedgerError
from regimeswitch.risk.model_additions import without_model
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import Subject
from regimeswitch_lab.prove.utility_proof import (
    SIZE,
    TRAIN_DAYS,
    VETO,
    is_proven,
    proof_hash,
    with_addition,
)


KEYS = {VETO: "entries.veto", SIZE: "risk.size_from"}
MEND = "leave the key out, or prove it with `regimeswitch prove --utility` on your own candles"


def check_additions(subject: Subject) -> Iterator[Finding]:
    """A veto or a size by the forecast that has no effect, or no proof for these settings."""
    settings = subject.settings
    model = subject.config.merged.get("freqaimodel")
    useless = dict(without_model(model, subject.trains, settings))
    for key, what in useless.items():
        yield Finding(
            *("warning", "additions.no_model", f"it {what}: it has no effect"),
            *(f"regimeswitch.{key}", "leave the key out, or give the bot that model"),
        )
    on = {VETO: settings.entries.veto != "none", SIZE: settings.risk.size_from == "forecast"}
    for name in (name for name, is_on in on.items() if is_on and KEYS[name] not in useless):
        where = f"regimeswitch.{KEYS[name]}"
        days = subject.config.train_days or TRAIN_DAYS
        hashed = proof_hash(
            with_addition(settings, name), subject.part("freqai"), days, subject.timeframe
        )
        try:
            proven = is_proven(hashed, subject.ledgers)
        except (LedgerError, OSError) as error:
            mend = "mend or remove that file"
            yield Finding("warning", "additions.ledger", str(error), where, mend)
            continue
        if proven is None:
            listed = ", ".join(str(file) for file in subject.ledgers)
            what = f"it is on without a proof for these settings ({hashed}) in {listed}"
            yield Finding("warning", "additions.unproven", what, where, MEND)
        elif not proven:
            what = f"it is on, and was not proven for these settings ({hashed})"
            yield Finding("warning", "additions.unproven", what, where, MEND)
