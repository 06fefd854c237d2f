"""The case of a bot that is killed: an exchange that lives on, and the judgement afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.http.server import ExchangeServer
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.fault_matrix.cases import CANDLE, Case
from regimeswitch_lab.fault_matrix.cases_changes import changes_of
from regimeswitch_lab.fault_matrix.kills import Plan, SharedClock
from regimeswitch_lab.fault_matrix.scene import (
    BEGIN,
    QUIET,
    WALLET,
    configuration,
    write_bot,
    write_candles,
)
from regimeswitch_lab.fault_matrix.traces import Evidence
from regimeswitch_lab.offline.child import run_counting


# More candles than bots that live so short can see.
CANDLES_PER_KILL, CANDLES_AT_LEAST = 30, 400
SCHEDULE = {"every": 2 * CANDLE, "hold": CANDLE}
CHANGE = CANDLE // 2
"""From an entry to the change of the position, where there is one, seconds."""


def killed_case(case: Case, home: Path, guards: bool, progress: Callable[[int], None]) -> Evidence:
    """Kill and start a bot as often as the case says.

    :param progress: called with the number of kills done
    """
    kills, seed = map(int, case.what.split())
    candles = write_candles(home / "candles", QUIET + CANDLES_AT_LEAST + CANDLES_PER_KILL * kills)
    shared = SharedClock(home / "clock")
    shared.set(int(BEGIN.timestamp() * 1000))
    market = Market(CandleStore(candles), shared)
    trading = Trading(market, {"USDT": WALLET})
    keys = (trading.credentials.key, trading.credentials.secret)
    injection = Injection(shared)
    config: dict[str, Any] = configuration(case, guards)
    # A loop before the exit.
    changes = [(CHANGE, share) for _, share in changes_of(case.variant)]
    config["schedule"] |= {**SCHEDULE, "changes": changes}
    with ExchangeServer(market, trading=trading, limited=False) as server:
        bot = write_bot(home, case, server.url, keys, config)
        plan = Plan(
            home=str(home),
            configs=[str(path) for path in bot.configs],
            database=str(bot.database),
            clock=str(home / "clock"),
            kills=kills,
            seed=seed,
        )
        died = _run(plan, home, progress)
    log = home / "bot.log"
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return Evidence(bot.database, text, trading, injection, died)


def _run(plan: Plan, home: Path, progress: Callable[[int], None]) -> str:
    """Let the bots live and die; what went wrong, empty when nothing did."""
    written = plan.write(home / "kills.json")
    module = "regimeswitch_lab.fault_matrix.kills"
    done, code = run_counting(module, written, home / "kills.log", progress)
    return f"a bot died by itself after {done} kills (exit code {code})" if code else ""
