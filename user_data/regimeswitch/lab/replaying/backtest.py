"""One process of a replay: plain ``freqtrade backtesting``, watched.

Run by the command as ``python -m regimeswitch.lab.replaying.backtest PLAN.json``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from freqtrade.main import main as freqtrade

from regimeswitch.exchange.server import ExchangeServer
from regimeswitch.lab.replaying.plan import Plan, quick_strings
from regimeswitch.lab.replaying.records import Recorder
from regimeswitch.lab.replaying.sabotage import preparation
from regimeswitch.lab.replaying.watch import watch


def main(path: Path) -> None:
    """Run the backtest; the exit code is freqtrade's."""
    plan = Plan.read(path)
    quick_strings()
    watch(Recorder(Path(plan.records), last_row=False), preparation(plan.sabotage))
    with ExchangeServer(plan.market(), limited=False) as server:
        freqtrade([*plan.arguments, "--config", str(plan.exchange_overlay(server.url))])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
