"""What it cost to leave a position because its regime ended, and to take it up again soon after.

Had the regime not changed its mind, neither order had been there. What the price did in between,
for or against the account, is in the profits and not here.
"""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from regimeswitch_lab.report.report_source import fills_of


COST_COLUMN = "switching_cost"
BACK_COLUMN = "opened_again"
REGIME_EXIT = "regime_"
"""What the exit reason of a regime that ended begins with."""
SOON = pd.Timedelta("24h")
"""Within which a position that is opened again is the same one."""


def with_switching_costs(
    closed: pd.DataFrame, still_open: pd.DataFrame, slippage: float
) -> pd.DataFrame:
    """Closed trades with what was paid for leaving and taking up the same position.

    A trade counts that a regime's end has closed and whose pair was entered again in the same
    direction within :data:`SOON`. Its cost is the fee of its last order and of the first order of
    the next trade, and ``slippage`` of the value of both.

    :param closed: of :func:`regimeswitch_lab.report.report_source.closed_trades`, as ``still_open``
    :param slippage: price that is lost per side, fraction; 0 where it is in the prices of the fills
    :return: ``closed`` with :data:`BACK_COLUMN` (whether it was opened again) and
        :data:`COST_COLUMN` (stake currency, 0 where it was not)
    """
    everything = pd.concat([closed, still_open], ignore_index=True)
    found = closed.assign(**{BACK_COLUMN: False, COST_COLUMN: 0.0})
    # One position of a pair and a direction at a time: the next trade is the one that may count.
    for _, own in everything.groupby(["pair", "is_short"], sort=False):
        in_order = own.sort_values(["open_date", "close_date"], kind="stable")
        for (row, trade), (_, later) in pairwise(in_order.iterrows()):
            if trade["exit_reason"].startswith(REGIME_EXIT) and _is_soon(trade, later):
                found.loc[row, BACK_COLUMN] = True
                found.loc[row, COST_COLUMN] = _cost(trade, later, slippage)
    return found


def _is_soon(trade: pd.Series, later: pd.Series) -> bool:
    return bool(later["open_date"] - trade["close_date"] <= SOON)


def _cost(trade: pd.Series, later: pd.Series, slippage: float) -> float:
    orders = [
        *((fill, trade["fee_close"]) for fill in fills_of(trade["orders"])[-1:]),
        *((fill, later["fee_open"]) for fill in fills_of(later["orders"])[:1]),
    ]
    return sum(fill.amount * fill.price * ((fee or 0.0) + slippage) for fill, fee in orders)
