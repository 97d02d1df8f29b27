"""What `verify` says, as text and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import by_code, count

if TYPE_CHECKING:
    from audioset_dl.dataset.verify import Repair, Verification


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
