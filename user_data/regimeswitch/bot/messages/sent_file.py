"""What has been sent, on disk: a bot that is started again repeats nothing.

One small JSON file beside the journal of orders, one for each database. It is written after the
messages have left, so that a crash in between repeats one rather than loses it; where the file is
lost or cannot be read, what holds then is sent once more.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regimeswitch.bot.database_name import database_digest
from regimeswitch.bot.whole_files import replacing


logger = logging.getLogger(__name__)

MAX_BYTES = 4_194_304
MAX_EVENTS = 500
"""Events without an end that are kept, the newest; the rest is a few for each pair."""
STATES, MARKS, EVENT = "states", "marks", "event "


def sent_path(folder: Path, db_url: str) -> Path:
    """Where a bot keeps what it has sent: one file for each database, as with its journal.

    :param folder: freqtrade's ``user_data_dir``
    """
    return folder / f"regimeswitch-messages-{database_digest(db_url)}.json"


class SentFile:
    """Marks of what was sent, and states whose beginning was; for one thread or several.

    :param path: None = nothing outlives the process
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._logged = ""
        content = self._read()
        self._states, self._marks = (_objects(content.get(name)) for name in (STATES, MARKS))
        self._changed = False

    def __getstate__(self) -> dict[str, Any]:
        """Without its lock: hyperopt hands strategies to its workers."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.RLock()

    @property
    def states(self) -> dict[str, Any]:
        """By key, what was written of each state that holds."""
        with self._lock:
            return dict(self._states)

    def put_state(self, key: str, state: Mapping[str, Any] | None) -> None:
        """A state holds, or does not any more: None."""
        with self._lock:
            if self._states.get(key) == state:
                return
            if state is None:
                del self._states[key]
            else:
                self._states[key] = dict(state)
            self._changed = True

    def mark(self, key: str) -> Any:
        """What was written under a key; None where nothing was."""
        with self._lock:
            return self._marks.get(key)

    def put_mark(self, key: str, value: Any) -> None:
        """Write something down, JSON's types alone."""
        with self._lock:
            if key in self._marks and self._marks[key] == value:
                return
            self._marks.pop(key, None)
            self._marks[key] = value
            events = [one for one in self._marks if one.startswith(EVENT)]
            for old in events[:-MAX_EVENTS]:
                del self._marks[old]
            self._changed = True

    def save(self) -> None:
        """Write the file where something has changed; a failure is logged once."""
        with self._lock:
            if self.path is None or not self._changed:
                return
            text = json.dumps({STATES: self._states, MARKS: self._marks}, indent=1)
            try:
                with replacing(self.path, draft=f".{os.getpid()}", durable=False) as fresh:
                    fresh.write_text(text, encoding="utf-8")
                self._changed = False
            except OSError as error:
                self._log(f"{self.path} cannot be written: {error}; a restart repeats messages")

    def _read(self) -> Mapping[str, Any]:
        if self.path is None:
            return {}
        try:
            with self.path.open("rb") as stream:
                content = json.loads(stream.read(MAX_BYTES))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self._log(f"{self.path} is passed over: {error}; what holds now is sent once more")
            return {}
        return content if isinstance(content, Mapping) else {}

    def _log(self, text: str) -> None:
        if text != self._logged:
            self._logged = text
            logger.warning(text)


def _objects(found: Any) -> dict[str, Any]:
    return dict(found) if isinstance(found, Mapping) else {}
