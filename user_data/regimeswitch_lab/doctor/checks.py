"""The checks that need neither candles nor network, in the order in which they are printed."""

from collections.abc import Callable, Iterator

from regimeswitch_lab.doctor import (
    class_checks,
    config_checks,
    freqai_checks,
    key_checks,
    machine_checks,
    role_checks,
    secrecy_checks,
    start_checks,
)
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import ExaminedBot


Check = Callable[[ExaminedBot], Iterator[Finding]]

PLAIN_CHECKS: list[Check] = [
    config_checks.check_settings,
    config_checks.check_old_names,
    config_checks.check_schema,
    key_checks.check_keys,
    class_checks.check_classes,
    secrecy_checks.check_files,
    secrecy_checks.check_permissions,
    machine_checks.check_disk,
    machine_checks.check_versions,
    machine_checks.check_release,
    machine_checks.check_learners,
]
"""They can be made of any configuration."""

MEANING_CHECKS: list[Check] = [
    start_checks.check_state,
    start_checks.check_pairs,
    config_checks.check_freqtrade,
    config_checks.check_overrides,
    config_checks.check_slots,
    role_checks.check_role,
    config_checks.check_timeframes,
    freqai_checks.check_presence,
    freqai_checks.check_identifier,
    freqai_checks.check_lifetimes,
    freqai_checks.check_startup,
    freqai_checks.check_threads,
    freqai_checks.check_additions,
    secrecy_checks.check_api,
    start_checks.check_notices,
]
"""They need one that freqtrade accepts."""
