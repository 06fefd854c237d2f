"""Messages to the people who watch a bot: confirmed regime switches, impossible candles."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode

from regimeswitch.bot.trading.entry_filters import PASSING, log_reason_shares
from regimeswitch.bot.trading.trade_context import EntryRecord


logger = logging.getLogger(__name__)


class Notices:
    """Tells each regime switch once, and the count of bad candles once per pair and change.

    What it remembers only keeps it from repeating itself; no decision depends on it.
    """

    def __init__(self) -> None:
        self._told_reason: dict[str, str] = {}
        self._told_switch: dict[str, pd.Timestamp] = {}
        self._told_bad: dict[str, dict[str, int]] = {}
        self._told_refusal: dict[str, str] = {}

    def regime_switch(self, pair: str, frame: pd.DataFrame, dp: DataProvider) -> None:
        """Send one message per confirmed switch, in dry-run and live only.

        A switch that happened before the bot started is noted, not sent.

        :param frame: analysed candles with ``date``, ``regime`` and ``regime_age``
        """
        if dp.runmode not in (RunMode.DRY_RUN, RunMode.LIVE) or frame.empty:
            return
        switches = np.flatnonzero(frame["regime_age"] == 0)
        row = int(switches[-1]) if len(switches) else -1
        when: pd.Timestamp = frame["date"].iloc[row] if row >= 0 else pd.Timestamp(0, tz="UTC")
        known = self._told_switch.get(pair)
        self._told_switch[pair] = when
        if known is None or when <= known:
            return
        before, now = frame["regime"].iloc[row - 1], frame["regime"].iloc[row]
        text = f"{pair}: regime {before} -> {now} at {when:%Y-%m-%d %H:%M} UTC"
        logger.info(text)
        dp.send_msg(text, always_send=True)

    def no_trade(self, pair: str, reasons: pd.Series, dp: DataProvider) -> None:
        """Log why no position is opened: live once per change, in a backtest the shares.

        :param reasons: of :func:`regimeswitch.bot.trading.entry_filters.no_trade_reasons`
        """
        if reasons.empty:
            return
        if dp.runmode not in (RunMode.DRY_RUN, RunMode.LIVE):
            log_reason_shares(pair, reasons)
            return
        last = str(reasons.iloc[-1])
        # What comes and goes with every candle counts as being ready to trade.
        reason = "" if last in PASSING else last
        if self._told_reason.get(pair) != reason:
            self._told_reason[pair] = reason
            logger.info(f"{pair}: {f'stands aside: {reason}' if reason else 'ready to trade'}")

    def entry_refused(self, pair: str, reason: str, forced: bool, dp: DataProvider) -> None:
        """Log why an entry is not made: a signal's once per change, a forced one's every time.

        A forced entry comes from a person, who gets a message as well: freqtrade answers no more
        than "Failed to enter position".

        :param reason: empty where the entry is made
        """
        known = self._told_refusal.get(pair, "")
        self._told_refusal[pair] = reason
        if not reason or (reason == known and not forced):
            return
        text = f"{pair}: {'forced entry' if forced else 'entry'} not made: {reason}"
        logger.info(text)
        if forced:
            dp.send_msg(text, always_send=True)

    def entered(self, pair: str, record: EntryRecord, dp: DataProvider) -> None:
        """Log, in dry-run and live, what the size of a position comes from.

        :param record: of the entry; nothing is said in signal mode, which knows no share of a slot
        """
        if dp.runmode not in (RunMode.DRY_RUN, RunMode.LIVE) or record.weight is None:
            return
        logger.info(
            f"{pair}: entered in {record.regime or 'no known regime'} with {record.share:.2f} of a "
            f"slot; volatility {_percent(record.volatility)} a year, forecast of the next 24 hours "
            f"{_percent(record.forecast)}"
        )

    def bad_candles(self, pair: str, timeframe: str, bad: pd.DataFrame) -> None:
        """Log how many candles of each kind are kept out, when the counts have changed."""
        counts = {kind: int(bad[kind].sum()) for kind in bad.columns if bad[kind].any()}
        if counts == self._told_bad.get(pair, {}):
            return
        self._told_bad[pair] = counts
        listed = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
        logger.info(
            f"{pair} {timeframe}: candles kept out of training and signals: {listed} of {len(bad)}"
        )


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"
