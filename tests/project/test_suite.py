"""The order of the suite: the same tests, in parts of the same size, slow files first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import in_parts


@dataclass(frozen=True)
class Item:
    """A test, as much as its order needs."""

    path: str
    number: int
    slow: bool

    def get_closest_marker(self, name: str) -> object:
        assert name == "slow"
        return self.slow or None


counts = st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30)


@pytest.mark.parametrize("workers", [2, 3])
@given(counts)
def test_nothing_is_lost_and_slow_files_stay_whole(
    workers: int, files: list[tuple[int, bool]]
) -> None:
    items = [
        Item(f"{place}.py", number, slow and number == 0)
        for place, (count, slow) in enumerate(files)
        for number in range(count)
    ]
    ordered = in_parts(items, workers)
    assert len(ordered) == len(items)
    assert set(ordered) == set(items)
    for place, (count, slow) in enumerate(files):
        at = [row for row, item in enumerate(ordered) if item.path == f"{place}.py"]
        assert not slow or at == list(range(at[0], at[0] + count))


def test_each_worker_begins_with_slow_files() -> None:
    items = [Item(name, number, name in "ace") for name in "abcdefgh" for number in range(3)]
    ordered = in_parts(items, 2)
    names = "".join(item.path for item in ordered)
    assert names == "aaaeeebbbddd" + "cccfffggghhh"
