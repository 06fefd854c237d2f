"""Which part a bot has among several, and what its configuration must say for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from regimeswitch.settings import Settings
from regimeswitch.settings.bots_settings import ALONE, MODEL, TRADING, Role


logger = logging.getLogger(__name__)

_TOKEN = "FREQTRADE__API_SERVER__WS_TOKEN"
_PRODUCERS = "FREQTRADE__EXTERNAL_MESSAGE_CONSUMER__PRODUCERS"


def role_of(config: Mapping[str, Any], settings: Settings) -> Role:
    """The part of a bot; backtests, hyperopt and commands work alone, whatever is set.

    :param config: of freqtrade, with its ``runmode``
    """
    running = config.get("runmode") in (RunMode.DRY_RUN, RunMode.LIVE)
    return settings.bots.role if running else ALONE


def checked_role(config: Mapping[str, Any], settings: Settings, learns: bool) -> Role:
    """The part of a bot whose configuration fits it.

    :param learns: the configuration trains models, see
        :func:`regimeswitch.bot.bot_settings.is_learning`
    :raises OperationalException: with each key that does not fit, its value and the fix
    """
    role = role_of(config, settings)
    wrong = [f"{key}: {what}; {fix}" for key, what, fix in unfit(role, config, learns)]
    if wrong:
        listed = "\n".join(wrong)
        raise OperationalException(
            f'regimeswitch.bots.role is "{role}", which the config does not fit:\n{listed}'
        )
    if role == ALONE and _section(config, "external_message_consumer").get("enabled"):
        logger.warning(
            'external_message_consumer.enabled is true, and regimeswitch.bots.role is "alone": '
            'nothing of what other bots send is used; set the role to "trading" to use it'
        )
    return role


def unfit(role: Role, config: Mapping[str, Any], learns: bool) -> Iterator[tuple[str, str, str]]:
    """Keys that do not fit the part of a bot, what is wrong with each, and the fix.

    :param learns: the configuration trains models
    """
    if role == ALONE:
        return
    if not learns:
        yield (
            "regimeswitch.bots.role",
            "no models are trained (freqai.enabled, or models.sub_models in position mode)",
            'switch them on, or leave the role at "alone"',
        )
    if role == MODEL:
        yield from _unfit_for_models(config)
    if role == TRADING:
        yield from _unfit_for_trading(config)


def _unfit_for_models(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    api = _section(config, "api_server")
    wanted = (
        ("dry_run", config.get("dry_run"), True, "needs no account and no key of the exchange"),
        ("max_open_trades", config.get("max_open_trades"), 0, "opens nothing"),
        ("api_server.enabled", api.get("enabled"), True, "is asked through its API server"),
    )
    for key, value, needed, why in wanted:
        if value != needed:
            shown = str(needed).lower()
            yield key, f"is {value!r}, and a model bot {why}", f"set it to {shown}"
    if not api.get("ws_token"):
        yield (
            "api_server.ws_token",
            "is missing, and the trading bot shows it to get in",
            f"set the environment variable {_TOKEN} to 32 or more random characters",
        )


def _unfit_for_trading(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    name = "external_message_consumer"
    consumer = _section(config, name)
    if consumer.get("enabled") is not True:
        yield (
            f"{name}.enabled",
            f"is {consumer.get('enabled')!r}, and a trading bot has its predictions from others",
            "set it to true",
        )
    producers = consumer.get("producers") or []
    if not producers:
        yield (
            f"{name}.producers",
            "is missing: no model bot is named",
            f'set the environment variable {_PRODUCERS} to a list as [{{"name": "a", "host": '
            '"127.0.0.1", "port": 8081, "ws_token": "..."}]',
        )
    for one in producers:
        if not one.get("ws_token"):
            yield (
                f"{name}.producers",
                f"{one.get('name')!r} has no ws_token",
                f"give it the {_TOKEN} of that model bot, in {_PRODUCERS}",
            )


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}
