"""Names of files in an archive: which are safe below a folder, on every system.

An archive may be unpacked on another system than it was made on, so the rules of the strictest are
those of all (Microsoft, "Naming Files, Paths, and Namespaces").
"""

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath


MAX_NAME_BYTES, MAX_PART_BYTES = 1024, 240
CODE_ENDS = {
    *(".py", ".pyc", ".pyo", ".pyw", ".pyd", ".pth", ".egg", ".whl", ".ipynb"),
    *(".so", ".dll", ".dylib", ".exe", ".com", ".sh", ".bat", ".cmd", ".ps1", ".js"),
}
"""Endings of files that something runs or imports; none of them belongs to a bot's data."""
_FORBIDDEN = set('<>:"|?*')
_RESERVED = {
    *("con", "prn", "aux", "nul", "conin$", "conout$"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
}


def fault_of(name: str) -> str:
    """Why a name cannot be used below a folder; empty when it can.

    :param name: with slashes, as in an archive
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or str(path) != name:
        return "leads out of its folder"
    if "\\" in name or ":" in path.parts[0]:
        return "leads out of its folder"
    if not name.isprintable() or _FORBIDDEN & set(name):
        return "has a character that not every system allows"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return next((fault for part in path.parts if (fault := _fault_of_part(part))), "")


def _fault_of_part(part: str) -> str:
    if len(part.encode()) > MAX_PART_BYTES:
        return f"has a part longer than {MAX_PART_BYTES} bytes"
    if part.startswith("."):
        return "has a hidden part"
    if part[-1] in ". ":
        return "has a part that ends with a dot or a space"
    if part.split(".")[0].rstrip(" ").casefold() in _RESERVED:
        return "has a part that Windows reserves for a device"
    return ""


def shown(text: object) -> str:
    """A text of an archive for people: nothing that a terminal obeys, and not much of it."""
    words = str(text)[:200]
    return words if words.isprintable() else ascii(words)


def clash_of(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that would be one file, or one file and its folder, where case does not count."""
    files: dict[str, str] = {}
    folders: dict[str, tuple[str, str]] = {}
    for name in names:
        if (other := files.setdefault(_folded(name), name)) is not name:
            return other, name
        for parent in PurePosixPath(name).parents:
            spelled, first = folders.setdefault(_folded(str(parent)), (str(parent), name))
            if spelled != str(parent):
                return first, name
    shared = next((key for key in files if key in folders), None)
    return None if shared is None else (files[shared], folders[shared][1])


def _folded(name: str) -> str:
    """As a file system that knows no case and one spelling of each letter sees it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
