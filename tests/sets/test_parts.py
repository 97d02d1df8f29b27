"""What becomes of a clip from what each dataset knows of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from datasets import clip_of, known_gone_row, saved_file
from world import BARK, CAT, DOG

from audioset_dl.dataset.rows import Row
from audioset_dl.sets.parts import unite

ORDER = {DOG: 0, BARK: 1, CAT: 2}
CLIP = clip_of(1, (DOG, CAT))
FILE = saved_file("wav/dog/x.wav", b"x")
SAVED = Row(CLIP, file=FILE, classes=(DOG,), state="saved")
UNTRIED = Row(CLIP, classes=(DOG,), updated_at="2026-03")
FAILED = replace(UNTRIED, code="network", detail="reset", attempts=3, updated_at="2026-01")
LATER = replace(FAILED, code="decode", detail="no sound", attempts=1, updated_at="2026-02")
GONE = replace(FAILED, state="gone", code="removed", proof="said", asked_as="guest", attempts=0)
KNOWN = known_gone_row(CLIP, "private", (CAT,), known_from="x.csv", now="2026-09")


@pytest.mark.parametrize(
    ("rows", "state", "code"),
    [
        ([UNTRIED], "waiting", None),
        ([UNTRIED, FAILED], "waiting", "network"),
        ([LATER, FAILED], "waiting", "decode"),
        ([GONE, LATER, UNTRIED], "gone", "removed"),
        ([KNOWN, LATER], "gone", "private"),
        ([KNOWN, GONE], "gone", "removed"),
        ([SAVED], "waiting", None),
        ([SAVED, FAILED], "waiting", "network"),
    ],
)
def test_what_weighs_most(rows: list[Row], state: str, code: str | None) -> None:
    for known in (rows, rows[::-1]):
        row = unite(known, None, ORDER)
        assert (row.state, row.code, row.file) == (state, code, None)
        assert row.attempts == max(one.attempts for one in rows)


def test_how_it_is_known_goes_with_it() -> None:
    row = unite([LATER, GONE], None, ORDER)
    assert (row.detail, row.updated_at) == ("reset", "2026-01")
    assert (row.proof, row.asked_as, row.known_from) == ("said", "guest", None)
    assert unite([KNOWN, LATER], None, ORDER).known_from == "x.csv"


def test_saved_it_has_the_file_and_the_classes_of_all_who_want_it() -> None:
    others = [replace(GONE, classes=("/m/unknown", CAT)), replace(FAILED, classes=(BARK,))]
    row = unite([SAVED, *others], FILE, ORDER)
    assert row.classes == (DOG, BARK, CAT, "/m/unknown"), "in the order of the chosen classes"
    assert (row.state, row.file, row.code, row.proof) == ("saved", FILE, None, None)
    assert row.attempts == 3
    assert row.updated_at == FILE.saved_at
    unwanted = [replace(one, wanted=False) for one in others]
    assert unite([SAVED, *unwanted], FILE, ORDER).classes == (DOG,)
    nobody = unite([replace(SAVED, wanted=False), *unwanted], FILE, ORDER)
    assert (nobody.wanted, nobody.classes) == (False, row.classes)


def test_the_labels_are_of_who_knows_them() -> None:
    of_table = Row(replace(CLIP, labels=(), subset=""), state="gone", code="removed")
    assert unite([of_table, UNTRIED], None, ORDER).clip == CLIP
