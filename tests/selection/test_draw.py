"""The draw: refill, shared clips, and that nothing but the ranking and what is gone decides."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audioset_dl.selection import draw as rows

IDS = [f"clip{number:02d}" for number in range(24)]
RANKINGS = st.dictionaries(
    st.sampled_from(["/m/a", "/m/b", "/m/c", "/m/d"]),
    st.lists(st.sampled_from(IDS), unique=True),
    min_size=1,
)
PER_CLASS = st.one_of(st.none(), st.integers(1, 8))


class Draw:
    """A draw whose rows have names."""

    def __init__(self, rankings, per_class) -> None:
        self._names = sorted({name for ranking in rankings.values() for name in ranking})
        self._rows = {name: row for row, name in enumerate(self._names)}
        self._draw = rows.Draw(
            {mid: self._to_rows(ranking) for mid, ranking in rankings.items()}, per_class,
            num_rows=len(self._names), labels_of=lambda _row: [*rankings, "/m/other"],
        )  # fmt: skip

    def _to_rows(self, names):
        return np.array([self._rows[name] for name in names if name in self._rows], np.int32)

    def _to_names(self, found) -> list[str]:
        return [self._names[row] for row in found]

    def start(self, known_gone=()) -> list[str]:
        return self._to_names(self._draw.start(self._to_rows(known_gone)))

    def replace(self, name: str) -> list[str]:
        return self._to_names(self._draw.replace(self._rows[name]))

    def restore(self, name: str) -> None:
        self._draw.restore(self._rows[name])

    def drawn(self) -> dict[str, tuple[str, ...]]:
        return {self._names[row]: self._draw.drawn_by(row) for row in self._draw.drawn().tolist()}

    def drawn_by(self, name: str) -> tuple[str, ...]:
        return self._draw.drawn_by(self._rows[name])

    def __getattr__(self, name: str):
        return getattr(self._draw, name)


def wanted(draw: Draw, gone: set[str]) -> dict[str, set[str]]:
    """Return the clips that each class wants and that are not gone."""
    by_class: dict[str, set[str]] = {}
    for clip_id, mids in draw.drawn().items():
        for mid in mids if clip_id not in gone else ():
            by_class.setdefault(mid, set()).add(clip_id)
    return by_class


def should_be_wanted(rankings, per_class, gone) -> dict[str, set[str]]:
    """Say it anew, from the definition: the first per_class of the ranking that can be had."""
    sets = {
        mid: set([clip_id for clip_id in ranking if clip_id not in gone][:per_class])
        for mid, ranking in rankings.items()
    }
    return {mid: clips for mid, clips in sets.items() if clips}


@given(RANKINGS, PER_CLASS, st.sets(st.sampled_from(IDS)), st.randoms())
def test_the_set_depends_only_on_rankings_and_what_is_gone(rankings, per_class, gone, random):
    draw = Draw(rankings, per_class)
    known, unknown = set(), set(gone)
    for clip_id in sorted(gone):
        if random.random() < 0.3:
            known.add(clip_id)
            unknown.discard(clip_id)
    to_ask = draw.start(known)
    asked: list[str] = []
    while to_ask:
        clip_id = to_ask.pop(random.randrange(len(to_ask)))
        asked.append(clip_id)
        if clip_id in unknown:
            to_ask += draw.replace(clip_id)
    assert wanted(draw, gone) == should_be_wanted(rankings, per_class, gone)
    assert len(asked) == len(set(asked)), "a clip was asked for twice"
    assert not known & set(asked), "a clip known to be gone was asked for"
    by_class = wanted(draw, gone)
    assert draw.num_wanted == len(set().union(*by_class.values(), set()))
    assert draw.num_wanted_by() == {mid: len(by_class.get(mid, ())) for mid in rankings}
    shares = {share.mid: (share.wanted, share.available, share.gone) for share in draw.shares()}
    assert shares == {
        mid: (
            len(by_class.get(mid, ())),
            len(set(ranking) - known - (gone & set(asked))),
            sum(mid in mids and clip_id in gone for clip_id, mids in draw.drawn().items()),
        )
        for mid, ranking in rankings.items()
    }


@given(RANKINGS, PER_CLASS, st.sets(st.sampled_from(IDS)))
def test_what_is_counted_at_the_start_is_what_was_drawn(rankings, per_class, gone) -> None:
    draw = Draw(rankings, per_class)
    start = draw.start(gone)
    groups = Counter(draw.drawn_by(name) for name in start)
    assert draw.hands.count_together(draw._to_rows(start)) == groups
    all_rows = np.arange(-1, len(draw._names))
    of_each = draw.hands.holders(all_rows)
    assert of_each == [(), *(draw.drawn_by(name) for name in draw._names)]
    is_in = np.arange(len(draw._names)) % 2 == 0
    counts = Counter(mid for row, mids in enumerate(of_each[1:]) for mid in mids if is_in[row])
    assert draw.hands.count(is_in) == {mid: counts[mid] for mid in rankings}


def test_a_clip_that_is_given_back_is_wanted_again() -> None:
    draw = Draw({"/m/a": ["a0", "a1"]}, 1)
    draw.start()
    assert draw.replace("a0") == ["a1"]
    draw.restore("a0")
    assert (draw.num_wanted, draw.num_gone, draw.num_wanted_by()) == (2, 0, {"/m/a": 2})


def test_ranks_take_turns_over_the_classes() -> None:
    draw = Draw({"/m/a": ["a0", "a1"], "/m/b": ["b0", "b1"]}, 2)
    assert draw.start() == ["a0", "b0", "a1", "b1"]


def test_a_clip_of_two_classes_is_drawn_once_and_counts_for_both() -> None:
    draw = Draw({"/m/a": ["x", "a1"], "/m/b": ["x", "b1"]}, 1)
    assert draw.start() == ["x"]
    assert draw.drawn_by("x") == ("/m/a", "/m/b")
    assert sorted(draw.replace("x")) == ["a1", "b1"]
    assert (draw.num_wanted, draw.num_gone) == (2, 1)


def test_the_last_candidate_is_tried_and_then_the_class_is_short() -> None:
    draw = Draw({"/m/a": ["a0", "a1", "a2"]}, 2)
    draw.start()
    assert draw.replace("a0") == ["a2"]
    assert draw.replace("a1") == []
    (share,) = draw.shares()
    assert (share.wanted, share.available, share.gone) == (1, 1, 2)


def test_no_limit_draws_all() -> None:
    assert Draw({"/m/a": IDS}, None).start() == IDS
