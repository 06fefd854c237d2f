"""The first screen: what a newcomer asks, answered in sentences from the figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from regimeswitch.settings import REGIME_NAMES
from regimeswitch.settings.modes import POSITION
from regimeswitch_lab.report.candle_history import Histories
from regimeswitch_lab.report.equity import EquityAccount
from regimeswitch_lab.report.formats import money, percent, signed
from regimeswitch_lab.report.regime_table import RegimeTable
from regimeswitch_lab.report.report_metrics import TOTAL, Metrics
from regimeswitch_lab.report.report_source import Source


FEW_TRADES = 30
"""Below it the mean of trades is far from normally distributed, and a few of them decide."""
RARE = 0.001
"""Probabilities below it are not distinguished."""


@dataclass(frozen=True)
class SummaryAnswer:
    """A question and the sentences that answer it."""

    question: str
    sentences: tuple[str, ...]


def summary(
    source: Source,
    account: EquityAccount,
    histories: Histories,
    regimes: Sequence[RegimeTable],
    rows: Sequence[Metrics],
) -> list[SummaryAnswer]:
    """The answers of the first screen.

    :param regimes: statistics of each pair
    :param rows: of the table by regime
    """
    return [
        SummaryAnswer("Did it make money?", tuple(_result(source, account))),
        SummaryAnswer("Against what?", tuple(_against(source, account, histories))),
        SummaryAnswer("In which regime?", tuple(_regimes(source, regimes, rows))),
        SummaryAnswer("Why so few trades?", tuple(_few(source, regimes))),
        SummaryAnswer("Is it real?", tuple(_real(source, histories))),
    ]


def _result(source: Source, account: EquityAccount) -> list[str]:
    final, coin = account.metrics.final, source.currency
    made = "made" if final > source.capital else "lost" if final < source.capital else "kept"
    lines = [
        f"It {made} {percent(abs(account.profit))}: {money(source.capital, coin)} became "
        f"{money(final, coin)} in {source.days} days, with a maximum drawdown of "
        f"{percent(account.metrics.max_drawdown)}."
    ]
    if not account.marked:
        lines.append("A trade counts when it is closed; open positions are not in it.")
    return [*lines, _luck(source)]


def _luck(source: Source) -> str:
    profits = source.trades["profit_abs"]
    number = len(profits)
    if number < 2 or profits.std() == 0:
        return f"Closed trades: {number}, which say nothing about chance."
    chance = float(stats.ttest_1samp(profits, 0.0).pvalue)
    likely = percent(chance, 1) if chance >= RARE else f"below {percent(RARE, 1)}"
    few = f"; {number} trades are too few to tell skill from luck" if number < FEW_TRADES else ""
    return (
        f"{number} closed trades: were their true mean profit zero, one as far from it would come "
        f"by chance with probability {likely} (t-test, as freqtrade's p-value){few}."
    )


def _against(source: Source, account: EquityAccount, histories: Histories) -> list[str]:
    names = [one.pair for one in histories.pairs] or list(source.pairs)
    pairs = f"{len(names)} pairs" if len(names) > 1 else names[0]
    if len(names) < len(source.pairs):
        pairs += f" (of {len(source.pairs)}, those with candles)"
    if account.held_metrics is not None:
        held = account.held_metrics
        ahead = account.profit - held.profit
        verdict = "ahead of" if ahead > 0 else "behind"
        return [
            f"Buying {pairs} at the beginning and holding, without costs: {signed(held.profit)}, "
            f"with a maximum drawdown of {percent(held.max_drawdown)}.",
            f"RegimeSwitch ended {abs(ahead) * 100:.2f} percentage points {verdict} it.",
        ]
    if source.market_change is not None:
        return [f"The mean change of {pairs} was {signed(source.market_change)} (freqtrade's)."]
    return ["Not known: there are no candles of the pairs."]


def _regimes(source: Source, regimes: Sequence[RegimeTable], rows: Sequence[Metrics]) -> list[str]:
    parts = [
        f"{row.name} {row.profit_abs:+,.2f} {source.currency} in {row.trades} trades"
        for row in rows
        if row.name != TOTAL
    ]
    lines = [f"Profit by the regime of the entry: {', '.join(parts) or 'no closed trade'}."]
    if regimes:
        changes = ", ".join(f"{name} {signed(_change(regimes, name), 1)}" for name in REGIME_NAMES)
        lines.append(f"The pairs themselves changed while the regime was on (mean): {changes}.")
    return lines


def _change(regimes: Sequence[RegimeTable], name: str) -> float:
    found = [row.change for table in regimes for row in table.rows if row.regime == name]
    return sum(found) / len(found)


def _few(source: Source, regimes: Sequence[RegimeTable]) -> list[str]:
    number = len(source.trades) + len(source.still_open)
    wanted = source.settings.entries.regimes
    if source.settings.entries.mode != POSITION:
        return [
            f"{number} trades. In signal mode an entry needs a forecast that is proven, strong and "
            "larger than its costs; see the validation and the log."
        ]
    lines = [
        f"{number} trades. A position is opened when a regime of {' or '.join(wanted)} begins and "
        "held until it ends; there is one trade for a stretch of it."
    ]
    if regimes:
        rows = [row for table in regimes for row in table.rows if row.regime in wanted]
        share = sum(row.share for row in rows) / len(regimes)
        lines.append(
            f"The rule said so on {percent(share, 0)} of the candles, in "
            f"{sum(row.stretches for row in rows)} stretches of {len(regimes)} pairs."
        )
    return lines


def _real(source: Source, histories: Histories) -> list[str]:
    lines = []
    if histories.synthetic:
        lines.append(
            "No: the candles are synthetic, made by “regimeswitch market” with regimes to be "
            "found. They show that the parts work together and say nothing about profit."
        )
    elif histories.folder is not None:
        lines.append(f"The candles are those of {histories.folder}.")
    if source.kind == "backtest":
        lines.append(
            "A backtest: orders are filled at the open of the next candle, at the fee given below, "
            "with no slippage beyond it. What comes may be different."
        )
    elif source.config.get("dry_run"):
        lines.append("Paper trading: orders were simulated by freqtrade against market prices.")
    else:
        lines.append("Orders of a live account, as the bot recorded them.")
    return lines
