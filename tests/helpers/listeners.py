"""A bot without channels that keeps what would leave it."""

from __future__ import annotations

from pathlib import Path

from freqtrade.enums import RunMode


class Listener:
    """Stands for a bot and its data provider: keeps what would go to Telegram.

    :param folder: where what was sent is kept
    """

    def __init__(self, folder: Path, runmode: RunMode = RunMode.DRY_RUN) -> None:
        self.runmode = runmode
        self.sent: list[str] = []
        self.dp = self
        self.config = {"user_data_dir": folder, "db_url": "sqlite:///bot.sqlite"}

    def send_msg(self, message: str, *, always_send: bool = False) -> None:
        assert always_send
        self.sent.append(message)
