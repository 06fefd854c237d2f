"""Section ``regimeswitch.messages``: which messages leave a running bot, by kind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from regimeswitch.settings.section_base import Section


Loudness = Literal["on", "silent", "off"]
MessageKind = Literal[
    "regime_switch",
    "model",
    "entry",
    "loss_limit",
    "outage",
    "order",
    "exit",
    "candle",
    "guard",
    "daily_summary",
]
_HOW = "on, silent (Telegram makes no sound) or off (in the log alone)"


class MessageSettings(Section):
    """What is sent of each kind; all of it is in the log, and freqtrade's own settings hold too."""

    regime_switch: Loudness = Field(
        "on", description=f"a pair's regime has switched, and what that changes: {_HOW}"
    )
    model: Loudness = Field(
        "on",
        description="first model ready, weights of sub-models that changed, trainings that fail or "
        "take long, models that expire or are damaged; model bots that are silent or do not fit: "
        f"{_HOW}",
    )
    entry: Loudness = Field(
        "on",
        description="regime, weight, forecast and stop of a position that was opened, and forced "
        f"entries that were not made; beside freqtrade's own message: {_HOW}",
    )
    loss_limit: Loudness = Field(
        "on", description=f"a loss limit trips, or entries go on after it: {_HOW}"
    )
    outage: Loudness = Field(
        "on", description=f"exchange, limits, clock or candles of pairs are away or back: {_HOW}"
    )
    order: Loudness = Field(
        "on", description=f"orders, trades and account do not agree, or do again: {_HOW}"
    )
    exit: Loudness = Field(
        "on", description=f"an exit is due and not made, a stop does not protect: {_HOW}"
    )
    candle: Loudness = Field("silent", description=f"a bad candle was left out: {_HOW}")
    guard: Loudness = Field("on", description=f"a guard itself fails, or works again: {_HOW}")
    daily_summary: Loudness = Field(
        "silent",
        description="after 00:00 UTC: trades and profit by regime, exposure, and what the rules "
        f"without models and holding would have earned: {_HOW}",
    )

    def of(self, kind: MessageKind) -> Loudness:
        """What is wanted of a kind."""
        wanted: Loudness = getattr(self, kind)
        return wanted
