"""``--cluster``: a real scheduler and two worker processes, one of them killed on the way."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from joblib import delayed

from daskclusters import Cluster, cluster_in
from offlines import exit_code
from pretrained import backtest_line, left_behind, wait_until
from project import Run
from regimeswitch_lab import dask_cluster
from regimeswitch_lab.dask_cluster import CommonGround, DaskCluster, OtherWorkerError, versions
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.side_by_side import WorkersError


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler; the tests start workers in the order in which they stand here."""
    with cluster_in(tmp_path_factory.mktemp("cluster")) as made:
        yield made


def test_a_cluster_without_a_worker_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the scheduler has no worker; start some with `dask wor"):
        DaskCluster.at(cluster.address, tmp_path)


def test_one_of_two_workers_is_killed_and_the_models_are_those_of_a_backtest(
    cluster: Cluster,
    serial_backtest: Run,
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    victim, _ = cluster.worker(), cluster.worker()
    wait_until(lambda: len(workers_of(cluster)) == 2)
    killer = threading.Thread(target=kill_at_a_window, args=(victim.pid,))
    killer.start()
    line = backtest_line(tmp_path, market)
    code = exit_code("pretrain", "--cluster", cluster.address, "--", *line)
    killer.join()
    out, err = capsys.readouterr()
    assert code == 0, err
    assert victim.wait() == -9
    assert "8 windows of 2 pairs: 8 trained" in out
    assert left_behind(tmp_path / "user_data") == left_behind(serial_backtest.userdir)


def workers_of(cluster: Cluster) -> list[str]:
    with dask_cluster._client(cluster.address) as client:
        return dask_cluster._workers(client)


def kill_at_a_window(pid: int) -> None:
    """Kill a worker that is training: it holds the lock of a window."""
    process = psutil.Process(pid)
    wait_until(lambda: any("pretrain-locks" in one.path for one in process.open_files()))
    process.kill()


def test_windows_of_prove_are_those_of_one_process(
    cluster: Cluster, market: Path, tmp_path: Path
) -> None:
    backtest_line(tmp_path, market)
    there = ("--jobs", 1, "--cluster", cluster.address)
    for name, who in {"here": ("--jobs", 1), "there": there}.items():
        places = ("--datadir", market, "--work", tmp_path / name)
        days = ("--timerange", "20241225-20241229", "--train-days", 3, "--step-days", 2)
        command = ("prove", *places, "--pairs", "BTC/USDT", *days, *who)
        files = ("--config", tmp_path / "mine.json", "--export", tmp_path / f"{name}.json")
        assert exit_code(*command, *files) == 0
    assert (tmp_path / "here.json").read_text() == (tmp_path / "there.json").read_text()
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("here/*/*.npz")}
    assert len(kept) == 2
    assert {path.name: path.read_bytes() for path in tmp_path.glob("there/*/*.npz")} == kept
    # What workers shared is gone.
    assert not list(tmp_path.glob("there/*.joblib")) and not list(tmp_path.glob("there/.*"))


def test_what_tasks_share_is_read_from_a_file(cluster: Cluster, tmp_path: Path) -> None:
    workers = DaskCluster.at(cluster.address, tmp_path)
    assert workers.count == 1
    with workers.sharing([1, 2, 3], tmp_path) as shared:
        assert list(workers.results([delayed(getattr)(shared, "value")])) == [[1, 2, 3]]
    assert list(tmp_path.iterdir()) == []


def test_workers_begin_before_there_is_a_task(cluster: Cluster, tmp_path: Path) -> None:
    workers, begun = DaskCluster.at(cluster.address, tmp_path), tmp_path / "begun"
    with workers.readying(delayed(begun.mkdir)()):
        wait_until(begun.is_dir)
        # The same again would fail, and fails nobody's task.
        with workers.readying(delayed(begun.mkdir)()):
            assert list(workers.results([delayed(divmod)(7, 2)])) == [(3, 1)]
    assert list(tmp_path.iterdir()) == [begun]


def test_what_a_task_raises_is_raised_here(cluster: Cluster, tmp_path: Path) -> None:
    workers = DaskCluster.at(cluster.address, tmp_path)
    with pytest.raises(ZeroDivisionError):
        list(workers.results([delayed(divmod)(1, 0)]))


def test_without_a_worker_for_long_it_ends(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(dask_cluster, "LOOK_SECONDS", 0.5)
    workers = DaskCluster.at(cluster.address, tmp_path)
    with pytest.raises(WorkersError, match="has had no worker for 1 s; start one, and this"):
        list(workers.results([delayed(os._exit)(9)]))


def test_a_scheduler_that_goes_ends_it(
    cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cluster.worker()
    wait_until(lambda: workers_of(cluster))
    workers = DaskCluster.at(cluster.address, tmp_path)
    scheduler = cluster.processes[0]
    threading.Timer(2, scheduler.kill).start()
    with pytest.raises(WorkersError, match="has gone; start it and this command again"):
        list(workers.results([delayed(time.sleep)(600)]))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense"])
def test_an_address_without_a_scheduler_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.2)
    with pytest.raises(InputError, match=f"--cluster {address}: no Dask scheduler answers there"):
        DaskCluster.at(address, tmp_path)


def test_dask_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="needs Dask, which is not installed: pip"):
        DaskCluster.at("tcp://127.0.0.1:1", tmp_path)


def test_a_worker_with_other_files_or_versions_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("this")
    ground = CommonGround(file, "this", tuple(versions().items()))
    ground.check()
    with pytest.raises(OtherWorkerError, match=f"does not see {tmp_path}: workers need the same"):
        replace(ground, token="that").check()
    with pytest.raises(OtherWorkerError, match="does not see"):
        replace(ground, file=tmp_path / "absent").check()
    with pytest.raises(OtherWorkerError, match=r"has numpy \S+ instead of 1\.0, and might train"):
        replace(ground, versions=(("numpy", "1.0"),)).check()
