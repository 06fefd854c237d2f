"""A configuration in the other mode: ``entries.mode`` and the keys that only one mode reads."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from regimeswitch.settings.entry_settings import EntrySettings
from regimeswitch.settings.modes import POSITION, READ_IN, SIGNAL, SIGNAL_DEFAULTS
from regimeswitch.settings.renamed import with_names_of, with_new_names
from regimeswitch.settings.risk_settings import RiskSettings
from regimeswitch_lab.bot_config import section


SECTIONS: dict[str, type[BaseModel]] = {"entries": EntrySettings, "risk": RiskSettings}


def mode_of(given: Mapping[str, Any]) -> str:
    """``entries.mode`` of a section ``regimeswitch``, its default where it says none."""
    found = section(given, "entries").get("mode")
    return str(EntrySettings.model_fields["mode"].default if found is None else found)


def in_mode(given: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """What comes on top of a section ``regimeswitch`` to have it in a mode.

    Nothing where it is in it. Else the keys that this mode does not read, and those that have
    another default in it, are set to the defaults of the mode: what was written for the other mode
    says nothing about this one. Keys have the names that the section uses, old or new.

    :param mode: ``position`` or ``signal``
    """
    if mode_of(given) == mode:
        return {}
    own = with_new_names(given)
    unread = READ_IN[SIGNAL if mode == POSITION else POSITION]
    result: dict[str, Any] = {"entries": {"mode": mode}, "risk": {}}
    for name, keys in unread.items():
        for key in keys:
            if key in section(own, name):
                result[name][key] = _usual(name, key)
    for name, defaults in SIGNAL_DEFAULTS.items():
        for key, value in defaults.items():
            result[name][key] = value if mode == SIGNAL else _usual(name, key)
    return with_names_of({name: _plain(keys) for name, keys in result.items()}, given)


def _usual(name: str, key: str) -> Any:
    return SECTIONS[name].model_fields[key].get_default(call_default_factory=True)


def _plain(keys: dict[str, Any]) -> dict[str, Any]:
    """As a configuration file holds it."""
    return {
        key: value.model_dump(mode="json")
        if isinstance(value, BaseModel)
        else list(value)
        if isinstance(value, tuple)
        else value
        for key, value in keys.items()
    }
