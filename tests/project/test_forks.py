"""Commands of the tests are forks: each is as a fresh process would be, but for the libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import forked


SEEN = """
import json, os, random, sys
import numpy
print(json.dumps({
    "name": __name__, "argv": sys.argv, "path": sys.path[0], "cwd": os.getcwd(),
    "environment": dict(os.environ), "input": sys.stdin.read(), "group": os.getpgid(0),
    "own": [name for name in sys.modules if name.split(".")[0] in OWN],
    "random": [random.random(), numpy.random.random()],
    "pandas": "pandas" in sys.modules, "warned": sys.warnoptions,
}))
print("beside", file=sys.stderr)
sys.exit(int(sys.argv[1]))
""".replace("OWN", "('freqtrade', 'regimeswitch', 'regimeswitch_lab')")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "seen.py"
    path.write_text(SEEN)
    return path


def test_a_fork_has_its_own_arguments_environment_folder_and_streams(
    program: Path, tmp_path: Path
) -> None:
    found = []
    for run in (forked.run, subprocess.run):
        done = run(
            [sys.executable, str(program), "3", "word"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "ONE_MORE": "é"},
            stdin=subprocess.DEVNULL,
        )
        assert (done.returncode, done.stderr) == (3, "beside\n")
        found.append(json.loads(done.stdout))
    forked_one, fresh = found
    assert (forked_one.pop("pandas"), fresh.pop("pandas")) == (True, False)
    assert forked_one.pop("random") != fresh.pop("random")
    assert forked_one["own"] == []
    # scikit-learn sets two variables of threads when it is loaded.
    for one in found:
        one["environment"] = {k: v for k, v in one["environment"].items() if k[:4] != "KMP_"}
    assert forked_one == fresh


def test_forks_do_not_share_their_chance(program: Path) -> None:
    line = [sys.executable, str(program), "0"]
    outputs = [
        json.loads(forked.run(line, capture_output=True, stdin=subprocess.DEVNULL).stdout)
        for _ in range(2)
    ]
    first, second = (one["random"] for one in outputs)
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_fork_as_it_ends_a_process(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "waits.py"
    path.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    with forked.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        assert os.getpgid(process.pid) == process.pid
        process.send_signal(number)
        assert process.wait(30) == process.poll() == -number
        assert ("KeyboardInterrupt" in process.stderr.read()) == (number == signal.SIGINT)


NESTED = """
import subprocess, sys
line = [sys.executable, sys.argv[1]]
for _ in range(2):
    done = subprocess.run(line, capture_output=True, text=True, process_group=0)
    print(done.stdout.strip(), done.returncode, flush=True)
"""
CHILD = "import os, sys\nprint(os.getppid(), 'pandas' in sys.modules)\nsys.exit(7)\n"


def test_children_of_a_fork_are_its_own_and_the_first_is_a_fork_too(tmp_path: Path) -> None:
    """One child is held ready; the next is a fresh process."""
    outer, inner = tmp_path / "outer.py", tmp_path / "inner.py"
    outer.write_text(NESTED)
    inner.write_text(CHILD)
    line = [sys.executable, str(outer), str(inner)]
    with forked.Popen(line, stdout=subprocess.PIPE, text=True, spares=1) as process:
        output, _ = process.communicate(timeout=60)
    assert output.splitlines() == [f"{process.pid} True 7", f"{process.pid} False 7"]


def test_a_child_that_was_not_needed_is_gone_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "ends.py"
    path.write_text("import os\nprint(*open(f'/proc/{os.getpid()}/task/{os.getpid()}/children'))\n")
    done = forked.run([sys.executable, str(path)], stdout=subprocess.PIPE, text=True, spares=2)
    numbers = [int(word) for word in done.stdout.split()]
    assert len(numbers) == 2
    left = [psutil.Process(one) for one in numbers if psutil.pid_exists(one)]
    assert psutil.wait_procs(left, timeout=10)[1] == []


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ([sys.executable, "-c", "import sys; print('pandas' in sys.modules)"], {}),
        ([sys.executable, "FILE"], {"PYTHONHASHSEED": "1"}),
        ([sys.executable, "FILE"], {"OMP_NUM_THREADS": "1"}),
    ],
)
def test_what_a_fork_cannot_be_is_a_fresh_process(
    tmp_path: Path, command: list[str], environment: dict[str, str]
) -> None:
    path = tmp_path / "asks.py"
    path.write_text("import sys\nprint('pandas' in sys.modules)\n")
    line = [str(path) if word == "FILE" else word for word in command]
    done = forked.run(line, capture_output=True, text=True, env={**os.environ, **environment})
    assert (done.returncode, done.stdout) == (0, "False\n")


def test_what_fails_is_said_as_subprocess_does(tmp_path: Path) -> None:
    path = tmp_path / "fails.py"
    path.write_text("raise SystemExit('why')\n")
    done = forked.run([sys.executable, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "why\n")
    with pytest.raises(subprocess.CalledProcessError) as error:
        forked.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert (error.value.returncode, error.value.stderr) == (1, "why\n")
    path.write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(subprocess.TimeoutExpired):
        forked.run([sys.executable, str(path)], timeout=0.2)
