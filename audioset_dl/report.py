"""What commands say, as text and as JSON. Returns strings and prints none of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audioset_dl.catalog.ontology import Node
    from audioset_dl.dataset.layout import OutputFolder
    from audioset_dl.dataset.repair import Repair
    from audioset_dl.dataset.status import Counts, Status
    from audioset_dl.dataset.verify import Verification
    from audioset_dl.download import Report
    from audioset_dl.selection.plan import Plan
    from audioset_dl.selection.select import Selection

_MANY = 20


def to_json(document: object) -> str:
    """Return a document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def classes_document(selection: Selection) -> list[dict[str, Any]]:
    """Return the chosen classes as JSON-able data, in ontology order."""
    return [_class_document(selection, node) for node in selection.classes]


def _class_document(selection: Selection, node: Node) -> dict[str, Any]:
    catalog = selection.catalog
    rating = catalog.ratings.get(node.mid)
    return {
        "mid": node.mid,
        "name": node.name,
        "quality": catalog.quality(node.mid),
        "num_rated": rating.num_rated if rating else 0,
        "num_true": rating.num_true if rating else 0,
        "is_leaf": node.is_leaf,
        "clips": catalog.segments.num_clips(node.mid),
        "candidates": len(selection.rankings[node.mid]),
    }


def classes_text(selection: Selection) -> str:
    """Return a table of the chosen classes."""
    rows = [
        (
            document["name"],
            document["mid"],
            _quality(document),
            "leaf" if document["is_leaf"] else "",
            f"{document['clips']:,}",
            f"{document['candidates']:,}",
        )
        for document in classes_document(selection)
    ]
    heads = ("class", "MID", "quality", "", "clips", "candidates")
    return f"{_table(heads, rows, right=(4, 5))}\n{_count(len(rows), 'class', 'classes')}"


def _quality(document: Mapping[str, Any]) -> str:
    if document["quality"] is None:
        return "unrated"
    return f"{document['quality']:.2f} ({document['num_true']}/{document['num_rated']})"


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON-able data."""
    return asdict(plan)


def plan_text(plan: Plan) -> str:
    """Return a plan for people."""
    rows = [
        (row.name, f"{row.wanted:,}", f"{row.available:,}", f"{row.short:,}" if row.short else "")
        for row in plan.classes
    ]
    pace = (
        f"at the configured pace at least {_duration(plan.seconds)}"
        if plan.seconds is not None
        else "no pace is configured"
    )
    return "\n".join(
        [
            _table(("class", "wanted", "available", "short"), rows, right=(1, 2, 3)),
            "",
            f"{_count(plan.clips, 'clip')} wanted; one that several classes want counts once",
            f"{_duration(plan.audio_s)} of audio, {_size(plan.disk_bytes)} on disk",
            f"{plan.saved:,} saved already, {plan.to_fetch:,} to fetch",
            f"about {plan.requests:,} requests, {pace}",
            "Videos that turn out to be gone are replaced, and cost requests and time besides.",
        ]
    )


def download_text(report: Report, output: OutputFolder, names: Mapping[str, str]) -> str:
    """Return how a download ended, for people."""
    counts = report.counts
    saved = f"{counts.saved:,} of {_count(counts.wanted, 'clip')} saved in {output.path}"
    lines = [f"{saved} ({report.newly_saved:,} by this run)"]
    if counts.gone:
        lines.append(
            f"{counts.gone:,} gone for good; the next of the ranking, if any, took the place"
        )
    if counts.waiting:
        lines.append(f"{counts.waiting:,} not got yet: run the same command again")
    if counts.failures:
        lines.append(f"failures: {_failures(counts.failures)} (see {output.failures.name})")
        lines += _example_lines(counts)
    if counts.kept:
        lines.append(f"{counts.kept:,} more, saved earlier and not wanted now, were kept")
    return "\n".join([*lines, *_short_lines(report, names)])


def _example_lines(counts: Counts) -> list[str]:
    return [f"  {code}: {words:.160}" for code, words in counts.examples.items()]


def _short_lines(report: Report, names: Mapping[str, str]) -> list[str]:
    short = report.short_classes()
    lines = [
        f"  {names[share.mid]}: {share.wanted} of {report.per_class}; no more can be had"
        for share in short[:_MANY]
    ]
    if len(short) > _MANY:
        lines.append(f"  and {len(short) - _MANY} more")
    return [f"{_count(len(short), 'class', 'classes')} short of clips:", *lines] if lines else []


def status_document(status: Status) -> dict[str, Any]:
    """Return a status as JSON-able data."""
    running = asdict(status.running) if status.running else None
    return {**asdict(status.counts), "running": running, "pause": status.pause}


def status_text(status: Status, output: OutputFolder) -> str:
    """Return a status for people."""
    counts = status.counts
    run = status.running
    under_way = (
        f"a run is under way (process {run.pid} on {run.host}, since {run.since})"
        if run
        else "no run is under way"
    )
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
        rows = [(code, f"{number:,}") for code, number in counts.failures.items()]
        lines += ["", _table(("failure", "clips"), rows, right=(1,)), *_example_lines(counts)]
    return "\n".join(lines)


def verification_document(result: Verification) -> dict[str, Any]:
    """Return what was verified as JSON-able data."""
    return {"ok": not result.faults, **asdict(result), "faults_by_code": result.by_code()}


def verification_text(result: Verification) -> str:
    """Return what was verified, for people: one line a fault."""
    if not result.faults:
        return f"{_checked(result)}: all are as they were written"
    lines = [f"{fault.code}: {fault.file_name}: {fault.detail}" for fault in result.faults]
    advice = (
        "`audioset-dl verify --repair` removes what is bad, and the next `audioset-dl download` "
        "gets it again; stray files are left to you."
    )
    return "\n".join([*lines, f"{_checked(result)}: {_failures(result.by_code())}", advice])


def _checked(result: Verification) -> str:
    what = "hash, header and samples" if result.deep else "hash and header"
    return f"{_count(result.num_files, 'file')} checked ({what})"


def repair_document(repair: Repair) -> dict[str, Any]:
    """Return what was found and done as JSON-able data: each fault with its ``action``."""
    faults = [{**asdict(one.fault), "action": one.action} for one in repair.mended]
    return {
        **verification_document(repair.found),
        "faults": faults,
        "actions": repair.by_action(),
        "repaired": repair.exit_code == 0,
    }


_DONE = {
    "requeued": "given up; `audioset-dl download` gets the clip again",
    "removed": "given up; the config of the last run does not want the clip",
    "relisted": "the file is right; the manifest was not, and is written anew",
    "unlisted": "left out of the manifest; the file, if there is one, is left to you",
    "left": "left to you",
}


def repair_text(repair: Repair) -> str:
    """Return what was found and done, for people: one line a fault, and what to run next."""
    if not repair.mended:
        return verification_text(repair.found)
    lines = [
        f"{one.fault.code}: {one.fault.file_name}: {one.fault.detail}: {_DONE[one.action]}"
        for one in repair.mended
    ]
    lines.append(f"{_checked(repair.found)}: {_failures(repair.found.by_code())}")
    lines.append(f"done: {_failures(repair.by_action())}")
    if "requeued" in repair.by_action():
        lines.append("Run `audioset-dl download` to get again what was given up.")
    return "\n".join(lines)


def _failures(by_code: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {number:,}" for code, number in by_code.items())


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: tuple[int, ...] = ()
) -> str:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _size(num_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.3g} TB"


def _duration(seconds: float) -> str:
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86400
    if minutes < 2:
        return f"{seconds:.0f} s"
    if hours < 2:
        return f"{minutes:.0f} min"
    return f"{hours:.1f} h" if days < 2 else f"{days:.1f} days"
