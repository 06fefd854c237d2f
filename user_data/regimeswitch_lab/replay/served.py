"""A running bot's stored predictions, each against the model that served it.

Nothing is traded or trained: the candles are read from the data folder, the features are computed
on them as in a backtest, and the saved models answer again.
"""

import argparse
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import Configuration, validate_config_consistency
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode
from freqtrade.exceptions import FreqtradeException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.resolvers import StrategyResolver

from regimeswitch.bot.freqai.columns import PSI_COLUMN, SHIFTED_COLUMN
from regimeswitch.market.candles import utc_dates
from regimeswitch_lab.inputs import HOME, InputError
from regimeswitch_lab.replay.compare import same
from regimeswitch_lab.replay.trades import CANDLE, Deal, read_database


SHOWN = 200
MEASURED = (PSI_COLUMN, SHIFTED_COLUMN)
"""No answers of a model: measured once a day by the candles that the bot had then. A feature beside
its limit falls on the other side when the candles begin elsewhere."""
STATISTICS = ("_mean", "_std", "_price", "date_pred")
COUNTS = ("checked", "different", "no_candle", "model_gone", "too_early")


class ServedBot:
    """Strategy, model and stored predictions of a bot, without its exchange.

    :raises InputError: when the config does not lead to predictions of RegimeSwitch models
    """

    def __init__(self, args: argparse.Namespace) -> None:
        given = {
            "config": [str(path) for path in args.config],
            "user_data_dir": str(args.userdir),
            "strategy_path": str(HOME / "strategies"),
            "freqaimodel_path": str(HOME / "freqaimodels"),
        }
        if args.datadir is not None:
            given["datadir"] = str(args.datadir)
        try:
            self.config = Configuration(given, RunMode.OTHER).get_config()
            self.strategy = StrategyResolver.load_strategy(self.config)
            # The bot does this too; it fills in defaults, which the models' identifier covers.
            validate_config_consistency(self.config)
            self.strategy.dp = DataProvider(self.config, None)
            self.strategy.ft_bot_start()
        except FreqtradeException as error:
            raise InputError(str(error)) from None
        self.model = self.strategy.freqai
        self.drawer = self.model.dd
        if not self.drawer.historic_predictions:
            raise InputError(
                f"{self.drawer.full_path} holds no stored predictions; name the bot's own --config "
                "and --userdir, of a bot that has run and trained"
            )
        self.trained_column = getattr(self.model, "trained_column", "")
        self.model.live = True
        self.model.regimes.put_into(self.strategy)

    def stored(self, pair: str) -> pd.DataFrame:
        """Predictions that a model has made, by opening time of the candle."""
        stored: pd.DataFrame = self.drawer.historic_predictions[pair]
        if self.trained_column not in stored:
            raise InputError(
                f"the predictions of {pair} do not say which model made them; only predictions of "
                "RegimeSwitchClassifier and RegimeSwitchRegressor can be checked"
            )
        made = stored[(stored[self.trained_column] > 0) & (stored["do_predict"] != 0)]
        dated: pd.DataFrame = made.set_axis(pd.DatetimeIndex(utc_dates(made["date_pred"])))
        return dated

    def populated(self, pair: str) -> pd.DataFrame:
        """Candles and features of a pair, over all candles in the data folder."""
        candles = self.strategy.dp.get_pair_dataframe(pair, self.strategy.timeframe)
        if candles.empty:
            return pd.DataFrame(candles)
        dk = FreqaiDataKitchen(self.config, True, pair)
        frame: pd.DataFrame = dk.use_strategy_to_populate_indicators(
            self.strategy, prediction_dataframe=candles, pair=pair
        )
        return frame

    def answers(self, pair: str, trained: int, rows: pd.DataFrame) -> pd.DataFrame | None:
        """What the model of one training says of populated rows; None when it is gone."""
        dk = FreqaiDataKitchen(self.config, True, pair)
        dk.set_paths(pair, trained)
        dk.set_new_model_names(pair, trained)
        if not self.model.model_exists(dk):
            return None
        for memory in (self.drawer.meta_data_dictionary, self.drawer.model_dictionary):
            memory.pop(pair, None)
        place = {"model_filename": dk.model_filename, "data_path": str(dk.data_path)}
        self.drawer.pair_dict[pair] |= place
        self.model.model = self.drawer.load_data(pair, dk)
        dk.find_labels(rows)
        answers, do_predict = self.model.predict(rows, dk)
        dated: pd.DataFrame = answers.set_index(rows.index).assign(do_predict=do_predict)
        return dated


def served_figures(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of ``regimeswitch replay --live``, as exported."""
    if not args.live.is_file():
        raise InputError(f"--live {args.live} does not exist; name the bot's sqlite database")
    # What freqtrade and the models say of their loading is of no interest here.
    logging.disable(logging.INFO)
    bot = ServedBot(args)
    deals = read_database(args.live)
    by_pair: dict[str, dict[str, int]] = {}
    differences: list[dict[str, Any]] = []
    trades: list[dict[str, Any]] = []
    checked = 0
    for pair in sorted(bot.drawer.historic_predictions):
        stored = bot.stored(pair)
        frame = bot.populated(pair)
        by_pair[pair], answers = _check_pair(bot, pair, stored, frame, differences)
        own = [deal for deal in deals if deal.pair == pair]
        known, wrong = _check_deals(bot, pair, frame, answers, own)
        checked += known
        trades += wrong
    return {
        "candles": sum(row["checked"] for row in by_pair.values()),
        "pairs": sorted(by_pair),
        "decision_diffs": len(differences),
        "trade_diffs": len(trades),
        "trades": checked,
        "by_pair": by_pair,
        "differences": differences[:SHOWN],
        "trade_differences": trades,
    }


def _check_pair(
    bot: ServedBot,
    pair: str,
    stored: pd.DataFrame,
    frame: pd.DataFrame,
    differences: list[dict[str, Any]],
) -> tuple[dict[str, int], pd.DataFrame]:
    """Counts of a pair, and the recomputed answers of the rows that could be checked."""
    counts = dict.fromkeys(COUNTS, 0)
    parts = []
    dated = frame.set_index(utc_dates(frame["date"])) if len(frame) else frame
    for trained in sorted(stored[bot.trained_column].unique().tolist()):
        made = stored[stored[bot.trained_column] == trained]
        inside = made.index.intersection(dated.index)
        counts["no_candle"] += len(made) - len(inside)
        rows = dated.loc[inside]
        answers = bot.answers(pair, int(trained), rows) if len(rows) else None
        if len(rows) and answers is None:
            counts["model_gone"] += len(rows)
        if answers is None:
            continue
        # Candles of the data folder may begin too late for the features of the first rows.
        early = (answers["do_predict"] == 0) & ~_complete(rows)
        counts["too_early"] += int(early.sum())
        answers = answers[~early]
        parts.append(answers)
        wrong = list(_differing(pair, made.loc[answers.index], answers, rows["close"]))
        counts["checked"] += len(answers)
        counts["different"] += len(wrong)
        differences += wrong
    return counts, pd.concat(parts) if parts else pd.DataFrame()


def _complete(rows: pd.DataFrame) -> pd.Series:
    features = rows[[name for name in rows.columns if "%" in name]].to_numpy(dtype=np.float64)
    return pd.Series(np.isfinite(features).all(axis=1), index=rows.index)


def _differing(
    pair: str, made: pd.DataFrame, answers: pd.DataFrame, close: pd.Series
) -> Iterator[dict[str, Any]]:
    names = [name for name in answers.columns if name in made.columns and name not in MEASURED]
    for at in made.index:
        row, again = made.loc[at], answers.loc[at]
        columns = {
            name: {"stored": row[name], "again": again[name]}
            for name in names
            if not same(name, row[name], again[name])
        }
        if not same("close", row["close_price"], close[at]):
            columns["close"] = {"stored": row["close_price"], "again": close[at]}
        if columns:
            yield {"pair": pair, "candle": str(at), "columns": columns}


def _check_deals(
    bot: ServedBot, pair: str, frame: pd.DataFrame, answers: pd.DataFrame, deals: list[Deal]
) -> tuple[int, list[dict[str, Any]]]:
    """Trades whose signal candle was checked: does that candle give the signal again?"""
    signals = _signals(bot, pair, frame, answers) if len(answers) and deals else pd.DataFrame()
    checked, wrong = 0, []
    for deal in deals:
        at = deal.entry_candle - CANDLE
        if at not in answers.index:
            continue
        checked += 1
        row = signals.loc[at]
        tag = row["enter_tag"] if row.get("enter_long") == 1 else "no entry"
        if tag != deal.enter_tag:
            wrong.append(
                {"pair": pair, "entry": str(deal.opened), "tag": deal.enter_tag, "again": tag}
            )
    return checked, wrong


def _signals(bot: ServedBot, pair: str, frame: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """The strategy's signals on recomputed answers; rows without one have ``do_predict`` 0."""
    strategy, metadata = bot.strategy, {"pair": pair}
    candles = frame[["date", "open", "high", "low", "close", "volume"]]
    dates = utc_dates(candles["date"])
    served = answers.reindex(pd.DatetimeIndex(dates)).reset_index(drop=True)
    numbers = served.select_dtypes("number").columns
    served[numbers] = served[numbers].fillna(0)
    whole = pd.concat([candles.reset_index(drop=True), served], axis=1)
    bot.model.start = lambda dataframe, metadata, strategy: whole
    result = strategy.advise_indicators(candles.copy(), metadata)
    result = strategy.advise_exit(strategy.advise_entry(result, metadata), metadata)
    dated: pd.DataFrame = result.set_index(utc_dates(result["date"]))
    return dated
