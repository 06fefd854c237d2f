"""Python programs of the tests as forks of a process that has the libraries loaded.

:class:`Popen` and :func:`run` are those of :mod:`subprocess`: same arguments, streams, signals and
exit codes. What such a fork could not do in the same way is a fresh process: another program than
``python -m`` or a console script, other variables that Python or a library reads when it starts, a
terminal.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import forkserver


FAILED = 255 << 8
"""Status of a program whose end nobody could see."""


class Popen(subprocess.Popen[Any]):
    """A fork where it can be one, otherwise a fresh process.

    :param spares: for how many of the program's own children a fork is held ready; the others are
        fresh processes
    """

    def __init__(self, args: Any, *more: Any, spares: int = 0, **options: Any) -> None:
        self._spares = spares
        self._reply: socket.socket | None = None
        super().__init__(args, *more, **options)

    def _execute_child(self, args: Any, executable: Any, *rest: Any) -> None:
        asked = forkserver.asked_of(args, executable, rest, self._spares)
        if asked is None:
            super()._execute_child(args, executable, *rest)
            return
        request, files, pipes = asked
        self._reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            forkserver.send(server(), request, [*files, theirs.fileno()])
        begun = self._reply.recv(64).decode()
        if not begun.startswith(forkserver.BEGUN):
            raise OSError(f"the server of forks did not begin {args}: {begun or 'it is gone'}")
        self.pid = int(begun.removeprefix(forkserver.BEGUN))
        self._child_created = True
        self._close_pipe_fds(*pipes)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._reply is None:
            return super()._try_wait(wait_flags)
        try:
            found = self._reply.recv(64, socket.MSG_DONTWAIT if wait_flags & os.WNOHANG else 0)
        except BlockingIOError:
            return 0, 0
        self._reply.close()
        return self.pid, int(found or FAILED)

    def _internal_poll(self, *arguments: Any, **options: Any) -> int | None:
        if self._reply is None or self.returncode is not None:
            return super()._internal_poll(*arguments, **options)
        if self._waitpid_lock.acquire(False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def run(
    args: Any,
    *,
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """As :func:`subprocess.run`.

    :raises subprocess.TimeoutExpired: when the program, which is then killed, took too long
    :raises subprocess.CalledProcessError: when it is checked and did not end with 0
    """
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(args, **options) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
        code = process.wait()
    if check and code:
        raise subprocess.CalledProcessError(code, args, output, errors)
    return subprocess.CompletedProcess(args, code, output, errors)


@cache
def server() -> socket.socket:
    """The other end of the one server of this process, which ends with it."""
    mine, theirs = forkserver.channels()
    kept = {name: os.environ[name] for name in os.environ.keys() - forkserver.early(os.environ)}
    with theirs:
        program = subprocess.Popen(
            [sys.executable, str(Path(forkserver.__file__)), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=kept | forkserver.LOADED_WITH,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        mine.close()
        program.wait()

    atexit.register(end)
    return mine
