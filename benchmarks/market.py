"""The synthetic market that all parts are measured on; no network and no files from elsewhere."""

from pathlib import Path

from benchmarks.children import PYTHON, answer
from benchmarks.sizes import Sizes


END = "2025-01-01"
SEED = 1


def candles(work: Path, sizes: Sizes) -> Path:
    """The folder of candles of a size, made when it is not there."""
    folder = work / f"market-{len(sizes.pairs)}-{sizes.days}"
    made = folder / ".made"
    if not made.exists():
        print(f"  synthetic market: {len(sizes.pairs)} pairs, {sizes.days} days", flush=True)
        words = ["market", "--out", str(folder), "--pairs", *sizes.pairs]
        words += ["--days", str(sizes.days), "--end", END, "--seed", str(SEED)]
        answer([PYTHON, "-m", "regimeswitch_lab", *words], work / "market.log")
        made.touch()
    return folder
