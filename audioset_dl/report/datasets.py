"""What `verify`, `compare` and `merge` say, as text and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import by_code, count, first_lines, table

if TYPE_CHECKING:
    from pathlib import Path

    from audioset_dl.dataset.repair import Repair
    from audioset_dl.dataset.verify import Verification
    from audioset_dl.sets.compare import Comparison, DatasetTables, Form, Missing
    from audioset_dl.sets.merge import Merged


def verification_document(result: Verification) -> dict[str, Any]:
    """Return the result of a verification as JSON-able data."""
    return {"ok": not result.faults, **asdict(result), "faults_by_code": result.by_code()}


def verification_text(result: Verification) -> str:
    """Return the result of a verification for people: a line for each fault."""
    if not result.faults:
        return f"{_checked(result)}: all are as they were written"
    lines = [f"{fault.code}: {fault.file_name}: {fault.detail}" for fault in result.faults]
    advice = (
        "`audioset-dl verify --repair` removes what is bad, and the next `audioset-dl download` "
        "fetches it again; stray files are left to you."
    )
    return "\n".join([*lines, f"{_checked(result)}: {by_code(result.by_code())}", advice])


def _checked(result: Verification) -> str:
    what = "hash, header and samples" if result.deep else "hash and header"
    return f"{count(result.num_files, 'file')} checked ({what})"


def repair_document(repair: Repair) -> dict[str, Any]:
    """Return what was found and done as JSON-able data: each fault with its ``action``."""
    faults = [{**asdict(one.fault), "action": one.action} for one in repair.repaired]
    return {
        **verification_document(repair.found),
        "faults": faults,
        "actions": repair.by_action(),
        "repaired": repair.exit_code == 0,
    }


_DONE = {
    "requeued": "`audioset-dl download` fetches the clip again",
    "removed": "not fetched again: the config of the last run does not want the clip",
    "relisted": "the file is right; the manifest was not, and is corrected",
    "unlisted": "left out of the manifest; the file, if there is one, is left to you",
    "left": "left to you",
}


def repair_text(repair: Repair) -> str:
    """Return what was found and done for people: a line for each fault, and what to run next."""
    if not repair.repaired:
        return verification_text(repair.found)
    lines = [
        f"{one.fault.code}: {one.fault.file_name}: {one.fault.detail}: {_DONE[one.action]}"
        for one in repair.repaired
    ]
    lines.append(f"{_checked(repair.found)}: {by_code(repair.found.by_code())}")
    lines.append(f"done: {by_code(repair.by_action())}")
    if "requeued" in repair.by_action():
        lines.append("Run `audioset-dl download` to fetch these clips again.")
    return "\n".join(lines)


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
    rows = [(one.name, one.only_in_a, one.only_in_b, one.both) for one in differing]
    lines = [table(("label", "only A", "only B", "both"), rows)] if rows else []
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
