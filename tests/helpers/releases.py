"""Tries `regimeswitch contract` on other releases of freqtrade; by hand, no part of `make test`.

    .venv/bin/python tests/releases.py --work ../releases

Each release gets a virtualenv of its own. Nothing is copied: packages of the lock are seen from
there, only freqtrade itself, and what it asks for in another version, is installed over them. So a
row of the table is a release with the newest packages that it can run with, not with those of its
day; `--oldest-ccxt` takes the oldest exchange client that it allows instead.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version


BEFORE = 6
EXTRAS = ("", "freqai")
CLOUDPICKLE, OLD_JOBLIB = Version("2026.9"), "joblib<1.6"
"""Before this release freqtrade imports what the next joblib has no longer, and does not say so."""
MINUTES = 30


def main() -> int:
    """Try the releases and print the table; 0 when it was possible, whatever came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, help="keep virtualenvs and results in this folder")
    parser.add_argument("--jobs", type=int, default=2, help="bots side by side (2)")
    parser.add_argument("--oldest-ccxt", action="store_true", help="see above")
    parser.add_argument("versions", nargs="*", help="instead of those that pip can install")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regimeswitch-releases-") as temporary:
        work = args.work or Path(temporary)
        versions = args.versions or chosen(listed())
        kind = "oldest-ccxt" if args.oldest_ccxt else "newest"
        rows = [tried(version, work.resolve() / kind / version, args) for version in versions]
    print("| freqtrade | other versions than the lock's | passed | failed |\n|---|---|---|---|")
    for row in rows:
        print(row)
    return 0


def listed() -> list[Version]:
    """Every release of freqtrade that pip can install, the newest first."""
    line = [sys.executable, "-m", "pip", "index", "versions", "freqtrade", "--pre"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    (found,) = re.findall(r"^Available versions: (.*)$", done.stdout, re.MULTILINE)
    return [Version(one) for one in found.split(", ")]


def chosen(versions: list[Version]) -> list[str]:
    """The installed release, all later ones, and the six before it with their hotfixes."""
    current = Version(metadata.version("freqtrade"))
    months = sorted({one.release[:2] for one in versions if one < current}, reverse=True)
    oldest = [month for month in months if month != current.release[:2]][BEFORE - 1]
    return [str(one) for one in versions if one.release[:2] >= oldest]


def tried(version: str, home: Path, args: argparse.Namespace) -> str:
    """One row of the table."""
    python = home / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", str(home / "venv")], check=True
        )
        folder = next((home / "venv" / "lib").glob("python*")) / "site-packages"
        base = sysconfig.get_paths()["purelib"]
        (folder / "base.pth").write_text(f"import site; site.addsitedir({base!r})\n")
    install(python, f"freqtrade=={version}", f"freqtrade-client=={version}")
    other = wanted(python, args.oldest_ccxt)
    if Version(version) < CLOUDPICKLE:
        other.append(OLD_JOBLIB)
    if other:
        install(python, *other)
    result = home / "contract.json"
    result.unlink(missing_ok=True)
    line = [str(python), "-m", "regimeswitch_lab", "contract", "--jobs", str(args.jobs)]
    done = subprocess.run(
        [*line, "--export", str(result)],
        capture_output=True,
        text=True,
        timeout=MINUTES * 60,
        check=False,
    )
    (home / "contract.log").write_text(done.stdout + done.stderr)
    print(f"{version}: exit code {done.returncode}", file=sys.stderr, flush=True)
    differ = ", ".join(other) or "-"
    if not result.is_file():
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return f"| {version} | {differ} | - | {last} |"
    return row_of(json.loads(result.read_text()), differ)


def install(python: Path, *requirements: str) -> None:
    """Put packages over those of the lock."""
    line = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    subprocess.run([*line, "--disable-pip-version-check", *requirements], check=True)


def wanted(python: Path, oldest_ccxt: bool) -> list[str]:
    """What a release asks for in another version than that of the lock, or beside it."""
    asked = "import importlib.metadata as m; print('\\n'.join(m.requires('freqtrade')))"
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    found = []
    for line in done.stdout.splitlines():
        one = Requirement(line)
        marker = one.marker
        if marker is not None and not any(marker.evaluate({"extra": name}) for name in EXTRAS):
            continue
        if one.name == "ccxt" and oldest_ccxt:
            found.append(str(one).replace(">=", "=="))
        elif one.name != "freqtrade-client" and not satisfied(one):
            found.append(f"{one.name}{one.specifier}")
    return found


def satisfied(one: Requirement) -> bool:
    """Whether the lock has a version that will do."""
    try:
        return one.specifier.contains(metadata.version(one.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def row_of(figures: dict[str, Any], differ: str) -> str:
    """A release in the table."""
    failed = "; ".join(failure["check"] for failure in figures["failures"]) or "-"
    count = f"{figures['passed']} of {figures['checks']}"
    return f"| {figures['freqtrade']} | {differ} | {count} | {failed} |"


if __name__ == "__main__":
    sys.exit(main())
