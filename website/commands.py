"""The page of commands, ``docs/commands.md``, from the parsers of the command line.

``python website/commands.py docs/commands.md`` writes it. The text is made here, not by argparse's
help, which differs from one Python to the next.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from regimeswitch_lab.cli import COMMANDS, build_parser


HEAD = """# Commands

`regimeswitch COMMAND --help` prints the same; in a copied bot, which has no such command,
`PYTHONPATH=user_data python -m regimeswitch_lab COMMAND --help`. Exit codes: 0 success, 1 a
finding, 2 bad usage or input that cannot be used, 128 + n stopped by signal n.

This page is written by `make pages` from the command line itself.
"""


def page() -> str:
    """The whole page: a section for each command, in the order of the command line."""
    parser = build_parser(COMMANDS)
    (commands,) = (one for one in actions(parser) if isinstance(one, argparse._SubParsersAction))
    about = {choice.dest: choice.help or "" for choice in commands._get_subactions()}
    sections = [
        "\n".join(section(name, about[name], one)) for name, one in commands.choices.items()
    ]
    return "\n".join([HEAD, *sections]).rstrip() + "\n"


def section(name: str, about: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Lines about one command: what it is for, and a table of its arguments."""
    yield f"## {name}\n"
    yield f"{about[:1].upper()}{about[1:].rstrip('?.')}.\n"
    rows = [row(one) for one in actions(parser) if not isinstance(one, argparse._HelpAction)]
    if rows:
        yield "| argument | what for |"
        yield "|---|---|"
        yield from rows
        yield ""


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Arguments in the order in which they were added; argparse has no public list of them."""
    return parser._actions


def row(action: argparse.Action) -> str:
    """One line of the table; what must be given is marked."""
    names = ", ".join(f"`{f'{name} {value(action)}'.strip()}`" for name in words(action))
    rest = "the command to run, behind `--`" if action.nargs == argparse.REMAINDER else ""
    text = (action.help or rest) % {"default": action.default, "prog": "regimeswitch"}
    must = "**required.** " if action.required and action.option_strings else ""
    return f"| {names} | {must}{text.replace('|', ' or ')} |"


def words(action: argparse.Action) -> list[str]:
    """Names of an option, or nothing but its value for an argument without one."""
    return list(action.option_strings) or [""]


def value(action: argparse.Action) -> str:
    """How the value of an argument is written; empty for a switch."""
    if action.nargs == 0:
        return ""
    if action.choices is not None:
        one = "{" + ",".join(str(choice) for choice in action.choices) + "}"
    else:
        shown = action.metavar if isinstance(action.metavar, str) else None
        one = shown or (action.dest.upper() if action.option_strings else action.dest)
    one = one.replace("|", " or ")
    several = {"+": f"{one} ...", "*": f"[{one} ...]", "?": f"[{one}]", argparse.REMAINDER: "..."}
    return several.get(str(action.nargs), one)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
