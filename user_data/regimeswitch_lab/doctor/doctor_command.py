"""``regimeswitch doctor``: is anything wrong with configuration, candles, models or keys?"""

from __future__ import annotations

import argparse
import logging
import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import FINDING, OK, Subparsers, option, refusing


if TYPE_CHECKING:
    from regimeswitch_lab.doctor.findings import Finding
    from regimeswitch_lab.doctor.subject import ExaminedBot

CLASSES = {"strategy": "strategy", "freqaimodel": "FreqAI model"}
"""What freqtrade's command line may name instead of the config."""
COLOURS = {"serious": "bold red", "warning": "yellow", "info": "cyan"}


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="what is wrong with configuration, candles, models and keys",
        description="Look at settings, freqtrade's configuration, candles, labels, regimes, "
        "models, threads, secrets and the machine. Each finding comes with a fix. The network "
        "is asked with --online only.",
    )
    option(parser, "--config")
    for name, what in CLASSES.items():
        parser.add_argument(f"--{name}", help=f"{what} of the bot's command line (the config's)")
        parser.add_argument(f"--{name}-path", help=f"another folder of the {what}")
    option(parser, "--userdir")
    option(parser, "--datadir", help="candles (USERDIR/data/binance)")
    option(parser, "--pairs", help="e.g. BTC/USDT ETH/USDT (default: the config's)")
    option(
        parser,
        "--ledger",
        nargs="+",
        help="of trials, where `prove --utility` noted its proofs (trials.jsonl here and in "
        "USERDIR)",
    )
    parser.add_argument(
        "--online",
        action="store_true",
        help="ask the exchange: clock, used weight, rights of the key",
    )
    option(parser, "--export", help="write findings and figures as JSON")
    parser.set_defaults(run=run)


@refusing("doctor", InputError, OSError)
def run(args: argparse.Namespace) -> int:
    """Examine; 0 when nothing is serious, 1 when something is, 2 on bad usage."""
    console = Console(stderr=True)
    findings, figures = examined(args, console)
    if args.export:
        write_json(args.export, figures)
    _print(findings)
    _print_release(figures["freqtrade"])
    return FINDING if figures["counts"]["serious"] else OK


def examined(args: argparse.Namespace, console: Console) -> tuple[list[Finding], dict[str, Any]]:
    """All findings, the worst first, and the figures as exported."""
    from regimeswitch_lab.confidential import hidden
    from regimeswitch_lab.doctor.causes import joined, without_consequences
    from regimeswitch_lab.doctor.findings import SEVERITIES, ordered

    subject = subject_of(args)
    level = logging.getLogger("freqtrade").level
    # What freqtrade says while it reads a configuration is found here as findings.
    logging.getLogger("freqtrade").setLevel(logging.CRITICAL + 1)
    try:
        findings, measured = _all_findings(subject, console, online=args.online)
    finally:
        logging.getLogger("freqtrade").setLevel(level)
    findings = ordered(joined(without_consequences(findings)))
    findings = [
        finding.changed(partial(hidden, config=subject.config.merged)) for finding in findings
    ]
    counts = Counter(finding.severity for finding in findings)
    return findings, {
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "freqtrade": release_of(),
        "findings": [finding.figures() for finding in findings],
        **measured,
    }


def _all_findings(
    subject: ExaminedBot, console: Console, *, online: bool
) -> tuple[list[Finding], dict[str, Any]]:
    from regimeswitch_lab.doctor.checks import MEANING_CHECKS, PLAIN_CHECKS
    from regimeswitch_lab.doctor.config_checks import unreadable

    findings = [one for check in PLAIN_CHECKS for one in check(subject)]
    measured: dict[str, Any] = {"candles": {}, "pairs": {}}
    if subject.config.mistakes or unreadable(subject):
        # What keys mean is known only when freqtrade accepts them: no other check can be made.
        return findings, measured
    findings += [one for check in MEANING_CHECKS for one in check(subject)]
    found, measured = candle_findings(subject, console)
    findings += found
    if online:
        findings += online_findings(subject)
    return findings, measured


def subject_of(args: argparse.Namespace) -> ExaminedBot:
    """What the command line asks to be examined.

    :raises InputError: when a configuration or a folder cannot be read
    """
    from regimeswitch.bot.trial_ledger import NAME
    from regimeswitch_lab.bot_config import load_bot_config
    from regimeswitch_lab.doctor.subject import ExaminedBot, readable_settings

    config = load_bot_config(args.config, os.environ).with_options(
        {name: getattr(args, name, None) for one in CLASSES for name in (one, f"{one}_path")}
    )
    for name in ("userdir", "datadir"):
        folder = getattr(args, name)
        if folder is not None and folder.exists() and not folder.is_dir():
            raise InputError(f"--{name} {folder} is a file; name a folder")
    if args.datadir is not None and not args.datadir.is_dir():
        raise InputError(f"--datadir {args.datadir} does not exist; name a folder of candle files")
    wrong = [pair for pair in args.pairs or [] if "/" not in pair]
    if wrong:
        raise InputError(f"--pairs {wrong[0]}: write pairs like BTC/USDT")
    return ExaminedBot(
        config=config,
        settings=readable_settings(config.merged.get("regimeswitch")),
        userdir=args.userdir,
        datadir=args.datadir or args.userdir / "data" / "binance",
        pairs=args.pairs or config.pairs,
        datadir_given=args.datadir is not None,
        environment=os.environ,
        in_container=in_container(),
        ledgers=args.ledger or [Path(NAME), args.userdir / NAME],
    )


def in_container() -> bool:
    """Whether this program runs in a container."""
    return Path("/.dockerenv").exists()


def candle_findings(subject: ExaminedBot, console: Console) -> tuple[list[Finding], dict[str, Any]]:
    """Findings in candles, labels and regimes; figures of both by pair."""
    import pandas as pd

    from regimeswitch_lab.doctor import candle_checks, row_checks

    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("candles", total=2)
        files, findings = candle_checks.read_candles(subject)
        progress.update(task, advance=1, description="labels and regimes")
        # Without FreqAI there is no training window to look at.
        learns = subject.part("freqai").get("enabled", False)
        windows = row_checks.windows_of(subject, files) if learns else []
        progress.advance(task)
    findings += candle_checks.check_contents(files)
    findings += candle_checks.check_history(subject, files)
    findings += candle_checks.check_age(files, pd.Timestamp.now(tz="UTC"))
    findings += row_checks.check_labels(windows)
    findings += row_checks.check_regimes(subject, windows)
    return findings, {
        "candles": {file.name: file.figures() for file in files},
        "pairs": {window.pair: window.figures() for window in windows},
    }


def online_findings(subject: ExaminedBot) -> list[Finding]:
    """What the exchange says."""
    from regimeswitch_lab.doctor.online_checks import check_online, client_of

    client = client_of(subject)
    try:
        return list(check_online(subject, client))
    finally:
        client.session.close()


def release_of() -> dict[str, Any]:
    """The installed freqtrade, whether it was tested, and which checks of it fail."""
    from regimeswitch.bot.compatibility import supported

    return {
        "release": supported.releases(),
        "tested": supported.is_tested(),
        "failed": list(supported.misfits_by_check()),
    }


def _print_release(found: dict[str, Any]) -> None:
    text = "tested with this release" if found["tested"] else "not tested with this release"
    if found["failed"]:
        text = f"does not fit: {', '.join(found['failed'])}"
    Console().print(f"{found['release']}: {text}", highlight=False, markup=False)


def _print(findings: list[Finding]) -> None:
    """One block a finding. Nothing is cut or broken, whatever the output is and however wide."""
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    if not findings:
        console.print("Nothing was found.")
        return
    for finding in findings:
        colour = COLOURS[finding.severity]
        console.print(f"[{colour}]{finding.severity}[/] {finding.kind} ", end="")
        console.print(finding.where, style="bold", markup=False)
        console.print(f"    {finding.what}", markup=False)
        console.print(f"    fix: {finding.fix}", markup=False)
    counts = Counter(str(finding.severity) for finding in findings)
    text = [f"{counts[severity]} {severity}" for severity in COLOURS if counts[severity]]
    console.print(", ".join(text))
