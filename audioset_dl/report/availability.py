"""What `status --availability` says, as text, JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import by_code, table, to_csv

if TYPE_CHECKING:
    from audioset_dl.dataset.status import TriedClass, TriedClips

_COLUMNS = ("clip_id", "ytid", "state", "code", "labels", "seen_at")
# More reasons would not fit into 80 columns beside the numbers.
_MANY_CODES = 3


def availability_document(found: TriedClips) -> dict[str, Any]:
    """Return what was tried as JSON-able data: ``all``, and a list of ``classes``."""
    return {
        "all": _class_document(found.overall),
        "classes": [_class_document(one) for one in found.classes],
    }


def _class_document(one: TriedClass) -> dict[str, Any]:
    return {**asdict(one), "share_gone": one.share_gone}


def availability_text(found: TriedClips) -> str:
    """Return what was tried, for people: a row a class."""
    rows = [
        (one.name, f"{one.tried:,}", f"{one.saved:,}", f"{one.gone:,}", _share(one), _reasons(one))
        for one in (*found.classes, found.overall)
    ]
    heads = ("class", "tried", "saved", "gone", "share", "by reason")
    return "\n".join(
        [table(heads, rows, right=(1, 2, 3, 4)), "In all, a clip of several classes counts once."]
    )


def _share(one: TriedClass) -> str:
    return "" if one.share_gone is None else f"{one.share_gone:.0%}"


def _reasons(one: TriedClass) -> str:
    codes = dict(list(one.codes.items())[:_MANY_CODES])
    rest = one.gone - sum(codes.values())
    return by_code({**codes, "other": rest} if rest else codes)


def availability_csv(found: TriedClips) -> str:
    """Return a CSV of all clips that were tried, for ``clips.known_gone``."""
    rows = (
        (row.clip_id, row.clip.ytid, row.state, row.code or "", row.clip.labels, row.updated_at)
        for row in found.rows
    )
    return to_csv((dict(zip(_COLUMNS, row, strict=True)) for row in rows), _COLUMNS)
