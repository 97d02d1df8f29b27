"""episodes.jsonl: a line an episode, written as they are drawn."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from audioset_dl.fewshot.episodes import EpisodeSampler
from audioset_dl.fewshot.members import SplitMembers
from audioset_dl.storage.files import as_output_error, temporary_path

EPISODES_NAME = "episodes.jsonl"


def write_episodes(
    path: Path,
    samplers: Sequence[tuple[SplitMembers, EpisodeSampler]],
    *,
    on_episode: Callable[[], object] = lambda: None,
) -> None:
    """Write the episodes of some splits, one after the other; the file appears when it is whole.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(path)
        try:
            with temporary.open("x", encoding="utf-8") as file:
                for members, sampler in samplers:
                    for index in range(len(sampler)):
                        document = episode_document(members, sampler, index)
                        file.write(json.dumps(document, separators=(",", ":")) + "\n")
                        on_episode()
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def episode_document(
    members: SplitMembers, sampler: EpisodeSampler, index: int
) -> Mapping[str, Any]:
    """Return an episode as JSON-able data: classes by MID, clips by clip_id."""
    episode = sampler.episode(index)
    return {
        "split": members.split,
        "episode": episode.index,
        "kind": episode.kind,
        "classes": [members.class_ids[number] for number in episode.classes],
        "support": [members.clips[clip].clip_id for clip in episode.support],
        "support_labels": episode.support_labels,
        "query": [members.clips[clip].clip_id for clip in episode.query],
        "query_labels": episode.query_labels,
    }
