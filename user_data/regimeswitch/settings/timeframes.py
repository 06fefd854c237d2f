"""Timeframes: the length of a candle, and counts of the settings in candles of another length."""

COUNTED = "5m"
"""Whose candles the settings count, whatever the base timeframe."""


def timeframe_seconds(timeframe: str) -> int:
    """Length of a candle in seconds, for any of freqtrade's timeframes in m, h, d or w.

    :param timeframe: a whole number of at least 1 and its unit
    :raises ValueError: for any other text; months have no fixed length

    >>> timeframe_seconds("5m"), timeframe_seconds("1d")
    (300, 86400)
    """
    unit = {"m": 60, "h": 3600, "d": 86400, "w": 604800}.get(timeframe[-1:])
    if unit is None or not timeframe[:-1].isdigit() or int(timeframe[:-1]) < 1:
        raise ValueError(f"timeframe {timeframe!r} is not known; write it like 5m, 1h or 1d")
    return int(timeframe[:-1]) * unit


def candles_spanning(count: int, timeframe: str, least: int = 1) -> int:
    """Candles of a timeframe that span the time of ``count`` 5-minute candles.

    The one place where a count of the settings becomes one of base candles.

    >>> [candles_spanning(36, timeframe) for timeframe in ("5m", "15m", "1h")]
    [36, 12, 3]

    :param count: of candles of :data:`COUNTED`
    :param timeframe: whose candles are wanted, e.g. ``15m``
    :param least: fewer than these are no use; a statistic needs more than one
    :return: whole candles, rounded up
    :raises ValueError: when the timeframe cannot be read
    """
    span = count * timeframe_seconds(COUNTED)
    return max(-(-span // timeframe_seconds(timeframe)), least)
