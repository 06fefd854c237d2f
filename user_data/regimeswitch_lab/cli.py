"""The command line ``regimeswitch``: each command is a module ``*_command``.

Exit codes: 0 success, 1 a finding, 2 bad usage or input that cannot be used, 128 + n stopped by
signal n.
"""

import argparse
import difflib
import importlib
import os
import signal
import sys
from collections.abc import Iterable, Sequence

from regimeswitch import __version__
from regimeswitch_lab.kept import kept_by, stopped_line
from regimeswitch_lab.options import USAGE, Subparsers
from regimeswitch_lab.stop_signals import STDERR, Stopped, show_cursor, watched


# Command and module. Only the module that is asked for is imported: freqtrade and the learners
# take seconds to load.
COMMANDS = {
    "offline": "offline.offline_command",
    "dry-run": "offline.dry_run_command",
    "ui": "offline.ui_command",
    "wait": "offline.wait_command",
    "exchange": "commands.serve_command",
    "market": "synthetic.market_command",
    "regimes": "commands.regimes_command",
    "prove": "prove.prove_command",
    "pretrain": "pretrain.pretrain_command",
    "money": "money.money_command",
    "trials": "commands.trials_command",
    "report": "report.report_command",
    "replay": "replay.replay_command",
    "faults": "fault_matrix.faults_command",
    "why": "commands.why_command",
    "orders": "commands.orders_command",
    "schema": "commands.schema_command",
    "contract": "doctor.contract_command",
    "doctor": "doctor.doctor_command",
    "backup": "backup.backup_command",
    "restore": "backup.restore_command",
}


def build_parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the given commands."""
    parser, subparsers = _bare_parser()
    for command in commands:
        importlib.import_module(f"regimeswitch_lab.{COMMANDS[command]}").add_parser(subparsers)
    return parser


def _bare_parser() -> tuple[argparse.ArgumentParser, Subparsers]:
    parser = argparse.ArgumentParser(
        prog="regimeswitch",
        description="Regimes, evidence, markets and an offline exchange for Freqtrade.",
    )
    parser.add_argument("--version", action="version", version=f"regimeswitch {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    return parser, subparsers


def unknown_command(word: str) -> str:
    """What to say of a command that there is not.

    :param word: the first word of the command line
    """
    (near,) = difflib.get_close_matches(word, COMMANDS, n=1) or [""]
    meant = f"did you mean {near}? " if near else ""
    return f"there is no command {word!r}; {meant}the commands: {', '.join(sorted(COMMANDS))}"


def complete() -> None:
    """What a shell asks of argcomplete; answered and ended here when it does ask.

    Only the command that is being written is imported: all of them take seconds.
    """
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    line = os.environ.get("COMP_LINE", "").split()
    named = [word for word in line[1:2] if word in COMMANDS]
    if named:
        parser = build_parser(named)
    else:
        parser, subparsers = _bare_parser()
        for command in COMMANDS:
            subparsers.add_parser(command)
    argcomplete.autocomplete(parser)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    complete()
    words = sys.argv[1:] if argv is None else list(argv)
    known = [word for word in words[:1] if word in COMMANDS]
    if not known and words and not words[0].startswith("-"):
        print(f"regimeswitch: {unknown_command(words[0])}", file=sys.stderr)
        return USAGE
    run = _Run("".join(known))
    try:
        with watched(run.end_at_once) as signals:
            try:
                run.args = build_parser(known or COMMANDS).parse_args(words)
                code = int(run.args.run(run.args))
            except BaseException as error:
                # Whatever it breaks off with once it has been stopped.
                if not signals.number or isinstance(error, Stopped):
                    raise
                raise Stopped(signals.number) from error
        if signals.number:
            run.say(signals.number)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read the output, such as head, has enough; Python would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Stopped as stopped:
        run.say(stopped.number, stopped.kept)
        return 128 + stopped.number


class _Run:
    """One command, for what is said when it is stopped.

    :ivar args: None until the command line has been read
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self.args: argparse.Namespace | None = None

    def say(self, number: int, kept: str = "") -> None:
        """One line on standard error."""
        line = stopped_line(self.command, number, kept or kept_by(self.command, self.args))
        print(line, file=sys.stderr, flush=True)

    def end_at_once(self, number: int) -> None:
        """The same, where the main thread may hold the stream."""
        show_cursor()
        line = stopped_line(self.command, number, kept_by(self.command, self.args))
        os.write(STDERR, f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
