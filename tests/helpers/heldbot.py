"""A bot of a replay that stops after one candle and waits, alive, until a file appears.

Run as ``python heldbot.py PLAN.json CANDLE FILE``; CANDLE is a closing time in epoch seconds.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from regimeswitch_lab.replay import bot_process


class Held:
    """Standard output that waits after the line of one candle."""

    def __init__(self, stream: Any, line: str, file: Path) -> None:
        self._stream, self._line, self._file = stream, line, file

    def write(self, text: str) -> int:
        written: int = self._stream.write(text)
        if text.strip() == self._line:
            self._stream.write("\n")
            self._stream.flush()
            # Real time: the clock of the process stands still.
            pause = threading.Event()
            while not self._file.exists():
                pause.wait(0.05)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


if __name__ == "__main__":
    plan, candle, file = sys.argv[1:]
    sys.stdout = Held(sys.stdout, candle, Path(file))
    bot_process.main(Path(plan))
