"""What `compare` and `merge` say, as text and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import by_code, count, first_lines, table

if TYPE_CHECKING:
    from pathlib import Path

    from audioset_dl.sets.compare import Comparison, DatasetTables, Form, Missing
    from audioset_dl.sets.merge import Merged

_READS = "Only the manifests were read: `verify` checks the files against them."


def comparison_document(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON-able data."""
    return {
        "identical": found.is_identical,
        "a": _side_document(found.a),
        "b": _side_document(found.b),
        "only_in_a": [asdict(one) for one in found.only_in_a],
        "only_in_b": [asdict(one) for one in found.only_in_b],
        "same_audio": len(found.same_audio),
        "other_audio": list(found.other_audio),
        "other_form": list(found.other_form),
        "classes": [asdict(one) for one in found.classes],
    }


def _side_document(tables: DatasetTables) -> dict[str, Any]:
    return {"path": str(tables.path), "clips": len(tables.rows), **asdict(tables.form)}


def comparison_text(found: Comparison) -> str:
    """Return a comparison, for people."""
    lines = [
        f"A: {found.a.path}: {count(len(found.a.rows), 'clip')}",
        f"B: {found.b.path}: {count(len(found.b.rows), 'clip')}",
    ]
    if found.other_form:
        lines.append(
            f"{count(len(found.other_form), 'clip')} in another form: "
            f"A {_form(found.a.form)}; B {_form(found.b.form)}"
        )
    lines += [
        "",
        f"in both, same audio: {len(found.same_audio):,}",
        f"in both, other audio: {len(found.other_audio):,}",
        _only("A", "B", found.only_in_a),
        _only("B", "A", found.only_in_b),
    ]
    if found.is_identical:
        return "\n".join([*lines, "", "The two hold the same clips with the same audio.", _READS])
    return "\n".join([*lines, *_clip_lines(found), "", *_class_lines(found), "", _READS])


def _form(form: Form) -> str:
    rates = "/".join(map(str, form.sample_rates))
    channels = "/".join(map(str, form.channels))
    subtype = f", {form.subtype}" if form.subtype else ""
    return f"{rates} Hz, {channels} ch{subtype}"


def _only(here: str, there: str, missing: Sequence[Missing]) -> str:
    reasons = by_code(dict(Counter(one.code for one in missing).most_common()))
    return f"only in {here}: {len(missing):,}" + (f" ({there}: {reasons})" if reasons else "")


def _clip_lines(found: Comparison) -> list[str]:
    """Return the clips that differ, the first few of each kind."""
    lines = []
    for place, lacking in (("A", found.only_in_a), ("B", found.only_in_b)):
        lines += _first(f"only in {place}", [f"{one.clip_id} ({one.code})" for one in lacking])
    return lines + _first("other audio", found.other_audio)


def _first(head: str, clips: Sequence[str]) -> list[str]:
    if not clips:
        return []
    lines = [f"  {clip}" for clip in clips]
    return ["", f"{head}:", *first_lines(lines, "  and {} more; see --json")]


def _class_lines(found: Comparison) -> list[str]:
    """Return a table of the classes whose clips differ between the two."""
    differing = [one for one in found.classes if one.only_in_a or one.only_in_b]
    alike = len(found.classes) - len(differing)
    rows = [
        (one.name, f"{one.only_in_a:,}", f"{one.only_in_b:,}", f"{one.both:,}") for one in differing
    ]
    lines = [table(("label", "only A", "only B", "both"), rows, right=(1, 2, 3))] if rows else []
    if alike:
        lines.append(f"{count(alike, 'label')} with the same clips in both")
    return lines


def merge_document(merged: Merged) -> dict[str, Any]:
    """Return what a merge did as JSON-able data."""
    return {"ok": not merged.troubles, **asdict(merged)}


def merge_text(merged: Merged, out: Path) -> str:
    """Return what a merge did for people: a line for each file that was not merged."""
    others = f"{merged.gone:,} gone, {merged.waiting:,} not fetched yet"
    lines = [
        f"{count(merged.copied, 'file')} copied into {out}, {merged.present:,} already there",
        f"{out} holds {count(merged.saved, 'clip')}; {others}",
    ]
    if merged.troubles:
        lines.append(f"{count(len(merged.troubles), 'file')} not merged, each left as it is:")
        lines += [f"  {one.code}: {one.path}: {one.detail}" for one in merged.troubles]
    if merged.other_metadata:
        files = ", ".join(merged.other_metadata)
        lines.append(f"The parts were not chosen from the same metadata: {files} differ.")
    lines.append("To go on with verify, status or download, set output.dir of a config to it.")
    return "\n".join(lines)
