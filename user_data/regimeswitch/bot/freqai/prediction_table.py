"""Writes a prediction into FreqAI's table as one row, where FreqAI sets value after value.

FreqAI adds a row of zeros and writes each of some fifty columns by itself, then merges the table's
end to the candles by date: a sixth of what a candle costs. Here the whole row is added at once, and
tables with the same dates are put side by side. Whatever is not plain goes FreqAI's way: a candle
that has been predicted before or comes late, skipped ones, a table of other columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.freqai.data_drawer import FreqaiDataDrawer
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from numpy.typing import NDArray

from regimeswitch.bot.freqai.fast_merge import ascending_dates
from regimeswitch.bot.patches import install


DATE = "date_pred"
PRICES = {"high_price": "high", "low_price": "low", "close_price": "close"}


def write_quickly(drawer: FreqaiDataDrawer) -> None:
    """Let a data drawer write and return plain predictions in one go."""

    def appending(append: Callable[..., None]) -> Callable[..., None]:
        def append_model_predictions(
            pair: str,
            predictions: pd.DataFrame,
            do_preds: NDArray[np.int_],
            dk: FreqaiDataKitchen,
            strat_df: pd.DataFrame,
        ) -> None:
            known = drawer.historic_predictions[pair]
            values = predicted_values(predictions, do_preds, dk, strat_df)
            table = with_row(known, values, strat_df["date"])
            if table is None:
                append(pair, predictions, do_preds, dk, strat_df)
                return
            drawer.historic_predictions[pair] = table
            shown = table.iloc[-len(strat_df) :].reset_index(drop=True)
            drawer.model_return_values[pair] = shown

        return append_model_predictions

    def attaching(attach: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        def attach_return_values_to_return_dataframe(
            pair: str, dataframe: pd.DataFrame
        ) -> pd.DataFrame:
            joined = side_by_side(dataframe, drawer.model_return_values[pair])
            return attach(pair, dataframe) if joined is None else joined

        return attach_return_values_to_return_dataframe

    install(
        "drawer",
        drawer,
        append_model_predictions=appending,
        attach_return_values_to_return_dataframe=attaching,
    )


def predicted_values(
    predictions: pd.DataFrame,
    do_preds: NDArray[np.int_],
    dk: FreqaiDataKitchen,
    candles: pd.DataFrame,
) -> dict[str, Any]:
    """What FreqAI writes of the last candle, by column of its table, without the date.

    :param predictions: of the last candles, shape (n, ...)
    :param do_preds: shape (n,)
    :param candles: of the pair, up to the one that was predicted
    :return: means and deviations of the columns that the kitchen has them of
    """
    names = [str(name) for name in predictions.columns]
    last = predictions.iloc[-1:].to_numpy(dtype=object)[0]
    values: dict[str, Any] = dict(zip(names, last, strict=True))
    for ending, known in (("mean", dk.data["labels_mean"]), ("std", dk.data["labels_std"])):
        values |= {f"{name}_{ending}": known[name] for name in names if name in known}
    values["do_predict"] = do_preds[-1]
    if dk.freqai_config["feature_parameters"].get("DI_threshold", 0) > 0:
        values["DI_values"] = dk.DI_values[-1]
    values |= dk.data["extra_returns_per_train"] or {}
    return values | {name: candles[price].iloc[-1] for name, price in PRICES.items()}


def with_row(table: pd.DataFrame, values: dict[str, Any], dates: pd.Series) -> pd.DataFrame | None:
    """The table with a row for the last of these candles.

    :param table: predictions of earlier candles; :data:`DATE` is their opening time
    :param values: by column; columns without one get 0
    :param dates: opening times of the candles, the last one without a prediction yet
    :return: None where the table does not end with the candle before, where its dates have
        another type, or where a value and its column are not both numbers or both text
    """
    if table.empty or len(dates) < 2 or DATE not in table or table[DATE].dtype != dates.dtype:
        return None
    if not table[DATE].iloc[-1] == dates.iloc[-2] < dates.iloc[-1]:
        return None
    kinds = {str(name): one.kind for name, one in table.dtypes.items() if name != DATE}
    if len(kinds) + 1 != len(table.columns) or not values.keys() <= kinds.keys():
        return None
    row: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = values.get(name, 0.0)
        if isinstance(value, str) and kind == "O":
            row[name] = np.array([value], dtype=object)
        elif isinstance(value, (int, float, np.number)) and kind in "fi":
            row[name] = np.array([value], dtype=np.float64)
        else:
            return None
    row[DATE] = dates.iloc[-1:].array
    fresh = pd.DataFrame({name: row[name] for name in table.columns})
    # Objects, as FreqAI's rows of zeros make of a column of text.
    texts = [name for name, kind in kinds.items() if kind == "O" and table[name].dtype != object]
    known = table.astype(dict.fromkeys(texts, object)) if texts else table
    return pd.concat([known, fresh], ignore_index=True)


def side_by_side(candles: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame | None:
    """Candles, without their targets, and what was predicted of them.

    :param values: the end of the table of predictions
    :return: None where both do not have the same ascending dates, or have a column in common
    """
    if DATE not in values or len(candles) != len(values):
        return None
    kept = [name for name in candles.columns if not name.startswith("&")]
    if set(kept) & set(values.columns) or candles["date"].dtype != values[DATE].dtype:
        return None
    dates, known = ascending_dates(candles["date"]), ascending_dates(values[DATE])
    if dates is None or known is None or not np.array_equal(dates, known):
        return None
    rows = pd.RangeIndex(len(values))
    joined: pd.DataFrame = pd.concat([candles[kept].set_axis(rows), values.set_axis(rows)], axis=1)
    return joined
