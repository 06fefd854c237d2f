"""Schedules of the simulation: data, drawn from a seed, with all kinds of trouble in them."""

from __future__ import annotations

from dataclasses import replace

from regimeswitch_lab.exchange.faults.fault_rules import (
    AFTER,
    BEFORE,
    BREAK,
    CANDLES,
    LIMITS,
    MISSING,
    REFUSALS,
    UNSEEN,
    WEIGHT,
    Fault,
)
from regimeswitch_lab.fault_matrix.cases import Transfer
from regimeswitch_lab.fault_matrix.schedule import (
    END,
    EVERY,
    HOLD,
    LAST,
    OFF,
    OFFSET,
    TROUBLED,
    Kill,
    Schedule,
    Step,
    description,
    draw,
    schedules,
)
from regimeswitch_lab.fault_matrix.simulation_market import name_of


MANY = list(schedules(1, 3000))


def faults(of: list[Schedule]) -> list[Fault]:
    return [one for schedule in of for one in schedule.troubles if isinstance(one, Fault)]


def test_a_seed_is_one_schedule_and_another_seed_is_another() -> None:
    assert [draw(seed) for seed in range(1, 201)] == MANY[:200]
    assert len({replace(one, seed=0) for one in MANY}) > 0.99 * len(MANY)


def test_one_to_three_troubles_at_once_and_up_to_two_kills() -> None:
    for schedule in MANY:
        kills = [one for one in schedule.troubles if isinstance(one, Kill)]
        assert 1 <= len(schedule.troubles) - len(kills) <= 3
        assert len(kills) <= 2


def test_trouble_is_over_long_before_the_last_entries() -> None:
    assert OFF < OFFSET + TROUBLED * EVERY < OFFSET + LAST * EVERY < END
    for schedule in MANY:
        for one in schedule.troubles:
            match one:
                case Fault():
                    assert 0 <= one.since < one.until <= OFF, description(one)
                case Step():
                    assert 0 <= one.at < one.until <= OFF, description(one)
                case Transfer():
                    assert 0 <= one.at <= OFF and one.share < 0, description(one)
                case Kill():
                    assert one.number >= 1


def test_over_many_seeds_everything_occurs() -> None:
    found = faults(MANY)
    kinds = {one.kind for one in found}
    assert {
        *LIMITS,
        *REFUSALS,
        *CANDLES,
        BREAK,
        MISSING,
        UNSEEN,
        WEIGHT,
        "slow",
        "time-out",
    } <= kinds
    assert {one.verb for one in found} == {"", "GET", "POST", "DELETE"}
    assert {one.symbol for one in found} == {"", "AAAUSDT", "BBBUSDT"}
    lost = {(one.verb, one.moment) for one in found if one.kind == "reset" and one.verb}
    assert {("POST", BEFORE), ("POST", AFTER), ("DELETE", BEFORE), ("DELETE", AFTER)} <= lost
    beside = [one for schedule in MANY for one in schedule.troubles if not isinstance(one, Fault)]
    assert {type(one) for one in beside} == {Transfer, Step, Kill}
    assert {one.seconds > 0 for one in beside if isinstance(one, Step)} == {True, False}
    kills = [one for one in beside if isinstance(one, Kill)]
    assert {(one.verb, one.moment) for one in kills} == {
        (verb, moment) for verb in ("", "POST", "DELETE") for moment in (BEFORE, AFTER)
    }
    assert {bool(one.down) for one in kills} == {True, False}
    assert {bool(one.discount) for one in MANY} == {True, False}
    markets = {f"{deep} {falls}".strip() for deep in ("thin", "deep") for falls in MARKETS}
    assert {name_of(one) for one in MANY} == markets
    assert all(one.stop for one in MANY if one.falls)


MARKETS = ("", "slide", "gap")


def test_what_is_refused_was_not_carried_out() -> None:
    """A refusal after the order was accepted would be a lie that no exchange tells."""
    for one in faults(MANY):
        if one.kind in (*REFUSALS, *LIMITS) or one.verb == "GET":
            assert one.moment == BEFORE, description(one)


def test_a_schedule_without_a_trouble_has_the_others() -> None:
    schedule = next(one for one in MANY if len(one.troubles) == 3)
    first, second, third = schedule.troubles
    assert schedule.without(second).troubles == (first, third)
    assert description(second) in str(schedule)
    assert description(second) not in str(schedule.without(second))


def test_the_exchange_gets_the_times_of_its_own_clock() -> None:
    schedule = next(one for one in MANY if faults([one]))
    (first, *_), timed = faults([schedule]), schedule.faults(5_000_000)
    assert timed[0] == replace(
        first, since=5_000_000 + first.since * 1000, until=5_000_000 + first.until * 1000
    )


def test_positions_change_in_most_schedules_and_trouble_meets_the_changes() -> None:
    changed = [one for one in MANY if one.changes]
    assert 0.5 < len(changed) / len(MANY) < 0.7
    shares = {share for schedule in changed for _, share in schedule.changes}
    assert min(shares) < 0 < max(shares)
    schedule = next(one for one in changed if one.changes[0][1] > 0)
    assert "+50% after 100 s" in str(schedule)
    for schedule in changed:
        assert all(seconds < HOLD for seconds, _ in schedule.changes)
