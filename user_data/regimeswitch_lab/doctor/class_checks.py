"""Checks of the classes that a bot runs: its strategy and its FreqAI model are there.

They are looked for in the folders that freqtrade searches, by the line that defines them. Nothing
is imported.
"""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import freqtrade
from freqtrade.constants import USERPATH_FREQAIMODELS, USERPATH_STRATEGIES

from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.subject import ExaminedBot


FOLDERS = {"strategy": USERPATH_STRATEGIES, "freqaimodel": USERPATH_FREQAIMODELS}
"""Folders of user_data."""
STOCK_MODELS = Path(freqtrade.__file__).parent / "freqai" / "prediction_models"
USUAL = {"strategy": "RegimeSwitchStrategy", "freqaimodel": "RegimeSwitchClassifier"}
_CLASS = re.compile(r"^class (\w+)\(", re.MULTILINE)


def check_classes(subject: ExaminedBot) -> Iterator[Finding]:
    """A strategy and a model are named, and the named ones are there."""
    for key in _wanted(subject):
        name = str(subject.config.merged.get(key) or "")
        if not name:
            yield Finding(
                *("serious", f"config.no_{key}", f"freqtrade refuses to start without a {key}"),
                key,
                f'add "{key}": "{USUAL[key]}", or give the bot and this command --{key}',
                explains=("identifier.",),
            )
        elif key not in sources_of(subject):
            folders = search_paths(subject, key)
            names = [one for path in _files(folders) for one in _CLASS.findall(_text(path))]
            near = difflib.get_close_matches(name, names, n=1)
            advice = f"did you mean {near[0]}?" if near else _advice(key)
            where = ", ".join(str(folder) for folder in folders)
            what = f"{name} is in no file of {where}"
            yield Finding(
                *("serious", f"config.unknown_{key}", what, key, advice), explains=("identifier.",)
            )


def _advice(key: str) -> str:
    return (
        "copy the four folders of RegimeSwitch's user_data into it, name another --userdir, or "
        f"give --{key}-path as the bot has it"
    )


def _wanted(subject: ExaminedBot) -> list[str]:
    with_models = subject.part("freqai").get("enabled", False)
    return ["strategy", *(["freqaimodel"] if with_models else [])]


def sources_of(subject: ExaminedBot) -> dict[str, str]:
    """Text of the files that hold the bot's strategy and model, as far as they are found."""
    found = {}
    for key in _wanted(subject):
        name = str(subject.config.merged.get(key) or "")
        for path in _files(search_paths(subject, key)):
            text = _text(path)
            if name and name in _CLASS.findall(text):
                found[key] = text
                break
    return found


def search_paths(subject: ExaminedBot, key: str) -> list[Path]:
    """Folders in which freqtrade looks for a class, the first one strongest."""
    given = subject.config.merged.get(f"{key}_path")
    own = [Path(given)] if isinstance(given, str) and given else []
    stock = [STOCK_MODELS] if key == "freqaimodel" else []
    return [*own, subject.userdir / FOLDERS[key], *stock]


def _files(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*.py"))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
