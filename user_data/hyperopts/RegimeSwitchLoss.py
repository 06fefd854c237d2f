"""Hyperopt loss: Sortino ratio of daily profits, less the drawdown, with enough trades."""

from datetime import datetime

from freqtrade.data.metrics import calculate_max_drawdown, calculate_sortino
from freqtrade.optimize.hyperopt import IHyperOptLoss
from pandas import DataFrame


ENOUGH_TRADES = 30
NO_TRADES = 1000.0


class RegimeSwitchLoss(IHyperOptLoss):
    """Smaller is better.

    The Sortino ratio is scaled down when there are fewer than 30 trades, where a good ratio is
    luck more often than not; ten per cent of drawdown weighs as much as one point of the ratio.
    """

    @staticmethod
    def hyperopt_loss_function(
        *,
        results: DataFrame,
        trade_count: int,
        min_date: datetime,
        max_date: datetime,
        starting_balance: float,
        **kwargs,
    ) -> float:
        """Loss of one epoch."""
        if trade_count == 0:
            return NO_TRADES
        sortino = calculate_sortino(results, min_date, max_date, starting_balance)
        enough = min(trade_count / ENOUGH_TRADES, 1.0)
        drawdown = calculate_max_drawdown(
            results, value_col="profit_abs", starting_balance=starting_balance
        ).relative_account_drawdown
        return float(10 * drawdown - sortino * enough)
