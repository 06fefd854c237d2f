"""One message per event: joined over pairs, begun and ended once, and not again after a restart."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from regimeswitch.bot.messages.alerts import CONFIRM, Alarms
from regimeswitch.bot.messages.message import MAX_CHARACTERS, Level, Message, joined
from regimeswitch.bot.messages.sent_file import MAX_EVENTS, SentFile, sent_path


BEGIN = "2025-01-01 00:00+00:00"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(BEGIN, tick=False) as found:
        yield found


class Bot:
    """A process: its states, its loops, and what it has sent."""

    def __init__(self, path: Path | None = None) -> None:
        self.loop, self.sent = 0, []
        self.waiting: list[Message] = []
        self.file = SentFile(path)
        self.alarms = Alarms(self.waiting.append, "outage", self.file, lambda: self.loop)

    def flush(self) -> list[str]:
        """The end of a loop; what left in it."""
        texts = [one.text for one in joined(self.waiting)]
        self.waiting.clear()
        self.loop += 1
        self.file.save()
        return texts


def late(*pairs: str, text: str = "candles are late") -> list[Message]:
    return [Message("outage", Level.WARNING, text, (pair,)) for pair in pairs]


def test_pairs_of_one_event_are_one_line_and_other_events_lines_of_their_own() -> None:
    pairs = [f"C{number}/USDT" for number in range(14)]
    (message,) = joined([*late(*pairs), *late("A/B", text="no candles")])
    first, second, third = message.text.split("\n")
    assert first == "Warning:"
    assert second == f"- {', '.join(pairs[:10])} and 4 more: candles are late"
    assert third == "- A/B: no candles"
    assert message.pairs == (*pairs, "A/B")


def test_kinds_levels_and_ways_out_are_not_joined() -> None:
    messages = [
        Message("outage", Level.WARNING, "one"),
        Message("exit", Level.WARNING, "one"),
        Message("outage", Level.ACTION, "one"),
        Message("outage", Level.WARNING, "one", urgent=True),
    ]
    found = [one.text for one in joined(messages)]
    assert found == ["Warning: one", "Warning: one", "Action needed: one", "Warning: one"]


def test_the_same_is_not_said_twice_in_a_loop() -> None:
    assert [one.text for one in joined(late("A/B", "A/B"))] == ["Warning: A/B: candles are late"]


@given(st.lists(st.tuples(st.sampled_from(["A/B", "C/B", ""]), st.text(max_size=400)), max_size=60))
def test_no_message_is_longer_than_telegram_takes(given_: list[tuple[str, str]]) -> None:
    messages = [
        Message("order", Level.INFO, text, (pair,) if pair else ()) for pair, text in given_
    ]
    found = joined(messages)
    assert len(found) == bool(messages)
    assert all(len(one.text) <= MAX_CHARACTERS + 100 for one in found)


def test_what_is_left_out_is_counted() -> None:
    (message,) = joined([Message("order", Level.INFO, f"order {n}") for n in range(40)])
    assert message.text.endswith("- order 11\n- 28 more, see the log")
    (long,) = joined([Message("order", Level.INFO, "x" * 5000)])
    assert long.text.endswith("x ...")


def test_an_event_of_many_pairs_begins_once_and_ends_with_the_last(
    clock: time_machine.Coordinates,
) -> None:
    bot = Bot()
    for _ in range(3):
        for pair in ("A/B", "C/B"):
            bot.alarms.set(pair, f"{pair}: late")
        assert len(bot.flush()) == (bot.loop == 1)
        clock.shift(300)
    bot.alarms.clear("A/B", "A/B: there again")
    assert bot.flush() == []
    clock.shift(600)
    bot.alarms.clear("C/B", "C/B: there again")
    (over,) = bot.flush()
    since = "(since 2025-01-01 00:00 UTC, for 25 min)"
    assert over == f"Info: A/B, C/B: there again {since}"
    bot.alarms.set("A/B", "A/B: late")
    assert bot.flush() == ["Warning: A/B: late (since 2025-01-01 00:25 UTC)"]


def test_a_later_pair_is_an_event_of_its_own_unless_it_joins() -> None:
    bot = Bot()
    bot.alarms.set("A/B", "A/B: late", cause="late")
    assert len(bot.flush()) == 1
    bot.alarms.set("C/B", "C/B: late", cause="late")
    assert len(bot.flush()) == 1
    bot.alarms.set("D/B", "D/B: late", cause="late", joins=True)
    assert bot.flush() == []
    assert bot.alarms.holds("late")
    bot.alarms.clear("C/B", "C/B: over")
    assert bot.flush() == []
    bot.alarms.clear("A/B", "A/B: over")
    bot.alarms.clear("D/B", "D/B: over")
    assert len(bot.flush()) == 1
    assert not bot.alarms.holds("late")


def test_what_goes_on_for_another_cause_is_another_event() -> None:
    bot = Bot()
    bot.alarms.set("away", "no answer", cause="away")
    bot.alarms.set("A/B", "A/B: late", cause="away", joins=True)
    bot.flush()
    bot.alarms.clear("away", "answers again")
    assert bot.flush() == []
    bot.alarms.set("A/B", "A/B: late", cause="late")
    begin, end = sorted(bot.flush(), reverse=True)
    assert begin.startswith("Warning: A/B: late")
    assert end.startswith("Info: answers again")


def test_a_restart_repeats_no_beginning_and_loses_no_end(
    tmp_path: Path, clock: time_machine.Coordinates
) -> None:
    path = tmp_path / "sent.json"
    first = Bot(path)
    for pair in ("A/B", "C/B"):
        first.alarms.set(pair, f"{pair}: late")
    first.alarms.tell("coins", "coins have left")
    assert len(first.flush()) == 1
    clock.shift(60)
    second = Bot(path)
    assert second.alarms.raised == {"A/B": "A/B: late", "C/B": "C/B: late"}
    second.alarms.set("A/B", "A/B: late")
    second.alarms.tell("coins", "coins have left")
    second.alarms.clear("C/B", "C/B: there again")
    assert second.flush() == []
    third = Bot(path)
    third.alarms.clear("A/B", "A/B: there again")
    (over,) = third.flush()
    assert over.startswith("Info: A/B: there again (since 2025-01-01 00:00 UTC")
    assert Bot(path).alarms.raised == {}


def test_what_is_not_seen_again_after_a_restart_is_dropped_and_may_begin_anew(
    tmp_path: Path, clock: time_machine.Coordinates
) -> None:
    path = tmp_path / "sent.json"
    first = Bot(path)
    first.alarms.set("exit", "exit is due")
    first.flush()
    second = Bot(path)
    clock.shift(CONFIRM + timedelta(seconds=1))
    second.alarms.clear("anything", "is over")
    assert second.flush() == []
    assert second.alarms.raised == {}
    second.alarms.set("exit", "exit is due")
    assert len(second.flush()) == 1


def test_what_has_no_end_is_sent_again_when_it_changes_or_a_day_later(
    clock: time_machine.Coordinates,
) -> None:
    bot = Bot()
    for hours, text, count in ((0, "one", 1), (1, "one", 0), (0, "two", 1), (25, "two", 1)):
        clock.shift(timedelta(hours=hours))
        bot.alarms.tell("key", text)
        assert len(bot.flush()) == count


def test_only_the_newest_events_without_an_end_are_kept(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "sent.json")
    bot.file.put_mark("switch A/B", 1)
    for number in range(MAX_EVENTS + 20):
        bot.alarms.tell(f"order {number}", "has shown up")
    bot.flush()
    again = SentFile(tmp_path / "sent.json")
    assert again.mark("switch A/B") == 1
    assert again.mark("event order 19") is None
    assert again.mark("event order 20") is not None


def test_a_crash_before_the_file_is_written_repeats_one(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "sent.json")
    bot.alarms.set("A/B", "A/B: late")
    again = Bot(tmp_path / "sent.json")
    again.alarms.set("A/B", "A/B: late")
    assert len(again.flush()) == 1


@pytest.mark.parametrize(
    "content", ["", "[]", "{ no", json.dumps({"states": {"a": {"text": 1}, "b": 2}, "marks": 3})]
)
def test_a_file_that_is_none_is_passed_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sent.json"
    path.write_text(content)
    bot = Bot(path)
    assert bot.alarms.raised == {}
    assert bot.file.mark("any") is None
    bot.alarms.set("a", "a state")
    assert len(bot.flush()) == 1
    assert set(SentFile(path).states) >= {"a"}


def test_a_disk_that_is_full_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = SentFile(tmp_path / "away" / "sent.json")
    for number in range(3):
        file.put_mark("key", number)
        file.save()
    assert caplog.text.count("a restart repeats messages") == 1


def test_each_database_has_a_file(tmp_path: Path) -> None:
    same = {
        sent_path(tmp_path, f"sqlite:///{name}")
        for name in ("a.sqlite", Path("a.sqlite").resolve())
    }
    assert len(same) == 1
    assert sent_path(tmp_path, "sqlite:///b.sqlite") not in same


def test_states_of_before_a_bot_are_handed_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    early, bot = Bot(), Bot()
    early.alarms.set("file", "damaged", level=Level.ACTION)
    early.alarms.tell("model A", "A/B: set aside")
    assert not early.alarms.shares(bot.alarms)
    early.alarms.hand_over(bot.alarms.of("model"))
    warning, action = sorted(bot.flush(), reverse=True)
    assert warning == "Warning: A/B: set aside"
    assert action.startswith("Action needed: damaged (since")
    assert bot.alarms.of("model").shares(bot.alarms)
