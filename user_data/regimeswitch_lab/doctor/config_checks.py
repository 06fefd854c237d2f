"""Checks of the configuration: settings, freqtrade's schema, and what suits this strategy."""

import copy
import re
from collections.abc import Iterator

import ccxt
from freqtrade.configuration import validate_config_consistency
from freqtrade.exceptions import FreqtradeException

from regimeswitch.bot.guards import EXCHANGE
from regimeswitch.bot.overrides import cuts, refused
from regimeswitch.market.candles import COUNTED, timeframe_seconds
from regimeswitch.market.warmup import check_base, check_length
from regimeswitch.settings import SettingsError, load_settings
from regimeswitch.settings.bots_settings import MODEL
from regimeswitch.settings.modes import POSITION
from regimeswitch.settings.renamed import ACCEPTED_UNTIL, old_names
from regimeswitch_lab.bot_config import features_wrong
from regimeswitch_lab.doctor.findings import Finding, Severity
from regimeswitch_lab.doctor.key_checks import required_by
from regimeswitch_lab.doctor.subject import ExaminedBot


HOUR = 3600


def check_settings(subject: ExaminedBot) -> Iterator[Finding]:
    """Every mistake in the section ``regimeswitch``, all at once."""
    try:
        load_settings(subject.config.given.get("regimeswitch"))
    except SettingsError as error:
        for line in str(error).splitlines():
            name, _, rest = line.partition(": ")
            what, _, fix = rest.partition("; ")
            yield Finding(
                *("serious", "settings.mistake", what, name),
                fix or "see docs/configuration.md",
                # Of which settings the models would be is not known.
                explains=("identifier.",),
            )


def check_old_names(subject: ExaminedBot) -> Iterator[Finding]:
    """Keys of the section ``regimeswitch`` that have a new name."""
    for part, old, new in old_names(subject.config.given.get("regimeswitch")):
        yield Finding(
            *("warning", "settings.old_name", f"it is called {new} now, and means the same"),
            f"regimeswitch.{part}.{old}",
            f"rename it to {new}; the old name is accepted until version {ACCEPTED_UNTIL}",
        )


def unreadable(subject: ExaminedBot) -> list[tuple[str, str]]:
    """Timeframes and periods that freqtrade's schema lets pass and nothing can read."""
    return list(features_wrong(subject.config.merged))


def check_schema(subject: ExaminedBot) -> Iterator[Finding]:
    """What freqtrade itself would refuse."""
    mistakes = subject.config.mistakes
    for where, message in mistakes:
        if required_by(where, message):
            continue  # a finding of check_keys
        yield Finding(
            *("serious", "config.schema", message, where),
            "freqtrade refuses to start; correct this key and ask again: more can be checked then",
        )
    if mistakes:
        return
    for where, message in unreadable(subject):
        yield Finding(
            *("serious", "config.schema", message, where),
            "correct this key and ask again: more can be checked then",
        )
    if unreadable(subject):
        return
    try:
        validate_config_consistency(copy.deepcopy(subject.config.merged), preliminary=True)
    except (FreqtradeException, ccxt.BaseError, ValueError) as error:
        yield Finding(
            *("serious", "config.consistency", str(error), "config"),
            "freqtrade refuses to start; change one of the keys it names",
            explains=tuple(re.findall(r"\w+", str(error))),
        )


def _websockets(guards: bool) -> Finding:
    severity: Severity = "info" if guards else "warning"
    what = (
        "websockets are on, but guards do not listen to them: each candle is fetched"
        if guards
        else "websockets are on: freqtrade at times analyses a candle that has not closed"
    )
    return Finding(*(severity, "config.websockets", what, "exchange.enable_ws"), "set it to false")


def check_freqtrade(subject: ExaminedBot) -> Iterator[Finding]:
    """Keys of freqtrade that matter for money here."""
    given = subject.config.given
    if given.get("dry_run") is False:
        yield Finding(
            *("info", "config.live", "the bot trades with real money", "dry_run"),
            "set it to true for paper trading",
        )
    exchange = subject.part("exchange")
    if exchange.get("name") != EXCHANGE:
        yield Finding(
            *(
                "warning",
                "config.exchange",
                f"{exchange.get('name')!r} is untried, and the guards stay out of it",
                "exchange.name",
            ),
            'RegimeSwitch is made for "binance", spot; elsewhere freqtrade is as it is',
        )
    if exchange.get("enable_ws", True):
        guards = subject.settings.safety.guards and exchange.get("name") == EXCHANGE
        yield _websockets(guards)
    if given.get("process_only_new_candles") is False:
        what = "every loop analyses the same candle again"
        yield Finding(
            *("warning", "config.new_candles", what, "process_only_new_candles"),
            "leave the key out, or set it to true",
        )
    if not given.get("cancel_open_orders_on_exit", False):
        what = "orders that are open when the bot ends stay on the exchange and can be filled"
        yield Finding(
            *("warning", "config.open_orders", what, "cancel_open_orders_on_exit"),
            "set it to true",
        )
    yield from _fee(subject)


def check_overrides(subject: ExaminedBot) -> Iterator[Finding]:
    """Keys of freqtrade that would switch off what the settings promise."""
    for key, what, fix in refused(subject.config.given, subject.settings):
        yield Finding("serious", "config.override", what, key, fix)
    for key, what in cuts(subject.config.given, subject.settings):
        yield Finding(
            *("warning", "config.cuts", f"{what} before its regime ends", key),
            "leave it out: in position mode the end of the regime closes, and a disaster stop",
        )


def check_slots(subject: ExaminedBot) -> Iterator[Finding]:
    """In position mode, fewer slots than pairs: a pair in its regime may find none."""
    settings, pairs = subject.settings, len(subject.pairs)
    given = {
        "max_open_trades": subject.config.merged.get("max_open_trades"),
        "regimeswitch.risk.max_positions": settings.risk.max_positions or None,
    }
    if settings.entries.mode != POSITION or settings.bots.role == MODEL:
        return
    for key, slots in given.items():
        # -1 is any number of them; what is no number is a finding of check_schema.
        if isinstance(slots, (int, float)) and 0 <= slots < pairs:
            what = f"{slots:g} positions for {pairs} pairs: some are not held in their regime"
            fix = f"set it to {pairs} or more; the capital of a slot that no pair fills stays cash"
            yield Finding("warning", "config.slots", what, key, fix)


def _fee(subject: ExaminedBot) -> Iterator[Finding]:
    fee, label = subject.config.given.get("fee"), subject.settings.labels.fee
    if isinstance(fee, (int, float)) and abs(fee - label) > 1e-9:
        yield Finding(
            *("warning", "config.fee", f"{fee} here and {label} in the labels", "fee"),
            "give fee and regimeswitch.labels.fee the same value, what your account pays per side",
        )
    elif label == 0:
        yield Finding(
            *("warning", "config.fee", "trading costs nothing", "regimeswitch.labels.fee"),
            "set what your account pays per side; 0.001 is usual",
        )


def check_timeframes(subject: ExaminedBot) -> Iterator[Finding]:
    """Base timeframe, feature timeframes, horizon and grace period fit together."""
    rule, base = subject.settings.regime, subject.timeframe
    included = list(subject.features.get("include_timeframes") or [])
    try:
        (check_base if subject.trains else check_length)(base, rule.timeframe)
    except SettingsError as error:
        _, _, rest = str(error).partition(": ")
        what, _, fix = rest.partition("; ")
        yield Finding("serious", "config.timeframe", what, "timeframe", fix)
        return
    if not subject.trains:
        return
    for timeframe in (subject.timeframe, rule.timeframe):
        if included and timeframe not in included:
            what = f"{timeframe} is not in it: a bot keeps no long history of these candles"
            yield Finding(
                *("warning", "config.include_timeframes", what),
                "freqai.feature_parameters.include_timeframes",
                f'add "{timeframe}"',
            )
    horizon = subject.settings.labels.horizon_in(base)
    given = subject.features.get("label_period_candles")
    if given is not None and given != horizon:
        yield Finding(
            *("warning", "config.horizon"),
            f"{given} here, and the horizon of the labels is {horizon} candles of {base}",
            "freqai.feature_parameters.label_period_candles",
            f"set it to {horizon}, the time of regimeswitch.labels.horizon in candles of {base}",
        )
    minutes = rule.grace_candles * timeframe_seconds(COUNTED) // 60
    if minutes < HOUR // 60:
        yield Finding(
            *("warning", "regimes.grace", f"a new regime need hold for {minutes} minutes only"),
            "regimeswitch.regime.grace_candles",
            "set at least an hour (12 candles of 5m), or regimes flip on noise; typical: 36",
        )
