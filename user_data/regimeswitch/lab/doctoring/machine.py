"""Checks of the machine: room on the disk, versions of packages."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.specifiers import SpecifierSet

from regimeswitch.bot.config import configured_learners
from regimeswitch.lab.doctoring.findings import Finding, Severity
from regimeswitch.lab.doctoring.subject import Subject
from regimeswitch.learners import PACKAGES


GIGABYTE = 1e9
LEAST_FREE, LOW_FREE = 1 * GIGABYTE, 5 * GIGABYTE
SUPPORTED = {
    "freqtrade": ">=2026.9,<2026.10",
    "pydantic": ">=2.12,<3",
    "rich": ">=14,<16",
    "aiohttp": ">=3.12,<4",
}
"""As in pyproject.toml; a user_data folder can be copied without it."""
LEAST_PYTHON = (3, 11)


def check_disk(subject: Subject) -> Iterator[Finding]:
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


def check_learners(subject: Subject) -> Iterator[Finding]:
    """The packages of the learners that the settings name."""
    for name, key in configured_learners(subject.settings).items():
        package = PACKAGES[name]
        if importlib.util.find_spec(package.replace("scikit-learn", "sklearn")) is None:
            yield Finding(
                *("serious", "machine.learner", f"{package} is not installed", key),
                f"run `pip install {package}`, or choose another learner",
            )


def check_versions(subject: Subject) -> Iterator[Finding]:
    """Packages outside the range that RegimeSwitch is tested with."""
    for name, wanted in SUPPORTED.items():
        version = metadata.version(name)
        if not SpecifierSet(wanted, prereleases=True).contains(version):
            severity: Severity = "serious" if name == "freqtrade" else "warning"
            yield Finding(
                *(severity, "machine.version", f"{name} {version} is installed", name),
                f"install {name}{wanted}; parts of freqtrade that are used here move",
            )
    if sys.version_info < LEAST_PYTHON:
        yield Finding(
            *("serious", "machine.python", f"Python {sys.version.split()[0]}", sys.executable),
            "use Python 3.11 or newer",
        )
