"""What `download`, `status`, `verify`, `compare` and `merge` say, as text, JSON and CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.outcomes import gist_of
from audioset_dl.words import by_code, count, first_lines, shortened, table, to_csv

if TYPE_CHECKING:
    from pathlib import Path

    from audioset_dl.dataset.layout import OutputFolder
    from audioset_dl.dataset.rows import Row
    from audioset_dl.dataset.status import Counts, Status, TriedClass, TriedClips
    from audioset_dl.dataset.verify import Repair, Verification
    from audioset_dl.download.run import Report
    from audioset_dl.sets.compare import Comparison, DatasetTables, Form, Missing
    from audioset_dl.sets.merge import Merged


def download_text(report: Report, output: OutputFolder) -> str:
    """Return how a download ended, for people."""
    counts = report.counts
    lines = [f"{_saved(report)} saved in {output.path} ({report.newly_saved:,} by this run)"]
    if counts.gone:
        rule = "the next of the ranking, if any, took the place"
        rule = "what is on a list is not replaced" if report.is_list else rule
        lines.append(f"{counts.gone:,} gone for good; {rule}")
    if report.num_known_gone:
        lines.append(f"  {report.num_known_gone:,} of these by clips.known_gone, without asking")
    if counts.waiting:
        lines.append(f"{counts.waiting:,} not fetched yet: run the same command again")
    if counts.failures:
        lines.append(f"failures: {by_code(counts.failures)} (see {output.failures.name})")
        lines += _example_lines(counts)
    if counts.kept:
        lines.append(f"{counts.kept:,} more, saved earlier and not wanted now, were kept")
    lines += [
        *report.findings,
        *_cookie_lines(report),
        *_short_lines(report),
        *_unsaved_lines(report, output),
    ]
    if counts.saved and not counts.waiting:
        lines.append(f"{output.manifest.name} lists them; `audioset-dl verify` checks the files.")
    return "\n".join(lines)


def _saved(report: Report) -> str:
    counts = report.counts
    if report.is_list:
        return f"{counts.saved:,} of the list's {count(counts.wanted + counts.gone, 'clip')}"
    return f"{counts.saved:,} of {count(counts.wanted, 'clip')}"


def _unsaved_lines(report: Report, output: OutputFolder) -> list[str]:
    """Return why clips of a list are not saved."""
    if not report.unsaved:
        return []
    lines = [f"  {row.clip_id}: {row.code or 'not tried'}: {_why(row)}" for row in report.unsaved]
    lines = first_lines(lines, f"  and {{}} more, in {output.failures.name}")
    return ["not saved of the list:", *(shortened(line.rstrip(": "), 160) for line in lines)]


def _why(row: Row) -> str:
    return f"known from {row.known_from}" if row.known_from else row.detail or ""


def _cookie_lines(report: Report) -> list[str]:
    """Return which clips need cookies, and what to do."""
    lines = []
    if number := report.counts.failures.get("cookies"):
        wait = "waits" if number == 1 else "wait"
        lines.append(
            f"{count(number, 'clip')} {wait} for cookies with a valid session: export them again"
        )
    if number := report.num_refused_to_guests:
        are = "is" if number == 1 else "are"
        cookies, where = (
            ("the cookies", "that you have now")
            if report.has_cookies
            else ("an account's cookies", "(download.cookies)")
        )
        lines += [
            f"{count(number, 'clip')} {are} age-restricted, and gone for guests; with {cookies}",
            f"  {where}, ask again by: audioset-dl download --retry age",
        ]
    return lines


def _example_lines(counts: Counts) -> list[str]:
    # yt-dlp appends a paragraph on where to report bugs to some of its messages.
    return [f"  {code}: {gist_of(words):.160}" for code, words in counts.examples.items()]


def _short_lines(report: Report) -> list[str]:
    short = report.short_classes()
    if not short:
        return []
    lines = [
        f"  {report.names[share.mid]}: {share.wanted} of {report.per_class}; no more are available"
        for share in short
    ]
    head = f"{count(len(short), 'class', 'classes')} short of clips:"
    return [head, *first_lines(lines, "  and {} more")]


def status_document(status: Status) -> dict[str, Any]:
    """Return a status as JSON-able data."""
    running = asdict(status.running) if status.running else None
    return {**asdict(status.counts), "running": running, "pause": status.pause}


def status_text(status: Status, output: OutputFolder) -> str:
    """Return a status for people."""
    counts = status.counts
    run = status.running
    under_way = f"a run is under way ({run})" if run else "no run is under way"
    numbers = (
        f"wanted {counts.wanted:,}, saved {counts.saved:,}, gone {counts.gone:,}, "
        f"waiting {counts.waiting:,}"
    )
    lines = [f"{output.path}: {under_way}", numbers]
    if status.pause:
        lines.append(status.pause)
    if counts.kept:
        lines.append(f"{counts.kept:,} more, saved earlier and not wanted now, are kept")
    if counts.failures:
        rows = list(counts.failures.items())
        lines += ["", table(("failure", "clips"), rows), *_example_lines(counts)]
    return "\n".join(lines)


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
        (one.name, one.tried, one.saved, one.gone, one.share_gone, _reasons(one))
        for one in (*found.classes, found.overall)
    ]
    heads = ("class", "tried", "saved", "gone", "share", "by reason")
    return "\n".join([table(heads, rows), "In all, a clip of several classes counts once."])


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


def verification_document(result: Verification) -> dict[str, Any]:
    """Return the result of a verification as JSON-able data."""
    return {"ok": not result.faults, **asdict(result), "faults_by_code": result.by_code()}


def verification_text(result: Verification) -> str:
    """Return the result of a verification for people: a line for each fault."""
    if not result.faults:
        return "\n".join([f"{_checked(result)}: all are as they were written", *_doubts(result)])
    lines = [f"{fault.code}: {fault.file_name}: {fault.detail}" for fault in result.faults]
    advice = (
        "`audioset-dl verify --repair` removes what is bad, and the next `audioset-dl download` "
        "fetches it again; stray files are left to you."
    )
    summary = f"{_checked(result)}: {by_code(result.by_code())}"
    return "\n".join([*lines, summary, advice, *_doubts(result)])


def _doubts(result: Verification) -> list[str]:
    """Return how many files may be dubs, and what to do."""
    if not result.num_unknown_tracks:
        return []
    number = count(result.num_unknown_tracks, "file")
    return [
        f"{number} of which the audio track is not known: version 0.1.0 could take dubs;",
        "  `audioset-dl download --retry track` asks for these again, and replaces only dubs",
    ]


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
        "notes": list(repair.notes),
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
    lines = [f"Note: {note}" for note in repair.notes]
    if not repair.repaired:
        return "\n".join([*lines, verification_text(repair.found)])
    lines += [
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
    return {"path": str(tables.path), "clips": len(tables.clips), **asdict(tables.form)}


def comparison_text(found: Comparison) -> str:
    """Return a comparison, for people."""
    lines = [
        f"A: {found.a.path}: {count(len(found.a.clips), 'clip')}",
        f"B: {found.b.path}: {count(len(found.b.clips), 'clip')}",
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
    lines += merged.notes
    if merged.troubles:
        lines.append(f"{count(len(merged.troubles), 'file')} not merged, each left as it is:")
        lines += [f"  {one.code}: {one.path}: {one.detail}" for one in merged.troubles]
    if merged.other_metadata:
        files = ", ".join(merged.other_metadata)
        lines.append(f"The parts were not chosen from the same metadata: {files} differ.")
    lines.append("To go on with verify, status or download, set output.dir of a config to it.")
    return "\n".join(lines)
