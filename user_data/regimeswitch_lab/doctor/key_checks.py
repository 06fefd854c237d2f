"""Checks of a configuration's keys: those that freqtrade needs, and those it does not know.

What is known follows from freqtrade's own schema. A key outside of it is known all the same when
its name stands in quotes anywhere in freqtrade's source, or in the bot's strategy and model, which
may read keys of their own.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import freqtrade
from freqtrade.config_schema.config_schema import CONF_SCHEMA, SCHEMA_TRADE_REQUIRED

from regimeswitch_lab.bot_config import WHOLE, section
from regimeswitch_lab.doctor.class_checks import sources_of
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import ExaminedBot


OWN_SECTION = "regimeswitch"
# Read after the configuration, with a default of freqtrade's own where nobody gives them.
DEFAULTED = ("minimal_roi", "max_open_trades")
STRATEGY_GIVES = ("timeframe", "stoploss", "stake_currency", "stake_amount")
NEEDED_FEATURES = ("indicator_periods_candles",)
ALIKE = 0.8
OPEN_SECTIONS = ("exchange", "pairlists")
"""Of their keys the schema lists a part; the others stand in freqtrade's source alone."""
_WORD = re.compile(r"""["']([A-Za-z_]\w*)["']""")


@dataclass(frozen=True)
class UnknownKey:
    """A key that freqtrade does not read.

    :ivar place: sections and the key itself
    :ivar nearest: the key of freqtrade's that it looks like; empty = none
    """

    place: tuple[str, ...]
    nearest: str

    @property
    def path(self) -> str:
        """As findings name it."""
        return ".".join(self.place)

    @property
    def meant(self) -> str:
        """Path of the key that it looks like."""
        return ".".join([*self.place[:-1], self.nearest])


def check_keys(subject: ExaminedBot) -> Iterator[Finding]:
    """Keys that are missing or unknown; a mistyped one that is missed is one finding."""
    unknown = unknown_keys(subject)
    missing = missing_keys(subject)
    for key in unknown:
        if key.nearest and key.meant in missing:
            missing.remove(key.meant)
            what = f"freqtrade does not know it and refuses to start without {key.meant}"
            fix = f"did you mean {key.nearest}?"
            yield Finding("serious", "config.unknown_key", what, key.path, fix, (key.meant,))
        elif key.nearest:
            what = "freqtrade does not know it, so it has no effect"
            fix = f"did you mean {key.nearest}?"
            yield Finding("warning", "config.unknown_key", what, key.path, fix, (key.meant,))
        else:
            what = "neither freqtrade nor the strategy knows it, so it has no effect"
            yield Finding("info", "config.unknown_key", what, key.path, "take it out")
    for path in missing:
        yield Finding(
            *("serious", "config.missing_key", "freqtrade refuses to start without it", path),
            "add it; the config.json that comes with RegimeSwitch has every key that is needed",
        )


def missing_keys(subject: ExaminedBot) -> list[str]:
    """Paths of keys that a bot needs and nobody gives."""
    merged = subject.config.merged
    found = [path for mistake in subject.config.mistakes if (path := required_by(*mistake))]
    source = "\n".join(sources_of(subject).values())
    for name in SCHEMA_TRADE_REQUIRED:
        if name in merged or name in (*DEFAULTED, *found):
            continue
        # A strategy that was not found is a finding of its own; what it gives is not known.
        unknown = name in STRATEGY_GIVES and "strategy" not in sources_of(subject)
        if not unknown and not (name in STRATEGY_GIVES and _assigned(name, source)):
            found.append(name)
    features = section(section(merged, "freqai"), "feature_parameters")
    if features:
        path = "freqai.feature_parameters."
        found += [path + name for name in NEEDED_FEATURES if name not in features]
    return found


def required_by(place: str, message: str) -> str:
    """Path of the key that a mistake of the schema is about, where it is missing; else empty."""
    named = re.fullmatch(r"'(\w+)' is a required property", message)
    if named is None:
        return ""
    return named[1] if place == WHOLE else f"{place}.{named[1]}"


def _assigned(name: str, source: str) -> bool:
    return re.search(rf"^\s+{name}\s*[:=]", source, re.MULTILINE) is not None


def unknown_keys(subject: ExaminedBot) -> list[UnknownKey]:
    """Keys that neither freqtrade nor the bot's own classes read."""
    given = {name: value for name, value in subject.config.given.items() if name != OWN_SECTION}
    odd = [(place, known) for place, known in outside(given, CONF_SCHEMA) if not _is_note(place)]
    if not odd:
        return []
    read = words_of_freqtrade() | {
        word for text in sources_of(subject).values() for word in _WORD.findall(text)
    }
    found = []
    for place, known in odd:
        if place[-1] not in read:
            near = difflib.get_close_matches(place[-1], known, n=1, cutoff=ALIKE)
            if not near and place[0] in OPEN_SECTIONS:
                near = difflib.get_close_matches(place[-1], words_of_freqtrade(), n=1, cutoff=ALIKE)
            found.append(UnknownKey(place, near[0] if near else ""))
    return found


def outside(
    config: Any, schema: dict[str, Any], place: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Places of keys that a schema does not list, with the keys that it lists there.

    Sections without a list of their own, such as the parameters of a learner, are free.
    """
    if isinstance(config, list):
        for one in config:
            yield from outside(one, schema.get("items") or {}, place)
        return
    known = schema.get("properties")
    if not isinstance(config, dict) or not known:
        return
    for name, value in config.items():
        if name in known:
            yield from outside(value, resolved(known[name]), (*place, name))
        else:
            yield (*place, name), [*known, *([OWN_SECTION] if not place else [])]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A part of freqtrade's schema, or the one it refers to."""
    reference = schema.get("$ref", "")
    if not reference.startswith("#/definitions/"):
        return schema
    found: dict[str, Any] = CONF_SCHEMA["definitions"][reference.rpartition("/")[2]]
    return found


def _is_note(place: tuple[str, ...]) -> bool:
    """Keys that people write as comments, and what editors want."""
    return not place[-1].strip() or place[-1].strip()[0] in "_$#/"


@cache
def words_of_freqtrade() -> frozenset[str]:
    """Every word in quotes in freqtrade's source."""
    folder = Path(freqtrade.__file__).parent
    texts = (path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    return frozenset(word for text in texts for word in _WORD.findall(text))
