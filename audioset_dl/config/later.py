"""The sections about what comes after the download."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from audioset_dl.config.section import Section
from audioset_dl.config.values import FilePath, Texts, fault, shown


def _check_ratios(value: object) -> object:
    numbers = value if isinstance(value, list | tuple) else ()
    real = [number for number in numbers if type(number) in (int, float)]
    if len(numbers) == len(real) == 3 and min(real) >= 0 and math.isclose(sum(real), 1):
        return tuple(float(number) for number in real)
    flat = isinstance(value, list | tuple) and len(value) < 6
    found = f"[{', '.join(map(shown, numbers))}]" if flat else shown(value)
    raise fault(
        "expected [train, validation, test], three numbers from 0 that sum to 1, such as "
        f"[0.7, 0.1, 0.2], found {found}"
    )


def _check_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise fault("the same as an entry before it; keep one", index=index)
    return names


Ratios: TypeAlias = Annotated[tuple[float, float, float], BeforeValidator(_check_ratios)]
"""Shares of train, validation and test; they sum to 1."""


class FewshotConfig(Section):
    """How classes are split for few-shot learning, and what an episode is."""

    dir: FilePath = Path("fewshot")
    """Folder that `split` and `episodes` write to."""
    min_clips: Annotated[int, Field(ge=1, le=10_000_000)] = 20
    """Clips that a class must have to take part."""
    ratios: Ratios = (0.7, 0.1, 0.2)
    """Shares of the classes for train, validation and test."""
    group_threshold: Annotated[float, Field(gt=0, le=1)] | None = 0.1
    """Classes stay on one side whose clips overlap by this Jaccard index, above 0 to 1, or more;
    null: no class is tied to another."""
    stratify: Literal["root", "parent"] | None = None
    """Spread each root's (or parent's) classes over the splits by the ratios; null: do not."""
    holdout: Annotated[Texts, AfterValidator(_check_once)] = ()
    """Classes (display names or MIDs), such as roots of the ontology, all of whose classes go to
    test."""
    mixed_clips: Literal["drop", "keep_out_of_train"] = "drop"
    """What becomes of a clip whose labels fall into several splits."""
    given: FilePath | None = None
    """JSON file of class names, ``{"train": [...], "validation": [...], "test": [...]}``, to split
    by in place of ratios; null: none."""
    kind: Literal["single", "one_vs_rest", "multi_hot"] = "single"
    """What an episode asks: which class, whether the class, or which classes."""
    n_way: Annotated[int, Field(ge=2, le=1_000)] = 5
    """Classes of an episode."""
    k_shot: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Support clips of each class."""
    q_query: Annotated[int, Field(ge=1, le=10_000)] = 15
    """Query clips of each class."""
    episodes: Annotated[int, Field(ge=1, le=100_000_000)] = 1000
    """Episodes that `episodes` writes, of each split."""


Flag: TypeAlias = Literal["silent", "clipped", "nan", "dc_offset", "wrong_length", "duplicate"]
"""What may be wrong with the sound of a clip."""
Flags: TypeAlias = Annotated[
    tuple[Flag, ...],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    AfterValidator(_check_once),
]


class ProcessConfig(Section):
    """What `process` makes of the downloaded clips."""

    dir: FilePath = Path("processed")
    """Folder that `process` and `statistics` write to; not inside output.dir, nor around it."""
    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Processes at the same time; null: one for each core."""
    drop: Flags = ("silent", "nan", "duplicate")
    """Flags that leave a clip out."""
    short: Literal["keep", "pad", "repeat", "drop"] = "keep"
    """What becomes of a clip of less than 10 s: kept as it is, filled up with zeros, repeated until
    it has 10 s, or left out."""
    scale: Literal["none", "peak", "rms", "loudness", "standardize"] = "none"
    """What the level of each clip is scaled by."""
    scale_target_db: Annotated[float, Field(ge=-120, le=20)] | None = None
    """Level that `scale` brings each clip to, in dBFS (loudness: LUFS); null: 0 for peak, -20 for
    rms, -23 for loudness."""
    form: Literal["wav", "npy", "logmel"] = "wav"
    """wav: float WAV; npy: float32 samples; logmel: float32 log-mel spectrogram."""
    preset: Annotated[
        Literal["metaaudio", "ast", "panns", "vggish"] | None, Field(validate_default=True)
    ] = None
    """Model whose sample rate and log-mel spectrogram are wanted; null: samples as they are."""

    @field_validator("scale_target_db")
    @classmethod
    def _check_target(cls, target: float | None, info: ValidationInfo) -> float | None:
        scale = info.data.get("scale")
        if target is not None and scale in ("none", "standardize"):
            raise fault(f"scale: {scale} has no target; choose another scale, or write null")
        return target

    @field_validator("preset")
    @classmethod
    def _check_preset(cls, preset: str | None, info: ValidationInfo) -> str | None:
        if preset is None and info.data.get("form") == "logmel":
            raise fault("form: logmel needs a preset: metaaudio, ast, panns or vggish")
        return preset
