"""What a model bot says of a candle, as one text column of its analysed frame.

freqtrade sends frames as JSON with ten decimals, and reads them with a parser that may be a unit in
the last place off; a column named ``trained_at`` comes back as a date. So the columns of the models
are a text of their own as well, in which each number is written so that reading gives it back
exactly (``repr``, David Gay's shortest form).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from regimeswitch import __version__
from regimeswitch.bot.bot_settings import models_hash
from regimeswitch.bot.freqai.columns import OUTPUTS, POSITION_OUTPUTS, TRAINED_COLUMN
from regimeswitch.market.labels import CLASS_COLUMN, CLASSES, RETURN_COLUMN, VOLATILITY_TARGET
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION


SENT_CANDLES = 1500
"""Most candles of one answer of freqtrade's API server (rpc/api_server/api_ws.py)."""


@dataclass(frozen=True)
class Maker:
    """Whose models they are: rows of others mean something else.

    :ivar version: of RegimeSwitch
    :ivar models: hash of all settings that change a model, eight hex digits
    """

    version: str
    models: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Maker:
        """This bot's own.

        :param config: whose FreqAI identifier has its hash already
        """
        return cls(__version__, models_hash(config))


@dataclass(frozen=True)
class ModelRow:
    """What is known of one candle of a model bot.

    :ivar close: of the candle that was predicted
    :ivar regime: that the candle was predicted in; empty = unknown
    :ivar predicted: in the order of :func:`model_columns`
    """

    maker: Maker
    close: float
    regime: str
    predicted: tuple[Any, ...]


def model_columns(config: Mapping[str, Any], settings: Settings) -> tuple[str, ...]:
    """Columns that the models put on a candle, in the order in which they are sent.

    :param config: names the model and FreqAI's outlier index
    """
    holds = settings.entries.mode == POSITION
    if str(config.get("freqaimodel", "")).endswith("Regressor"):
        answers: tuple[str, ...] = (VOLATILITY_TARGET if holds else RETURN_COLUMN,)
    else:
        answers = (CLASS_COLUMN, *CLASSES)
    outputs = POSITION_OUTPUTS if holds else OUTPUTS
    features = config["freqai"].get("feature_parameters", {})
    index = ("DI_values",) if features.get("DI_threshold") else ()
    return (*answers, *outputs, TRAINED_COLUMN, "do_predict", *index)


def written(frame: pd.DataFrame, names: Sequence[str], maker: Maker) -> pd.Series:
    """The rows of a frame as texts, as many as freqtrade sends at once (:data:`SENT_CANDLES`).

    :param frame: candles with regime and predictions, shape (n, ...)
    :param names: columns that are sent; 0 where the frame has none of a name
    :return: shape (n,), same index; empty in rows that are too old to be sent
    """
    sent = frame.iloc[-SENT_CANDLES:]
    nothing = [0] * len(sent)
    columns = [sent[name].tolist() if name in sent else nothing for name in names]
    rows = zip(sent["close"].tolist(), sent["regime"].tolist(), *columns, strict=True)
    texts = [
        json.dumps(
            {
                "version": maker.version,
                "models": maker.models,
                "close": close,
                "regime": regime_text(regime),
                "values": values,
            }
        )
        for close, regime, *values in rows
    ]
    return pd.Series([""] * (len(frame) - len(sent)) + texts, index=frame.index, dtype=object)


def regime_text(regime: Any) -> str:
    """A regime as it is sent; empty where it is unknown."""
    return regime if isinstance(regime, str) else ""


def read(text: Any, width: int) -> ModelRow | None:
    """A row that was sent; None where the text is none, as of another program.

    :param width: number of values that this bot expects
    """
    try:
        found = json.loads(text)
        maker = Maker(str(found["version"]), str(found["models"]))
        values = tuple(found["values"])
        row = ModelRow(maker, float(found["close"]), str(found["regime"]), values)
    except (ValueError, TypeError, KeyError):
        return None
    # Another version may send other columns; that is said by its name.
    return row if len(values) == width else ModelRow(maker, row.close, row.regime, (0,) * width)
