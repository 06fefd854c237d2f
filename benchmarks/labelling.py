"""Part ``labelling``: the regimes of a million candles."""

import json
import statistics
from functools import partial
from typing import Any

from benchmarks.children import answer, module
from benchmarks.growth import exponent
from benchmarks.rounds import Figures, Workplace
from benchmarks.sizes import Sizes


def labelling(place: Workplace, sizes: Sizes) -> dict[str, Any]:
    """CPU seconds by number of candles, and by million of the largest number."""

    def labelled(count: int) -> Figures:
        command = module("labelling_child", count, sizes.repeat)
        spent = json.loads(answer(command, place.log(f"labelling {count}")))
        return {"seconds": statistics.median(spent)}

    seconds = {
        count: place.once(f"labelling {count} candles", partial(labelled, count))["seconds"]
        for count in sizes.labelled
    }
    most = max(seconds)
    return {
        "seconds_per_million": round(seconds[most] / most * 1e6, 4),
        "by_candles": [{"candles": n, "seconds": round(s, 5)} for n, s in seconds.items()],
        "exponents": {"labelling_candles": exponent(seconds)},
    }
