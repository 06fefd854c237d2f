"""Judges a case from outside: the account and its orders against the bot's database and log."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from regimeswitch_lab.exchange.account.account_orders import AccountOrder
from regimeswitch_lab.exchange.account.decimals import UNIT, ZERO
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.fault_rules import ASIDE
from regimeswitch_lab.fault_matrix.cases import CANDLE, Case
from regimeswitch_lab.fault_matrix.cases_changes import AFTERWARDS, GROW, SHRINK, changes_of
from regimeswitch_lab.fault_matrix.cases_exits import GAP
from regimeswitch_lab.fault_matrix.scene import BASES, SLOTS, TROUBLED, slot_begin, slot_of
from regimeswitch_lab.fault_matrix.traces import Evidence, Row, Truth, exact, moment, read_database
from regimeswitch_lab.fault_matrix.verdict import CaseVerdict


OURS = " regimeswitch.bot"
WARNING = re.compile(r"^(\S+ \S+) \S+ (?:WARNING|ERROR|CRITICAL) (.*)$", re.MULTILINE)
FALL_SECONDS = 150
"""How long a position may be held after the price has jumped over its stop."""
LEFT = "coins_left"
"""How the id of such an order begins, in every bot's database."""
DUST = Decimal("0.05")
"""Coins at 100 each, worth the smallest order of 5: what earlier trades may have left over."""


def judge(case: Case, evidence: Evidence) -> CaseVerdict:
    """The verdict on a case."""
    verdict = CaseVerdict(case.name)
    if evidence.died:
        verdict.why.append(f"the bot died: {evidence.died}")
    # A guarded bot listens to no streams; a clock that is off and weight spoil no answer.
    counted = case.scene != "websocket" and any(fault.kind not in ASIDE for fault in case.faults)
    if case.variant == GAP:
        _judge_gap(verdict, evidence)
    if counted and not evidence.injection.hits[0]:
        verdict.why.append("the fault was never met")
    trades, orders = read_database(evidence.database)
    if evidence.trading is not None:
        wanted = _wanted(case)
        _judge_account(verdict, evidence.trading, trades, orders, evidence.log, slot_of, wanted)
    _judge_trades(verdict, case, trades, evidence)
    _judge_changes(verdict, case, trades, orders)
    judge_watched(verdict, evidence)
    return verdict


def judge_watched(verdict: CaseVerdict, evidence: Evidence) -> None:
    """Exits were made or notified, and nothing was asked by a bot that had been asked to wait."""
    for text in evidence.unnotified:
        verdict.find("exits_untold", text)
    for text in evidence.unequal:
        verdict.find("lost_trades", text)
    asked = evidence.injection.during_ban
    if asked:
        listed = ", ".join(f"{count} x {one}" for one, count in Counter(asked).most_common(4))
        verdict.find("requests_during_ban", f"asked during a ban: {listed}", len(asked))


def _judge_gap(verdict: CaseVerdict, evidence: Evidence) -> None:
    """What fell through its stop is sold at once, not when its time has come."""
    fell = slot_begin(TROUBLED).timestamp() + CANDLE
    for row in read_database(evidence.database)[0]:
        if row["pair"] == f"{BASES[0]}/USDT" and slot_of(moment(row["open_date"])) == TROUBLED:
            closed = row["close_date"]
            late = not closed or moment(closed).timestamp() - fell > FALL_SECONDS
            if late:
                verdict.why.append(f"trade {row['id']} of {row['pair']} fell through its stop")


def judge_killed(case: Case, evidence: Evidence) -> CaseVerdict:
    """The verdict on a bot that was killed: account, exchange and database agree."""
    verdict = CaseVerdict(case.name)
    if evidence.died:
        verdict.why.append(evidence.died)
    trades, orders = read_database(evidence.database)
    if not orders:
        verdict.why.append("nothing was ever traded")
    assert evidence.trading is not None
    wanted = _wanted(case)
    _judge_account(verdict, evidence.trading, trades, orders, evidence.log, _short_slot, wanted)
    for row in trades:
        if row["is_open"]:
            verdict.find("lost_trades", f"trade {row['id']} of {row['pair']} was never closed")
    return verdict


def _short_slot(moment: datetime) -> int:
    """The slot of a schedule whose entries are two candles apart."""
    return int(moment.timestamp() // (2 * CANDLE))


def _wanted(case: Case) -> Counter[str]:
    """How many orders of each side a slot has."""
    shares = [share for _, share in changes_of(case.variant)]
    found = Counter(["BUY", "SELL", *("BUY" if share > 0 else "SELL" for share in shares)])
    words = case.variant.split()
    found["SELL"] += GROW in words and AFTERWARDS in words
    return found


def _effective(order: AccountOrder) -> bool:
    """An order that has moved money, or still can."""
    return bool(order.executed) or order.open


def _judge_account(
    verdict: CaseVerdict,
    trading: Trading,
    trades: list[Row],
    orders: list[Row],
    log: str,
    slot: Callable[[datetime], int],
    wanted: Counter[str],
) -> None:
    """Orders that the database does not know, doubles, and money that does not add up."""
    per_slot: Counter[tuple[str, str, int]] = Counter()
    for order in trading.settling.orders.values():
        if order.executed:
            at = datetime.fromtimestamp(order.created / 1000, UTC)
            per_slot[order.symbol, order.side, slot(at)] += 1
    for (symbol, side, number), count in per_slot.items():
        if count > wanted[side]:
            text = f"{count} filled {side} orders of {symbol} in slot {number}"
            text += f", where {wanted[side]} was wanted"
            verdict.find("duplicate_orders", text, count - wanted[side])
    judge_books(verdict, trading, trades, orders, log)


def judge_books(
    verdict: CaseVerdict, trading: Trading, trades: list[Row], orders: list[Row], log: str
) -> None:
    """Account and database agree to the last digit, and what one of them lacks was notified."""
    judge_left(verdict, trading, orders)
    # What is booked as left has no order on the exchange.
    orders = [row for row in orders if not is_left(row)]
    known = {str(row["order_id"]) for row in orders}
    ours = [line for line in log.splitlines() if OURS in line]
    strays = []
    for order in trading.settling.orders.values():
        if str(order.id) in known or not _effective(order):
            continue
        strays.append(order)
        if not any(order.client_id in line or f" {order.id} " in line for line in ours):
            verdict.find("orphans_unreported", f"{_named(order)} is in no trade and in no notice")
    _judge_orders(verdict, trading, orders)
    _judge_wallet(verdict, trading, trades, orders, strays)


def _named(order: AccountOrder) -> str:
    return f"{order.side} order {order.id} of {order.symbol} ({order.executed:f} filled)"


def _judge_orders(verdict: CaseVerdict, trading: Trading, orders: list[Row]) -> None:
    """Every order of the database is the exchange's, to the last digit."""
    for row in orders:
        number = str(row["order_id"])
        order = trading.settling.orders.get(int(number)) if number.isdigit() else None
        if order is None:
            verdict.find("lost_trades", f"order {number} of the database is not the exchange's")
        elif (row["status"] == "open") != order.open or exact(row["filled"]) != order.executed:
            text = f"{_named(order)} is {row['status']} with {row['filled']} in the database"
            verdict.find("lost_trades", text)


def _judge_wallet(
    verdict: CaseVerdict,
    trading: Trading,
    trades: list[Row],
    orders: list[Row],
    strays: list[AccountOrder],
) -> None:
    """The wallet holds what the orders of the database say, to the last digit.

    An order that belongs to no trade is counted by itself: whether it was reported is judged
    elsewhere.
    """
    # With what came in or left without an order.
    balance = {asset: trading.account.deposits.get(asset, ZERO) for asset in ("USDT", *BASES)}
    by_number = {row["id"]: row for row in trades}
    for row in orders:
        base, sign = row["ft_pair"].partition("/")[0], 1 if row["side"] == "buy" else -1
        balance[base] += sign * exact(row["filled"]) - _fee_in_coins(row, by_number)
        balance["USDT"] -= sign * exact(row["cost"]) if row["filled"] else ZERO
    for row in trades:
        balance["USDT"] -= _fee_in_money(row, orders, trading)
    numbers = {order.id for order in strays}
    for trade in trading.settling.trades:
        if trade.order_id in numbers:
            base, sign = trade.symbol.removesuffix("USDT"), 1 if trade.buys else -1
            balance[base] += sign * trade.quantity
            balance["USDT"] -= sign * trade.quote
            balance[trade.fee_asset] -= trade.fee
    for asset, expected in balance.items():
        account = trading.account
        held = account.free.get(asset, ZERO) + account.locked.get(asset, ZERO)
        if held != expected:
            verdict.why.append(f"the account holds {held:f} {asset}, by the orders {expected:f}")


def _fee_in_money(trade: Row, orders: list[Row], trading: Trading) -> Decimal:
    """What the sales of a trade have cost; of several freqtrade writes down the last one's fee."""
    sales = [
        str(row["order_id"])
        for row in orders
        if row["ft_trade_id"] == trade["id"] and row["side"] == "sell" and row["filled"]
    ]
    if len(sales) < 2:
        return exact(trade["fee_close_cost"])
    fees = [one.fee for one in trading.settling.trades if str(one.order_id) in sales]
    return sum(fees, ZERO)


def _fee_in_coins(order: Row, trades: dict[int, Row]) -> Decimal:
    """What an order has cost in coins.

    Where a wallet holds enough that is left over from earlier trades, freqtrade pays a fee of it:
    the trade then keeps its whole amount, and the fee is known by its rate alone. So it is for an
    addition that follows one that was cancelled: freqtrade takes the fee for known, forgets its
    currency, and sells by the wallet in the end.
    """
    if order["ft_fee_base"] is not None or order["side"] != "buy":
        return exact(order["ft_fee_base"])
    trade = trades[order["ft_trade_id"]]
    if trade["fee_open_currency"] not in (order["ft_pair"].partition("/")[0], None):
        return ZERO
    return (exact(order["filled"]) * exact(trade["fee_open"])).quantize(UNIT, ROUND_DOWN)


def _judge_trades(verdict: CaseVerdict, case: Case, trades: list[Row], evidence: Evidence) -> None:
    """One trade a slot, closed in it; nothing on a bad candle; all well after the trouble."""
    slots: Counter[tuple[str, int]] = Counter()
    for row in trades:
        opened = moment(row["open_date"])
        filled = bool(row["amount"]) and row["open_rate"]
        if filled and not _abandoned(row):
            slots[row["pair"], slot_of(opened)] += 1
        _judge_bad(verdict, row, opened, evidence.truth)
        end = slot_begin(slot_of(opened) + 1).timestamp()
        if row["is_open"] and end <= slot_begin(SLOTS - 1).timestamp():
            verdict.find("lost_trades", f"trade {row['id']} of {row['pair']} was never closed")
    for (pair, slot), count in slots.items():
        if count > 1 and case.live is False:
            verdict.find("duplicate_orders", f"{count} trades of {pair} in slot {slot}", count - 1)
    for pair in (f"{base}/USDT" for base in BASES):
        for slot in (0, SLOTS - 1):
            if not slots[pair, slot]:
                verdict.why.append(f"no trade of {pair} in slot {slot}, which nothing troubled")
    _judge_last(verdict, trades)
    _judge_exit(verdict, case, trades)


def _judge_changes(verdict: CaseVerdict, case: Case, trades: list[Row], orders: list[Row]) -> None:
    """What nothing troubled was changed as wanted, and no position more often than that."""
    shares = [share for _, share in changes_of(case.variant)]
    for row in trades if shares else []:
        troubled = slot_of(moment(row["open_date"])) == TROUBLED
        made = [
            one["ft_order_tag"]
            for one in orders
            if one["ft_trade_id"] == row["id"]
            and one["filled"]
            and one["ft_order_tag"] in (GROW, SHRINK)
        ]
        if len(made) > len(shares) or (not troubled and len(made) < len(shares)):
            text = f"trade {row['id']} of {row['pair']} was changed {len(made)} times"
            verdict.why.append(f"{text}, where {len(shares)} was wanted")


def _judge_exit(verdict: CaseVerdict, case: Case, trades: list[Row]) -> None:
    """The troubled trade was closed in time, where the fault is none that may delay an exit."""
    if not case.exit_by:
        return
    latest = slot_begin(TROUBLED) + timedelta(seconds=case.exit_by)
    pair = f"{BASES[0]}/USDT"
    due = [
        row
        for row in trades
        if row["pair"] == pair and slot_of(moment(row["open_date"])) == TROUBLED
    ]
    if not due:
        verdict.why.append(f"no trade of {pair} in the troubled slot")
    for row in due:
        if row["is_open"] or moment(row["close_date"]) > latest:
            verdict.why.append(f"trade {row['id']} of {pair} was not closed by {latest:%H:%M:%S}")


def _abandoned(row: Row) -> bool:
    return row["exit_reason"] == "cancelled" or (row["close_profit"] is None and not row["is_open"])


def _judge_bad(verdict: CaseVerdict, row: Row, opened: datetime, truth: Truth) -> None:
    """A trade was decided on the candle that had closed last, as it really was."""
    first, *prices = (row["enter_tag"] or "0").split()
    if first == GROW:
        # An addition that showed up after its trade was closed.
        return
    begin = int(opened.timestamp()) // CANDLE * CANDLE - CANDLE
    expected = truth.get((row["pair"], begin))
    seen = [float(one) for one in prices]
    if expected is None:
        return
    if int(first) != begin or seen != expected:
        text = f"trade {row['id']} of {row['pair']} was decided on {row['enter_tag']}"
        verdict.find("trades_on_bad_candles", f"{text}, where {begin} {expected} was right")


def _judge_last(verdict: CaseVerdict, trades: list[Row]) -> None:
    """The trades of the last slot are closed as every other."""
    for row in trades:
        if slot_of(moment(row["open_date"])) == SLOTS - 1 and row["is_open"]:
            verdict.why.append(f"trade {row['id']} of {row['pair']} of the last slot is still open")


def is_left(order: Row) -> bool:
    """Whether an order of the database is none, but coins that left the account."""
    return str(order["order_id"]).startswith(f"{LEFT}-")


def judge_left(verdict: CaseVerdict, trading: Trading, orders: list[Row]) -> None:
    """What is booked as left has left, but for dust; what has left of a trade is booked."""
    for base in BASES:
        gone = -trading.account.deposits.get(base, ZERO)
        rows = [row for row in orders if is_left(row) and row["ft_pair"].startswith(f"{base}/")]
        booked = sum((exact(row["filled"]) for row in rows), ZERO)
        if abs(booked - gone) > DUST:
            text = f"{gone:f} {base} left the account, {booked:f} are booked as left"
            verdict.find("lost_trades", text)


def judge_model(
    verdict: CaseVerdict, served: list[bool], trained: list[int], log: str, since: datetime
) -> None:
    """Served in the end by a newer model, and the trouble was notified.

    :param served: whether there was a prediction, by loop
    :param trained: end of the training of the model in use, by loop
    :param since: no trouble began before
    """
    if not any(served[:2]):
        verdict.why.append("nothing was served before the fault")
    if len(served) == 8 and not served[-1]:
        verdict.why.append("nothing is served after the fault")
    if trained and trained[-1] <= trained[0]:
        verdict.why.append("nothing was trained after the fault")
    before, after = warnings_of(log, since)
    if not after - before:
        verdict.why.append("the trouble was not notified")


def warnings_of(log: str, since: datetime) -> tuple[set[str], set[str]]:
    """What a log warns of before a moment and after it, whoever does."""
    found: tuple[set[str], set[str]] = set(), set()
    for at, text in WARNING.findall(log):
        found[at >= f"{since:%Y-%m-%d %H:%M:%S}"].add(text)
    return found
