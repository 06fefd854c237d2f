"""How pandas keeps text in a process that analyses candles.

freqtrade writes a tag or a reason into single rows of many small frames, and looks up a hundred
columns by name in each. In Arrow arrays, which pandas takes for text where pyarrow is installed,
every write makes the column anew and every look-up of a name goes through a conversion: a quarter
of the time of a candle. As Python objects both are cheap. The type stays ``str``, and so does every
value.
"""

from __future__ import annotations

import pandas as pd


def keep_text_as_objects() -> None:
    """From now on, columns of text and names of columns that pandas makes are Python objects."""
    pd.set_option("mode.string_storage", "python")
