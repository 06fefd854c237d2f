"""What a page says about the models of a run: validation, drift, calibration, features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regimeswitch.bot.bot_settings import is_learning
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch_lab.report.candle_history import Histories
from regimeswitch_lab.report.drift_table import DriftRow, read_drift
from regimeswitch_lab.report.feature_table import FeatureTable, read_features
from regimeswitch_lab.report.reliability import ReliabilityRow, reliability
from regimeswitch_lab.report.report_source import Note, Source
from regimeswitch_lab.report.stored_forecasts import classified, sized
from regimeswitch_lab.report.trainings import SizeTraining, Training, read_sizes, read_trainings
from regimeswitch_lab.report.volatility_accuracy import AccuracyRow, accuracy


NO_FORECASTS = Note(
    "No stored forecasts of this run were found: no calibration.",
    "Backtest again with this version, which keeps them in models/IDENTIFIER/backtested, and name "
    "the folder of the identifier with --models and the candle files with --datadir.",
)
OF_A_BOT = Note(
    "The bot has kept no forecasts of whole days on these candles: no calibration.",
    "It writes them at the end of each day (UTC) into models/IDENTIFIER/served; let it run for two "
    "days with this version, and download its candles: `freqtrade download-data`, --datadir.",
)
NO_DRIFT = Note(
    "Age and drift of the models were not kept for this run.",
    "Backtest again with this version, or let the bot run for a whole day with it.",
)
NO_FEATURES = Note(
    "The models of this run have not written down their features.",
    "Train again with this version; it keeps them in the metadata beside the models.",
)


@dataclass(frozen=True)
class ModelParts:
    """All that is known of the models.

    :ivar trainings: validation over time, or why there is none
    :ivar sizes: the same of models that forecast the size of the next day
    :ivar reliability: calibration of class probabilities by regime; empty without
    :ivar accuracy: forecast against realised volatility by regime; empty without
    :ivar no_calibration: why there is neither, where models were trained
    :ivar drift: age, drift and calibration by training and regime; empty without
    :ivar no_drift: why there is none, where models were trained
    :ivar features: shares by regime; None where they are not known
    :ivar no_features: why not, where models were trained
    """

    trainings: list[Training] | Note
    sizes: list[SizeTraining]
    reliability: list[ReliabilityRow]
    accuracy: list[AccuracyRow]
    no_calibration: Note | None
    drift: list[DriftRow]
    no_drift: Note | None
    features: FeatureTable | None
    no_features: Note | None


def read_models(source: Source, histories: Histories, folder: Path | None) -> ModelParts:
    """What the folder of an identifier holds about a run; no model is opened.

    :param folder: of one FreqAI identifier; None = where the source says
    """
    learns = is_learning(source.config, source.settings)
    timeframe = source.timeframe
    horizon = source.settings.labels.horizon_in(timeframe) * timeframe_seconds(timeframe)
    by_class = reliability(classified(source, histories, folder), horizon) if learns else []
    by_size = accuracy(sized(source, histories, folder)) if learns else []
    drift = read_drift(source, histories, folder) if learns else []
    features = read_features(source, folder) if learns else None
    missing = OF_A_BOT if source.kind == "database" else NO_FORECASTS
    return ModelParts(
        trainings=read_trainings(source, folder, learns),
        sizes=read_sizes(source, folder) if learns else [],
        reliability=by_class,
        accuracy=by_size,
        no_calibration=missing if learns and not by_class and not by_size else None,
        drift=drift,
        no_drift=NO_DRIFT if learns and not drift else None,
        features=features,
        no_features=NO_FEATURES if learns and features is None else None,
    )
