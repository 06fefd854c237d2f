"""A virtualenv with ``freqtrade[freqai]`` and nothing else, made offline in a second.

Each distribution that pip would install is linked from the virtualenv of the tests; the project
itself and what its tools and tests bring besides cannot be imported there.
"""

from __future__ import annotations

import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


WANTED = "freqtrade[freqai]"
# The lock leaves it out: half a gigabyte of GPU code behind xgboost.
NOT_IN_THE_LOCK = "nvidia-nccl-"


def plain_venv(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Make the virtualenv; its folder of programs.

    :param without: distributions that are left out, although they would be installed
    """
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    (packages,) = folder.glob("lib/python*/site-packages")
    for found in distributions_of(WANTED):
        if canonicalize_name(found.metadata["Name"]) not in without:
            _link(found, packages)
    script = (Path(sys.executable).parent / "freqtrade").read_text().split("\n", 1)[1]
    program = programs / "freqtrade"
    program.write_text(f"#!{programs / 'python'}\n{script}")
    program.chmod(0o755)
    return programs


def distributions_of(requirement: str) -> list[Distribution]:
    """What pip installs for a requirement, dependencies of dependencies included."""
    found: dict[tuple[str, str], Distribution] = {}
    open_requirements = [Requirement(requirement)]
    while open_requirements:
        wanted = open_requirements.pop()
        if wanted.name.startswith(NOT_IN_THE_LOCK):
            continue
        for extra in ("", *sorted(wanted.extras)):
            key = (canonicalize_name(wanted.name), extra)
            if key in found:
                continue
            found[key] = distribution(wanted.name)
            needed = [Requirement(text) for text in found[key].requires or []]
            open_requirements += [
                one for one in needed if one.marker is None or one.marker.evaluate({"extra": extra})
            ]
    return list({name: one for (name, _), one in found.items()}.values())


def _link(found: Distribution, packages: Path) -> None:
    """Link the files and folders that a distribution has put into ``site-packages``."""
    for name in {path.parts[0] for path in found.files or []} - {"..", "__pycache__"}:
        if not (packages / name).exists():
            (packages / name).symlink_to(Path(str(found.locate_file(name))).resolve())
