"""One process of a replay: plain ``freqtrade backtesting``, watched.

Run by the command as ``python -m regimeswitch_lab.replay.backtest_process PLAN.json``.
"""

import sys
from pathlib import Path

from freqtrade.main import main as freqtrade

from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.replay.plan import ReplayPlan
from regimeswitch_lab.replay.records import Recorder
from regimeswitch_lab.replay.sabotage import preparation
from regimeswitch_lab.replay.watch import watch


def main(path: Path) -> None:
    """Run the backtest; the exit code is freqtrade's."""
    plan = ReplayPlan.read(path)
    watch(Recorder(Path(plan.records), last_row=False), preparation(plan.sabotage))
    with ExchangeServer(plan.market(), limited=False) as server:
        freqtrade([*plan.arguments, "--config", str(plan.exchange_overlay(server.url))])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
