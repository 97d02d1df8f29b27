"""A dataset for training loops: samples and labels by index, from a folder and its manifest.

Map-style, as PyTorch's ``DataLoader`` takes it, but made of NumPy only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import read_split, splits_beside
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
        splits.json, or the folder that holds it; unless given, ``fewshot/splits.json`` beside the
        folder.
    label : str
        What comes with a clip. ``id``: the number of its class, of several the first.
        ``multi_hot``: a float32 array with a 1 for each class that it carries.
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
        label: Literal["id", "multi_hot"] = "id",
        transform: Callable[[NDArray[np.float32]], Any] | None = None,
    ) -> None:
        if splits is not None and split is None:
            raise ValueError("splits says nothing without split: train, validation or test")
        if label not in ("id", "multi_hot"):
            raise ValueError(f"label {label!r}; expected id or multi_hot")
        self.folder = Path(folder)
        self._label = label
        self._transform = transform
        manifest = read_clips(self.folder)
        if split is None:
            members = find_all_members(manifest)
        else:
            path = Path(splits) if splits else splits_beside(self.folder)
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

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[Any, int | NDArray[np.float32]]:
        """Return a clip's array and its label.

        Returns
        -------
        array : ndarray of float32
            Of a WAV file its samples, from -1 to 1: shape ``(samples,)``, or ``(channels,
            samples)`` where there are several channels. Of a .npy file what it holds, such as a
            spectrogram of shape ``(frames, mels)``. With a `transform`, what that returns.
        label : int or ndarray of float32
            Number of its class in `classes`, or a 0 or 1 for each of them.

        Raises
        ------
        IndexError
            There is no such clip.
        OutputError
            Its file is not there or can't be read.
        """
        index = operator.index(index)
        clip = self.clips[index]
        array = read_array(self.folder / clip.file_name)
        value = array if self._transform is None else self._transform(array)
        numbers = self.labels[index]
        if self._label == "id":
            return value, numbers[0]
        hot = np.zeros(len(self.classes), np.float32)
        hot[list(numbers)] = 1
        return value, hot


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
