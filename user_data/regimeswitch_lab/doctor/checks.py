"""The checks that need neither candles nor network, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from regimeswitch.lab.doctoring import (
    additions,
    beginning,
    classes,
    configuration,
    freqai,
    keys,
    machine,
    notices,
    secrecy,
)
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import Subject


Check = Callable[[Subject], Iterator[Finding]]

PLAIN_CHECKS: list[Check] = [
    configuration.check_settings,
    configuration.check_schema,
    keys.check_keys,
    classes.check_classes,
    secrecy.check_files,
    secrecy.check_permissions,
    machine.check_disk,
    machine.check_versions,
    machine.check_release,
    machine.check_learners,
]
"""They can be made of any configuration."""

MEANING_CHECKS: list[Check] = [
    beginning.check_state,
    beginning.check_pairs,
    configuration.check_freqtrade,
    configuration.check_overrides,
    configuration.check_slots,
    configuration.check_timeframes,
    freqai.check_presence,
    freqai.check_identifier,
    freqai.check_lifetimes,
    freqai.check_startup,
    freqai.check_threads,
    additions.check_additions,
    secrecy.check_api,
    notices.check_notices,
]
"""They need one that freqtrade accepts."""
