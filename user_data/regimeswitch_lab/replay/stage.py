"""Runs the two sides of a replay: the bot, in one process per stretch, and the backtest."""

import json
import math
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.inputs import HOME
from regimeswitch_lab.offline.child import run_counting, run_logged
from regimeswitch_lab.offline.overlay import NO_TELEGRAM, child_environment
from regimeswitch_lab.replay.plan import STOPS, ReplayPlan
from regimeswitch_lab.replay.records import Records, read_records
from regimeswitch_lab.replay.trades import Deal, read_database, read_result


CANDLE_SECONDS = 300
RESTART_PAUSE = 150
"""Seconds after a candle's close at which a restart falls: in the middle of the next one."""
SLIGHTLY_LESS = 0.01
"""Hours: FreqAI retrains when MORE than ``live_retrain_hours`` have passed."""


class ReplayError(RuntimeError):
    """A side of the replay that did not run to its end; the text names its log."""


@dataclass(frozen=True)
class Scene:
    """What is replayed.

    :param configs: freqtrade config files, the last one strongest
    :param candles: folder of candle files
    :param start: opening time of the first candle, epoch seconds
    :param stop: closing time of the last candle
    :param restarts: how many times the bot is ended and started again
    :param retrain_hours: time between two trainings, live and in the backtest
    :param wallet: capital at the beginning, stake currency
    :param trains: whether the bot trains models; one without decides on the candle before the
        first already, and the backtest is then begun with that
    :param extra: configuration of the replay's own, on top of the files
    """

    configs: list[Path]
    candles: CandleFolder
    pairs: list[str]
    start: int
    stop: int
    work: Path
    restarts: int
    retrain_hours: float
    loop_seconds: int
    sabotage: str
    wallet: float
    extra: dict[str, Any]
    trains: bool = True

    @property
    def count(self) -> int:
        """Candles to be analysed."""
        return (self.stop - self.start) // CANDLE_SECONDS

    @property
    def tested_from(self) -> int:
        """Opening time of the backtest's first candle, which no signal comes before."""
        return self.start if self.trains else self.start - CANDLE_SECONDS

    def stretches(self) -> list[tuple[int, int, int, str]]:
        """Start, stop, pause and signal of each process of the bot; ends alternate."""
        pieces = self.restarts + 1
        cuts = [
            self.start + self.count * part // pieces * CANDLE_SECONDS for part in range(1, pieces)
        ]
        result, begin = [], self.start + 1
        for number, cut in enumerate(cuts):
            result.append((begin, cut, RESTART_PAUSE, STOPS[(number + 1) % 2]))
            begin = cut + RESTART_PAUSE + 1
        return [*result, (begin, self.stop, 0, STOPS[0])]

    @property
    def killed_at(self) -> float:
        """When the bot is first ended without a chance to store anything; never = infinity."""
        cuts = (cut for _, cut, _, end in self.stretches() if end == "SIGKILL")
        return min(cuts, default=math.inf)


@dataclass(frozen=True)
class Side:
    """What one side left behind.

    :param exceptions: lines of its logs that tell of an exception in a training
    """

    records: Records
    deals: list[Deal]
    exceptions: list[str]


def prepare(scene: Scene) -> Path:
    """Empty the workplace and write the configuration of the replay; its path."""
    for name in ("live", "backtest"):
        shutil.rmtree(scene.work / name, ignore_errors=True)
        (scene.work / name / "user_data").mkdir(parents=True)
    path = scene.work / "replay.json"
    path.write_text(json.dumps(scene_config(scene), indent=2), encoding="utf-8")
    return path


def scene_config(scene: Scene) -> dict[str, Any]:
    """Configuration on top of the user's: the same for both sides."""
    own: dict[str, Any] = {
        "dry_run": True,
        "internals": {"process_throttle_secs": scene.loop_seconds},
        "exchange": {"pair_whitelist": scene.pairs},
        "pairlists": [{"method": "StaticPairList"}],
        "telegram": NO_TELEGRAM,
        "api_server": {"enabled": False},
        "freqai": {
            "live_retrain_hours": scene.retrain_hours - SLIGHTLY_LESS,
            "backtest_period_days": scene.retrain_hours / 24,
            "expiration_hours": 2 * scene.retrain_hours,
        },
    }
    return merged(own, scene.extra)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two configurations; ``above`` wins, sections are joined."""
    result = dict(below)
    for key, value in above.items():
        known = result.get(key)
        joins = isinstance(value, dict) and isinstance(known, dict)
        result[key] = merged(dict(known or {}), value) if joins else value
    return result


def _common(scene: Scene, own: Path, side: Path) -> list[str]:
    configs = [word for path in [*scene.configs, own] for word in ("--config", str(path))]
    return [
        *configs,
        *("--userdir", str(side / "user_data")),
        *("--strategy-path", str(HOME / "strategies")),
        *("--freqaimodel-path", str(HOME / "freqaimodels")),
    ]


def run_bot(scene: Scene, own: Path, progress: Callable[[int], None]) -> Side:
    """The bot through the whole time, with its restarts.

    :param progress: called with the number of candles done
    """
    side = scene.work / "live"
    database = side / "trades.sqlite"
    arguments = ["trade", *_common(scene, own, side), "--db-url", f"sqlite:///{database}"]
    records = []
    for number, (start, stop, pause, ending) in enumerate(scene.stretches()):
        path = side / f"records-{number}.jsonl"
        plan = ReplayPlan(
            arguments=arguments,
            candles=str(scene.candles.path),
            data_format=scene.candles.data_format,
            records=str(path),
            start=start,
            stop=stop,
            pause=pause,
            signal=ending,
            loop_seconds=scene.loop_seconds,
            sabotage=scene.sabotage,
        )
        _run_stretch(scene, plan, side / f"bot-{number}", lambda at: progress(_done(scene, at)))
        records.append(path)
    return Side(read_records(records), read_database(database), _exceptions(side))


def _done(scene: Scene, at: int) -> int:
    return (at - scene.start) // CANDLE_SECONDS


def _run_stretch(
    scene: Scene, plan: ReplayPlan, name: Path, progress: Callable[[int], None]
) -> None:
    log = name.with_suffix(".log")
    written = plan.write(name.with_suffix(".json"))
    module, decided = "regimeswitch_lab.replay.bot_process", scene_config(scene)
    reached, code = run_counting(module, written, log, progress, decided)
    killed = plan.signal == "SIGKILL" and code == -signal.SIGKILL
    # freqtrade ends with 130 after SIGTERM.
    if reached != plan.stop or not (killed or code == 130):
        raise ReplayError(f"the bot ended early (exit code {code}); read {log}")


def run_backtest(scene: Scene, own: Path) -> Side:
    """Plain ``freqtrade backtesting`` over the same candles, trained from scratch."""
    side = scene.work / "backtest"
    path, log = side / "records.jsonl", side / "backtest.log"
    plan = ReplayPlan(
        arguments=[
            "backtesting",
            *_common(scene, own, side),
            *("--datadir", str(scene.candles.path)),
            *("--timerange", f"{scene.tested_from}-{scene.stop}", "--cache", "none"),
        ],
        candles=str(scene.candles.path),
        data_format=scene.candles.data_format,
        records=str(path),
        start=scene.start,
        stop=scene.stop,
        sabotage=scene.sabotage,
    )
    command = [sys.executable, "-m", "regimeswitch_lab.replay.backtest_process"]
    command.append(str(plan.write(side / "backtest.json")))
    environment = child_environment(os.environ, decided=scene_config(scene))
    code = run_logged(command, log, environment)
    results = list((side / "user_data/backtest_results").glob("*.zip"))
    if code or len(results) != 1:
        raise ReplayError(f"the backtest failed (exit code {code}); read {log}")
    return Side(read_records([path]), read_result(results[0]), _exceptions(side))


def _exceptions(side: Path) -> list[str]:
    """FreqAI swallows what a training raises, and says so in the log."""
    logs = [path.read_text(encoding="utf-8", errors="replace") for path in side.glob("*.log")]
    return [line for text in logs for line in text.splitlines() if "raised exception" in line]
