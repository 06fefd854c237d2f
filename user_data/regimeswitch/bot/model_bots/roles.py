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
    wrong = list(_unfit(role, config, learns))
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


def _unfit(role: Role, config: Mapping[str, Any], learns: bool) -> Iterator[str]:
    if role == ALONE:
        return
    if not learns:
        yield (
            'no models are trained: freqai.enabled must be true, and models.sub_models not "none" '
            'in position mode; without models leave bots.role at "alone"'
        )
    if role == MODEL:
        yield from _unfit_for_models(config)
    if role == TRADING:
        yield from _unfit_for_trading(config)


def _unfit_for_models(config: Mapping[str, Any]) -> Iterator[str]:
    if config.get("dry_run") is not True:
        yield (
            f"dry_run: {config.get('dry_run')!r}; a model bot needs no account and no key of the "
            "exchange: set it to true"
        )
    slots = config.get("max_open_trades")
    if slots != 0:
        yield f"max_open_trades: {slots!r}; a model bot opens nothing: set it to 0"
    api = _section(config, "api_server")
    if api.get("enabled") is not True:
        yield (
            f"api_server.enabled: {api.get('enabled')!r}; the trading bot asks the API server of "
            "the model bot: set it to true"
        )
    if not api.get("ws_token"):
        yield (
            "api_server.ws_token: missing; set the environment variable "
            f"{_TOKEN} to 32 or more random characters"
        )


def _unfit_for_trading(config: Mapping[str, Any]) -> Iterator[str]:
    consumer = _section(config, "external_message_consumer")
    if consumer.get("enabled") is not True:
        yield (
            f"external_message_consumer.enabled: {consumer.get('enabled')!r}; a trading bot gets "
            "its predictions from model bots: set it to true"
        )
    producers = consumer.get("producers")
    if not producers:
        yield (
            "external_message_consumer.producers: missing; name each model bot in the environment "
            f'variable {_PRODUCERS}, as [{{"name": "a", "host": "127.0.0.1", "port": 8081, '
            '"ws_token": "..."}]'
        )
    for one in producers or ():
        if not one.get("ws_token"):
            yield (
                f"external_message_consumer.producers: {one.get('name')!r} has no ws_token; give "
                f"it the {_TOKEN} of that model bot, in {_PRODUCERS}"
            )


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}
