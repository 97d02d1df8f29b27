"""The draw: refill, shared clips, and that nothing but the ranking and what is gone decides."""

from hypothesis import given
from hypothesis import strategies as st

from audioset_dl.selection.draw import Draw

IDS = [f"clip{number:02d}" for number in range(24)]
RANKINGS = st.dictionaries(
    st.sampled_from(["/m/a", "/m/b", "/m/c", "/m/d"]),
    st.lists(st.sampled_from(IDS), unique=True),
    min_size=1,
)
PER_CLASS = st.one_of(st.none(), st.integers(1, 8))


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
    assert draw.num_wanted == len(set().union(*wanted(draw, gone).values(), set()))


def test_ranks_take_turns_over_the_classes() -> None:
    draw = Draw({"/m/a": ["a0", "a1"], "/m/b": ["b0", "b1"]}, 2)
    assert draw.start() == ["a0", "b0", "a1", "b1"]


def test_a_clip_of_two_classes_is_drawn_once_and_counts_for_both() -> None:
    draw = Draw({"/m/a": ["x", "a1"], "/m/b": ["x", "b1"]}, 1)
    assert draw.start() == ["x"]
    assert draw.drawn_by("x") == {"/m/a", "/m/b"}
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
