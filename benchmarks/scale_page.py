"""The figures of ``docs/scale.md``: each part of the page that was measured is written again.

Between ``<!-- measured: NAME -->`` and ``<!-- end -->`` stands what an export says; the rest of the
page is written by hand. A part that the export does not have stays as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.growth import line, projected
from benchmarks.sides import PRODUCT, REGULARISED, RIVALS, STOCK, STOCK_63


NAMES = {
    PRODUCT: "RegimeSwitch",
    STOCK: "stock",
    STOCK_63: "stock, 63 bins",
    REGULARISED: "regularised",
}
FAR = 500
"""Pairs that the page looks ahead to."""
LOOP_SECONDS = 60
"""Of the 300 of a candle, after which a signal counts as late."""
DAY_SECONDS = 86_400
Measured = Mapping[str, Any]


def write_page(path: Path, figures: Measured) -> None:
    """Put the figures of an export into the page.

    :param figures: as exported
    :raises ValueError: when the page has no place for a part that was measured
    """
    text = path.read_text(encoding="utf-8")
    for name, details in figures["details"].items():
        begin, end = f"<!-- measured: {name} -->\n", "<!-- end -->"
        if text.count(begin) != 1:
            raise ValueError(f'{path}: "{begin.strip()}" must be there once')
        before, _, after = text.partition(begin)
        made = "\n".join([*SECTIONS[name](details), "", _origin(name, figures)])
        text = f"{before}{begin}\n{made}\n\n{end}{after.partition(end)[2]}"
    path.write_text(text, encoding="utf-8")


def _origin(name: str, figures: Measured) -> str:
    where = figures["machine"]
    quick = {"full": "", "quick": " QUICK=1"}.get(figures["size"], f" (size {figures['size']})")
    return (
        f"`make bench PARTS={name}{quick}`, {where['date']}: RegimeSwitch {where['regimeswitch']} "
        f"({where['commit']}), freqtrade {where['freqtrade']}, LightGBM {where['lightgbm']},\n"
        f"Python {where['python']}, {where['cores']} cores, {where['processor']}; load of the "
        f"machine up to {figures['details'][name]['highest_load']:.1f}."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def _costs(costs: Mapping[str, float], ratios: Mapping[str, float]) -> list[str]:
    """Seconds of the product, then those of each rival with the ratio to it."""
    rivals = [side for side in RIVALS if side in ratios]
    own = f"{costs[PRODUCT]:,.2f}"
    return [own, *(f"{costs[side]:,.2f} ({ratios[side]:.2f})" for side in rivals)]


def _rivals(ratios: Mapping[str, float]) -> list[str]:
    return [NAMES[side] for side in RIVALS if side in ratios]


def training(found: Measured) -> Iterator[str]:
    """Rounds by pairs, and how they grow."""
    rounds = found["rounds"]
    head = [
        "pairs",
        "rows",
        "RegimeSwitch, s",
        *(f"{one}, s (ratio)" for one in _rivals(rounds[0]["ratios"])),
    ]
    rows = [
        [one["pairs"], f"{one['rows']:,}", *_costs(one["seconds"], one["ratios"])] for one in rounds
    ]
    yield from _table(head, rows)
    yield ""
    fixed, each = line({one["pairs"]: one["seconds"][PRODUCT] for one in rounds})
    powers = found["exponents"]
    yield (
        f"A straight line through these, on {found['train_days']} days: {fixed:,.1f} s and "
        f"{each:,.2f} s for each pair. A round grows with the power\n"
        f"{powers['training_pairs']:.2f} of the number of pairs and, with one pair, with the power "
        f"{powers['training_candles']:.2f} of the rows."
    )


def backtest(found: Measured) -> Iterator[str]:
    """CPU and memory of whole backtests."""
    head = ["", "RegimeSwitch", *(f"{one} (ratio)" for one in _rivals(found["ratios"]))]
    yield from _table(
        head,
        [
            ["CPU, s", *_costs(found["seconds"], found["ratios"])],
            ["peak of memory, MB", *_costs(found["peak_mb"], found["memory_ratios"])],
        ],
    )
    yield ""
    trained = found["pairs"] * found["windows"]
    shipped = found["shipped"]
    cost = found["seconds"][PRODUCT] / trained
    yield (
        f"{found['pairs']} pairs, {found['windows']} windows of a week, trained on "
        f"{found['train_days']} days each: {cost:,.1f} s for each pair and week, start included.\n"
        f"config.json as it is (position mode, which learns the size of the next day): "
        f"{shipped['seconds']:,.2f} s, {shipped['peak_mb']:,.0f} MB."
    )


def live(found: Measured) -> Iterator[str]:
    """Candle and round of bots by pairs, projected."""
    bots = found["bots"]
    head = [
        "pairs",
        "candle, RegimeSwitch",
        "candle, stock (ratio)",
        "whole loop",
        "whole loop, stock (ratio)",
    ]
    head += ["round", "round, stock", "memory, MB", "memory, stock"]
    rows = [
        [
            one["pairs"],
            *_costs(one["analysis_seconds"], one["ratios"]),
            *_costs(one["loop_seconds"], one["loop_ratios"]),
            *(f"{one['round_seconds'][side]:,.1f}" for side in (PRODUCT, STOCK)),
            *(f"{one['peak_mb'][side]:,.0f}" for side in (PRODUCT, STOCK)),
        ]
        for one in bots
    ]
    yield from _table(head, rows)
    yield ""
    powers = found["exponents"]
    yield (
        "CPU seconds. Candle: the analysis of a new candle of all pairs, median of "
        f"{found['candles']} candles and of the runs; whole loop: with what the bot asks the\n"
        f"exchange for; round: every pair trained once on {found['train_days']} days, measured "
        f"once. Candle grows with the power {powers['live_analysis']:.2f} of the number of pairs,\n"
        f"round with {powers['live_round']:.2f}."
    )
    if len(bots) > 2:
        yield from _projection(bots)


def _projection(bots: Sequence[Measured]) -> Iterator[str]:
    loops = {one["pairs"]: one["loop_seconds"][PRODUCT] for one in bots}
    rounds = {one["pairs"]: one["round_seconds"][PRODUCT] for one in bots}
    last = max(loops)
    rows = []
    for name, points in (("whole loop of a candle", loops), ("round", rounds)):
        before = {pairs: cost for pairs, cost in points.items() if pairs != last}
        seen, said = points[last], projected(before, last)
        rows.append(
            [
                name,
                f"{said:,.1f}",
                f"{seen:,.1f}",
                f"{said / seen - 1:+.0%}",
                f"{projected(points, FAR):,.0f}",
            ]
        )
    yield ""
    head = [
        "CPU s",
        f"{last} pairs, from fewer",
        f"{last} pairs, measured",
        "off by",
        f"{FAR} pairs",
    ]
    yield from _table(head, rows)
    fixed, each = line(loops)
    most = int((LOOP_SECONDS - fixed) / each)
    round_fixed, round_each = line(rounds)
    trained = int((DAY_SECONDS - round_fixed) / round_each)
    yield ""
    yield (
        "Straight lines through the points, the error of each in proportion to it. Of two cores "
        f"one trades and one trains: a loop takes {LOOP_SECONDS} s with {most:,} pairs,\n"
        f"a round takes a day of the other core with {trained:,}. So two cores carry "
        f"{min(most, trained):,} pairs, as far as memory allows."
    )


def live_memory(found: Measured) -> Iterator[str]:
    """Peak of memory of a bot."""
    memory, ratio = found["peak_mb"], found["ratios"][STOCK]
    yield (
        f"A bot on paper with {found['pairs']} pairs that starts, trains every pair once on "
        f"{found['train_days']} days and analyses two candles:\n{memory[PRODUCT]:,.0f} MB at most, "
        f"stock {memory[STOCK]:,.0f} MB, ratio {ratio:.2f}."
    )


def labelling(found: Measured) -> Iterator[str]:
    """Seconds of labelling."""
    head = ["candles", "CPU, s"]
    rows = [[f"{one['candles']:,}", f"{one['seconds']:.3f}"] for one in found["by_candles"]]
    yield from _table(head, rows)
    yield ""
    yield (
        f"{found['seconds_per_million']:.3f} s for a million 5-minute candles; grows with the "
        f"power {found['exponents']['labelling_candles']:.2f} of their number."
    )


def exchange(found: Measured) -> Iterator[str]:
    """The embedded exchange under load."""
    rows = [
        [
            title,
            f"{found[f'exchange_{name}']:.2f}",
            f"{found[f'bytes_{name}']:.2f}",
            f"{found['ratios'][name]:.2f}",
        ]
        for title, name in (
            ("CPU of a request, ms", "cpu_ms"),
            ("latency, median, ms", "p50_ms"),
            ("latency, 99th percentile, ms", "p99_ms"),
        )
    ]
    yield from _table(["", "the exchange", "the same bytes", "ratio"], rows)
    yield ""
    yield (
        f"{found['pairs']} pairs, {found['requests_per_second']} requests a second, "
        f"{found['errors']} errors, {found['exchange_mb']:,.0f} MB."
    )


SECTIONS: dict[str, Callable[[Measured], Iterator[str]]] = {
    one.__name__: one for one in (labelling, training, backtest, live, live_memory, exchange)
}
