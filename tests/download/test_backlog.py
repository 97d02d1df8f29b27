"""The tasks of a run, of which those far from their turn are not made yet."""

from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioset_dl.download.backlog import Backlog
from audioset_dl.download.tasks import Task


class Source:
    """Tasks that are made when they are asked for."""

    def __init__(self, number: int) -> None:
        self.tasks = [Task(f"upcoming-{place}") for place in range(number)]
        self.num_made = 0

    def __iter__(self) -> Iterator[Task]:
        for task in self.tasks:
            self.num_made += 1
            yield task


@given(st.integers(0, 8), st.lists(st.sampled_from(["pop", "append", "insert", "remove", "look"])))
def test_it_is_a_deque(number: int, steps: list[str]) -> None:
    source = Source(number)
    backlog, plain = Backlog(source, number), deque(source.tasks)
    for place, step in enumerate(steps):
        task = Task(f"new-{place}")
        if step == "pop" and plain:
            assert backlog.popleft() is plain.popleft()
        elif step == "append":
            (backlog.append(task), plain.append(task))
        elif step == "insert":
            (backlog.insert(2, task), plain.insert(2, task))
        elif step == "remove" and plain:
            chosen = plain[len(plain) // 2]
            assert chosen in list(backlog)
            (backlog.remove(chosen), plain.remove(chosen))
        elif plain:
            assert backlog.first() is plain[0]
        assert len(backlog) == len(plain)
    assert list(backlog) == list(plain)


def test_no_task_is_made_before_its_turn_is_near() -> None:
    source = Source(1000)
    backlog = Backlog(source, 1000)
    assert len(backlog) == 1000
    assert next(iter(backlog)) is source.tasks[0]
    backlog.popleft()
    backlog.insert(5, Task("again"))
    assert source.num_made == 6


def test_without_a_task_there_is_no_first() -> None:
    with pytest.raises(IndexError):
        Backlog().first()
