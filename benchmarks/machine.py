"""Where and of what the figures are."""

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.children import ROOT


PACKAGES = ("freqtrade", "lightgbm", "numpy", "pandas", "scikit-learn")
MEASURED = (
    *("user_data/regimeswitch", "user_data/regimeswitch_lab"),
    *("user_data/strategies", "user_data/freqaimodels", "benchmarks"),
)


def machine() -> dict[str, object]:
    """Cores, processor, versions, the commit and the day."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": _commit(),
        "cores": os.cpu_count(),
        "processor": names[0] if names else platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("regimeswitch", *PACKAGES)},
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def stamp() -> str:
    """Of the code, the configuration and the versions: runs of others are not mixed with these."""
    found = hashlib.sha256(repr([version(name) for name in PACKAGES]).encode())
    files = [path for name in MEASURED for path in (ROOT / name).rglob("*.py")]
    for path in sorted([*files, ROOT / "config.json"]):
        found.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return found.hexdigest()[:12]
