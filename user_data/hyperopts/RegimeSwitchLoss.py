"""Hyperopt loss: Sortino ratio of daily profits, less the drawdown, with enough trades."""

import sys
from datetime import datetime
from pathlib import Path


sys.path.append(str(Path(__file__).resolve().parents[1]))

from freqtrade.data.metrics import calculate_max_drawdown, calculate_sortino
from freqtrade.optimize.hyperopt import IHyperOptLoss
from pandas import DataFrame

from regimeswitch.bot.trial_ledger import NAME, append, hashed_section, settings_hash


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
        loss = loss_of(results, trade_count, min_date, max_date, starting_balance)
        if kwargs.get("config") is not None:
            result = {"loss": loss, "trades": trade_count}
            window = f"{min_date:%Y%m%d}-{max_date:%Y%m%d}"
            note(kwargs["config"], kwargs.get("processed") or {}, window, result)
        return loss


def loss_of(results, trade_count, min_date, max_date, starting_balance):
    """The loss itself."""
    if trade_count == 0:
        return NO_TRADES
    sortino = calculate_sortino(results, min_date, max_date, starting_balance)
    enough = min(trade_count / ENOUGH_TRADES, 1.0)
    drawdown = calculate_max_drawdown(
        results, value_col="profit_abs", starting_balance=starting_balance
    ).relative_account_drawdown
    return float(10 * drawdown - sortino * enough)


def note(config, processed, window, result):
    """A line in the ledger of trials of the user folder: each epoch is a trial.

    freqtrade does not say which parameters an epoch has; the candles are known by their numbers and
    sums, because this comes thousands of times.
    """
    given = [hashed_section(config), config.get("freqai"), config.get("timeframe")]
    candles = [[pair, len(frame), float(frame["close"].sum())] for pair, frame in processed.items()]
    ledger = Path(config["user_data_dir"]) / NAME
    hashes = settings_hash(given), settings_hash(candles)
    append(ledger, "hyperopt", *hashes, list(processed), window, result)
