"""Predictions written in one go are the table that FreqAI itself writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.freqai.data_drawer import FreqaiDataDrawer
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame, mixed_dates
from regimeswitch.bot.freqai.prediction_table import side_by_side, with_row, write_quickly


PAIR = "BTC/USDT"
CANDLES = candle_frame(60).assign(**{"&s-signal": np.nan})
SHOWN = 20
TEXT, NUMBERS = "&s-signal", ["buy", "sell", "psi"]


class Kitchen:
    """What a data kitchen tells the table."""

    def __init__(self, index: float) -> None:
        self.freqai_config = {"feature_parameters": {"DI_threshold": index}}
        self.DI_values = np.array([0.25])
        self.data: dict[str, Any] = {
            "labels_mean": dict.fromkeys(NUMBERS, 0.5),
            "labels_std": dict.fromkeys(NUMBERS, 0),
            "extra_returns_per_train": {"trained_at": 1.0},
        }


class Drawer:
    """A drawer with FreqAI's own two functions."""

    append_model_predictions = FreqaiDataDrawer.append_model_predictions
    attach_return_values_to_return_dataframe = (
        FreqaiDataDrawer.attach_return_values_to_return_dataframe
    )
    _ensure_date_pred_dtype = staticmethod(FreqaiDataDrawer._ensure_date_pred_dtype)

    def __init__(self, kitchen: Kitchen, quick: bool, rows: int = SHOWN) -> None:
        self.freqai_info = kitchen.freqai_config
        self.kitchen = kitchen
        self.historic_predictions = {PAIR: first_table(kitchen, rows)}
        self.model_return_values: dict[str, pd.DataFrame] = {}
        if quick:
            write_quickly(self)

    def predict(self, end: int, seed: int, expired: bool = False) -> pd.DataFrame:
        """Predict the last of the first so many candles."""
        candles = CANDLES.iloc[max(end - SHOWN, 0) : end].reset_index(drop=True)
        # What FreqAI puts in the place of a model's answer when the model is too old.
        given = pd.DataFrame({TEXT: np.zeros(2)}) if expired else predictions(1, seed)
        judged = np.array([seed % 2])
        self.append_model_predictions(PAIR, given, judged, self.kitchen, candles)
        shown: pd.DataFrame = self.attach_return_values_to_return_dataframe(PAIR, candles)
        return shown


def predictions(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    texts = rng.choice(["buy", "hold", "sell"], rows)
    numbers = {name: rng.random(rows) for name in NUMBERS}
    return pd.DataFrame({TEXT: texts, **numbers})


def first_table(kitchen: Kitchen, rows: int) -> pd.DataFrame:
    """As FreqAI begins it: the candles that a bot has fetched at its start."""
    frame = predictions(rows, 0)
    for name in NUMBERS:
        frame[f"{name}_mean"], frame[f"{name}_std"] = 0.0, 0.0
    frame["do_predict"] = 0
    if kitchen.freqai_config["feature_parameters"]["DI_threshold"]:
        frame["DI_values"] = 0.0
    frame["trained_at"] = 0.0
    for name in ("high", "low", "close"):
        frame[f"{name}_price"] = CANDLES[name].iloc[:rows]
    frame["date_pred"] = CANDLES["date"].iloc[:rows]
    return frame


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from([0, 1, 1, 1, 1, 2, 3]), min_size=1, max_size=9),
    st.sampled_from([0, 0.9]),
    st.sampled_from([5, SHOWN, SHOWN + 5]),
)
def test_the_table_is_the_one_that_freqai_writes(steps: list[int], index: float, rows: int) -> None:
    """Candle after candle, the same one twice, and skipped ones."""
    kitchen = Kitchen(index)
    quick, stock = Drawer(kitchen, True, rows), Drawer(kitchen, False, rows)
    end = rows
    for seed, step in enumerate(steps):
        end += step
        pd.testing.assert_frame_equal(quick.predict(end, seed), stock.predict(end, seed))
        for name in ("historic_predictions", "model_return_values"):
            pd.testing.assert_frame_equal(getattr(quick, name)[PAIR], getattr(stock, name)[PAIR])


def test_a_model_that_has_expired_says_nothing_as_freqai_has_it() -> None:
    kitchen = Kitchen(0)
    quick, stock = Drawer(kitchen, True), Drawer(kitchen, False)
    for seed, expired in enumerate([False, True, True, False], SHOWN + 1):
        found = [drawer.predict(seed, seed, expired) for drawer in (quick, stock)]
        pd.testing.assert_frame_equal(*found)


def test_a_plain_candle_does_not_ask_freqai() -> None:
    class Asked(Drawer):
        """Fails where FreqAI is asked."""

        def append_model_predictions(
            self, pair: Any, predictions: Any, do_preds: Any, dk: Any, strat_df: Any
        ) -> None:
            raise AssertionError("a row of its own")

        def attach_return_values_to_return_dataframe(self, pair: Any, dataframe: Any) -> Any:
            raise AssertionError("a merge")

    drawer = Asked(Kitchen(0.9), quick=True)
    for end in range(SHOWN + 1, SHOWN + 4):
        assert len(drawer.predict(end, end)) == SHOWN
    with pytest.raises(AssertionError, match="a row of its own"):
        drawer.predict(end, end)


def ready(kitchen: Kitchen) -> tuple[pd.DataFrame, dict[str, Any], pd.Series]:
    table = first_table(kitchen, SHOWN)
    values = dict.fromkeys(NUMBERS, 0.5) | {TEXT: "buy", "do_predict": 1}
    return table, values, CANDLES["date"].iloc[: SHOWN + 1]


def test_a_row_is_added_once_the_candle_before_has_one() -> None:
    table, values, dates = ready(Kitchen(0))
    longer = with_row(table, values, dates)
    assert longer is not None
    last = longer.iloc[-1]
    assert last["date_pred"] == dates.iloc[-1]
    assert (last["buy"], last[TEXT], last["do_predict"], last["trained_at"]) == (0.5, "buy", 1, 0)


@pytest.mark.parametrize(
    "change", ["known", "skipped", "late", "empty", "objects", "new", "text", "number", "doubled"]
)
def test_whatever_is_not_plain_goes_freqai_s_way(change: str) -> None:
    table, values, dates = ready(Kitchen(0))
    if change == "known":
        dates = dates.iloc[:-1]
    elif change == "skipped":
        dates = CANDLES["date"].iloc[: SHOWN + 2]
    elif change == "late":
        dates = dates.iloc[:-3]
    elif change == "empty":
        table = table.iloc[:0]
    elif change == "objects":
        dates = mixed_dates(CANDLES.iloc[: SHOWN + 1])["date"]
    elif change == "new":
        values["unheard"] = 1.0
    elif change == "text":
        values["buy"] = "buy"
    elif change == "number":
        values[TEXT] = 1.0
    else:
        table = pd.concat([table, table["buy"]], axis=1)
    assert with_row(table, values, dates) is None


@pytest.mark.parametrize("change", ["shorter", "shifted", "doubled", "objects", "taken", "without"])
def test_other_dates_and_names_are_merged_by_freqai(change: str) -> None:
    candles, values = CANDLES.iloc[:SHOWN], first_table(Kitchen(0), SHOWN)
    joined = side_by_side(candles, values)
    assert joined is not None
    assert list(joined) == [*candles.columns.drop(TEXT), *values.columns]
    if change == "shorter":
        values = values.iloc[1:]
    elif change == "shifted":
        values = values.assign(date_pred=values["date_pred"] + pd.Timedelta(minutes=5))
    elif change == "doubled":
        candles = pd.concat([candles.iloc[1:], candles.tail(1)])
        values = values.assign(date_pred=candles["date"].to_numpy())
    elif change == "objects":
        candles = mixed_dates(candles)
    elif change == "taken":
        candles = candles.assign(buy=1.0)
    else:
        values = values.drop(columns="date_pred")
    assert side_by_side(candles, values) is None
