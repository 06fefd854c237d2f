"""What is tried: the checks that every bot makes at its start, and bots of this release that run.

The bots are those of the fault matrix, with the faults whose handling leans on most of freqtrade's
internals; FreqAI's merge of features and its table of predictions are compared with the quick ones.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from regimeswitch.market.candles import OHLCV, resample
from regimeswitch_lab.fault_matrix.matrix import all_cases
from regimeswitch_lab.synthetic.market_command import synthetic_market


SHOWN_REASONS = 3
BY_BOTS = {
    "an entry whose answer is lost is placed once": "live entry 504 after acceptance",
    "an order that is found late is given to a trade": (
        "live entry 504 after acceptance, then silence"
    ),
    "an exit whose answer is lost is placed once": "live exit reset after acceptance",
    "a stop whose answer is lost is placed once": "live stop 504 after acceptance",
    "a cancellation whose answer is lost is looked up": (
        "live cancel of a resting order reset after acceptance"
    ),
    "nothing is asked during a ban": "live entry 418 before acceptance",
    "candles that cannot be read are asked for again": "dry-run klines html",
    "a bad candle is not traded on": "dry-run candle spike",
    "candle streams are not listened to": "dry-run websocket lost",
    "a training that fails costs no model": "dry-run model training raises",
}
"""What a bot has to get right, and the case of the fault matrix that shows it."""
PAIR = "AAA/USDT"
DAYS = 3
END = datetime(2025, 1, 1, tzinfo=UTC)
KINDS = {
    "5m": [slice(None)],
    # Longer candles: whole, begun later than the short ones, and ended earlier.
    "1h": [slice(None), slice(10, None), slice(None, -5)],
}


@dataclass(frozen=True)
class TrialOutcome:
    """What came of one check.

    :ivar part: of the bot: connection, candles, trades, orders, models
    :ivar why: it failed; empty where it passed
    """

    part: str
    name: str
    why: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all is as it should be."""
        return not self.why


def inspected() -> list[TrialOutcome]:
    """The checks of a bot's start; nothing is run."""
    from regimeswitch.bot.compatibility.supported import CHECKS, Subject

    subject = Subject()
    return [
        timed(check.part, check.name, lambda: [one.what for one in check.run(subject)])  # noqa: B023
        for check in CHECKS
    ]


def part_of(case: str) -> str:
    """The part of the bot that a case of the fault matrix tries."""
    if " model " in case:
        return "models"
    if any(word in case for word in ("candle", "klines", "websocket")):
        return "candles"
    return "connection" if "418" in case else "orders"


def tried(name: str, home: Path, candles: Path) -> TrialOutcome:
    """Run the bot of one check.

    :param name: of :data:`BY_BOTS`
    :param home: a new folder
    :param candles: of :func:`regimeswitch_lab.fault_matrix.scene.write_candles`
    """
    (case,) = [one for one in all_cases() if one.name == BY_BOTS[name]]

    def run() -> list[str]:
        from regimeswitch_lab.fault_matrix.run import run_case

        return run_case(case, home, candles, guards=True).why[:SHOWN_REASONS]

    return timed(part_of(case.name), name, run)


def compared() -> TrialOutcome:
    """Whether features that are joined quickly are those that FreqAI merges."""
    return timed("models", "features are joined as FreqAI merges them", differences)


def written() -> TrialOutcome:
    """Whether a row of predictions is the one that FreqAI writes."""
    return timed("models", "predictions are written as FreqAI writes them", other_tables)


def timed(part: str, name: str, run: Callable[[], list[str]]) -> TrialOutcome:
    """Run a check; whatever a freqtrade of another kind may raise is why it failed."""
    began = time.monotonic()
    try:
        why = run()
    except Exception as error:
        why = [f"{type(error).__name__}: {error}"]
    return TrialOutcome(part, name, why, round(time.monotonic() - began, 1))


def differences() -> list[str]:
    """Blocks that the two ways join differently."""
    # Another freqtrade may have none of these: then the check fails, and not the command.
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

    from regimeswitch.bot.freqai.fast_merge import joined_features

    def joined(block: pd.DataFrame, timeframe: str) -> tuple[pd.DataFrame | None, pd.DataFrame]:
        words = ("5m", timeframe, f"{PAIR}_{timeframe}")
        quick = joined_features(main.copy(), block.copy(), *words)
        # The method looks at nothing of its object.
        merge = FreqaiDataKitchen.merge_features
        return quick, merge(object(), main.copy(), block.copy(), *words)

    market = synthetic_market([PAIR], DAYS, pd.Timestamp(END), seed=1)
    main = market[PAIR].candles[OHLCV]
    found = []
    for timeframe, cuts in KINDS.items():
        longer = main if timeframe == "5m" else resample(main, timeframe)
        block = longer.assign(**{"%-change": longer["close"].pct_change()})
        for cut in cuts:
            why = _difference(*joined(block.iloc[cut].reset_index(drop=True), timeframe))
            if why:
                found.append(f"{timeframe} {cut}: {why}")
    return found


def other_tables() -> list[str]:
    """What differs after one prediction, in FreqAI's table and in what a strategy gets of it."""
    from freqtrade.freqai.data_drawer import FreqaiDataDrawer

    from regimeswitch.bot.freqai.prediction_table import predicted_values, side_by_side, with_row

    candles = synthetic_market([PAIR], DAYS, pd.Timestamp(END), seed=1)[PAIR].candles[OHLCV]
    given = pd.DataFrame({"&s-signal": ["buy"], "buy": [0.7]})
    statistics = {"labels_mean": {"buy": 0.1}, "labels_std": {"buy": 0.2}}
    kitchen = SimpleNamespace(
        data={**statistics, "extra_returns_per_train": {"trained_at": 1.0}},
        freqai_config={"feature_parameters": {}},
    )
    known = candles.iloc[:-1]
    table = pd.DataFrame(
        {
            **{"&s-signal": "hold", "buy": 0.2, "buy_mean": 0.0, "buy_std": 0.0},
            **{"do_predict": 1.0, "trained_at": 0.0},
            **{f"{name}_price": known[name] for name in ("high", "low", "close")},
            "date_pred": known["date"],
        }
    )
    drawer: Any = FreqaiDataDrawer.__new__(FreqaiDataDrawer)
    drawer.freqai_info = kitchen.freqai_config
    drawer.historic_predictions, drawer.model_return_values = {PAIR: table}, {}
    judged = np.ones(1, dtype=np.int_)
    values = predicted_values(given, judged, kitchen, candles)
    longer = with_row(table, values, candles["date"])
    shown = None if longer is None else side_by_side(candles, longer)
    drawer.append_model_predictions(PAIR, given, judged, kitchen, candles)
    stock = drawer.attach_return_values_to_return_dataframe(PAIR, candles)
    pairs = ((longer, drawer.historic_predictions[PAIR]), (shown, stock))
    return [why for quick, one in pairs if (why := _difference(quick, one))]


def _difference(quick: pd.DataFrame | None, stock: pd.DataFrame) -> str:
    if quick is None:
        return "not made quickly"
    try:
        pd.testing.assert_frame_equal(quick, stock)
    except AssertionError as error:
        return " ".join(str(error).split())
    return ""
