"""FreqAI's merge of feature blocks against the quick one, on a few blocks of each kind."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from regimeswitch.bot.freqai.fast_merge import joined_features
from regimeswitch.market.candles import OHLCV, resample
from regimeswitch_lab.synthetic.market_command import synthetic_market


PAIR = "AAA/USDT"
DAYS = 3
END = datetime(2025, 1, 1, tzinfo=UTC)
KINDS = {
    "5m": [slice(None)],
    # Longer candles: whole, begun later than the short ones, and ended earlier.
    "1h": [slice(None), slice(10, None), slice(None, -5)],
}


def differences() -> list[str]:
    """Blocks that the two ways join differently."""
    market = synthetic_market([PAIR], DAYS, pd.Timestamp(END), seed=1)
    main = market[PAIR].candles[OHLCV]
    found = []
    for timeframe, cuts in KINDS.items():
        longer = main if timeframe == "5m" else resample(main, timeframe)
        block = longer.assign(**{"%-change": longer["close"].pct_change()})
        for cut in cuts:
            why = _difference(main, block.iloc[cut].reset_index(drop=True), timeframe)
            if why:
                found.append(f"{timeframe} {cut}: {why}")
    return found


def _difference(main: pd.DataFrame, block: pd.DataFrame, timeframe: str) -> str:
    suffix = f"{PAIR}_{timeframe}"
    quick = joined_features(main.copy(), block.copy(), "5m", timeframe, suffix)
    if quick is None:
        return "not joined quickly"
    # The method looks at nothing of its object.
    merge = FreqaiDataKitchen.merge_features
    stock = merge(object(), main.copy(), block.copy(), "5m", timeframe, suffix)
    try:
        pd.testing.assert_frame_equal(quick, stock)
    except AssertionError as error:
        return " ".join(str(error).split())
    return ""
