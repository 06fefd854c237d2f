"""The simulation: seeds are survived with the guards, replay exactly, and are judged truthfully."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from regimeswitch_lab.cli import main
from regimeswitch_lab.exchange.faults.fault_rules import AFTER, BEFORE, ORDER_PATH, UNSEEN, Fault
from regimeswitch_lab.fault_matrix.cases import Transfer
from regimeswitch_lab.fault_matrix.schedule import HOLD, OFFSET, Kill, Schedule, Step, draw
from regimeswitch_lab.fault_matrix.simulation_market import name_of, write_markets
from regimeswitch_lab.fault_matrix.verdict import COUNTS, CaseVerdict


if TYPE_CHECKING:
    from regimeswitch_lab.fault_matrix.simulate import SimulationEvidence

pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

SEEDS = 10


@pytest.fixture(scope="module")
def markets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_markets(tmp_path_factory.mktemp("markets"))


def run(
    schedule: Schedule, home: Path, markets: Path, *, guards: bool = True
) -> tuple[SimulationEvidence, CaseVerdict]:
    # FreqAI warns when it is imported.
    from regimeswitch_lab.fault_matrix.simulate import run_schedule
    from regimeswitch_lab.fault_matrix.simulation_judge import judge_run

    home.mkdir()
    candles = markets / name_of(schedule)
    traces = run_schedule(schedule, home, candles, guards)
    return traces, judge_run(schedule, traces, candles)


def simulated(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and exported figures, everything in this process."""
    export = folder / "figures.json"
    code = main(["faults", "--jobs", "1", "--export", str(export), "--simulate", *arguments])
    return code, json.loads(export.read_text())


@pytest.mark.parametrize("seed", range(1, SEEDS, 2))
def test_two_seeds_are_survived(tmp_path: Path, seed: int) -> None:
    code, figures = simulated(tmp_path, "2", "--seed", str(seed))
    assert figures["failures"] == []
    assert (code, figures["cases"], figures["survived"]) == (0, 2, 2)
    assert {name: figures[name] for name in COUNTS} == dict.fromkeys(COUNTS, 0)


@pytest.mark.parametrize("seed", [74, 95])
def test_clocks_that_were_an_hour_off_cost_no_slot(tmp_path: Path, seed: int) -> None:
    """A ban that began meanwhile; freqtrade's lock of an exit that was made meanwhile."""
    code, figures = simulated(tmp_path, "1", "--seed", str(seed))
    assert (code, figures["failures"]) == (0, [])


def test_without_guards_the_same_trouble_costs_money(tmp_path: Path, markets: Path) -> None:
    lost = Fault("504", "POST", ORDER_PATH, "AAAUSDT", AFTER, times=1, since=290, until=600)
    schedule = Schedule(7, troubles=(lost, Kill("POST", ORDER_PATH, 2, AFTER, 1)))
    _, guarded = run(schedule, tmp_path / "guarded", markets)
    assert guarded.why == []
    _, alone = run(schedule, tmp_path / "alone", markets, guards=False)
    assert alone.counts["duplicate_orders"] >= 1
    assert alone.counts["orphans_unreported"] >= 1
    assert not alone.survived


def test_a_failing_seed_is_printed_as_its_shortest_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, figures = simulated(tmp_path, "1", "--seed", "3", "--without-guards")
    assert (code, figures["survived"]) == (1, 0)
    (failure,) = figures["failures"]
    assert failure["case"] == "simulation seed 3"
    assert failure["schedule"] == str(draw(3))
    assert failure["schedule"] in " ".join(capsys.readouterr().out.split())


# Kills in the start and in the loop, a clock that is off, an answer that takes its time.
TROUBLES = (
    Kill("", "", 9, BEFORE, 0),
    Kill("POST", ORDER_PATH, 3, AFTER, 1),
    Step(400, 900, -20),
    Fault("weight", since=1000, until=1200, seconds=5500.0),
    Fault("time-out", "POST", ORDER_PATH, "BBBUSDT", AFTER, times=1, since=290, until=600),
    Fault("slow", "GET", "/api/v3/klines", times=3, since=600, until=900, seconds=6.0),
)


def test_a_schedule_is_run_the_same_way_again(tmp_path: Path, markets: Path) -> None:
    schedule = Schedule(3, discount=0.001, stop=True, thin=True, troubles=TROUBLES)
    first, verdict = run(schedule, tmp_path / "first", markets)
    second, again = run(schedule, tmp_path / "second", markets)
    assert first.digest == second.digest
    assert [one.client_id for one in orders(first)] == [one.client_id for one in orders(second)]
    assert orders(first) == orders(second)
    assert verdict.why == again.why == []
    killed = [line for line in first.log.splitlines() if "Starting worker" in line]
    assert len(killed) == 3


def orders(traces: SimulationEvidence) -> list[Any]:
    assert traces.trading is not None
    return list(traces.trading.settling.orders.values())


def test_an_exit_that_is_refused_for_long_is_reported_in_time(
    tmp_path: Path, markets: Path
) -> None:
    begins = OFFSET + HOLD - 10
    refused = Fault("-2015", "POST", ORDER_PATH, "AAAUSDT", since=begins, until=begins + 900)
    schedule = Schedule(1, troubles=(refused,))
    traces, verdict = run(schedule, tmp_path / "guarded", markets)
    assert verdict.why == []
    said = [text for text in traces.notices if "exit of AAA/USDT is due and not made" in text]
    assert len(said) == 1
    _, alone = run(schedule, tmp_path / "alone", markets, guards=False)
    assert alone.counts["exits_untold"] == 1
    assert "neither made nor notified in 3 loops" in "; ".join(alone.why)


def test_coins_that_leave_and_orders_that_show_up_late(tmp_path: Path, markets: Path) -> None:
    late = Fault(UNSEEN, "POST", ORDER_PATH, "BBBUSDT", times=1, since=290, until=600, seconds=60)
    schedule = Schedule(2, thin=True, troubles=(late, Transfer(500, "AAA", -0.5)))
    traces, verdict = run(schedule, tmp_path / "guarded", markets)
    assert verdict.why == []
    assert [symbol for _, symbol, _ in traces.gone] == ["AAAUSDT"]
    _, alone = run(schedule, tmp_path / "alone", markets, guards=False)
    assert alone.counts["duplicate_orders"] >= 1
    assert alone.counts["lost_trades"] >= 1
