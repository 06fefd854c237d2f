"""Lost candle streams, which the live bot of the other tests does not have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from regimeswitch.bot.alarms import Alarms
from regimeswitch.bot.outage import Outages
from regimeswitch.bot.traffic import Traffic
from regimeswitch.safetysettings import SafetySettings


START = datetime.now(UTC)
KEY = ("AAA/USDT", "5m", "spot")


def milliseconds(moment: datetime) -> float:
    return moment.timestamp() * 1000


class Streams:
    """What the guards read of freqtrade's websocket, and a bot around it."""

    def __init__(self) -> None:
        self._klines_last_request = {KEY: milliseconds(START)}
        self._klines_last_refresh: dict[Any, float] = {}
        client = SimpleNamespace(fetch_time=lambda: milliseconds(datetime.now(UTC)))
        exchange = SimpleNamespace(_api=client, _exchange_ws=self, markets={})
        self.bot = SimpleNamespace(
            dp=SimpleNamespace(_exchange=exchange, current_whitelist=list), timeframe="5m"
        )


def test_silent_streams_pause_entries_and_come_back() -> None:
    told: list[str] = []
    safety = SafetySettings()
    outages = Outages(Traffic(safety), safety, Alarms(told.append))
    streams = Streams()

    def look(seconds: float, heard: bool) -> str:
        now = START + timedelta(seconds=seconds)
        if heard:
            streams._klines_last_refresh[KEY] = milliseconds(now)
        outages.look(streams.bot, now)
        return outages.reason("AAA/USDT")

    assert look(0, heard=False) == "", "not connected yet"
    assert look(5, heard=True) == ""
    assert look(305, heard=False) == "", "a look after a long pause proves nothing"
    assert look(310, heard=True) == ""
    for seconds in range(315, 370, 5):
        assert look(seconds, heard=False) == ""
    # freqtrade forgets what a stream has sent when its connection fails.
    streams._klines_last_refresh.clear()
    for seconds in range(375, 400, 5):
        assert "silent" in look(seconds, heard=False)
    assert look(400, heard=True) == ""
    assert [text.split(";")[0] for text in told] == [
        "the candle streams are silent",
        "candle streams are back",
    ]
