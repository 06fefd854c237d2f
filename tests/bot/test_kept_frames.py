"""Frames of a backtest come back from the disk as they were put there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from frames import candle_frame
from regimeswitch.bot.freqai.kept_frames import KeptFrame
from regimeswitch.bot.freqai.shared_training import single_precision


def populated(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = candle_frame(400).iloc[:rows].set_axis(np.arange(rows) + 3)
    features = {f"%-{name}": rng.normal(size=rows) for name in "abc"}
    frame = frame.assign(**features, _code=np.int8(2), text="bull")
    frame.loc[frame.index[: rows // 3], "%-b"] = np.nan
    return frame


def test_a_frame_comes_back_with_its_features_in_single_precision(tmp_path: Path) -> None:
    frame = populated(400)
    kept = KeptFrame.of(frame, tmp_path)
    wanted = single_precision(frame)
    found = kept.frame
    assert sorted(found.columns) == sorted(wanted.columns)
    assert [name for name in found if "%" in name] == [name for name in wanted if "%" in name]
    pd.testing.assert_frame_equal(found[wanted.columns], wanted, check_exact=True)
    assert not list(tmp_path.iterdir()), "the file has no name, so that nothing is left behind"


def test_its_features_lie_in_the_file_not_in_memory(tmp_path: Path) -> None:
    kept = KeptFrame.of(populated(400), tmp_path)
    base = kept.frame["%-a"].to_numpy()
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    assert not isinstance(base, np.ndarray)
    assert "%-a" not in kept.others
    for name in kept.others:
        column = kept.others[name].to_numpy()
        whole = column if column.base is None else column.base
        assert whole.nbytes <= kept.others.memory_usage().sum()


def test_what_is_written_into_one_look_is_not_in_the_next(tmp_path: Path) -> None:
    kept = KeptFrame.of(populated(50), tmp_path)
    first = kept.frame
    first.loc[first.index[10], ["%-a", "close"]] = -1.0
    first["&label"] = 1.0
    pd.testing.assert_frame_equal(kept.frame, KeptFrame.of(populated(50), tmp_path).frame)


def test_frames_without_rows_or_features(tmp_path: Path) -> None:
    assert KeptFrame.of(populated(0), tmp_path).frame.columns.to_list()[-3:] == [
        "%-a",
        "%-b",
        "%-c",
    ]
    plain = candle_frame(20)
    pd.testing.assert_frame_equal(KeptFrame.of(plain, tmp_path).frame, plain)
