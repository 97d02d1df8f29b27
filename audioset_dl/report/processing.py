"""What `process` and `statistics` say, as text and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import by_code, count, first_lines, listed

if TYPE_CHECKING:
    from audioset_dl.config import ProcessConfig
    from audioset_dl.process.folder import ProcessedFolder
    from audioset_dl.process.run import ProcessReport
    from audioset_dl.process.spectrograms import Preset
    from audioset_dl.process.statistics import Measured


def process_document(
    done: ProcessReport, folder: ProcessedFolder, preset: Preset | None
) -> dict[str, Any]:
    """Return what was processed as JSON-able data."""
    return {
        "dir": str(folder.path),
        **asdict(done),
        "warnings": _warnings(done, preset),
    }


def process_text(
    done: ProcessReport,
    folder: ProcessedFolder,
    config: ProcessConfig,
    *,
    preset: Preset | None,
    width: int,
) -> str:
    """Return what was processed, for people."""
    clips = f"{done.num_clips:,} of {count(done.num_source, 'clip')} processed into {folder.path}"
    facts = [("form", _form(done, config, preset)), ("scale", _scale(done, config))]
    if done.flags:
        facts.append(("flags", f"{by_code(done.flags)} (clips; see {folder.manifest.name})"))
    if done.left_out:
        facts.append(("left out", f"{by_code(done.left_out)} (see {folder.dropped.name})"))
    lines = [f"{clips} ({done.num_made:,} by this run)", listed(facts, width)]
    lines += first_lines([f"{one.code}: {one.file_name}: {one.detail}" for one in done.faults])
    if done.faults:
        lines.append(
            f"{count(len(done.faults), 'file')} of the dataset not as written, and left out: "
            "`audioset-dl verify --repair` and `download` fetch them again."
        )
    lines += [listed([("note", words)], width) for words in _warnings(done, preset)]
    return "\n".join(lines)


def _form(done: ProcessReport, config: ProcessConfig, preset: Preset | None) -> str:
    kinds = {"wav": "float WAV", "npy": "float32 samples", "logmel": "log-mel spectrograms"}
    kind = kinds[config.form]
    if preset is not None:
        kind += f" of {preset.name}, from mono at {preset.sample_rate:,} Hz"
    shapes = sorted(done.shapes.items(), key=lambda item: (-item[1], item[0]))
    common = [f"{_shape(shape)} ({number:,})" for shape, number in shapes[:3]]
    more = [f"{len(shapes) - 3} more"] if len(shapes) > 3 else []
    return f"{kind}; {', '.join([*common, *more])}" if shapes else kind


def _shape(shape: str) -> str:
    return " x ".join(f"{int(length):,}" for length in shape.split(";"))


def _scale(done: ProcessReport, config: ProcessConfig) -> str:
    if config.scale in ("none", "standardize"):
        return config.scale
    return (
        f"{config.scale} to {done.target_db:g} {'LUFS' if config.scale == 'loudness' else 'dBFS'}"
    )


def _warnings(done: ProcessReport, preset: Preset | None) -> list[str]:
    rate = done.lowest_rate
    if preset is None or rate is None or rate >= min(preset.sample_rate, 2 * preset.fmax):
        return []
    empty_bands = (
        f"the dataset has {rate:,} Hz, and {preset.name} covers up to {preset.fmax:,.0f} Hz: the "
        f"bands above {rate // 2:,} Hz are empty, which the model was not trained on. Download "
        f"with audio.sample_rate: {preset.sample_rate} for it."
    )
    return [empty_bands]


def statistics_document(measured: Measured, folder: ProcessedFolder) -> dict[str, Any]:
    """Return the statistics as JSON-able data, without those of each clip."""
    known = asdict(measured.statistics)
    known.pop("clips")
    return {"file": str(folder.statistics), "num_missing": measured.num_missing, **known}


def statistics_text(measured: Measured, folder: ProcessedFolder, width: int) -> str:
    """Return the statistics, for people."""
    found = measured.statistics
    channels = count(len(found.channel_mean), "channel")
    means, stds = found.channel_mean, found.channel_std
    facts = [
        ("global", f"mean {found.mean:.6g}, standard deviation {found.std:.6g}"),
        ("channels", f"{channels}: means {_range(means)}, deviations {_range(stds)}"),
    ]
    where = (
        f"{count(found.num_clips, 'clip')} of the {found.split} split, "
        f"{count(found.num_values, 'value')}: written to {folder.statistics}"
    )
    lines = [where, listed(facts, width)]
    if measured.num_missing:
        lines.append(
            f"{count(measured.num_missing, 'clip')} of the split not in "
            f"{folder.manifest.name}: left out by `process`, or not processed yet"
        )
    return "\n".join(lines)


def _range(values: tuple[float, ...]) -> str:
    return f"{min(values):.4g} to {max(values):.4g}"
