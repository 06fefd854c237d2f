"""Buying all pairs at the beginning and holding them: the plainest rival."""

from __future__ import annotations

import pandas as pd

from regimeswitch_lab.report.candle_history import Histories


def hold_balance(histories: Histories, capital: float) -> pd.DataFrame | None:
    """Balance of an equal part of the capital in each pair, without costs, never touched.

    Its last value is freqtrade's market change of the range. A pair whose candles begin later is
    cash until then.

    :param capital: stake currency
    :return: ``date`` (opening time of each candle) and ``total_quote`` at its close; None where
        there are no candles
    """
    if not histories.pairs:
        return None
    closes = pd.concat(
        [one.frame.set_index("date")["close"].rename(one.pair) for one in histories.pairs], axis=1
    ).sort_index()
    first = pd.Series({pair: closes[pair].dropna().iloc[0] for pair in closes})
    shares = (closes.ffill() / first).fillna(1.0)
    balance = (shares.mean(axis=1) * capital).rename("total_quote")
    return balance.rename_axis("date").reset_index()
