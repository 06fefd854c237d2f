"""Checks of a bot's part among several."""

from collections.abc import Iterator

from regimeswitch.bot.bot_settings import is_learning
from regimeswitch.bot.model_bots.roles import unfit
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import ExaminedBot


def check_role(subject: ExaminedBot) -> Iterator[Finding]:
    """Keys that a model bot or a trading bot does not start with."""
    config, settings = subject.config.merged, subject.settings
    for key, what, fix in unfit(settings.bots.role, config, is_learning(config, settings)):
        yield Finding("serious", "config.role", what, key, fix)
