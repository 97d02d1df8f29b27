"""The CSV of `status --availability`, which `clips.known_gone` reads."""

from __future__ import annotations

from audioset_dl.dataset.status import TriedClass, TriedClips
from audioset_dl.report.dataset import availability_csv


def test_where_nothing_was_tried_the_heads_are_there() -> None:
    none = TriedClips(TriedClass("", "all", 0, 0, 0, {}), (), ())
    assert availability_csv(none) == "clip_id,ytid,state,code,labels,seen_at"
