"""Messages to the people who watch a bot: switches, entries, models, the day; and log lines."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode
from freqtrade.persistence import Trade

from regimeswitch.bot.freqai.columns import TRAINED_COLUMN
from regimeswitch.bot.messages.message import Level, Message
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.messages.sent_file import SentFile
from regimeswitch.bot.trading.daily_summary import day_is_complete, summary_text
from regimeswitch.bot.trading.drift_notices import look_at_drift
from regimeswitch.bot.trading.entry_filters import PASSING, log_reason_shares
from regimeswitch.bot.trading.entry_reasons import ACCOUNT, NO_ANSWER_YET
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.bot.trading.wording import entry_text, model_text, switch_text
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.model.factory import TrainedModel
from regimeswitch.settings import Settings, load_settings
from regimeswitch.settings.message_settings import MessageKind


logger = logging.getLogger(__name__)

RUNNING = (RunMode.DRY_RUN, RunMode.LIVE)
MIN_CHANGE = 0.05
"""Change of a sub-model's weight that is worth a message."""


@contextmanager
def _costing_nothing(what: str) -> Iterator[None]:
    """A message that cannot be made costs no candle, no exit and no entry."""
    try:
        yield
    except Exception:
        # Whatever it is: freqtrade would leave out the pair's candle for it.
        logger.exception(f"no message about it: {what}")


class Notices:
    """Says each thing once; no decision depends on what it remembers.

    Until :meth:`begin` it knows neither settings nor channels: it logs, and sends nothing.
    """

    def __init__(self) -> None:
        self._settings: Settings = load_settings(None)
        self._messenger: Messenger | None = None
        self._sent = SentFile()
        self._told_reason: dict[str, str] = {}
        self._told_bad: dict[str, dict[str, int]] = {}
        self._told_refusal: dict[str, str] = {}
        self._account: dict[str, str] = {}

    def begin(self, strategy: Any, settings: Settings) -> None:
        """A bot starts: from now on messages leave, and none twice. Nothing in a backtest.

        :param strategy: with its data provider
        """
        self._settings = settings
        if strategy.dp.runmode in RUNNING:
            self._messenger = Messenger.of(strategy)
            self._sent = self._messenger.sent

    def _post(self, kind: MessageKind, text: str, pair: str = "") -> None:
        logger.info(f"{pair}: {text}" if pair else text)
        if self._messenger is not None:
            pairs = (pair,) if pair else ()
            self._messenger.post(Message(kind, Level.INFO, text, pairs))

    def regime_switch(self, pair: str, frame: pd.DataFrame, dp: DataProvider) -> None:
        """One message per confirmed switch, in dry-run and live only.

        A switch from before the very first start is noted, not sent; one that happened while the
        bot was away is sent.

        :param frame: analysed candles with ``date``, ``regime`` and ``regime_age``
        """
        if dp.runmode in RUNNING and not frame.empty:
            with _costing_nothing(f"{pair}: regime switch"):
                self._switch(pair, frame)

    def _switch(self, pair: str, frame: pd.DataFrame) -> None:
        switches = np.flatnonzero(frame["regime_age"] == 0)
        row = int(switches[-1]) if len(switches) else -1
        when = int(frame["date"].iloc[row].timestamp()) if row >= 0 else 0
        key = f"switch {pair}"
        known = self._sent.mark(key)
        known = known if isinstance(known, int) else None
        if known is None or when > known:
            self._sent.put_mark(key, when)
        if known is None or when <= known or row == 0:
            return
        trades = Trade.get_trades_proxy(pair=pair, is_open=True) if self._messenger else []
        length = frame["date"].diff().iloc[-1].to_pytimedelta()
        text = switch_text(frame, row, length, self._settings, list(trades))
        self._post("regime_switch", text, pair)

    def model(self, pair: str, frame: pd.DataFrame, model: TrainedModel | None) -> None:
        """First model ready, weights of sub-models that have changed; once for all its pairs.

        :param frame: analysed candles
        :param model: that serves the pair now; None = there is none yet
        """
        if self._messenger is not None and model is not None and TRAINED_COLUMN in frame:
            with _costing_nothing(f"{pair}: model"):
                self._model(pair, frame, model)

    def _model(self, pair: str, frame: pd.DataFrame, model: TrainedModel) -> None:
        trained = float(frame[TRAINED_COLUMN].iloc[-1])
        if not trained > 0:
            return
        weights = {name: round(float(one), 2) for name, one in model.ensemble_.weights_.items()}
        shared = self._settings.models.rows == "shared"
        key = "model" if shared else f"model {pair}"
        known = self._sent.mark(key)
        before = known if isinstance(known, Mapping) else {}
        names = {*weights, *before}
        changes = (abs(weights.get(name, 0.0) - before.get(name, 0.0)) for name in names)
        if known is not None and max(changes, default=0.0) < MIN_CHANGE:
            return
        self._sent.put_mark(key, weights)
        self._post("model", model_text(trained, weights, before), "" if shared else pair)

    def drift(self, pair: str, frame: pd.DataFrame, worst: Sequence[str]) -> None:
        """Limits of age and drift that the serving model has passed, in dry-run and live only.

        :param frame: analysed candles
        :param worst: features that have shifted most, by name
        """
        if self._messenger is not None:
            with _costing_nothing(f"{pair}: drift"):
                alarms = self._messenger.alarms("model")
                look_at_drift(alarms, pair, frame, self._settings.drift, worst)

    def loop(self, strategy: Any, equity: float | None, now: datetime) -> None:
        """Once in each loop: the summary of a day that is over.

        :param equity: marked, stake currency; None = not known yet
        :param now: UTC
        """
        if self._messenger is not None and equity is not None:
            with _costing_nothing("daily summary"):
                self._day(strategy, equity, now)

    def _day(self, strategy: Any, equity: float, now: datetime) -> None:
        day = now.astimezone(UTC).date() - timedelta(days=1)
        known = self._sent.mark("summary")
        if not isinstance(known, Mapping) or not {"day", "equity"} <= set(known):
            # The very first start: the day before was not this bot's.
            self._sent.put_mark("summary", {"day": str(day), "equity": equity})
            return
        if known["day"] == str(day):
            return
        length = timedelta(seconds=timeframe_seconds(strategy.timeframe))
        pairs = strategy.dp.current_whitelist()
        frames = {
            pair: strategy.dp.get_analyzed_dataframe(pair, strategy.timeframe)[0] for pair in pairs
        }
        if not day_is_complete(frames, length, now):
            return
        worth = (equity, float(known["equity"]), str(known["day"]))
        text = summary_text(day, frames, length, worth, strategy.config["stake_currency"])
        self._sent.put_mark("summary", {"day": str(day), "equity": equity})
        self._post("daily_summary", text)

    def no_trade(self, pair: str, reasons: pd.Series, dp: DataProvider) -> None:
        """Log why no position is opened: live once per change, in a backtest the shares.

        A wanted entry that the account keeps out is a message as well.

        :param reasons: of :mod:`regimeswitch.bot.trading.entry_filters`, in a running bot with
            those of :class:`regimeswitch.bot.trading.account_reasons.AccountReasons`
        """
        if reasons.empty:
            return
        if dp.runmode not in RUNNING:
            log_reason_shares(pair, reasons)
            return
        last = str(reasons.iloc[-1])
        if last == NO_ANSWER_YET:
            return
        # What comes and goes with every candle counts as being ready to trade.
        reason = "" if last in PASSING else last
        if self._told_reason.get(pair) != reason:
            self._told_reason[pair] = reason
            logger.info(f"{pair}: {f'no entry: {reason}' if reason else 'ready to trade'}")
        self._account_refuses(pair, reason)

    def _account_refuses(self, pair: str, reason: str) -> None:
        """One message per reason, not per pair; guards and loss limits have messages of their own.

        :param reason: of the newest candle
        """
        known = self._account.pop(pair, "")
        if not reason.startswith(ACCOUNT):
            return
        repeated = known == reason or reason in self._account.values()
        self._account[pair] = reason
        if not repeated:
            self._post("entry", f"no entry: {reason.removeprefix(ACCOUNT)}", pair)

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
        text = f"{'forced entry' if forced else 'entry'} not made: {reason}"
        if forced:
            self._post("entry", text, pair)
        else:
            logger.info(f"{pair}: {text}")

    def entered(
        self, pair: str, record: EntryRecord, dp: DataProvider, price: float = math.nan
    ) -> None:
        """What freqtrade's own message of an entry lacks: weight, forecast, stop, what ends it.

        :param record: of the entry
        :param price: of the entry
        """
        if dp.runmode in RUNNING:
            with _costing_nothing(f"{pair}: entry"):
                self._post("entry", entry_text(record, price, self._settings), pair)

    def bad_candles(self, pair: str, timeframe: str, bad: pd.DataFrame) -> None:
        """Log how many candles of each kind are kept out, when the counts have changed."""
        found = bad.to_numpy().sum(axis=0).tolist()
        counts = {kind: count for kind, count in zip(bad.columns, found, strict=True) if count}
        if counts == self._told_bad.get(pair, {}):
            return
        self._told_bad[pair] = counts
        listed = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
        logger.info(
            f"{pair} {timeframe}: candles kept out of training and signals: {listed} of {len(bad)}"
        )
