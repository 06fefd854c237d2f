"""Figures of money: from a balance over time, the same way for every variant.

Returns are daily, end of day to end of day, 365 days a year, with freqtrade's own functions.
Calmar is the yearly growth over the largest drawdown (Young, Calmar ratio: a smoother tool, 1991).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.data import metrics
from scipy import stats


EULER = 0.5772156649015329
YEAR = 365
CANDLE = pd.Timedelta(minutes=5)
Figures = dict[str, Any]


def balance_figures(balance: pd.DataFrame) -> Figures:
    """Profit, CAGR, Sharpe, Sortino, Calmar and maximum drawdown of a balance.

    :param balance: columns ``date`` and ``total_quote``, in order of time
    :return: fractions; None where a figure is not defined, as Sharpe of a balance that never moves
    """
    total = balance["total_quote"].to_numpy(dtype=np.float64)
    days = (balance["date"].iloc[-1] - balance["date"].iloc[0]).total_seconds() / 86400
    if np.ptp(total) == 0:
        nothing = dict.fromkeys(("sharpe", "sortino", "calmar"), None)
        return {"profit": 0.0, "cagr": 0.0, **nothing, "max_drawdown": 0.0}
    cagr = metrics.calculate_cagr(days, total[0], total[-1])
    drawdown = metrics.calculate_max_drawdown_from_balance(balance, relative=True)
    largest = float(drawdown.relative_account_drawdown)
    return {
        "profit": float(total[-1] / total[0] - 1),
        "cagr": float(cagr),
        "sharpe": _defined(metrics.calculate_sharpe_from_balance(balance)),
        "sortino": _defined(metrics.calculate_sortino_from_balance(balance)),
        "calmar": float(cagr / largest) if largest > 0 else None,
        "max_drawdown": largest,
    }


def _defined(ratio: float) -> float | None:
    """Freqtrade says -100 where the deviation is zero."""
    return None if ratio == -100.0 or not math.isfinite(ratio) else float(ratio)


def daily_returns(balance: pd.DataFrame) -> pd.Series:
    """Change of the balance from the end of one day to the end of the next."""
    return balance.set_index("date")["total_quote"].resample("1D").last().pct_change().dropna()


def with_start(balance: pd.DataFrame, begin: pd.Timestamp, money: float) -> pd.DataFrame:
    """Put the money of the beginning one candle before the range.

    It then belongs to the day before, and the first day has a return like any other.

    :param balance: ``date`` and ``total_quote``, at candles of the range
    :param begin: first candle of the range; freqtrade's balance begins with the second
    """
    first = pd.DataFrame({"date": [begin - CANDLE], "total_quote": [money]})
    return pd.concat([first, balance.astype({"total_quote": float})], ignore_index=True)


def deflated_sharpe(returns: pd.Series, trials: int, spread: float) -> float | None:
    """Probability that the true Sharpe ratio is above what the best of many trials shows by luck.

    Bailey and Lopez de Prado, The deflated Sharpe ratio, 2014.

    :param returns: daily
    :param trials: settings that were tried before this one was chosen
    :param spread: standard deviation of the trials' daily Sharpe ratios
    :return: 0 to 1; None where there are too few returns or they never move
    """
    values = returns.to_numpy(dtype=np.float64)
    if len(values) < 10 or values.std() == 0:
        return None
    sharpe = values.mean() / values.std(ddof=1)
    luck = 0.0
    if trials > 1:
        luck = spread * (
            (1 - EULER) * stats.norm.ppf(1 - 1 / trials)
            + EULER * stats.norm.ppf(1 - 1 / (trials * math.e))
        )
    skew, kurtosis = stats.skew(values), stats.kurtosis(values, fisher=False)
    error = math.sqrt(max(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2, 1e-12))
    return float(stats.norm.cdf((sharpe - luck) * math.sqrt(len(values) - 1) / error))


def trial_spread(returns: Sequence[pd.Series]) -> float:
    """Standard deviation of daily Sharpe ratios over the variants, or of pure luck if larger.

    By luck alone the Sharpe ratio of T returns has a standard deviation of one over root T.
    """
    moving = [values for values in returns if len(values) >= 10 and values.std() > 0]
    if not moving:
        return 0.0
    ratios = [float(values.mean() / values.std()) for values in moving]
    return max(float(np.std(ratios)), 1 / math.sqrt(len(moving[0])))
