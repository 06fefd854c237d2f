"""A trading bot's side: the columns of the models from what model bots have sent.

A candle is decided on its own row alone. While that has not arrived, and where it cannot be used,
the pair is without a model: nothing is opened or resized, stops and the exits of the rule go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from regimeswitch.bot.bot_settings import mark_identifier
from regimeswitch.bot.freqai.columns import REFUSAL_COLUMN, SENT_COLUMN
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.model_bots.model_rows import (
    Maker,
    ModelRow,
    model_columns,
    read,
    regime_text,
)
from regimeswitch.bot.trading.entry_reasons import MODEL_BOT, NO_ANSWER_YET
from regimeswitch.market.candles import timeframe_seconds, utc_dates
from regimeswitch.settings import Settings


OTHER_CANDLE = "the model bot has predicted another candle than this bot's"
OTHER_REGIME = "the model bot was in another regime"
YET = NO_ANSWER_YET.removeprefix(MODEL_BOT)
LATE = "the prediction has come too late (bots.max_age_seconds)"
NOT_SENT = "the prediction of this candle was not sent"
NOBODY = "no model bot answers for the pair"


@dataclass(frozen=True)
class _Sent:
    """A row, and who has sent it; None where it cannot be read."""

    producer: str
    row: ModelRow | None


@dataclass
class _Waiting:
    """The newest candle of a pair, without its row.

    :ivar until: when it is looked at again even without one; None = it has been
    """

    date: pd.Timestamp
    until: datetime | None


class ModelAnswers:
    """Predictions of model bots for the candles of a trading bot.

    :param strategy: a running one: gives the data provider, which freqtrade fills in a thread
    """

    def __init__(self, strategy: Any, settings: Settings) -> None:
        config: dict[str, Any] = strategy.config
        # freqtrade fills in defaults between the making of a strategy and that of FreqAI's model.
        mark_identifier(config, settings)
        self._strategy, self._settings = strategy, settings
        self._names = [str(one["name"]) for one in strategy.dp.producers]
        self._maker = Maker.of(config)
        self._columns = model_columns(config, settings)
        self._alarms = Messenger.of(strategy).alarms("model")
        self._judged: dict[str, dict[pd.Timestamp, str]] = {}
        self._waiting: dict[str, _Waiting] = {}

    def refusal(self, pair: str) -> str:
        """Why the newest candle of a pair is without a model; empty where it has one."""
        judged = self._judged.get(pair)
        return judged[max(judged)] if judged else NO_ANSWER_YET

    def has_news(self, pair: str) -> bool:
        """Whether the newest candle is to be analysed again; cheap, for every loop."""
        waiting = self._waiting.get(pair)
        if waiting is None:
            return False
        is_over = waiting.until is not None and datetime.now(UTC) >= waiting.until
        return is_over or self._sent(pair, waiting.date).get(waiting.date) is not None

    def added(self, frame: pd.DataFrame, pair: str) -> pd.DataFrame:
        """The frame with the columns of the models, and why a candle is without one.

        :param frame: candles of ``pair`` with their regime, shape (n, ...); index is kept
        :return: with 0 in the columns of the models where a candle has no row of its own
        """
        dates = utc_dates(frame["date"]).tolist()
        sent = self._sent(pair, dates[0])
        found = [sent.get(date) for date in dates]
        candles = zip(found, frame["close"].tolist(), frame["regime"].tolist(), strict=True)
        refusals = [self._unusable(one, close, regime) for one, close, regime in candles]
        newest = dates[-1]
        known = {
            date: text for date, text in self._judged.get(pair, {}).items() if date >= dates[0]
        }
        known[newest] = self._judgement(pair, newest, found[-1], refusals[-1])
        self._judged[pair] = known
        shown = [known.get(date, text) for date, text in zip(dates, refusals, strict=True)]
        nothing = (0,) * len(self._columns)
        values = [
            one.row.predicted if one and one.row and text in ("", OTHER_REGIME) else nothing
            for one, text in zip(found, refusals, strict=True)
        ]
        answers = pd.DataFrame(values, index=frame.index, columns=list(self._columns))
        texts = [f"{MODEL_BOT}{text}" if text else "" for text in shown]
        answers[REFUSAL_COLUMN] = pd.Series(texts, index=frame.index, dtype=object)
        return pd.concat([frame, answers], axis=1)

    def _sent(self, pair: str, since: pd.Timestamp) -> dict[pd.Timestamp, _Sent]:
        """Rows by candle, from ``since`` on; of several producers the first that fits."""
        result: dict[pd.Timestamp, _Sent] = {}
        for name in self._names:
            frame = self._frame(name, pair)
            if frame.empty:
                continue
            dates = utc_dates(frame["date"])
            part = frame[dates >= since]
            texts = part[SENT_COLUMN].tolist() if SENT_COLUMN in part else [None] * len(part)
            for date, text in zip(dates[dates >= since].tolist(), texts, strict=True):
                one = _Sent(name, read(text, len(self._columns)))
                if date not in result or (not self._fits(result[date]) and self._fits(one)):
                    result[date] = one
        return result

    def _frame(self, name: str, pair: str) -> pd.DataFrame:
        dp, timeframe = self._strategy.dp, self._strategy.timeframe
        frame: pd.DataFrame = dp.get_producer_df(pair, timeframe, producer_name=name)[0]
        return frame

    def _fits(self, sent: _Sent) -> bool:
        return sent.row is not None and sent.row.maker == self._maker

    def _unusable(self, sent: _Sent | None, close: float, regime: Any) -> str:
        """Why the row of a candle says nothing about it; empty where it does."""
        if sent is None:
            return NOT_SENT
        if sent.row is None:
            return f'{sent.producer} is no model bot (its regimeswitch.bots.role is not "model")'
        maker = sent.row.maker
        if maker.version != self._maker.version:
            return (
                f"{sent.producer} runs RegimeSwitch {maker.version}, this bot {self._maker.version}"
            )
        if maker != self._maker:
            return (
                f"{sent.producer} has other settings of its models (hash {maker.models}, this bot "
                f"{self._maker.models})"
            )
        if sent.row.close != close:
            return OTHER_CANDLE
        return "" if sent.row.regime == regime_text(regime) else OTHER_REGIME

    def _silent(self, pair: str) -> str:
        dp = self._strategy.dp
        names = [name for name in self._names if pair in dp.get_producer_pairs(name)]
        verb = "is" if len(names) == 1 else "are"
        return f"{' and '.join(names)} {verb} silent" if names else NOBODY

    def _judgement(self, pair: str, date: pd.Timestamp, sent: _Sent | None, unusable: str) -> str:
        """What the newest candle is refused for; remembered, waited for and notified."""
        before = self._judged.get(pair, {}).get(date)
        length = timedelta(seconds=timeframe_seconds(self._strategy.timeframe))
        patience = timedelta(seconds=self._settings.bots.max_age_seconds)
        until = date.to_pydatetime() + length + patience
        is_late = datetime.now(UTC) >= until
        self._waiting.pop(pair, None)
        if sent is None:
            self._waiting[pair] = _Waiting(date, None if is_late else until)
            if not is_late:
                return YET
            silent = self._silent(pair)
            self._notify(pair, silent)
            return silent
        if unusable in (OTHER_CANDLE, OTHER_REGIME):
            return unusable
        self._notify(pair, unusable)
        return LATE if is_late and not unusable and before != "" else unusable

    def _notify(self, pair: str, unusable: str) -> None:
        """One message per model bot and cause, whatever the number of pairs."""
        key = f"model bot {pair}"
        if unusable:
            what = "nothing is opened or resized, stops and exits go on"
            text = f"{pair}: {MODEL_BOT}{unusable}; {what}"
            self._alarms.set(key, text, cause=unusable, joins=True)
        else:
            self._alarms.clear(key, f"{pair}: the model bot answers again")
