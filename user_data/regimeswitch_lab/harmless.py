"""What of a configuration is known to be harmless, so that it may leave the machine.

Names of secrets cannot be listed: each exchange, proxy, notifier and strategy has its own. What is
harmless can: numbers, switches and choices of freqtrade's schema and of the section
``regimeswitch``, and texts of a known form at known places. All else is taken out and named.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from freqtrade.config_schema.config_schema import CONF_SCHEMA

from regimeswitch.settings import Settings
from regimeswitch_lab.confidential import is_confidential_name


Schema = Mapping[str, Any]
Path = tuple[str, ...]

_NAME, _WORDS, _PAIR = r"[\w.-]{1,64}", r"[\w .,()&#-]{1,64}", r"[\w.*+()|/:\[\]^$?\\-]{1,64}"
_TIMEFRAME, _COIN = r"\d{1,4}[smhdwMy]", r"[\w]{1,20}"
_TEXTS = {
    "$schema": re.escape("https://schema.freqtrade.io/schema.json")
    + "|"
    + re.escape("user_data/regimeswitch/config.schema.json"),
    "bot_name": _WORDS,
    "timeframe": _TIMEFRAME,
    "proxy_coin": _COIN,
    "stake_currency": _COIN,
    "stake_amount": "unlimited",
    "strategy": _NAME,
    "freqaimodel": _NAME,
    "hyperopt_loss": _NAME,
    "spaces": _NAME,
    "unfilledtimeout.unit": _NAME,
    "exchange.name": _NAME,
    "exchange.pair_whitelist": _PAIR,
    "exchange.pair_blacklist": _PAIR,
    "pairlists.producer_name": _NAME,
    "pairlists.lookback_timeframe": _TIMEFRAME,
    "pairlists.info_key": _NAME,
    "pairlists.categories": _WORDS,
    "telegram.keyboard": r"/[a-z_]{1,40}( [\w./-]{1,20}){0,3}",
    "api_server.listen_ip_address": r"[0-9a-fA-F.:]{2,45}|localhost",
    "api_server.CORS_origins": r"\*|https?://[\w.-]{1,100}(:\d{1,5})?",
    "external_message_consumer.producers.name": _NAME,
    "external_message_consumer.producers.host": r"[\w.-]{1,253}",
    "freqai.identifier": _WORDS,
    "freqai.feature_parameters.include_corr_pairlist": _PAIR,
    "freqai.feature_parameters.include_timeframes": _TIMEFRAME,
    "freqai.rl_config.model_type": _NAME,
    "freqai.rl_config.policy_type": _NAME,
    "regimeswitch.regime.anchor": _PAIR,
}
"""Forms of harmless texts by place; items of a list stand at the place of the list."""
_CHOICES = {
    *("objective", "metric", "eval_metric", "boosting_type", "boosting", "booster", "device"),
    *("device_type", "tree_method", "grow_policy", "importance_type", "criterion", "max_features"),
    *("class_weight", "sampling_method", "multi_strategy", "data_sample_strategy", "monotone"),
}
"""Parameters of learners that are a word."""
_NUMBER = {"type": "number"}
_LEARNER = {"type": "object", "additionalProperties": _NUMBER}
_PAIRLIST_NUMBERS = (
    *("min_days_listed", "max_days_listed", "max_days_from_now", "number_assets", "max_rank"),
    *("refresh_period", "offset", "min_value", "max_value", "lookback_days", "lookback_period"),
    *("minutes", "min_profit", "low_price_ratio", "min_price", "max_price", "read_timeout", "seed"),
    *("max_spread_ratio", "min_volatility", "max_volatility", "min_rate_of_change"),
    "max_rate_of_change",
)
_PAIRLIST_CHOICES = {
    "pairs_exist_on": ["current_market_only", "both_markets"],
    "mode": ["whitelist", "blacklist"],
    "selection_mode": ["whitelist", "blacklist"],
    "processing_mode": ["filter", "append"],
    "sort_direction": ["", "asc", "desc"],
    "sort_key": ["quoteVolume"],
    "shuffle_frequency": ["candle", "iteration"],
}
_TEXT = {"type": "string"}
_PAIRLIST = {
    **dict.fromkeys(_PAIRLIST_NUMBERS, _NUMBER),
    **{name: {"enum": choices} for name, choices in _PAIRLIST_CHOICES.items()},
    **dict.fromkeys(("producer_name", "lookback_timeframe", "info_key"), _TEXT),
    "categories": {"type": "array", "items": _TEXT},
}
_CCXT_OPTIONS = {
    "defaultType": {"enum": ["spot", "margin", "future", "swap", "delivery", "option"]},
    **dict.fromkeys(("recvWindow", "timeDifference", "broadcastTimeout"), _NUMBER),
}
_CCXT = {
    "properties": {
        **dict.fromkeys(("timeout", "rateLimit", "maxRetriesOnFailure"), _NUMBER),
        "options": {"properties": _CCXT_OPTIONS},
    }
}


def without_unknown(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A copy of what is known to be harmless, and the names of all else, as ``exchange.key``."""
    removed: list[str] = []
    kept = _kept_of(config, known_schema(), (), (), removed)
    return dict(kept), removed


def is_harmless_place(place: Sequence[str]) -> bool:
    """Whether what stands there may be shown: a number, a choice or a text of known form.

    :param place: names of the sections and of the key
    """
    part: Schema | None = known_schema()
    for name in place:
        part = _part_of(_items_of(part), name) if part is not None else None
    if part is None or not place or is_confidential_name(place[-1]):
        return False
    numbers = any(_allows(part, kind) for kind in ("number", "integer", "boolean"))
    return numbers or "enum" in part or ".".join(place) in _TEXTS


def _items_of(schema: Schema) -> Schema:
    """Items of a list stand at the place of the list."""
    return _resolved(schema["items"]) if schema.get("items") else schema


@cache
def known_schema() -> dict[str, Any]:
    """freqtrade's schema with what it leaves open, and the section ``regimeswitch``."""
    schema: dict[str, Any] = copy.deepcopy(CONF_SCHEMA)
    own = Settings.model_json_schema()
    schema["$defs"] = own.pop("$defs")
    schema["properties"] |= {"regimeswitch": own, "$schema": _TEXT}
    pairlists = schema["properties"]["pairlists"]["items"]["properties"]
    pairlists |= {name: part for name, part in _PAIRLIST.items() if name not in pairlists}
    telegram = schema["properties"]["telegram"]["properties"]
    telegram["keyboard"] = {"type": "array", "items": {"type": "array", "items": _TEXT}}
    exchange = schema["definitions"]["exchange"]["properties"]
    exchange |= {name: _CCXT for name in exchange if name.startswith("ccxt_")}
    schema["definitions"]["freqai"]["properties"]["model_training_parameters"] = _LEARNER
    parameters = schema["$defs"]["ModelSettings"]["properties"]["parameters"]
    parameters["additionalProperties"] = _LEARNER
    return schema


def _kept_of(value: Any, schema: Schema, place: Path, named: Path, removed: list[str]) -> Any:
    """The harmless part of a value.

    :param place: of the value in the schema, without numbers of items
    :param named: its place as messages name it
    """
    if isinstance(value, Mapping):
        return {
            name: kept
            for name, inner in value.items()
            for kept in _kept(inner, str(name), schema, place, named, removed)
        }
    items = _resolved(schema.get("items") or {"type": ["number", "string"]})
    return [
        kept
        for number, inner in enumerate(value)
        for kept in _judged(inner, items, place, (*named, str(number)), removed)
    ]


def _kept(
    value: Any, name: str, schema: Schema, place: Path, named: Path, removed: list[str]
) -> Iterator[Any]:
    part = _part_of(schema, name)
    yield from _judged(value, part, (*place, name), (*named, _shown(name)), removed)


def _judged(
    value: Any, schema: Schema | None, place: Path, named: Path, removed: list[str]
) -> Iterator[Any]:
    """The value, or what is kept of it; nothing where it is taken out."""
    if value in ("", None) or isinstance(value, bool) or (not value and value in ([], {})):
        yield value
    elif schema is None or is_confidential_name(place[-1]):
        removed.append(".".join(named))
    elif (isinstance(value, Mapping) and _is_table(schema)) or (
        isinstance(value, list) and _allows(schema, "array")
    ):
        yield _kept_of(value, schema, place, named, removed)
    elif _is_harmless(value, schema, place):
        yield value
    else:
        removed.append(".".join(named))


def _is_harmless(value: Any, schema: Schema, place: Path) -> bool:
    """Whether a number or text is: a number where one belongs, a choice, a text of known form."""
    choices = schema.get("enum")
    if choices is not None:
        return value in choices
    if isinstance(value, (int, float)):
        return _allows(schema, "number") or _allows(schema, "integer")
    if not isinstance(value, str):
        return False
    form = _TEXTS.get(".".join(place))
    if form is None and place[-1] in _CHOICES:
        form = _NAME
    return form is not None and re.fullmatch(form, value) is not None


def _allows(schema: Schema, kind: str) -> bool:
    kinds = [schema.get("type"), *(part.get("type") for part in schema.get("anyOf", []))]
    flat = [one for kind_ in kinds for one in (kind_ if isinstance(kind_, list) else [kind_])]
    return kind in flat


def _is_table(schema: Schema) -> bool:
    return any(
        schema.get(key) for key in ("properties", "patternProperties", "additionalProperties")
    )


def _part_of(schema: Schema, name: str) -> Schema | None:
    """What the schema says of a key; None where it does not know it."""
    part = (schema.get("properties") or {}).get(name)
    if part is None:
        patterns = schema.get("patternProperties") or {}
        part = next((one for form, one in patterns.items() if re.fullmatch(form, name)), None)
    if part is None:
        part = schema.get("additionalProperties") or None
    return None if part is None or part is True else _resolved(part)


def _resolved(schema: Schema) -> Schema:
    """A part of the schema, or the one it refers to."""
    reference = str(schema.get("$ref", ""))
    if not reference:
        return schema
    _, section, name = reference.split("/")
    found: Schema = known_schema()[section][name]
    return found


def _shown(name: str) -> str:
    """A key as it is named: anything may stand in a JSON file."""
    return re.sub(r"[^\w$ -]", "?", name)[:60]
