"""Checks of the machine: room on the disk, versions of packages, whether freqtrade fits."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.specifiers import SpecifierSet

from regimeswitch.bot.bot_settings import configured_learners
from regimeswitch.bot.compatibility import supported
from regimeswitch.model.learners import PACKAGES
from regimeswitch_lab.doctor.findings import Finding, Severity
from regimeswitch_lab.doctor.subject import ExaminedBot


GIGABYTE = 1e9
LEAST_FREE, LOW_FREE = 1 * GIGABYTE, 5 * GIGABYTE
SUPPORTED = {
    "freqtrade": ">=2026.3,!=2026.7",
    "pydantic": ">=2.12,<3",
    "rich": ">=14,<16",
    "aiohttp": ">=3.12,<4",
}
"""As in pyproject.toml; a user_data folder can be copied without it."""
LEAST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)


def check_disk(subject: ExaminedBot) -> Iterator[Finding]:
    """A full disk loses models and, worse, trades."""
    folder = next(path for path in [subject.userdir, *subject.userdir.resolve().parents])
    while not folder.is_dir():
        folder = folder.resolve().parent
    free = shutil.disk_usage(folder).free
    if free < LOW_FREE:
        severity: Severity = "serious" if free < LEAST_FREE else "warning"
        yield Finding(
            *(severity, "machine.disk", f"{free / GIGABYTE:.1f} GB are free", str(folder)),
            "make room: a bot that cannot write loses its models and its trades",
        )


def check_learners(subject: ExaminedBot) -> Iterator[Finding]:
    """The packages of the learners that the settings name."""
    for name, key in configured_learners(subject.settings).items():
        package = PACKAGES[name]
        if importlib.util.find_spec(package.replace("scikit-learn", "sklearn")) is None:
            yield Finding(
                *("serious", "machine.learner", f"{package} is not installed", key),
                f"run `pip install {package}`, or choose another learner",
            )


def check_versions(subject: ExaminedBot) -> Iterator[Finding]:
    """Packages outside the range that RegimeSwitch is tested with."""
    for name, wanted in SUPPORTED.items():
        version = metadata.version(name)
        if not SpecifierSet(wanted, prereleases=True).contains(version):
            severity: Severity = "serious" if name == "freqtrade" else "warning"
            yield Finding(
                *(severity, "machine.version", f"{name} {version} is installed", name),
                f"install {name}{wanted}; parts of freqtrade that are used here move",
            )
    now, python = sys.version_info[:2], f"Python {sys.version.split()[0]}"
    if now < LEAST_PYTHON:
        yield Finding(
            *("serious", "machine.python", python, sys.executable), "use Python 3.11, 3.12 or 3.13"
        )
    elif now > NEWEST_PYTHON:
        yield Finding(
            *("info", "machine.python", f"{python} was not tested", sys.executable),
            "if something fails that should not, use Python 3.11, 3.12 or 3.13",
        )


def check_release(subject: ExaminedBot) -> Iterator[Finding]:
    """What a bot looks at when it starts: whether all that is used of freqtrade is there."""
    release, misfits = supported.releases(), supported.misfits_by_check()
    for name, why in misfits.items():
        yield Finding(
            *("serious", "machine.freqtrade", f"{release} fails a check: {name}: {'; '.join(why)}"),
            "freqtrade",
            f"install freqtrade {supported.TESTED[-1]} with the versions of requirements.lock; "
            "regimeswitch contract tells all",
        )
    if not misfits and not supported.is_tested():
        yield Finding(
            *("info", "machine.freqtrade", f"{release} was not tested, but has all that is used"),
            *("freqtrade", "try it before it trades: regimeswitch contract, a minute"),
        )
