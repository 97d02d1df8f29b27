"""run.json: by which config, tools and metadata a dataset was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audioset_dl.dataset.files import write_file


@dataclass(frozen=True)
class RunInfo:
    """What run.json holds."""

    config: Mapping[str, Any]
    """The resolved config, without secrets."""
    versions: Mapping[str, str]
    """Of the program and its tools."""
    metadata: Mapping[str, str]
    """SHA-256 of AudioSet's files, by file name."""
    classes: Sequence[Mapping[str, str]]
    """``mid``, ``name`` of the chosen classes, in ontology order."""
    started_at: str
    """ISO 8601, UTC."""


def write_run_info(path: Path, info: RunInfo) -> None:
    """Write run.json, whole."""
    write_file(path, (json.dumps(asdict(info), indent=2, ensure_ascii=False) + "\n").encode())


def read_run_info(path: Path) -> RunInfo | None:
    """Read run.json; None where there is none that can be read."""
    try:
        return RunInfo(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
