"""How a cost grows: the slope of a straight line through its points, both axes logarithmic."""

import math
from collections.abc import Mapping


def exponent(points: Mapping[int, float]) -> float:
    """The power of the size that the cost grows with; 1 = twice the size costs twice as much.

    Least squares over all points, so that one of them does not decide.

    :param points: cost by size, both above 0, two sizes at least

    >>> exponent({1: 3.0, 10: 30.0, 100: 300.0})
    1.0
    """
    x = [math.log(size) for size in points]
    y = [math.log(cost) for cost in points.values()]
    x_mean, y_mean = sum(x) / len(x), sum(y) / len(y)
    spread = sum((one - x_mean) ** 2 for one in x)
    together = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True))
    return round(together / spread, 3)
