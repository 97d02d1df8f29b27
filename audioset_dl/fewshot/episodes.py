"""The command `episodes`: episodes.jsonl, a line for each episode, written as they are drawn."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audioset_dl.config import Config, ConfigSource, FewshotConfig, as_config
from audioset_dl.dataset.derived import check_source, find_fewshot
from audioset_dl.dataset.splits import SPLITS, read_split
from audioset_dl.fewshot.episode import Episode
from audioset_dl.fewshot.members import (
    SplitMembers,
    find_members,
    find_source,
    read_clips,
)
from audioset_dl.fewshot.sampler import EpisodeSampler, TooFewClips
from audioset_dl.storage.files import writing_file


@dataclass(frozen=True)
class WrittenEpisodes:
    """What `write_episodes` wrote."""

    path: Path
    config: FewshotConfig
    """Kind and numbers of the episodes."""
    numbers: Mapping[str, int]
    """Number of episodes by split."""
    apart: Mapping[str, Sequence[tuple[str, str]]]
    """By split, pairs of classes (names) that are never in one episode, as they share too many
    clips."""


def write_episodes(
    config: ConfigSource,
    *,
    folder: Path | None = None,
    splits: Iterable[str] = SPLITS,
    on_start: Callable[[int], object] = lambda _: None,
    on_episode: Callable[[], object] = lambda: None,
    on_warning: Callable[[str], object] = warnings.warn,
) -> WrittenEpisodes:
    """Write episodes of each split to episodes.jsonl in ``fewshot.dir``.

    Does what the command `audioset-dl episodes` does. The same seed and split give the same file,
    byte by byte.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    folder : Path, optional
        Folder whose manifest.csv was split; unless given, ``process.dir`` if there is one in it,
        else ``output.dir``.
    splits : iterable of str
        Which of ``train``, ``validation`` and ``test``.
    on_start, on_episode : callable
        Called with the number of episodes, and after each episode; for a progress bar.
    on_warning : callable
        Called with a warning if the split was made with another seed.

    Raises
    ------
    ConfigError
        ``fewshot.dir`` lies in a folder that is only read.
    OutputError
        The split or the manifest is not there, they do not fit together, or the file can't be
        written.
    TooFewClips
        A split has too few classes or clips; the message describes all splits.

    Examples
    --------
    >>> from pathlib import Path
    >>> from audioset_dl import load_config
    >>> from audioset_dl.fewshot.episodes import write_episodes
    >>> numbers = ["fewshot.n_way=2", "fewshot.k_shot=1", "fewshot.q_query=2"]
    >>> config = load_config(Path("config.yaml"), numbers)
    >>> write_episodes(config, splits=["train"]).numbers
    {'train': 1000}
    """
    config = as_config(config)
    source = find_source(config, folder)
    target = find_fewshot(config)
    check_source(target, source, ["splits.csv"], key="fewshot.dir")
    samplers = _make_samplers(config, source, tuple(dict.fromkeys(splits)), on_warning)
    path = target / "episodes.jsonl"
    numbers = {str(members.split): len(sampler) for members, sampler in samplers}
    on_start(sum(numbers.values()))
    write_episode_file(path, samplers, on_episode=on_episode)
    apart = {
        str(members.split): [(members.classes[a], members.classes[b]) for a, b in sampler.apart]
        for members, sampler in samplers
    }
    return WrittenEpisodes(path, config.fewshot, numbers, apart)


def write_episode_file(
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
    # Line by line: a million episodes would not fit into memory as one text.
    with writing_file(path) as file:
        for members, sampler in samplers:
            for index in range(len(sampler)):
                document = episode_document(members, sampler.episode(index))
                file.write((json.dumps(document, separators=(",", ":")) + "\n").encode())
                on_episode()


def episode_document(members: SplitMembers, episode: Episode) -> Mapping[str, Any]:
    """Return an episode as JSON-able data: classes by MID, clips by clip_id."""
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


def _make_samplers(
    config: Config, source: Path, names: Sequence[str], on_warning: Callable[[str], object]
) -> list[tuple[SplitMembers, EpisodeSampler]]:
    """Return what draws the episodes of each split; refuse all splits with too few at once."""
    wanted = config.fewshot
    manifest = read_clips(source)
    samplers, refused, seeds = [], [], set()
    for name in names:
        saved = read_split(find_fewshot(config), name)
        seeds.add(saved.seed)
        members = find_members(manifest, saved)
        try:
            # Built for all splits before anything is written: each checks that it has enough clips.
            sampler = EpisodeSampler(
                members, wanted.n_way, wanted.k_shot, wanted.q_query,
                seed=config.seed, kind=wanted.kind, episodes=wanted.episodes,
            )  # fmt: skip
        except TooFewClips as error:
            refused.append(str(error))
            continue
        samplers.append((members, sampler))
    if refused:
        raise TooFewClips("\n".join(refused) + "\n--split NAME writes the others alone")
    for seed in seeds - {config.seed}:
        on_warning(f"the split was made with seed {seed}; seed is {config.seed}")
    return samplers
