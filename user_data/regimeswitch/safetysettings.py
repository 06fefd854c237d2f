"""Section ``regimeswitch.safety``: what keeps a bot from trading on nonsense."""

from __future__ import annotations

from pydantic import Field

from regimeswitch.candles import timeframe_seconds
from regimeswitch.sections import Section


SAFETY_OF_MODELS = {"spike_fraction"}
"""Keys that decide on which candles models are trained; the others change no model."""


class SafetySettings(Section):
    """What is kept away from trades and trainings, and how."""

    guards: bool = Field(
        True,
        description="all guards against faults of exchange, candles and models; false = freqtrade "
        "as it is, to measure what they are worth",
    )
    spike_fraction: float = Field(
        0.5,
        gt=0.01,
        le=100,
        description="a price this far from the last good and the previous close is impossible, "
        "fraction, for 5m candles",
    )

    def spike_limit(self, timeframe: str) -> float:
        """``spike_fraction`` for a timeframe: it grows with its square root, as price moves do."""
        return self.spike_fraction * float(max(timeframe_seconds(timeframe) / 300, 1.0) ** 0.5)
