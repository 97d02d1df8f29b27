"""Clips with vague words against them: what is heard, and what follows once that is settled.

The rules are those of `audioset_dl.download.hearings` and `audioset_dl.download.verdicts`; this
keeps the clips, and takes back what was believed too early.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from audioset_dl.download.address import Address
from audioset_dl.download.hearings import Heard, Hearing, Look
from audioset_dl.download.queues import Queues
from audioset_dl.download.recorder import Recorder
from audioset_dl.download.tasks import Task
from audioset_dl.outcomes import Failure

MANY_OF_CLASS = 30
"""Clips of a class with vague words, and none saved since, after which it draws no more."""


@dataclass(frozen=True)
class GoneByWords:
    """A clip that is gone by vague words."""

    clip_id: str
    code: str
    """Of the words."""
    classes: Sequence[str]
    """MIDs of the classes that drew it."""


class Suspects:
    """The clips of a run with vague words against them.

    Parameters
    ----------
    queues : Queues
        Where they wait.
    recorder : Recorder
        Knows which classes drew a clip.
    wait_s : float
        Seconds from vague words to the second look.
    believed : frozenset of str
        Codes for which a class goes on drawing, however many of its clips have such words.
    """

    def __init__(
        self, queues: Queues, recorder: Recorder, *, wait_s: float, believed: frozenset[str]
    ) -> None:
        self.stopped_classes: dict[str, int] = {}
        """MIDs of classes that draw no more, with the number of clips that had vague words."""
        self.num_given_back = 0
        """Clips that were gone by vague words, and wait again."""
        self._queues = queues
        self._recorder = recorder
        self._wait_s = wait_s
        self._believed = believed
        self._tasks: dict[str, Task] = {}
        self._gone: dict[Address, list[GoneByWords]] = defaultdict(list)
        self._vague_in_row: Counter[str] = Counter()

    def note_look(self, task: Task, address: Address, heard: Heard, code: str) -> None:
        """Note what a clip met, with the code of its words; they themselves are noted by `hear`."""
        if heard is Heard.NOTHING:
            return
        is_vague = heard is Heard.VAGUE
        if task.num_looks == 0:
            address.hearings.note_first_look(is_vague=is_vague)
            self._count_for_classes(task, heard, code)
        elif task.hearings and task.heard_by is not None and heard is not Heard.WORDS:
            task.heard_by.hearings.note_second_look(is_flip=heard is Heard.MEDIA)
            self.give_back_distrusted(task.heard_by)
        task.num_looks += 1
        self.give_back_distrusted(address)

    def hear(self, task: Task, address: Address, look: Look, failure: Failure, now: float) -> None:
        """Note vague words about a clip, which waits for what they are worth."""
        hearing = address.hearings.hear(look, task.clip_id, failure.code, now)
        # Other words than before are no second hearing of those.
        earlier = [one for one in task.hearings if one.counts and one.code == failure.code]
        task.hearings = earlier if hearing.counts is False else [*earlier, hearing]
        task.heard_by, task.last_vague, task.due_at = address, failure, now + self._wait_s
        self._tasks[task.clip_id] = task

    def wait(self, task: Task) -> None:
        """Let a clip wait for its second look, or until its hearings are settled."""
        suspects = self._queues.of(task).suspects
        if task not in suspects:
            suspects.append(task)

    def settle(self, hearings: Iterable[Hearing]) -> list[Task]:
        """Take up which hearings count; return the clips that now were heard twice."""
        heard_twice = []
        for hearing in hearings:
            task = self._tasks[hearing.clip_id]
            if hearing in task.hearings and not hearing.counts:
                task.hearings.remove(hearing)
            elif hearing in task.hearings and task.is_heard_twice:
                heard_twice.append(task)
        return heard_twice

    def is_stopped(self, task: Task) -> bool:
        """Tell whether a class that draws no more is among those of a clip."""
        code = task.last_vague.code if task.last_vague else ""
        drawn_by = self._recorder.drawn_by(task.clip_id)
        return code not in self._believed and not self.stopped_classes.keys().isdisjoint(drawn_by)

    def release(self, task: Task) -> None:
        """Let a clip wait no more: it is gone, or waits for the next run."""
        suspects = self._queues.of(task).suspects
        if task in suspects:
            suspects.remove(task)

    def note_gone(self, task: Task, address: Address) -> None:
        """Note that a clip is gone by vague words."""
        classes = self._recorder.drawn_by(task.clip_id)
        code = task.hearings[-1].code
        self._gone[address].append(GoneByWords(task.clip_id, code, classes))

    def give_back_distrusted(self, address: Address) -> None:
        """Let all wait again that are gone by words of an address, once these prove nothing."""
        believed = self._believed
        self._give_back(address, lambda gone: address.hearings.is_distrusted(gone.code, believed))

    def _count_for_classes(self, task: Task, heard: Heard, code: str) -> None:
        for mid in self._recorder.drawn_by(task.clip_id):
            if heard is Heard.MEDIA:
                self._vague_in_row[mid] = 0
            elif heard is Heard.VAGUE and code not in self._believed:
                self._vague_in_row[mid] += 1
            if self._vague_in_row[mid] >= MANY_OF_CLASS:
                self.stopped_classes[mid] = self._vague_in_row[mid]
                self._give_back_class(mid)

    def _give_back_class(self, mid: str) -> None:
        for address in list(self._gone):
            self._give_back(address, lambda gone: mid in gone.classes)

    def _give_back(self, address: Address, is_doubted: Callable[[GoneByWords], bool]) -> None:
        doubted = [gone for gone in self._gone[address] if is_doubted(gone)]
        if doubted:
            self._gone[address] = [gone for gone in self._gone[address] if gone not in doubted]
            self._recorder.reopen([gone.clip_id for gone in doubted])
            self.num_given_back += len(doubted)
