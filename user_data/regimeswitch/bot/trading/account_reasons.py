"""Why a running bot opens nothing although the candle says so: what its account and guards say.

Asked for each candle when it is analysed, before freqtrade tries an entry; nothing is requested
from the exchange for it. What an entry that was tried has been refused for takes its place. What is
kept is only shown: no decision depends on it, and a restart forgets
the reasons of earlier candles.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.exceptions import DependencyException
from freqtrade.persistence import PairLocks, Trade
from numpy.typing import NDArray

from regimeswitch.bot.trading.entry_reasons import (
    ACCOUNT,
    CODE_COLUMN,
    GUARD,
    LIMIT,
    REASON_COLUMN,
    code_of,
)
from regimeswitch.bot.trading.marked_equity import DAILY, PEAK, UNKNOWN_EQUITY, LossLimits
from regimeswitch.bot.trading.reentry import stopped_by
from regimeswitch.bot.trading.stakes import Stakes, Wanted
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.market.candles import timeframe_seconds, utc_times
from regimeswitch.settings import Settings


LIMITS = {
    DAILY: "the loss of the day has reached risk.max_daily_loss",
    PEAK: "the loss from the peak has reached risk.max_drawdown",
    UNKNOWN_EQUITY: "the equity is not known yet",
}
"""Loss limits in words."""


class AccountReasons:
    """Says for the newest candle of each pair what keeps a wanted entry out.

    :param strategy: a running one: gives wallets, exchange and guards
    :param stakes: sizes entries, and so knows caps and money
    :param limits: on losses
    """

    def __init__(
        self, strategy: Any, settings: Settings, stakes: Stakes, limits: LossLimits
    ) -> None:
        self._strategy, self._settings = strategy, settings
        self._stakes, self._limits = stakes, limits
        self._known: dict[str, dict[int, str]] = {}
        self._newest: dict[str, tuple[int, bool]] = {}

    def note(self, pair: str, *, guard: str = "", limit: str = "", account: str = "") -> None:
        """An entry was tried: what has refused it; all empty where it is made.

        :param guard: of :meth:`regimeswitch.bot.guards.Guards.refusal`
        :param limit: of :meth:`regimeswitch.bot.trading.marked_equity.LossLimits.refusal`
        :param account: any other reason
        """
        frame, _ = self._strategy.dp.get_analyzed_dataframe(pair, self._strategy.timeframe)
        if frame.empty or REASON_COLUMN not in frame:
            return
        reason, row = _in_words(guard, limit, account), frame.index[-1]
        self._known.setdefault(pair, {})[int(_milliseconds(frame)[-1])] = reason
        # The very frame that charts are made of: its next candle may be hours away.
        frame.loc[row, REASON_COLUMN] = reason
        frame.loc[row, CODE_COLUMN] = code_of(reason)

    def with_account(self, pair: str, frame: pd.DataFrame, reasons: pd.Series) -> pd.Series:
        """Reasons of the candles, with those of the account where the candles have none.

        :param frame: analysed candles of a running bot, shape (n, ...)
        :param reasons: of the candles, shape (n,); empty where an entry is wanted
        :return: shape (n,); candles that were closed before the bot judged them are left as they
            are
        """
        if frame.empty:
            return reasons
        opened = _milliseconds(frame)
        newest = int(opened[-1])
        wanted = bool(reasons.iloc[-1] == "")
        # A trading bot looks at a candle again once the models have answered.
        if self._newest.get(pair) != (newest, wanted):
            self._newest[pair] = (newest, wanted)
            self._known.setdefault(pair, {})[newest] = self._reason(pair, frame) if wanted else ""
        known = self._known[pair] = self._in_sight(pair, int(opened[0]))
        said = {date: one for date, one in known.items() if one}
        if not said:
            return reasons
        found = reasons.to_numpy(dtype=object, copy=True)
        rows = np.flatnonzero(np.isin(opened, [*said]) & (found == ""))
        found[rows] = [said[date] for date in opened[rows].tolist()]
        return pd.Series(found, reasons.index)

    def _in_sight(self, pair: str, begin: int) -> dict[int, str]:
        """What is kept of a pair, without candles that are not shown any more."""
        return {date: one for date, one in self._known.get(pair, {}).items() if date >= begin}

    def _reason(self, pair: str, frame: pd.DataFrame) -> str:
        """In the order in which freqtrade and the strategy would refuse."""
        length = timedelta(seconds=timeframe_seconds(self._strategy.timeframe))
        now: datetime = frame["date"].iloc[-1].to_pydatetime() + length
        last = frame.iloc[-1]
        short = bool(last.get("enter_short") == 1)
        trades = Trade.get_trades_proxy(is_open=True)
        if any(trade.pair == pair for trade in trades):
            return ""
        return (
            self._slots(len(trades))
            or _lock(pair, now, "short" if short else "long")
            or _in_words(guard=self._strategy.guards.pause(pair))
            or _in_words(limit=self._limits.refusal(now))
            or self._stopped(pair, frame, now)
            or self._stake(pair, frame, now, short)
        )

    def _slots(self, taken: int) -> str:
        slots = self._strategy.config["max_open_trades"]
        if slots < 0 or math.isinf(slots) or taken < slots:
            return ""
        return _in_words(account=f"all {slots:g} slots are taken (max_open_trades)")

    def _stopped(self, pair: str, frame: pd.DataFrame, now: datetime) -> str:
        if not self._strategy.holds:
            return ""
        return _in_words(account=stopped_by(frame, pair, now, self._strategy.timeframe))

    def _stake(self, pair: str, frame: pd.DataFrame, now: datetime, short: bool) -> str:
        strategy = self._strategy
        price = float(frame["close"].iloc[-1])
        exchange = strategy.dp._exchange
        wallets, slots = strategy.wallets, strategy.config["max_open_trades"]
        try:
            proposed = wallets.get_trade_stake_amount(pair, slots, update=False)
        except DependencyException:
            return _in_words(account="no money is free")
        wanted = Wanted(
            pair=pair,
            now=now,
            price=price,
            proposed=proposed,
            least=exchange.get_min_pair_stake_amount(pair, price, strategy.stoploss),
            most=wallets.get_available_stake_amount(),
            tag="",
            short=short,
        )
        record = EntryRecord.of(frame, now, strategy.timeframe, self._settings)
        return _in_words(account=self._stakes.why_none(wanted, record))


def _milliseconds(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Opening times of the candles, since 1970."""
    return utc_times(frame["date"]).view(np.int64)


def _lock(pair: str, now: datetime, side: str) -> str:
    """freqtrade's own locks: after an exit to the end of the candle, by protections, by hand."""
    lock = PairLocks.get_pair_longest_lock(pair, now, side)
    if lock is None:
        lock = PairLocks.get_pair_longest_lock("*", now, side)
    if lock is None:
        return ""
    until = lock.lock_end_time.replace(tzinfo=UTC)
    why = lock.reason or "no reason given"
    return _in_words(account=f"locked until {until:%Y-%m-%d %H:%M} UTC ({why})")


def _in_words(guard: str = "", limit: str = "", account: str = "") -> str:
    """The first that is there, under the name of its kind."""
    if guard:
        return f"{GUARD}{guard}"
    if limit:
        return f"{LIMIT}{LIMITS[limit]}"
    return f"{ACCOUNT}{account}" if account else ""
