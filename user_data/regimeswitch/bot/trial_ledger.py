"""The ledger of trials: a line for every look at what settings would have earned.

The best of many trials looks good by luck alone, so that a metric is worth what is known of the
trials before it. The deflated Sharpe ratio takes their number from here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pandas as pd

from regimeswitch.market.candles import OHLCV
from regimeswitch.settings.renamed import with_hashed_names


NAME = "trials.jsonl"
HYPEROPT, OWN_LOSS = "hyperopt", "RegimeSwitchLoss"
KNOWN = 6_810
"""Settings tried before there was a ledger: 60 of docs/research.md, and 6,750 rules, sizes and
stops of positions before the defaults were fixed."""


class LedgerError(ValueError):
    """A ledger that cannot be read; the text names file and line."""


@dataclass(frozen=True)
class Trial:
    """One line.

    :ivar time: UTC, as text
    :ivar command: money, prove or hyperopt
    :ivar settings: hash of everything in the configuration that decides the result
    :ivar candles: hash of the candles
    :ivar pairs: as given
    :ivar window: time range
    :ivar result: metrics, by name
    """

    time: str
    command: str
    settings: str
    candles: str
    pairs: tuple[str, ...]
    window: str
    result: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, line: str) -> Self:
        """From a line of the file.

        :raises ValueError: when it is no such line
        """
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError("no object")
        names = {one.name for one in fields(cls)}
        missing = names - set(found)
        if missing:
            raise ValueError(f"{', '.join(sorted(missing))} missing")
        known = {name: found[name] for name in names}
        return cls(**known | {"pairs": tuple(known["pairs"])})


def ledger_beside(work: Path) -> Path:
    """The ledger of a command that keeps its runs in a folder: beside it, shared by commands."""
    return work.resolve().parent / NAME


def settings_hash(parts: Any) -> str:
    """Twelve hex digits over anything that JSON can hold.

    :param parts: settings among them under the names of
        :func:`regimeswitch.settings.renamed.with_hashed_names`
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def hashed_section(config: Mapping[str, Any]) -> Any:
    """The section ``regimeswitch`` of a config for :func:`settings_hash`; None without one."""
    return with_hashed_names(config.get("regimeswitch"))


def candles_hash(frames: Iterable[pd.DataFrame]) -> str:
    """Twelve hex digits over the candles of some pairs, in this order."""
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(pd.util.hash_pandas_object(frame[OHLCV], index=False).to_numpy().tobytes())
    return digest.hexdigest()[:12]


def append(
    file: Path,
    command: str,
    settings: str,
    candles: str,
    pairs: Iterable[str],
    window: str,
    result: Mapping[str, Any],
) -> None:
    """Write a line at the end of the ledger, whole or not at all.

    :raises OSError: when the file cannot be written
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    trial = Trial(now, command, settings, candles, tuple(pairs), window, dict(result))
    line = json.dumps(asdict(trial)) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    # One write: several processes may append.
    with file.open("ab", buffering=0) as stream:
        stream.write(line.encode())


def trials_of(file: Path) -> list[Trial]:
    """All lines of a ledger; none where there is no file.

    :raises LedgerError: naming the first line that is none
    :raises OSError: when the file cannot be read
    """
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [_entry(file, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _entry(file: Path, number: int, line: str) -> Trial:
    try:
        return Trial.read(line)
    except (ValueError, TypeError) as error:
        raise LedgerError(
            f"{file}, line {number}: no entry of a ledger ({error}); take the line out"
        ) from None


def counted(trials: Iterable[Trial]) -> int:
    """How many settings have been tried: the same settings on other candles are one trial.

    An epoch of hyperopt is a trial of its own; a line of a whole run says how many it has.
    """
    found = list(trials)
    settings = {(one.command, one.settings) for one in found if one.command != HYPEROPT}
    epochs = [int(one.result.get("epochs", 1)) for one in found if one.command == HYPEROPT]
    return len(settings) + sum(epochs)


def note_hyperopt(config: Mapping[str, Any]) -> None:
    """A line for a run of hyperopt with another loss than ours, which notes each epoch itself.

    What the epochs earned is not known to it: their number is what counts.

    :param config: freqtrade's, of the run that begins
    """
    loss = str(config.get("hyperopt_loss"))
    if loss == OWN_LOSS:
        return
    pairs = list(config["exchange"].get("pair_whitelist") or [])
    window = str(config.get("timerange") or "")
    others = (config.get(key) for key in ("freqai", "timeframe", "spaces"))
    given = [hashed_section(config), *others]
    result = {"loss": loss, "epochs": int(config.get("epochs") or 1)}
    hashes = settings_hash(given), settings_hash([str(config.get("datadir")), pairs, window])
    append(Path(config["user_data_dir"]) / NAME, HYPEROPT, *hashes, pairs, window, result)
