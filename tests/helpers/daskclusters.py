"""A Dask scheduler and its workers on the loopback, each a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pretrained import wait_until


@dataclass
class Cluster:
    """A scheduler, and the workers that were started.

    :ivar folder: of logs and the workers' own files
    """

    folder: Path
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def begin(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{len(self.processes)}.log").open("wb")
        command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
        with log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        """One more worker: one process with one thread, which nobody starts again."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        return self.begin("dask_worker", self.address, *options)


@contextmanager
def cluster_in(folder: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    cluster = Cluster(folder)
    file = folder / "scheduler.json"
    place = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    try:
        cluster.begin("dask_scheduler", *place, "--scheduler-file", str(file))
        wait_until(lambda: file.is_file() and file.read_text().endswith("}"))
        cluster.address = json.loads(file.read_text())["address"]
        yield cluster
    finally:
        for process in cluster.processes:
            process.kill()
            process.wait()
