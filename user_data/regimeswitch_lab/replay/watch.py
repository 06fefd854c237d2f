"""Tells a recorder what a bot or a backtest decides, in the same three places.

Where signals are complete, where the model is asked, and where a training ends. Watching changes
nothing.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from freqtrade.resolvers import StrategyResolver
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

from regimeswitch_lab.replay.records import Recorder


def watch(recorder: Recorder, prepare: Callable[[Any], None] | None = None) -> None:
    """From now on, tell the recorder what every strategy and FreqAI model of this process does.

    :param prepare: called with each strategy first
    """
    load_strategy = StrategyResolver.load_strategy
    load_model = FreqaiModelResolver.load_freqaimodel

    def strategy(*args: Any, **kwargs: Any) -> Any:
        loaded = load_strategy(*args, **kwargs)
        if prepare is not None:
            prepare(loaded)
        _watch_strategy(loaded, recorder)
        return loaded

    def model(*args: Any, **kwargs: Any) -> Any:
        loaded = load_model(*args, **kwargs)
        _watch_model(loaded, recorder)
        return loaded

    vars_of = {StrategyResolver: ("load_strategy", strategy)}
    vars_of[FreqaiModelResolver] = ("load_freqaimodel", model)
    for owner, (name, function) in vars_of.items():
        setattr(owner, name, staticmethod(function))


def _watch_strategy(strategy: Any, recorder: Recorder) -> None:
    advise_exit = strategy.advise_exit

    def watched(dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        frame: pd.DataFrame = advise_exit(dataframe, metadata)
        recorder.analysed(frame, metadata["pair"])
        return frame

    strategy.advise_exit = watched


def _watch_model(model: Any, recorder: Recorder) -> None:
    train, predict = model.train, model.predict

    def watched_train(frame: pd.DataFrame, pair: str, dk: Any, **kwargs: Any) -> Any:
        trained = train(frame, pair, dk, **kwargs)
        stop = int(dk.data_path.name.rsplit("_", 1)[1])
        recorder.trained(trained, pair, stop)
        return trained

    def watched_predict(frame: pd.DataFrame, dk: Any, **kwargs: Any) -> Any:
        answer = predict(frame, dk, **kwargs)
        # A bot keeps the features of the newest candle beside its frame.
        recorder.asked(model.newest.with_features(frame), dk.pair, dk.training_features_list)
        return answer

    model.train, model.predict = watched_train, watched_predict
