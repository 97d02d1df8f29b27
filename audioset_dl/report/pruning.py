"""What `prune` says, as text and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import count

if TYPE_CHECKING:
    from audioset_dl.download.prune import Pruned


def prune_document(pruned: Pruned) -> dict[str, Any]:
    """Return what was found as JSON-able data."""
    return {**asdict(pruned), "num_bytes": pruned.num_bytes}


def prune_text(pruned: Pruned) -> str:
    """Return what was found, for people."""
    clips = f"{count(len(pruned.clips), 'clip')} of {pruned.num_saved:,} in {pruned.folder}"
    if not pruned.clips:
        return f"All {count(pruned.num_saved, 'saved clip')} in {pruned.folder} are wanted."
    lines = [clip.file_name for clip in pruned.clips]
    what = f"{clips} not wanted by the config ({pruned.num_bytes:,} bytes)"
    end = "Deleted." if pruned.is_deleted else "Nothing was deleted; --yes deletes them."
    return "\n".join([*lines, f"{what}. {end}"])
