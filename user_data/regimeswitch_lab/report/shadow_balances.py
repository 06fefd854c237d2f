"""What other ways to trade the same candles would have made, as balances beside the account's."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def shadow_balances(
    curves: pd.DataFrame, names: Mapping[str, str], capital: float
) -> dict[str, pd.DataFrame]:
    """Balances that begin with the capital of the account.

    :param curves: worth of one unit, a column for each way to trade, a row for each candle by
        its opening time (UTC), in order; NaN = not known
    :param names: what each column is called on the page; others are left out
    :param capital: stake currency
    :return: ``date`` and ``total_quote`` by name; a curve with fewer than two known rows is left
        out
    """
    found = {}
    for column, name in names.items():
        worth = curves[column].dropna() if column in curves else pd.Series(dtype=float)
        if len(worth) > 1:
            balance = (worth * capital).rename("total_quote").rename_axis("date")
            found[name] = balance.reset_index()
    return found
