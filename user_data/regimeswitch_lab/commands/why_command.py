"""``regimeswitch why``: asks a running bot why a pair is not entered, and what would change that.

The bot is asked through its API; nothing is changed in it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from regimeswitch.settings import Settings, SettingsError
from regimeswitch_lab.bot_config import load_bot_config
from regimeswitch_lab.commands.bot_api import BotApi, bot_api
from regimeswitch_lab.commands.pair_standing import COLUMNS_NEEDED, PairStanding, standing_of
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.screen import screen


OK, USAGE = 0, 2
COLUMNS = (
    *("pair", "regime", "since (UTC)", "pending switch", "target weight"),
    *("why no entry", "what would have to change"),
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "why",
        help="ask a running bot why it holds nothing, and what would have to change",
        description="Ask a running bot through its API (api_server) for the regime of each pair, "
        "why it is not entered, and what would have to change.",
    )
    parser.add_argument(
        "--config",
        type=Path,
        nargs="+",
        default=[Path("config.json")],
        help="freqtrade configs, those of the bot (config.json)",
    )
    parser.add_argument("--pair", nargs="+", help="pairs, e.g. BTC/USDT (all of the bot's)")
    parser.add_argument("--api-url", help="address of the API (api_server of the config)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask and print; 2 when there is no answer."""
    try:
        config = load_bot_config(args.config, os.environ)
        settings = config.settings
        api = bot_api(config, args.api_url, os.environ)
        bot = api.ask("show_config")
        found = standings(api, bot, args.pair, settings)
    except (InputError, SettingsError) as error:
        print(f"regimeswitch why: {error}", file=sys.stderr)
        return USAGE
    show(bot, found)
    return OK


def standings(
    api: BotApi, bot: Mapping[str, Any], pairs: list[str] | None, settings: Settings
) -> list[PairStanding]:
    """What the bot knows of each pair.

    :param bot: its answer to ``show_config``
    :param pairs: that are asked for; None = all of the bot's
    :raises InputError: for a pair that the bot does not have, and a strategy without regimes
    """
    if not bot.get("state"):
        raise InputError(f"what answers on {api.url} is a webserver: no bot trades there")
    trades = {trade["pair"]: trade for trade in api.ask("status")}
    known = list(dict.fromkeys([*api.ask("whitelist")["whitelist"], *trades]))
    unknown = [pair for pair in pairs or [] if pair not in known]
    if unknown:
        raise InputError(
            f"--pair {unknown[0]}: not a pair of the bot on {api.url}; it has "
            f"{', '.join(known) or 'none'}"
        )
    timeframe = str(bot["timeframe"])
    # All of a grace period, so that the candles of a pending switch can be counted.
    limit = settings.regime.grace_in(timeframe) + 1
    found = []
    for pair in pairs or known:
        answer = api.ask("pair_candles", pair=pair, timeframe=timeframe, limit=limit)
        rows = [dict(zip(answer["columns"], row, strict=True)) for row in answer["data"]]
        if rows and not rows[-1].keys() >= COLUMNS_NEEDED:
            raise InputError(
                f"the strategy of the bot on {api.url}, {bot.get('strategy')}, has no regimes; "
                "this command asks a bot that runs RegimeSwitchStrategy"
            )
        state = str(bot["state"])
        found.append(standing_of(pair, rows, trades.get(pair), state, settings, timeframe))
    return found


def show(bot: Mapping[str, Any], found: list[PairStanding]) -> None:
    """Print the table."""
    kind = "dry run" if bot["dry_run"] else "live"
    version = bot.get("strategy_version") or "of an unknown version"
    name = bot.get("bot_name") or "the bot"
    table = Table(title=f"{name} ({kind}, {bot['state']}), {bot.get('strategy')} {version}")
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(*one.cells)
    screen().print(table)
