"""Judges a run of the simulation from outside: account, database, journal, and messages."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from regimeswitch.bot.orders.journal import OPEN
from regimeswitch_lab.exchange.account.decimals import ZERO
from regimeswitch_lab.exchange.faults.fault_rules import UNSEEN, Fault
from regimeswitch_lab.fault_matrix.cases import CANDLE
from regimeswitch_lab.fault_matrix.cases_changes import GROW, SHRINK
from regimeswitch_lab.fault_matrix.judge import OURS, judge_books, judge_watched
from regimeswitch_lab.fault_matrix.scene import BASES
from regimeswitch_lab.fault_matrix.schedule import EVERY, LAST, OFFSET, Schedule
from regimeswitch_lab.fault_matrix.simulate import BEGIN_MS, STAKE, SimulationEvidence
from regimeswitch_lab.fault_matrix.traces import Row, moment, read_database, read_truth
from regimeswitch_lab.fault_matrix.verdict import CaseVerdict


SMALLEST = Decimal(5)
"""Value that an order must have; less cannot be sold."""
NAMED = ("belong", "unmanaged", "look after", "in no trade")
"""Words of the notices about coins that belong to no trade."""


def judge_run(schedule: Schedule, traces: SimulationEvidence, candles: Path) -> CaseVerdict:
    """The verdict on a schedule.

    :param candles: that it was run on
    """
    verdict = CaseVerdict(f"simulation seed {schedule.seed}", schedule=str(schedule))
    if traces.died:
        verdict.why.append(f"the bot died: {traces.died}")
    trades, orders = read_database(traces.database)
    assert traces.trading is not None
    judge_books(verdict, traces.trading, trades, orders, traces.log)
    _judge_stakes(verdict, traces, schedule)
    _judge_held(verdict, traces, trades)
    _judge_journal(verdict, traces)
    _judge_slots(verdict, traces, trades)
    _judge_changes(verdict, schedule, trades, orders)
    _judge_tags(verdict, schedule, traces, trades, orders, candles)
    judge_watched(verdict, traces)
    return verdict


def _judge_stakes(verdict: CaseVerdict, traces: SimulationEvidence, schedule: Schedule) -> None:
    """No pair is ever held with more than one stake and what it grows by."""
    assert traces.trading is not None
    held: dict[str, Decimal] = defaultdict(Decimal)
    stake = STAKE * (1 + sum(Decimal(str(share)) for _, share in schedule.changes if share > 0))
    most, doubled = Decimal("1.02") * stake + SMALLEST, set()
    moves = sorted(traces.trading.settling.trades, key=lambda one: (one.time, one.order_id))
    gone = sorted(traces.gone, key=lambda one: one[0])
    for trade in moves:
        while gone and gone[0][0] <= trade.time:
            _, symbol, amount = gone.pop(0)
            held[symbol] -= amount
        held[trade.symbol] += trade.quantity if trade.buys else -trade.quantity
        value = held[trade.symbol] * trade.price
        if trade.buys and value > most and trade.order_id not in doubled:
            doubled.add(trade.order_id)
            text = (
                f"buy order {trade.order_id} of {trade.symbol} made the position {value:.2f} USDT"
            )
            verdict.find("duplicate_orders", f"{text}, where {stake:f} are wanted at most")


def _judge_held(verdict: CaseVerdict, traces: SimulationEvidence, trades: list[Row]) -> None:
    """Coins that no open trade owns are notified."""
    assert traces.trading is not None
    account, market = traces.trading.account, traces.trading.market
    for base in BASES:
        owned = sum(
            Decimal(str(row["amount"] or 0))
            for row in trades
            if row["is_open"] and row["pair"] == f"{base}/USDT"
        )
        held = account.free.get(base, ZERO) + account.locked.get(base, ZERO)
        price = Decimal(str(market.moment(f"{base}USDT").day.last))
        if (held - owned) * price <= SMALLEST:
            continue
        lines = [line for line in traces.log.splitlines() if OURS in line and base in line]
        if not any(word in line for line in lines for word in NAMED):
            text = f"{held - owned:f} {base} in the account belong to no trade, without a notice"
            verdict.find("orphans_unreported", text)


def _judge_journal(verdict: CaseVerdict, traces: SimulationEvidence) -> None:
    """The journal knows every order by its id, and nothing is left to do."""
    assert traces.trading is not None
    orders = traces.trading.settling.orders
    for path in traces.database.parent.glob("user_data/regimeswitch-orders-*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT client_id, state, order_id FROM orders").fetchall()
        written = {client_id: (state, order_id) for client_id, state, order_id in rows}
        for order in orders.values():
            state, order_id = written.get(order.client_id, ("", ""))
            if not state:
                verdict.find("lost_trades", f"order {order.id} is not in the journal")
            elif order_id and order_id != str(order.id):
                text = f"order {order.id} has number {order_id} in the journal"
                verdict.find("lost_trades", text)
        left = [name for name, (state, _) in written.items() if state in OPEN]
        if left:
            verdict.why.append(f"the journal still waits for {', '.join(sorted(left))}")


def _judge_slots(verdict: CaseVerdict, traces: SimulationEvidence, trades: list[Row]) -> None:
    """Everything is closed in the end, and the last slot was traded as usual."""
    assert traces.trading is not None
    for row in trades:
        if row["is_open"]:
            text = f"trade {row['id']} of {row['pair']} with {row['amount']} was never closed"
            verdict.find("lost_trades", text)
    begins = BEGIN_MS + (OFFSET + LAST * EVERY) * 1000
    bought = {
        one.symbol
        for one in traces.trading.settling.orders.values()
        if one.buys and one.executed and begins <= one.created < begins + CANDLE * 1000
    }
    for base in BASES:
        if f"{base}USDT" not in bought:
            verdict.why.append(f"no entry of {base}/USDT in the last slot, which nothing troubled")


def _judge_changes(
    verdict: CaseVerdict, schedule: Schedule, trades: list[Row], orders: list[Row]
) -> None:
    """No trade was changed more often than wanted, and those of the last slot as often."""
    wanted = len(schedule.changes)
    # A stop that was placed in this loop is waited for, and the next change may be due by then.
    least = min(wanted, 1) if schedule.stop else wanted
    begins = (BEGIN_MS + (OFFSET + LAST * EVERY) * 1000) / 1000
    for row in trades if wanted else []:
        made = sum(
            bool(one["filled"]) and one["ft_order_tag"] in (GROW, SHRINK)
            for one in orders
            if one["ft_trade_id"] == row["id"]
        )
        last = moment(row["open_date"]).timestamp() >= begins
        if made > wanted or (last and made < least):
            text = f"trade {row['id']} of {row['pair']} was changed {made} times"
            verdict.find("duplicate_orders", text, max(made - wanted, 0))


def _judge_tags(
    verdict: CaseVerdict,
    schedule: Schedule,
    traces: SimulationEvidence,
    trades: list[Row],
    orders: list[Row],
    candles: Path,
) -> None:
    """Every trade was decided on the candle that had closed last, as it really was."""
    assert traces.trading is not None
    truth = read_truth(candles)
    late = [
        one.seconds for one in schedule.troubles if isinstance(one, Fault) and one.kind == UNSEEN
    ]
    for row in trades:
        mine = [one for one in orders if one["ft_trade_id"] == row["id"] and one["side"] == "buy"]
        real = [traces.trading.settling.orders.get(int(one["order_id"])) for one in mine]
        sent = min((one.created for one in real if one is not None), default=0) // 1000
        if not sent:
            continue
        first, *prices = (row["enter_tag"] or "0").split()
        if first == GROW:
            # An addition that showed up after its trade was closed.
            continue
        age = sent - int(first) - CANDLE
        right = truth.get((row["pair"], int(first))) == [float(one) for one in prices]
        if not right or not 0 <= age <= CANDLE + max(late, default=0):
            text = (
                f"trade {row['id']} of {row['pair']} was decided on {row['enter_tag']!r} at {sent}"
            )
            verdict.find("trades_on_bad_candles", text)
