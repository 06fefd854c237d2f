"""Checks of FreqAI: identifier, models on disk, lifetimes, warm-up, threads, additions."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from regimeswitch.bot.trial_ledger import LedgerError
from regimeswitch.market.warmup import Need, warm_up_needs
from regimeswitch.risk.model_additions import without_model
from regimeswitch.settings import MAX_STARTUP_CANDLES
from regimeswitch_lab.backup.belongings import PAIRS_FILE, PARTS
from regimeswitch_lab.bot_config import section
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import ExaminedBot
from regimeswitch_lab.prove import utility_proof


THREAD_NAMES = ("n_jobs", "num_threads", "nthread", "thread_count", "num_thread")
OMP_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
KEYS = {utility_proof.VETO: "entries.veto", utility_proof.SIZE: "risk.size_from"}
FIX = "leave the key out, or prove it with `regimeswitch prove --utility` on your own candles"


def check_presence(subject: ExaminedBot) -> Iterator[Finding]:
    """Without FreqAI there are no models, which position mode alone does without."""
    if subject.trains and not subject.part("freqai").get("enabled", False):
        yield Finding(
            *("serious", "freqai.off", "RegimeSwitch trains its models with FreqAI", "freqai"),
            'take the section "freqai" of the config.json that comes with RegimeSwitch',
        )


def check_identifier(subject: ExaminedBot) -> Iterator[Finding]:
    """Models of other settings, and a hash that was written down by hand."""
    freqai = subject.part("freqai")
    if not freqai.get("enabled", False):
        return
    wanted = subject.config.identifier(subject.settings)
    given = str(freqai.get("identifier", ""))
    plain = wanted.rpartition("-rs")[0]
    if given not in (plain, wanted):
        yield Finding(
            *("warning", "identifier.fixed", f"it carries the hash of other settings: {given}"),
            "freqai.identifier",
            f'write "{plain}"; the hash is added by itself, now {wanted}',
        )
    folder = subject.userdir / "models"
    stale = sorted(path.name for path in folder.glob(f"{plain}-rs*") if path.name != wanted)
    if stale and not (folder / wanted).is_dir():
        what = f"models of other settings only ({', '.join(stale[:3])}): {wanted} trains anew"
        yield Finding(
            *("warning", "identifier.stale", what, str(folder)),
            "go back to the settings of those models, or let the bot train; nothing is reused. If "
            "the bot is given --strategy or --freqaimodel, give them here, too",
        )
    elif stale:
        what = f"models of other settings are left over: {', '.join(stale[:3])}"
        yield Finding("info", "identifier.leftover", what, str(folder), "remove these folders")
    yield from _half_models(folder / wanted)


def _half_models(folder: Path) -> Iterator[Finding]:
    listed = folder / PAIRS_FILE
    if not listed.is_file():
        return
    try:
        content: dict[str, dict[str, Any]] = json.loads(listed.read_bytes())
    except ValueError as error:
        yield Finding(
            *("serious", "models.list", f"it is not JSON ({error})", str(listed)),
            "restore a backup, or remove the folder: the bot then trains anew",
        )
        return
    for pair, info in content.items():
        name = info.get("model_filename")
        place = folder / PurePath(info.get("data_path", "")).name
        missing = [part for part in PARTS if name and not (place / f"{name}{part}").is_file()]
        if missing:
            what = f"{pair}: {name}{missing[0]} is missing"
            yield Finding(
                *("serious", "models.incomplete", what, str(place)),
                "restore a backup, or remove the identifier's folder: the bot then trains anew",
            )


def check_lifetimes(subject: ExaminedBot) -> Iterator[Finding]:
    """Retraining, expiry and what is kept."""
    freqai = subject.part("freqai")
    if not freqai.get("enabled", False):
        return
    retrain = subject.number("freqai", "live_retrain_hours", 0)
    expires = subject.number("freqai", "expiration_hours", 0)
    if 0 < expires < retrain:
        what = f"models expire after {expires:g} h and are made every {retrain:g} h"
        yield Finding(
            *("serious", "freqai.expiration", what, "freqai.expiration_hours"),
            "between expiry and training the bot opens nothing; typical: three times the interval",
        )
    if not expires:
        what = "models never expire, however long trainings fail"
        yield Finding(
            *("warning", "freqai.never_expires", what, "freqai.expiration_hours"),
            "set three times live_retrain_hours; typical: 72",
        )
    if not retrain:
        what = "training never pauses: the processor is always busy"
        yield Finding(
            *("warning", "freqai.retrain", what, "freqai.live_retrain_hours"), "typical: 24"
        )
    if not freqai.get("purge_old_models"):
        what = "old models are never removed"
        yield Finding(*("warning", "freqai.purge", what, "freqai.purge_old_models"), "set it to 2")


def startup_needs(subject: ExaminedBot) -> list[Need]:
    """Candles that a bot needs at its start, by what needs them."""
    parameters = subject.features if subject.trains else None
    return warm_up_needs(subject.settings, parameters, subject.timeframe)


def check_startup(subject: ExaminedBot) -> Iterator[Finding]:
    """More candles at the start than Binance serves."""
    named: set[str] = set()
    for need in startup_needs(subject):
        if need.candles > MAX_STARTUP_CANDLES and need.key not in named:
            named.add(need.key)
            what = (
                f"{need.candles} candles of {need.timeframe} are needed at the start; Binance "
                f"serves {MAX_STARTUP_CANDLES}"
            )
            yield Finding(
                *("serious", "startup.limit", what, need.key),
                "shorten the period, or use a longer timeframe",
                explains=("candles.short",),
            )


def check_threads(subject: ExaminedBot) -> Iterator[Finding]:
    """More threads than cores: a training then takes many times as long."""
    cores, models = subject.cores, subject.settings.models
    fix = f"this machine has {cores}; use one thread per sub-model, side by side (models.jobs)"
    if models.jobs > cores:
        what = f"{models.jobs} sub-models are trained side by side"
        yield Finding("warning", "threads.jobs", what, "regimeswitch.models.jobs", fix)
    given = {"freqai.model_training_parameters": _parameters(subject)}
    for learner, parameters in models.parameters.items():
        given[f"regimeswitch.models.parameters.{learner}"] = parameters
    for where, parameters in given.items():
        for name in THREAD_NAMES:
            threads = parameters.get(name)
            if isinstance(threads, int) and _all_of(threads, cores) * models.jobs > cores:
                what = f"{name} {threads} for each of {models.jobs} sub-models at a time"
                yield Finding("warning", "threads.learner", what, f"{where}.{name}", fix)
    kitchen = subject.number("freqai", "data_kitchen_thread_count", 1)
    if _all_of(int(kitchen), cores) > cores:
        where = "freqai.data_kitchen_thread_count"
        yield Finding("warning", "threads.kitchen", f"{kitchen:g} threads", where, fix)
    for variable in OMP_VARIABLES:
        count = subject.environment.get(variable, "")
        if count.isdigit() and int(count) > cores:
            yield Finding("warning", "threads.variable", f"{count} threads", variable, fix)


def _parameters(subject: ExaminedBot) -> dict[str, Any]:
    return section(subject.part("freqai"), "model_training_parameters")


def _all_of(threads: int, cores: int) -> int:
    """What a number of threads means: none and negative ones stand for all cores."""
    return threads if threads > 0 else cores


def check_additions(subject: ExaminedBot) -> Iterator[Finding]:
    """A veto or a size by the forecast that has no effect, or no proof for these settings."""
    settings = subject.settings
    model = subject.config.merged.get("freqaimodel")
    useless = dict(without_model(model, subject.trains, settings))
    for key, what in useless.items():
        yield Finding(
            *("warning", "additions.no_model", f"it {what}: it has no effect"),
            *(f"regimeswitch.{key}", "leave the key out, or give the bot that model"),
        )
    on = {
        utility_proof.VETO: settings.entries.veto != "none",
        utility_proof.SIZE: settings.risk.size_from == "forecast",
    }
    for name in (name for name, is_on in on.items() if is_on and KEYS[name] not in useless):
        where = f"regimeswitch.{KEYS[name]}"
        days = subject.config.train_days or utility_proof.TRAIN_DAYS
        hashed = utility_proof.proof_hash(
            utility_proof.with_addition(settings, name),
            subject.part("freqai"),
            days,
            subject.timeframe,
        )
        try:
            proven = utility_proof.is_proven(hashed, subject.ledgers)
        except (LedgerError, OSError) as error:
            fix = "correct or remove that file"
            yield Finding("warning", "additions.ledger", str(error), where, fix)
            continue
        if proven is None:
            listed = ", ".join(str(file) for file in subject.ledgers)
            what = f"it is on without a proof for these settings ({hashed}) in {listed}"
            yield Finding("warning", "additions.unproven", what, where, FIX)
        elif not proven:
            what = f"it is on, and was not proven for these settings ({hashed})"
            yield Finding("warning", "additions.unproven", what, where, FIX)
