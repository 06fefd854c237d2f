"""How a cost grows with a size, and what it is likely to be at another one."""

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


def line(points: Mapping[int, float]) -> tuple[float, float]:
    """What a cost begins with, and what each unit of the size adds.

    Weighted least squares: the error of a point is in proportion to its cost, so that the smallest
    size says as much as the largest.

    :param points: cost by size, both above 0, two sizes at least
    :return: intercept and slope

    >>> line({2: 14.0, 10: 30.0})
    (10.0, 2.0)
    """
    weight = [1 / cost**2 for cost in points.values()]
    total = sum(weight)
    x_mean = sum(w * size for w, size in zip(weight, points, strict=True)) / total
    y_mean = sum(w * cost for w, cost in zip(weight, points.values(), strict=True)) / total
    spread = sum(w * (size - x_mean) ** 2 for w, size in zip(weight, points, strict=True))
    together = sum(
        w * (size - x_mean) * (cost - y_mean)
        for w, (size, cost) in zip(weight, points.items(), strict=True)
    )
    slope = together / spread
    return round(y_mean - slope * x_mean, 6), round(slope, 6)


def projected(points: Mapping[int, float], size: int) -> float:
    """The cost at another size, by :func:`line`."""
    fixed, each = line(points)
    return fixed + each * size
