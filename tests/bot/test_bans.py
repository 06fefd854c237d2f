"""Bans: kept to whatever happens to clocks, processes and files, and never for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import time_machine

from guarded import ORDER, World, agree, running_world
from regimeswitch.bot.connection import ban_file, silence
from regimeswitch.bot.connection.ban_file import MAX_BAN, Ban, BanFile
from regimeswitch.bot.connection.response_meanings import row
from regimeswitch.bot.connection.responses import Answer
from regimeswitch.bot.connection.silence import Silence
from regimeswitch_lab.exchange.faults.fault_rules import Fault


HOST = "api.binance.com"
NOW = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
DEPTH = "/api/v3/depth"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


@dataclass
class Clocks:
    """The module ``time`` with a clock that is set and one that is not."""

    wall: float = NOW
    steady: float = 5_000.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    found = Clocks()
    for module in (silence, ban_file):
        monkeypatch.setattr(module, "time", found)
    return found


def banned_for(seconds: float, key: str = "418") -> Silence:
    found = Silence()
    found.begin(row(key), seconds, HOST)
    return found


@pytest.mark.parametrize("step", [-3600.0, 3600.0, 10.0**8])
def test_a_clock_that_is_set_neither_lengthens_a_ban_nor_ends_it(
    clocks: Clocks, step: float
) -> None:
    quiet = banned_for(600)
    clocks.wall += step
    clocks.go(599)
    assert quiet.state is not None
    assert not quiet.wants_proof
    clocks.go(1)
    assert quiet.state is None
    assert quiet.wants_proof, "after a ban one small request goes first"


def test_a_pause_for_the_minute_needs_no_ping(clocks: Clocks) -> None:
    quiet = banned_for(30, "429")
    clocks.go(30)
    assert quiet.state is None
    assert not quiet.wants_proof


@pytest.mark.parametrize("seconds", [7 * 86_400.0, 8e9])
def test_an_end_that_cannot_be_meant_is_asked_about_gently(clocks: Clocks, seconds: float) -> None:
    quiet, pauses = Silence(), []
    for _ in range(9):
        quiet.begin(row("418"), seconds, HOST)
        began = clocks.steady
        while quiet.state is not None:
            clocks.go(1)
        pauses.append(clocks.steady - began)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    quiet.begin(row("418"), seconds, HOST)
    assert quiet.state is not None
    assert "which cannot be meant" in quiet.state.message
    assert "exits: cannot leave either" in quiet.state.message


@pytest.mark.parametrize("key", ["403", "451"])
def test_pauses_after_an_answer_without_an_end_grow(clocks: Clocks, key: str) -> None:
    quiet, pauses = Silence(), []
    for _ in range(9):
        quiet.begin(row(key), 1.0, HOST)
        # Requests that were on their way count as one refusal.
        quiet.begin(row(key), 1.0, HOST)
        began = clocks.steady
        while quiet.state is not None:
            clocks.go(1)
        pauses.append(clocks.steady - began)
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    clocks.go(601)
    quiet.begin(row(key), 1.0, HOST)
    clocks.go(10)
    assert quiet.state is None, "what was long ago does not count"


def test_a_ping_without_an_answer_is_not_repeated_at_once(clocks: Clocks) -> None:
    quiet = banned_for(600)
    clocks.go(600)
    quiet.unanswered()
    assert quiet.state is not None
    assert not quiet.wants_proof
    clocks.go(10)
    assert quiet.wants_proof
    quiet.over(HOST)
    assert quiet.state is None
    assert not quiet.wants_proof


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (418, {"Retry-After": "90"}, "", 90),
        (429, {"retry-after": "0"}, "", 1),
        (418, {"Retry-After": "604800"}, "", 604_800),
        (418, {}, "IP banned until 1800000300000", 300),
        # A moment is one of the exchange's clock, which the answer shows.
        (418, {"Date": DATE}, "IP banned until 1800000060000", 60),
        (418, {"Date": DATE, "Retry-After": "Fri, 15 Jan 2027 08:05:00 GMT"}, "", 300),
        (418, {}, "IP banned until 1700000000000", 120),
        (418, {}, "", 120),
        (429, {}, "", 60),
        (429, {"Retry-After": "\u00b2"}, "", 60),
        (429, {"Retry-After": "9" * 5000}, "", 60),
        (418, {"Retry-After": "-5"}, "", 120),
        (418, {}, "IP banned until " + "9" * 18, 1e15 - NOW - 1),
    ],
)
def test_how_long_an_answer_wants_to_be_left_alone(
    status: int, headers: dict[str, str], body: str, seconds: float
) -> None:
    assert Answer.of(status, headers, body).wait(NOW) == pytest.approx(seconds, rel=1e-9)


def test_the_next_process_knows_of_a_ban(clocks: Clocks, tmp_path: Path) -> None:
    quiet = Silence()
    quiet.file = BanFile(tmp_path)
    quiet.begin(row("418"), 600, HOST)
    clocks.go(100)
    ban = BanFile(tmp_path).read(HOST)
    assert ban is not None
    assert (ban.why, ban.left) == ("418", 500)
    assert BanFile(tmp_path).read("fapi.binance.com") is None
    other = Silence()
    other.file = BanFile(tmp_path)
    other.hear_of_others(HOST)
    clocks.go(499)
    assert other.state is not None
    clocks.go(2)
    assert other.state is None
    assert other.wants_proof
    other.over(HOST)
    assert json.loads(other.file.path.read_text()) == {}
    assert {path.name for path in tmp_path.iterdir()} == {ban_file.FILE, ban_file.COUNTS_FILE}


def test_a_ban_of_one_s_own_is_not_heard_of_again(clocks: Clocks, tmp_path: Path) -> None:
    quiet = Silence()
    quiet.file = BanFile(tmp_path)
    quiet.begin(row("418"), 60, HOST)
    clocks.wall -= 3600
    clocks.go(61)
    quiet.hear_of_others(HOST)
    assert quiet.state is None


def test_a_ban_of_another_process_is_taken_once(clocks: Clocks, tmp_path: Path) -> None:
    BanFile(tmp_path).write(HOST, "418", 60)
    clocks.wall -= 3600
    quiet = Silence()
    quiet.file = BanFile(tmp_path)
    quiet.hear_of_others(HOST)
    clocks.go(61)
    quiet.hear_of_others(HOST)
    assert quiet.state is None, "a clock that was set back makes no ban for ever"


@pytest.mark.parametrize("step", [-1e9, 1e9])
def test_a_clock_that_was_set_between_two_processes_costs_one_ban_at_the_most(
    clocks: Clocks, tmp_path: Path, step: float
) -> None:
    BanFile(tmp_path).write(HOST, "418", 600)
    clocks.wall += step
    ban = BanFile(tmp_path).read(HOST)
    assert (ban.left if ban else 0.0) <= 600


GOOD = {"why": "418", "seconds": 1e300, "until": NOW + 1e11, "by": "x"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"{",
        b"[" * 60_000,
        b'{"api.binance.com": 5}',
        b'{"api.binance.com": {"why": 1, "seconds": 1, "until": 1, "by": ""}}',
        b'{"api.binance.com": {"why": "418", "seconds": NaN, "until": 1e999, "by": ""}}',
        b'{"api.binance.com": {"why": "418", "seconds": 9, "until": '
        + b"9" * 400
        + b', "by": ""}}',
        json.dumps({HOST: GOOD}).encode(),
        b" " * 100_000,
        None,
    ],
)
def test_a_file_of_nonsense_bans_nobody_and_breaks_nothing(
    clocks: Clocks, tmp_path: Path, content: bytes | None
) -> None:
    bans = BanFile(tmp_path)
    if content is None:
        bans.path.mkdir()
    else:
        bans.path.write_bytes(content)
    assert bans.read(HOST) is None
    bans.write(HOST, "418", 60)
    assert (BanFile(tmp_path).read(HOST) is None) == (content is None)


def test_no_ban_of_a_file_is_longer_than_the_longest_there_is(
    clocks: Clocks, tmp_path: Path
) -> None:
    bans = BanFile(tmp_path)
    line = {"why": "of another release", "seconds": 1e10, "until": NOW + 1e10, "by": "x"}
    bans.path.write_text(json.dumps({HOST: line}))
    ban = bans.read(HOST)
    assert ban is not None
    assert ban.left == MAX_BAN
    quiet = Silence()
    quiet.file = bans
    quiet.hear_of_others(HOST)
    assert quiet.state is not None
    assert quiet.state.meaning is row("418")


def test_two_hosts_have_a_ban_each_and_what_is_over_is_forgotten(
    clocks: Clocks, tmp_path: Path
) -> None:
    bans = BanFile(tmp_path)
    bans.write(HOST, "418", 60)
    bans.write("fapi.binance.com", "403", 600)
    clocks.go(61)
    bans.write("testnet.binance.vision", "429", 10)
    assert set(json.loads(bans.path.read_text())) == {"fapi.binance.com", "testnet.binance.vision"}


def test_a_folder_that_takes_no_file_costs_no_more_than_the_memory(tmp_path: Path) -> None:
    bans = BanFile(tmp_path / "absent")
    bans.write(HOST, "418", 60)
    bans.remove(HOST)
    assert bans.read(HOST) is None
    assert replace(Ban("418", 60, NOW, "x"), until=0).left == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_bot_whose_clock_is_set_during_a_ban_trades_when_it_is_over(
    world: World, step: float
) -> None:
    # An exit is due in every loop, whatever the clock says.
    world.start(exit_after=-4000)
    world.step()
    world.fail(Fault("418", path=DEPTH, times=1, seconds=60))
    world.step()
    world.set_clock(step)
    world.step(later=30)
    assert world.filled("SELL") == []
    assert world.faults.during_ban == []
    world.step(later=90)
    assert len(world.filled("SELL")) == 1
    assert world.faults.during_ban == []
    agree(world)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["403", "451"])
def test_refusals_without_an_end_are_answered_with_growing_pauses(world: World, kind: str) -> None:
    world.start(exit_after=300)
    world.step()
    world.fail(Fault(kind))
    for seconds in range(60, 720, 60):
        world.step(later=seconds)
    # 138 without the pauses. The first of a loop that meets it, then one ping after each pause.
    assert world.faults.hits[0] <= 9
    told = [text for text in world.messages if f"({kind})" in text]
    assert sum("exits: cannot leave" in text for text in told) == 1
    # The exit has a notice of its own: without a price first, then as due by the last known one.
    assert sum("exit of AAA/USDT is due and not made" in text for text in told) == 1
    assert len(told) == len(set(told)) <= 3
    world.fail()
    world.step(later=1400)
    world.step(later=1800)
    assert len(world.filled("SELL")) == 1
    agree(world)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_refused_order_of_the_firewall_is_one_order_in_the_end(world: World) -> None:
    world.start()
    world.fail(Fault("403", verb="POST", path=ORDER, times=1))
    world.step()
    assert [entry.state for entry in world.journal()] == ["refused"]
    world.step()
    assert len(world.filled("BUY")) == 1
    agree(world)


def test_time_machine_leaves_the_steady_clock_alone() -> None:
    """A moved clock of a test must not be taken for a proof of the above."""
    with time_machine.travel(NOW, tick=False) as clock:
        before = silence.time.monotonic()
        clock.shift(10_000)
        assert silence.time.monotonic() - before < 100
