"""Mean and standard deviation of clips: computed, stored with hashes, loaded and applied.

Moments are kept in float64 and merged by the formula of Chan, Golub and LeVeque ("Updating formulae
and a pairwise algorithm for computing sample variances", 1979). Unlike the difference of sums of
squares it loses no digits. Deviations are those of the population (divided by n).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, TypeAdapter

from audioset_dl.config import Config, ConfigSource, as_config
from audioset_dl.dataset.derived import (
    check_source,
    find_fewshot,
    find_plain_split,
    find_processed,
    list_splits_beside,
)
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.dataset.splits import SPLITS_NAME, read_split
from audioset_dl.errors import OutputError
from audioset_dl.process.folder import ProcessedFolder, reading
from audioset_dl.storage.files import write_file
from audioset_dl.storage.parallel import run_parallel

# Statistics of other clips would tell a model something about those that it is tested on.
SPLIT = "train"
ALL = "all"
"""What stands for the split where nothing was split."""
_Array = npt.NDArray[np.float64]
By = Literal["global", "channel", "sample"]
FORMAT: Literal[1] = 1
# A smaller standard deviation counts as 0, and values are divided by 1 instead: a channel that is
# constant becomes 0, not noise and not NaN.
LEAST_STD = 1e-8


@dataclass(frozen=True)
class Moments:
    """Number of values, mean and sum of squared deviations of each channel."""

    count: int
    """Values of a channel."""
    mean: _Array
    """Shape (num_channels,)."""
    m2: _Array
    """Sum of squared deviations from the mean, shape (num_channels,)."""

    @property
    def std(self) -> _Array:
        """Standard deviation of each channel, shape (num_channels,)."""
        return np.sqrt(self.m2 / max(self.count, 1))


def moments_of(array: npt.NDArray[np.floating]) -> Moments:
    """Return the moments of an array, computed in float64 and in two passes.

    Parameters
    ----------
    array : array of floats, shape (..., num_channels)
        An array of one axis is one channel. Each mel band of a log-mel spectrogram is a channel.

    Examples
    --------
    >>> import numpy as np
    >>> moments = moments_of(np.array([[1.0, 10.0], [3.0, 10.0]]))
    >>> moments.count, moments.mean.tolist(), moments.std.tolist()
    (2, [2.0, 10.0], [1.0, 0.0])
    """
    values = array.astype(np.float64)
    values = values.reshape(-1, 1) if values.ndim == 1 else values.reshape(-1, values.shape[-1])
    if not len(values):
        return Moments(0, np.zeros(values.shape[1]), np.zeros(values.shape[1]))
    mean = values.mean(axis=0)
    return Moments(len(values), mean, np.square(values - mean).sum(axis=0))


def merge_moments(first: Moments, second: Moments) -> Moments:
    """Return the moments of all values of both; the order may change the last bits."""
    if not first.count or not second.count:
        return first if first.count else second
    count = first.count + second.count
    gap = second.mean - first.mean
    mean = first.mean + gap * (second.count / count)
    m2 = first.m2 + second.m2 + np.square(gap) * (first.count * second.count / count)
    return Moments(count, mean, m2)


def merge_channels(moments: Moments) -> Moments:
    """Return the moments of all channels together, as one channel."""
    mean = moments.mean.mean(keepdims=True)
    m2 = moments.m2.sum() + moments.count * np.square(moments.mean - mean).sum()
    return Moments(moments.count * len(moments.mean), mean, np.array([m2]))


@dataclass(frozen=True)
class Statistics:
    """Content of statistics.json."""

    __pydantic_config__ = ConfigDict(allow_inf_nan=False, extra="ignore")

    split: str
    """Name of the split: ``train``."""
    num_clips: int
    num_values: int
    """Number of values of all clips and channels."""
    mean: float
    """Of all values."""
    std: float
    channel_mean: tuple[float, ...]
    """Of each mel band; of forms wav and npy, of each audio channel."""
    channel_std: tuple[float, ...]
    clips: Mapping[str, tuple[float, float]]
    """Mean and standard deviation of each clip, by clip_id."""
    clips_sha256: str
    """`hash_clips` of those clips."""
    settings_sha256: str
    """Of the settings that the clips were processed by, as in process.json."""
    format: Literal[1] = FORMAT


def summarize(
    moments: Mapping[str, Moments], *, split: str, clips_sha256: str, settings_sha256: str
) -> Statistics:
    """Merge the moments of clips, in the order of their ids.

    Raises
    ------
    OutputError
        Clips have different numbers of channels.
    """
    total = Moments(0, np.zeros(0), np.zeros(0))
    singles = {}
    for clip_id in sorted(moments):
        one = moments[clip_id]
        if total.count and one.mean.shape != total.mean.shape:
            raise OutputError(
                f"clip {clip_id} has {len(one.mean)} channels, those before it {len(total.mean)}",
                fix="download with audio.channels: 1 or 2, or process with a preset",
            )
        total = merge_moments(total, one)
        single = merge_channels(one)
        singles[clip_id] = (float(single.mean[0]), float(single.std[0]))
    whole = merge_channels(total)
    return Statistics(
        split=split, num_clips=len(singles), num_values=whole.count,
        mean=float(whole.mean[0]), std=float(whole.std[0]),
        channel_mean=tuple(total.mean.tolist()), channel_std=tuple(total.std.tolist()),
        clips=singles, clips_sha256=clips_sha256, settings_sha256=settings_sha256,
    )  # fmt: skip


def hash_clips(files: Mapping[str, SavedFile]) -> str:
    """Return one SHA-256 for files by clip_id: that of their lines ``clip_id sha256``, sorted."""
    lines = sorted(f"{clip_id} {file.sha256}\n" for clip_id, file in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Measured:
    """Statistics of the train split."""

    statistics: Statistics
    num_missing: int
    """Clips of the split that have no processed file."""


def compute_statistics(
    config: ConfigSource,
    *,
    on_start: Callable[[int], object] = lambda _: None,
    on_clip: Callable[[], object] = lambda: None,
) -> Measured:
    """Compute mean and deviation of the processed clips of the train split; write statistics.json.

    Does what the command `audioset-dl statistics` does. The same clips give the same bytes,
    whatever the number of workers. It starts new processes (``spawn``): a script that calls it
    needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    on_start, on_clip : callable
        Called with the number of clips, and after each clip; for a progress bar.

    Raises
    ------
    ConfigError
        The clips were processed by other settings than those of the config.
    OutputError
        The splits, the manifest or a clip can't be read; none of the clips was processed; a file is
        not as it was written.

    Examples
    --------
    >>> from audioset_dl.process.statistics import compute_statistics
    >>> statistics = compute_statistics("config.yaml").statistics
    >>> statistics.num_clips, round(statistics.std, 2)
    (26, 0.25)
    """
    config = as_config(config)
    folder = ProcessedFolder(find_processed(config))
    check_source(folder.path, config.output.dir, ["manifest.csv"], key="process.dir")
    # The settings of the folder, not those of the config: a recipe given by --set lies there only.
    settings_sha256 = folder.read_settings_sha256()
    rows = folder.read_manifest().by_clip_id()
    splits = _find_splits(config)
    wanted = read_split(splits, SPLIT).clips if splits else rows
    found = {clip_id: rows[clip_id].saved_file for clip_id in sorted(wanted) if clip_id in rows}
    if not found:
        raise OutputError(
            f"none of the {len(wanted)} {SPLIT} clips of {splits} is in {folder.manifest}",
            fix="run `audioset-dl process` on the dataset that was split",
        )
    on_start(len(found))
    jobs = [(folder.path, clip_id, file) for clip_id, file in found.items()]
    moments: dict[str, Moments] = {}
    for clip_id, of_clip in run_parallel(_measure, jobs, config.process.workers):
        moments[clip_id] = of_clip
        on_clip()
    statistics = summarize(
        moments,
        split=SPLIT if splits else ALL,
        clips_sha256=hash_clips(found),
        settings_sha256=settings_sha256,
    )
    text = json.dumps(asdict(statistics), indent=1, ensure_ascii=False) + "\n"
    write_file(folder.statistics, text.encode())
    return Measured(statistics, len(wanted) - len(found))


def _measure(job: tuple[Path, str, SavedFile]) -> tuple[str, Moments]:
    folder, clip_id, file = job
    return clip_id, moments_of(ProcessedFolder(folder).read_array(file))


def load_statistics(
    folder: Path | str,
    *,
    splits: Path | str | None = None,
    clips_sha256: str | None = None,
    settings_sha256: str | None = None,
) -> Statistics:
    """Load statistics.json of a processed folder, checked to fit its clips, settings and split.

    Parameters
    ----------
    folder : Path or str
        The processed folder.
    splits : Path or str, optional
        splits.json, or the folder that holds it; unless given, those beside the
        dataset, if there is one.
    clips_sha256, settings_sha256 : str, optional
        Hashes to expect; those of the folder's own manifest and process.json unless given.

    Raises
    ------
    OutputError
        There is no statistics.json, it can't be read, or it is of other clips, settings or splits.

    Examples
    --------
    >>> from audioset_dl import ClipDataset
    >>> from audioset_dl.process import apply_statistics, load_statistics
    >>> statistics = load_statistics("audioset-processed")
    >>> samples, _ = ClipDataset("audioset-processed", "train", "audioset-fewshot")[0]
    >>> scaled = apply_statistics(samples, statistics)
    >>> scaled.dtype, scaled.shape
    (dtype('float32'), (160000,))
    """
    place = ProcessedFolder(Path(folder))
    found = _read(place)
    if settings_sha256 is None:
        settings_sha256 = place.read_settings_sha256()
    named = f"{place.statistics}: "
    _check_hash("settings", found.settings_sha256, settings_sha256, prefix=named)
    if clips_sha256 is None:
        rows = place.read_manifest().by_clip_id()
        files = {clip_id: rows[clip_id].saved_file for clip_id in found.clips if clip_id in rows}
        clips_sha256 = hash_clips(files)
    _check_hash("clips", found.clips_sha256, clips_sha256, prefix=named)
    places = list_splits_beside(place.path) if splits is None else [Path(splits)]
    if found.split != ALL and places:
        _check_split(place, found, places)
    return found


def _find_splits(config: Config) -> Path | None:
    """Return the splits.json whose train split counts; None where there is none: all clips do."""
    folder = find_fewshot(config) if config.split.by == "classes" else find_plain_split(config)
    return folder / SPLITS_NAME if (folder / SPLITS_NAME).is_file() else None


def _check_split(place: ProcessedFolder, found: Statistics, places: Sequence[Path]) -> None:
    """Refuse statistics that are of none of some splits."""
    processed = {row.clip_id for row in place.read_manifest().rows}
    wanted = [processed.intersection(read_split(path, found.split).clips) for path in places]
    if found.clips.keys() not in wanted:
        raise OutputError(
            f"{place.statistics} is of another split than {places[0]}: {len(found.clips)} clips, "
            f"of which {len(wanted[0] & found.clips.keys())} are among the {len(wanted[0])} of "
            f"{found.split} there",
            fix="run `audioset-dl statistics`, which computes it again",
        )


def apply_statistics(
    array: npt.NDArray[np.floating],
    statistics: Statistics,
    *,
    by: By = "channel",
    settings_sha256: str | None = None,
) -> npt.NDArray[np.float32]:
    """Return ``(array - mean) / std`` as float32, computed in float64; the shape stays.

    Parameters
    ----------
    array : array of floats, shape (..., num_channels)
        One clip, or several of one length. An array of one axis is one channel.
    statistics : Statistics
        Those of `load_statistics`.
    by : str
        ``channel``: each mel band (or audio channel) by its own mean and deviation; ``global``: all
        by one; ``sample``: this array by its own, not by the statistics.
    settings_sha256 : str, optional
        Hash of the settings that the array was made by (process.json of its folder), where the
        array is from another folder than the statistics.

    Raises
    ------
    OutputError
        The array was made by other settings than the statistics.
    ValueError
        The array has another number of channels than the statistics.
    """
    if settings_sha256 is not None:
        _check_hash("settings", statistics.settings_sha256, settings_sha256)
    num_channels = 1 if array.ndim == 1 else array.shape[-1]
    if num_channels != len(statistics.channel_mean):
        raise ValueError(
            f"found an array of {num_channels} channels (its last axis), expected "
            f"{len(statistics.channel_mean)}, as in the statistics"
        )
    values = array.astype(np.float64)
    mean, std = _choose(values, statistics, by)
    divisor = np.where(std < LEAST_STD, 1.0, std)
    return ((values - mean) / divisor).astype(np.float32)


def _choose(values: _Array, statistics: Statistics, by: By) -> tuple[_Array, _Array]:
    if by == "global":
        return np.array(statistics.mean), np.array(statistics.std)
    if by == "sample":
        return np.array(values.mean()), np.array(values.std())
    if by != "channel":
        raise ValueError(f"found by={by!r}, expected channel, global or sample")
    return np.array(statistics.channel_mean), np.array(statistics.channel_std)


def _read(place: ProcessedFolder) -> Statistics:
    again = "run `audioset-dl statistics`, which writes it"
    with reading(place.statistics, missing=again, broken=again):
        document = json.loads(place.statistics.read_text("utf-8"))
        return TypeAdapter(Statistics).validate_python(document)


def _check_hash(what: str, found: str, expected: str, *, prefix: str = "") -> None:
    if found != expected:
        raise OutputError(
            f"{prefix}these statistics are of other {what} ({found:.12}, expected {expected:.12})",
            fix="run `audioset-dl statistics` on the folder that they are to be applied to",
        )
