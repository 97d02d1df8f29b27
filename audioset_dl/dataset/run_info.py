"""run.json: the config, tools and metadata by which a dataset was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audioset_dl.storage.files import write_file


@dataclass(frozen=True)
class RunInfo:
    """What run.json holds."""

    config: Mapping[str, Any]
    """The resolved config, without secrets."""
    versions: Mapping[str, str]
    """Versions of the program and its tools."""
    metadata: Mapping[str, str]
    """SHA-256 of AudioSet's files, by file name, and of the tables in ``clips``, by key."""
    classes: Sequence[Mapping[str, str]]
    """``mid``, ``name`` of the chosen classes, in ontology order."""
    started_at: str
    """ISO 8601, UTC."""
    parts: Sequence[Mapping[str, Any]] = ()
    """``path`` and ``run`` (the run.json) of each part, where the dataset was merged from parts."""
    id: str = ""
    """Name of the dataset, drawn when it is begun, and the same in a copy of its folder; empty in
    those of version 0.1.0."""

    @property
    def names(self) -> dict[str, str]:
        """Display names of the chosen classes, by MID."""
        return {node["mid"]: node["name"] for node in self.classes}


def write_run_info(path: Path, info: RunInfo) -> None:
    """Write run.json, whole."""
    text = json.dumps(asdict(info), indent=2, ensure_ascii=False) + "\n"
    # What of a path is no UTF-8 becomes an escape of JSON's, which is read back as it was.
    write_file(path, text.encode(errors="backslashreplace"))


def read_run_info(path: Path) -> RunInfo | None:
    """Read run.json; None where there is none that can be read."""
    try:
        document = json.loads(path.read_text("utf-8"))
        return RunInfo(**document) if _is_ours(document) else None
    # It may come from somebody else and hold anything, also brackets nested a thousand deep.
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _is_ours(document: Any) -> bool:
    """Return True if what is read of a run.json has the form in which it was written."""
    names = [node[key] for node in document["classes"] for key in ("mid", "name")]
    mappings = [document["config"], document["config"].get("audio", {}), document["metadata"]]
    parts = document.get("parts", [])
    return (
        isinstance(document.get("id", ""), str)
        and all(isinstance(name, str) for name in names)
        and all(isinstance(one, dict) for one in (*mappings, *parts))
        and isinstance(parts, list)
    )
