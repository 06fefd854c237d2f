"""A process that has the libraries loaded, and forks for each Python program that is asked for.

A new interpreter spends three to five seconds of processor time on pandas, SciPy, scikit-learn,
ccxt and the like before the first line of the program runs. Only such libraries are loaded here:
freqtrade and this project are imported by every program anew, under its own arguments, environment
and working directory.

Run as a program, it serves requests that come over the socket whose number is its argument; see
:mod:`forked` for the other side.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar


LIBRARIES = (
    *("aiohttp.web", "ccxt", "ccxt.async_support", "ccxt.pro", "cryptography.x509", "jinja2"),
    *("datasieve.pipeline", "datasieve.transforms", "fastapi.security", "httpx", "humanize"),
    *("joblib", "joblib.externals.loky", "jsonschema", "lightgbm", "numpy", "optuna", "orjson"),
    *("pandas", "pandas.api.types", "plotly", "psutil", "pyarrow.feather", "pydantic", "pytz"),
    *("rapidjson", "requests", "rich.console", "rich.progress", "rich.table", "schedule"),
    *("scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.spatial", "scipy.stats"),
    *("sklearn.cluster", "sklearn.ensemble", "sklearn.linear_model", "sklearn.metrics"),
    *("sklearn.model_selection", "sklearn.neighbors", "sklearn.preprocessing", "sklearn.svm"),
    *("sqlalchemy.orm", "tabulate", "talib.abstract", "telegram.ext", "time_machine", "uvicorn"),
    *("websockets", "xgboost"),
)
READ_EARLY = (
    *("ARROW_", "BLIS_", "GLIBC_", "GOMP_", "GOTO_", "JOBLIB_", "LANG", "LC_", "LD_"),
    *("LOKY_", "MALLOC_", "MKL_", "NPY_", "NUMEXPR_", "OMP_", "OPENBLAS_", "OPENSSL_", "PYTHON"),
    *("SCIPY_", "SKLEARN_", "SSL_"),
)
"""Begin of environment variables that are read when Python starts or a library is loaded."""
BIG = 1 << 20
"""Bytes of the longest request."""
BEGUN = "begun "
"""Before the number of a process in the first reply; the second is the status it ended with."""


@dataclass(frozen=True)
class Request:
    """A program to run.

    :ivar command: as for :class:`subprocess.Popen`; :func:`runnable` says which can be asked for
    :ivar group: process group to join, 0 = one of its own; -1 = its parent's
    :ivar spares: for how many of its own children a process is held ready
    """

    command: list[str]
    folder: str
    environment: dict[str, str]
    group: int = -1
    session: bool = False
    spares: int = 0


def early(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that must be as they were when the libraries were loaded."""
    return {name: value for name, value in environment.items() if name.startswith(READ_EARLY)}


def runnable(command: Sequence[str]) -> bool:
    """Whether it is ``python [-W ...] -m module``, ``python file.py`` or a console script here."""
    program = command[0]
    if program == sys.executable:
        return _module_at(command) is not None or _is_file(command)
    path = Path(program)
    if not path.is_absolute() or path.parent != Path(sys.executable).parent or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.readline().strip() == f"#!{sys.executable}".encode()


def _module_at(command: Sequence[str]) -> int | None:
    """Where ``-m`` is."""
    at = 1
    while command[at : at + 1] == ["-W"]:
        at += 2
    return at if command[at : at + 1] == ["-m"] and len(command) > at + 1 else None


def _is_file(command: Sequence[str]) -> bool:
    return len(command) > 1 and command[1].endswith(".py")


def send(channel: socket.socket, request: Request, files: Sequence[int]) -> None:
    """Ask for a program.

    :param files: standard input, output and error, and whatever the channel's end expects besides
    """
    socket.send_fds(channel, [json.dumps(asdict(request)).encode()], list(files))


def receive(channel: socket.socket) -> tuple[Request | None, list[int]]:
    """What is asked for, and its files; None at the end."""
    content, files, _, _ = socket.recv_fds(channel, BIG, 8)
    return (Request(**json.loads(content)) if content else None), files


def channels() -> tuple[socket.socket, socket.socket]:
    """Two ends; a message arrives as a whole, and an end that closes is seen at the other."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BIG)
    return ends


class SparePopen(subprocess.Popen[Any]):
    """Starts children as processes that were forked before this program had begun.

    They are children of this process like all others; what cannot be had so is a fresh process.
    """

    ready: ClassVar[list[tuple[int, socket.socket]]] = []

    def _execute_child(self, args: Any, executable: Any, *rest: Any) -> None:
        asked = asked_of(args, executable, rest)
        if asked is None or not self.ready:
            super()._execute_child(args, executable, *rest)
            return
        request, files, pipes = asked
        self.pid, channel = self.ready.pop(0)
        with channel:
            send(channel, request, files)
            channel.recv(1)
        self._child_created = True
        self._close_pipe_fds(*pipes)


def asked_of(
    args: Any, executable: Any, rest: Sequence[Any], spares: int = 0
) -> tuple[Request, list[int], list[int]] | None:
    """What :class:`subprocess.Popen` wants to start; None where it must be a fresh process.

    :param rest: the other arguments of ``Popen._execute_child``, from ``preexec_fn`` on
    :return: request, the child's standard files, and the six ends of pipes
    """
    preexec, close, passed, folder, environment, _, _, shell, *rest = rest
    pipes, (_, gid, gids, uid, umask, session, group) = rest[:6], rest[6:]
    usual = close and umask == -1 and not (preexec or passed or executable or shell)
    if not usual or (gid, gids, uid) != (None, None, None) or isinstance(args, str | bytes):
        return None
    given = dict(os.environ if environment is None else environment)
    where = os.getcwd() if folder is None else os.fsdecode(folder)  # noqa: PTH109
    command = [os.fsdecode(word) for word in args]
    if not runnable(command) or not Path(where).is_dir() or early(given) != LOADED_WITH:
        return None
    if signal.pthread_sigmask(signal.SIG_BLOCK, []) or _ignores_signals():
        return None
    files = [one if one != -1 else number for number, one in enumerate((pipes[0], *pipes[3::2]))]
    if any(os.isatty(file) for file in files):
        return None
    group = -1 if group is None else group
    return Request(command, where, given, group, bool(session), spares), files, list(pipes)


def _ignores_signals() -> bool:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return any(signal.getsignal(number) is signal.SIG_IGN for number in numbers)


LOADED_WITH = early(os.environ)


class Server:
    """Forks; only a process that has been forked for a request gets out of :meth:`serve`.

    :param channel: where requests come from
    """

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.replies: dict[int, socket.socket] = {}

    def serve(self) -> Request | None:
        """The request of this process; None in the server itself, at its end."""
        awake, wake = socket.socketpair()
        for end in (awake, wake):
            end.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        with selectors.DefaultSelector() as ready:
            ready.register(self.channel, selectors.EVENT_READ)
            ready.register(awake, selectors.EVENT_READ)
            while True:
                found = [key.fileobj for key, _ in ready.select()]
                if awake in found:
                    awake.recv(4096)
                    self._report()
                if self.channel not in found:
                    continue
                request, files = receive(self.channel)
                if request is None:
                    return None
                if self._forked(request, files):
                    break
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (awake, wake, self.channel, *self.replies.values()):
            end.close()
        return request

    def _forked(self, request: Request, files: list[int]) -> bool:
        """Fork; whether this is the child."""
        reply = socket.socket(fileno=files.pop())
        pid = fork()
        if not pid:
            become(request, files)
            reply.send(f"{BEGUN}{os.getpid()}".encode())
            reply.close()
            return True
        self.replies[pid] = reply
        for file in files:
            os.close(file)
        return False

    def _report(self) -> None:
        """Say how those that have ended did."""
        while self.replies:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self.replies.pop(pid) as reply, contextlib.suppress(BrokenPipeError):
                reply.send(str(status).encode())


def fork() -> int:
    """As :func:`os.fork`; the idle threads of linear algebra, which know of forks, do not count."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def become(request: Request, files: list[int]) -> None:
    """This process becomes that of the request, up to the program itself."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    if request.session:
        os.setsid()
    elif request.group != -1:
        os.setpgid(0, request.group)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    random.seed()
    sys.modules["numpy"].random.seed()
    importlib.invalidate_caches()


def hold_spares(count: int) -> Request | None:
    """Fork children that wait for what they are to be; a request only in one that was asked."""
    for _ in range(count):
        mine, other = channels()
        pid = fork()
        if pid:
            other.close()
            SparePopen.ready.append((pid, mine))
            continue
        mine.close()
        for _, channel in SparePopen.ready:
            channel.close()
        SparePopen.ready.clear()
        return _waited(other)
    if count:
        subprocess.Popen = SparePopen
    return None


def _waited(channel: socket.socket) -> Request:
    """What this process is to be; it ends where it is needed no more."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)
    request, files = receive(channel)
    if request is None:
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    become(request, files)
    channel.send(b"1")
    channel.close()
    return request


def run_program(command: list[str]) -> None:
    """As a new interpreter would."""
    by_python = command[0] == sys.executable
    at = _module_at(command) if by_python else None
    if at is None:
        sys.argv = command[1:] if by_python else list(command)
        sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
        runpy.run_path(sys.argv[0], run_name="__main__")
        return
    options = command[2:at:2]
    sys.warnoptions.extend(options)
    warnings._processoptions(options)
    sys.argv, sys.path[0] = command[at + 1 :], os.getcwd()  # noqa: PTH109
    runpy.run_module(command[at + 1], run_name="__main__", alter_sys=True)


def main(number: int) -> None:
    """Load the libraries and serve."""
    # What libraries say of themselves when they are loaded is none of the programs' output.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    request = Server(socket.socket(fileno=number)).serve()
    while request is not None:
        child = hold_spares(request.spares)
        if child is None:
            run_program(request.command)
            return
        request = child


if __name__ == "__main__":
    main(int(sys.argv[1]))
