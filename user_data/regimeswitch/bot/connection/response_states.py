"""What the bot finds out by itself, as rows like those of the answers."""

from __future__ import annotations

from regimeswitch.bot.connection.response_rows import Meaning


WEIGHT = Meaning(
    "request weight",
    "the minute's weight is nearly used",
    "not carried out where it is kept back; a question about a price or candles of an open "
    "position, an order and an account are sent",
    "wait for the next minute",
    "go on: the last tenth of the weight is for them",
    "in the next minute",
    "request weight {what} is used in this minute",
)
SLOW_ENTRY = Meaning(
    "slow price",
    "no answer about a pair without a position",
    "unknown, and nothing that is asked for changes anything; cut short after "
    "`safety.slow_seconds`",
    "of the pair pause",
    "as usual: nothing is held of the pair",
    "in the next loop",
    "no answer in {seconds} s: {what}",
)
SLOW_EXIT = Meaning(
    "slow answer for an exit",
    "no answer about a pair with a position, or about the account",
    "unknown, and nothing that is asked for changes anything; waited for as long as the exchange "
    "client waits",
    "of the pair pause",
    "of the pair are made once the answer comes; those of other pairs wait for it twice in a "
    "loop at the most",
    "once more in this loop, then in the next",
    "no answer in {seconds} s: {what}",
)
CLOCK = Meaning(
    "clock",
    "this clock differs from the exchange's",
    "carried out: signed requests carry the exchange's time",
    "pause while they differ by more than `safety.clock_drift_seconds`",
    "go on",
    "at once; the difference is measured in every loop",
    "this clock differs from the exchange's by {seconds} s",
)
LATE = Meaning(
    "late candles",
    "the newest closed candle of a pair is missing",
    "-",
    "of the pair pause",
    "go on with the price of the book; those that a new candle would give wait for it",
    "candles are asked for in every loop",
    "{what}",
)
NOT_TRADED = Meaning(
    "pair not traded",
    "the exchange does not list the pair, or lists it on a break",
    "refused, see -1013 market closed",
    "none of the pair",
    "of the pair cannot leave until it is traded again; other pairs as usual",
    "in every loop while one is due",
    "{what} is not traded on the exchange",
    exits_leave=False,
)
STATES = (WEIGHT, SLOW_ENTRY, SLOW_EXIT, CLOCK, LATE, NOT_TRADED)
