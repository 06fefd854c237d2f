"""Section ``regimeswitch.safety``: what keeps a bot from trading on nonsense."""

from pydantic import Field

from regimeswitch.settings.section_base import Section
from regimeswitch.settings.timeframes import timeframe_seconds


SAFETY_OF_MODELS = {"spike_fraction", "spike_volume"}
"""Keys that decide on which candles models are trained; the others change no model."""


class SafetySettings(Section):
    """What is kept away from trades and trainings, and how."""

    guards: bool = Field(
        True,
        description="all guards against faults of exchange, candles and models; false = freqtrade "
        "as it is, to measure what they are worth",
    )
    allow_untested_freqtrade: bool = Field(
        False,
        description="go on where methods of the installed freqtrade that are wrapped take other "
        "parameters than expected (each is logged); what is missing, and what orders depend on, is "
        "refused all the same. A release that fits needs no permission, known or not",
    )
    order_wait_seconds: float = Field(
        10.0,
        ge=6,
        le=60,
        description="how long the bot's loop asks for an order whose answer was lost, seconds; "
        "after that it asks once in every loop",
    )
    order_absent_seconds: float = Field(
        300.0,
        ge=10,
        le=3600,
        description="how long the exchange must deny a buy whose answer was lost, with open "
        "orders, trades and account in agreement, before the pair may be bought again, seconds; a "
        "sale whose coins are free is made again after 5 s",
    )
    order_search_hours: float = Field(
        24.0,
        ge=0,
        le=240,
        description="how long an order that was taken for absent is still looked for, hours; 0 = "
        "not at all",
    )
    slow_seconds: float = Field(
        5.0,
        ge=0.2,
        le=60,
        description="longest wait for the price of a pair without a position, seconds; it is not "
        "asked for again in that loop. What an exit needs is waited for as long as the exchange "
        "client waits, and asked for twice",
    )
    weight_limit: int = Field(
        6000, ge=100, description="request weight that the exchange allows, per minute"
    )
    weight_share: float = Field(
        0.8,
        gt=0,
        le=1,
        description="used share of weight_limit from which entries wait for the next minute, "
        "fraction",
    )
    clock_drift_seconds: float = Field(
        1.0,
        gt=0,
        le=30,
        description="difference from the exchange's clock beyond which entries pause, seconds; "
        "signed requests carry the exchange's time",
    )
    exit_loops: int = Field(
        2,
        ge=1,
        le=100,
        description="an exit that is due and not made is notified after so many loops in a row; "
        "where the exchange refuses it for good (key, smallest order, market closed), after one",
    )
    stop_limit_seconds: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="with order_types.stoploss_on_exchange: how long the price may be past the "
        "limit of a stop before the stop is cancelled and the position sold at market, seconds",
    )
    start_wait_minutes: float = Field(
        30.0,
        ge=0,
        le=1440,
        description="how long `regimeswitch wait` waits for the exchange before it gives up, "
        "minutes",
    )
    late_candles: float = Field(
        0.5,
        ge=0.1,
        le=100,
        description="entries of a pair pause when its newest closed candle is missing for longer "
        "than this, 5-minute candles",
    )
    spike_fraction: float = Field(
        0.5,
        gt=0.01,
        le=100,
        description="a price this far from the last good and the previous close is impossible "
        "unless the volume bears it out, fraction, for 5m candles",
    )
    spike_volume: float = Field(
        3.0,
        ge=0,
        le=1000,
        description="a price beyond spike_fraction is true in a candle with this many times the "
        "median volume of the 288 candles before it, as in a crash; 0 = it never is",
    )

    book_atr: float = Field(
        20.0,
        ge=0,
        le=1000,
        description="no entry while the last close is further from the order book, ATR multiples "
        "of risk.atr_period, and further than 0.5 %; 0 = not looked at",
    )

    training_minutes: float = Field(
        60.0,
        ge=0,
        le=10080,
        description="a training that takes longer is notified; its bot is served by the last "
        "models meanwhile, minutes; 0 = never",
    )

    def spike_limit(self, timeframe: str) -> float:
        """``spike_fraction`` for a timeframe: it grows with its square root, as price moves do.

        :param timeframe: of the candles that are looked at; below 5m the limit is that of 5m
        :return: fraction of the price, e.g. 0.5
        :raises ValueError: when the timeframe cannot be read
        """
        return self.spike_fraction * float(max(timeframe_seconds(timeframe) / 300, 1.0) ** 0.5)
