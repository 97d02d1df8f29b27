"""Tasks in their order, of which those that are far from their turn are not made yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from audioset_dl.download.tasks import Task


class Backlog:
    """Tasks in their order, as a deque has them.

    Parameters
    ----------
    upcoming : iterable of Task
        Those that it begins with; each is made when its turn is near.
    number : int
        How many these are.
    """

    def __init__(self, upcoming: Iterable[Task] = (), number: int = 0) -> None:
        self._near: deque[Task] = deque()
        self._upcoming = iter(upcoming)
        self._num_upcoming = number
        self._last: deque[Task] = deque()

    def __len__(self) -> int:
        return len(self._near) + self._num_upcoming + len(self._last)

    def __iter__(self) -> Iterator[Task]:
        """Yield all tasks, and remove none."""
        yield from self._near
        while (task := self._draw_near()) is not None:
            yield task

    def first(self) -> Task:
        """Return the first task; `IndexError` without one."""
        if not self._near:
            self._draw_near()
        return self._near[0]

    def popleft(self) -> Task:
        """Remove and return the first task; `IndexError` without one."""
        self.first()
        return self._near.popleft()

    def remove(self, task: Task) -> None:
        """Remove a task that the iteration came to."""
        self._near.remove(task)

    def append(self, task: Task) -> None:
        """Add a task behind all others."""
        self._last.append(task)

    def insert(self, place: int, task: Task) -> None:
        """Add a task with so many others before it."""
        while len(self._near) < place and self._draw_near() is not None:
            pass
        self._near.insert(place, task)

    def _draw_near(self) -> Task | None:
        if self._num_upcoming:
            self._num_upcoming -= 1
            self._near.append(next(self._upcoming))
        elif self._last:
            self._near.append(self._last.popleft())
        else:
            return None
        return self._near[-1]
