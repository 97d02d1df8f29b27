"""A dataset for training loops: samples and labels by index, from a folder and its manifest.

Map-style, as PyTorch's ``DataLoader`` takes it, but made of NumPy only.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from audioset_dl.dataset.derived import find_splits_beside, read_form
from audioset_dl.dataset.manifest import read_manifest_cells
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import read_split
from audioset_dl.errors import OutputError
from audioset_dl.fewshot.members import find_all_members, find_members, read_clips

_AGAIN = "`audioset-dl verify` finds what is wrong"


class ClipDataset:
    """The clips of a dataset, or of a split of it, as arrays with labels.

    Works as it is in a ``torch.utils.data.DataLoader``, with any number of workers: it holds names
    and labels only, and reads a clip's file when it is asked for it.

    Parameters
    ----------
    folder : path
        A folder with a manifest.csv: that of `download`, or of `process`.
    split : str, optional
        ``train``, ``validation`` or ``test``; None: all clips of the classes that were chosen.
    splits : path, optional
        splits.json, or the folder that holds it; unless given, that beside the dataset, in
        ``<dataset>-split`` or ``<dataset>-fewshot``, where only one of them is there.
    label : str
        What comes with a clip. ``id``: the number of its class, of several the first.
        ``multi_hot``: a float32 array with a 1 for each class that it carries. ``names``: the
        display names of all of them, joined with ``;``.
    length_s : float or None
        Length to which samples are brought, in seconds, so that a ``DataLoader`` can stack them: a
        shorter clip gets zeros at its end, a longer one is cut there. None, or where the manifest
        has no sample_rate: as they are in the file.
    frames : int, optional
        Number of frames to which spectrograms are brought: a shorter one gets frames of its lowest
        value at its end, a longer one is cut there. Unless given, those of the longest clip in the
        folder; with a `length_s` of None, as they are in the file.
    transform : callable, optional
        Takes a clip's array and returns what takes its place. Must be picklable for
        workers that are spawned.

    Raises
    ------
    OutputError
        The manifest or the split is not there, or they do not fit together.
    ValueError
        There is no such split, or kind of label; or `splits` is given without `split`.

    Examples
    --------
    >>> from audioset_dl import ClipDataset
    >>> dataset = ClipDataset("audioset")
    >>> samples, number = dataset[0]
    >>> len(dataset), samples.shape, dataset.classes[number]
    (39, (160000,), 'Dog')
    """

    def __init__(
        self,
        folder: Path | str,
        split: str | None = None,
        splits: Path | str | None = None,
        *,
        label: Literal["id", "multi_hot", "names"] = "id",
        length_s: float | None = 10.0,
        frames: int | None = None,
        transform: Callable[[NDArray[np.float32]], Any] | None = None,
    ) -> None:
        if splits is not None and split is None:
            raise ValueError("splits says nothing without split: train, validation or test")
        if label not in ("id", "multi_hot", "names"):
            raise ValueError(f"label {label!r}; expected id, multi_hot or names")
        if length_s is not None and not 0 < length_s < math.inf:
            raise ValueError(f"length_s {length_s!r}; expected seconds, or None")
        self.folder = Path(folder)
        self._label = label
        self._transform = transform
        manifest = read_clips(self.folder)
        if split is None:
            members = find_all_members(manifest)
        else:
            path = Path(splits) if splits else find_splits_beside(self.folder)
            members = find_members(manifest, read_split(path, split))
        self.split = members.split
        """Name of the split; None for all clips."""
        self.classes = members.classes
        """Display names of the classes: of a split in ontology order, else alphabetically."""
        self.class_ids = members.class_ids
        """Their MIDs, in the same order."""
        self.clips: Sequence[Row] = members.clips
        """What the manifest says of each clip, in order of clip_id, which is that of indices."""
        self.labels = members.labels
        """For each clip the numbers of all classes of the split that it carries."""
        self._fit = _make_fit(self.folder, length_s, frames)

    def __len__(self) -> int:
        return len(self.clips)

    def weights(self) -> NDArray[np.float64]:
        """Return the weight of each clip for a sampler that makes classes alike.

        For ``torch.utils.data.WeightedRandomSampler``: the sum over the classes that a clip carries
        of ``1000 / (clips of the class + 0.01)``, as PSLA does it
        (https://arxiv.org/abs/2102.01243, section IV-C).

        Returns
        -------
        array of float64, shape (len(self),)

        Examples
        --------
        >>> from audioset_dl import ClipDataset
        >>> ClipDataset("audioset").weights().shape
        (39,)
        """
        counts = np.zeros(len(self.classes))
        for numbers in self.labels:
            counts[list(numbers)] += 1
        of_class = 1000.0 / (counts + 0.01)
        return np.array([of_class[list(numbers)].sum() for numbers in self.labels], np.float64)

    def __getitem__(self, index: int) -> tuple[Any, int | str | NDArray[np.float32]]:
        """Return a clip's array and its label.

        Returns
        -------
        array : ndarray of float32
            Of a WAV file its samples, from -1 to 1: shape ``(samples,)``, or ``(channels,
            samples)`` where there are several channels. Of a .npy file what it holds, such as a
            spectrogram of shape ``(frames, mels)``. With a `transform`, what that returns.
        label : int, ndarray of float32 or str
            Number of its class in `classes`, a 0 or 1 for each of them, or their names.

        Raises
        ------
        IndexError
            There is no such clip.
        OutputError
            Its file is not there or can't be read.
        """
        index = operator.index(index)
        clip = self.clips[index]
        array = self._fit(read_array(self.folder / clip.file_name), clip)
        value = array if self._transform is None else self._transform(array)
        numbers = self.labels[index]
        if self._label == "id":
            return value, numbers[0]
        if self._label == "names":
            return value, ";".join(self.classes[number] for number in numbers)
        hot = np.zeros(len(self.classes), np.float32)
        hot[list(numbers)] = 1
        return value, hot


def _make_fit(
    folder: Path, length_s: float | None, frames: int | None
) -> Callable[[NDArray[np.float32], Row], NDArray[np.float32]]:
    """Return what brings the arrays of a folder to one shape."""
    if read_form(folder) == "logmel":
        if frames is None and length_s is not None:
            frames = _most_frames(folder)
        return partial(_fit_frames, frames)
    return partial(_fit_samples, length_s)


def _fit_frames(frames: int | None, array: NDArray[np.float32], _clip: Row) -> NDArray[np.float32]:
    if frames is None:
        return array
    return fit_length(array, frames, axis=0, fill=float(array.min(initial=0.0)))


def _fit_samples(
    length_s: float | None, array: NDArray[np.float32], clip: Row
) -> NDArray[np.float32]:
    # A manifest that somebody made by hand may not say the rate.
    if length_s is None or not clip.saved_file.sample_rate:
        return array
    length = round(length_s * clip.saved_file.sample_rate)
    return fit_length(array, length, axis=0 if clip.file_name.endswith(".npy") else -1)


def fit_length(
    array: NDArray[np.float32], length: int, *, axis: int, fill: float = 0.0
) -> NDArray[np.float32]:
    """Return an array that has a length along an axis: cut at its end, or filled up there."""
    there = array.shape[axis]
    if there >= length:
        return np.ascontiguousarray(array.take(range(length), axis)) if there > length else array
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, length - there)
    return np.pad(array, widths, constant_values=fill)


def _most_frames(folder: Path) -> int | None:
    shapes = read_manifest_cells(
        folder / "manifest.csv", itemgetter("shape"), columns=("clip_id", "shape")
    )
    return max((int(shape.partition(";")[0]) for shape in shapes), default=None)


def read_array(path: Path) -> NDArray[np.float32]:
    """Read a WAV or .npy file as float32; see `ClipDataset.__getitem__`.

    Raises
    ------
    OutputError
        The file is not there or can't be read.
    """
    try:
        if path.suffix == ".npy":
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
        samples: NDArray[np.float32] = soundfile.read(path, dtype="float32")[0]
    except (OSError, ValueError, EOFError, soundfile.SoundFileError) as error:
        raise OutputError(f"{path} can't be read: {error}; {_AGAIN}") from error
    return samples if samples.ndim == 1 else np.ascontiguousarray(samples.T)
