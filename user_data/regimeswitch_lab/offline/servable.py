"""Whether the embedded exchange can serve what a freqtrade configuration asks for.

Freqtrade would take pairs that are not served out of its whitelist one by one and end with "No
pair in whitelist", whatever the reason is.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from regimeswitch_lab.bot_config import listed, load_bot_config, section
from regimeswitch_lab.exchange.market.symbols import Symbol
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.freqtrade_arguments import FreqtradeCall, UsageError


WITH_PAIRS = (
    "trade",
    "backtesting",
    "hyperopt",
    "lookahead-analysis",
    "recursive-analysis",
    "test-pairlist",
)
"""Subcommands that end without a pair."""
SPOT = "spot"
STATIC = "StaticPairList"


def config_of_call(call: FreqtradeCall, environment: Mapping[str, str]) -> dict[str, Any]:
    """The configuration of a command, its options on top; empty where freqtrade will refuse it."""
    try:
        config = load_bot_config([Path(name) for name in call.configs], environment).merged
    except InputError:
        return {}
    given = {name: call.options.get(name) for name in ("trading_mode", "stake_currency")}
    config |= {name: value for name, value in given.items() if value}
    if call.options.get("pairs"):
        exchange = {**section(config, "exchange"), "pair_whitelist": call.options["pairs"]}
        config |= {"exchange": exchange}
    return config


def check_mode(config: Mapping[str, Any]) -> None:
    """The embedded exchange is a spot exchange.

    :raises UsageError: for another trading mode
    """
    mode = config.get("trading_mode") or SPOT
    if mode != SPOT:
        raise UsageError(
            f'trading_mode: "{mode}" cannot be served; the embedded exchange is a spot exchange. '
            f'Set it to "{SPOT}"; shorts and leverage cannot be tried offline'
        )


def check_pairs(
    config: Mapping[str, Any], call: FreqtradeCall, symbols: Collection[Symbol], folder: Path
) -> list[str]:
    """Pairs of the whitelist without candles.

    :param symbols: what is served
    :raises UsageError: when none of the whitelist, or nothing of the stake currency, is served
    """
    if call.subcommand not in WITH_PAIRS:
        return []
    stake, quotes = config.get("stake_currency"), sorted({symbol.quote for symbol in symbols})
    if stake and stake not in quotes:
        raise UsageError(
            f'stake_currency: "{stake}" has no candles in {folder}; allowed: {", ".join(quotes)}. '
            "Change it, or name another folder by --datadir"
        )
    served = sorted(f"{symbol.base}/{symbol.quote}" for symbol in symbols)
    wanted = _static_pairs(config)
    missing = [pair for pair in wanted if pair not in served]
    if wanted and len(missing) == len(wanted):
        raise UsageError(
            f"exchange.pair_whitelist: no candles of {', '.join(missing)} in {folder}; allowed: "
            f"{', '.join(served)}. Change the list (or --pairs), or name another folder by "
            "--datadir"
        )
    return missing


def _static_pairs(config: Mapping[str, Any]) -> list[str]:
    """The whitelist, where it is a list of names alone."""
    lists = config.get("pairlists") or [{}]
    first = lists[0].get("method", STATIC) if isinstance(lists[0], Mapping) else ""
    pairs = listed(section(config, "exchange"), "pair_whitelist")
    named = all("/" in pair and not set(pair) & set("*[]()|.^$") for pair in pairs)
    return pairs if first == STATIC and named else []
