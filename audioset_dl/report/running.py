"""What `download` and `status` say, as text, JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import by_code, count, first_lines, shortened, table, to_csv

if TYPE_CHECKING:
    from audioset_dl.dataset.availability import TriedClass, TriedClips
    from audioset_dl.dataset.layout import OutputFolder
    from audioset_dl.dataset.rows import Row
    from audioset_dl.dataset.status import Counts, Status
    from audioset_dl.download.run import Report


def download_text(report: Report, output: OutputFolder) -> str:
    """Return how a download ended, for people."""
    counts = report.counts
    lines = [f"{_saved(report)} saved in {output.path} ({report.newly_saved:,} by this run)"]
    if counts.gone:
        lines.append(f"{counts.gone:,} gone for good; {_in_place(report)}")
    if report.num_known_gone:
        lines.append(f"  {report.num_known_gone:,} of these by clips.known_gone, without asking")
    if counts.waiting:
        lines.append(f"{counts.waiting:,} not fetched yet: run the same command again")
    if counts.failures:
        lines.append(f"failures: {by_code(counts.failures)} (see {output.failures.name})")
        lines += _example_lines(counts)
    if counts.kept:
        lines.append(f"{counts.kept:,} more, saved earlier and not wanted now, were kept")
    lines += [*_cookie_lines(report), *_short_lines(report), *_unsaved_lines(report, output)]
    if counts.saved and not counts.waiting:
        lines.append(f"{output.manifest.name} lists them; `audioset-dl verify` checks the files.")
    return "\n".join(lines)


def _saved(report: Report) -> str:
    counts = report.counts
    if report.is_list:
        return f"{counts.saved:,} of the list's {count(counts.wanted + counts.gone, 'clip')}"
    return f"{counts.saved:,} of {count(counts.wanted, 'clip')}"


def _in_place(report: Report) -> str:
    if report.is_list:
        return "what is on a list is not replaced"
    return "the next of the ranking, if any, took the place"


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
    return [f"  {code}: {words:.160}" for code, words in counts.examples.items()]


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
