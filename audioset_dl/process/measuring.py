"""The command `statistics`: mean and deviation of the clips that a model is trained on."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from audioset_dl.config import ConfigSource, as_config
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.dataset.splits import SPLITS_NAME, read_split
from audioset_dl.errors import OutputError
from audioset_dl.process.folder import ProcessedFolder
from audioset_dl.process.parallel import run_parallel
from audioset_dl.process.recipe import check_made_by
from audioset_dl.process.statistics import (
    Moments,
    Statistics,
    hash_clips,
    moments_of,
    statistics_bytes,
    summarize,
)
from audioset_dl.storage.files import write_file
from audioset_dl.storage.guards import is_inside

# Statistics of other clips would tell a model something about those that it is tested on.
SPLIT = "train"


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
    >>> from audioset_dl.process.measuring import compute_statistics
    >>> statistics = compute_statistics("config.yaml").statistics
    >>> statistics.num_clips, round(statistics.std, 2)
    (26, 0.25)
    """
    config = as_config(config)
    folder, splits = ProcessedFolder(config.process.dir), config.fewshot.dir / SPLITS_NAME
    check_made_by(folder, config.process)
    settings_sha256 = folder.read_settings_sha256()
    wanted = read_split(splits, SPLIT).clips
    rows = folder.read_manifest().by_clip_id()
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
        split=SPLIT,
        clips_sha256=hash_clips((clip_id, file.sha256) for clip_id, file in found.items()),
        settings_sha256=settings_sha256,
    )
    write_file(folder.statistics, statistics_bytes(statistics))
    return Measured(statistics, len(wanted) - len(found))


def read_array(path: Path, sha256: str) -> npt.NDArray[np.float32]:
    """Read a processed file, WAV or .npy, checked by its hash.

    Returns
    -------
    array of float32
        As it was written: (num_samples,), (num_samples, channels) or (num_frames, n_mels).

    Raises
    ------
    OutputError
        It can't be read, or is not as it was written.
    """
    again = "run `audioset-dl process`, which makes it again"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OutputError(f"{path} can't be read: {error.strerror}", fix=again) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise OutputError(f"{path} is not as it was written: its SHA-256 is another", fix=again)
    if path.suffix == ".npy":
        array: npt.NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
        return array
    samples: npt.NDArray[np.float32] = soundfile.read(io.BytesIO(content), dtype="float32")[0]
    return samples


def _measure(job: tuple[Path, str, SavedFile]) -> tuple[str, Moments]:
    folder, clip_id, file = job
    path = folder / file.file_name
    if not is_inside(folder, path):
        raise OutputError(f"{path} lies outside {folder}", fix="run `audioset-dl process`")
    return clip_id, moments_of(read_array(path, file.sha256))
