"""The folders that `split` and `episodes` read and write."""

from __future__ import annotations

from pathlib import Path

from audioset_dl.config import Config
from audioset_dl.storage.guards import check_apart


def find_source(config: Config) -> Path:
    """Return the folder of the clips: the processed ones, where there are any."""
    # A model is trained on what was processed; the split then leaves out what `process` dropped.
    processed = config.process.dir
    return processed if (processed / "manifest.csv").is_file() else config.output.dir


def check_target(config: Config, source: Path) -> None:
    """Refuse a ``fewshot.dir`` that is, or lies in, a folder that is only read.

    Raises
    ------
    ConfigError
        Which folder it is or lies in.
    """
    read_only = {
        "output.dir": config.output.dir,
        "process.dir": config.process.dir,
        "metadata.dir": config.metadata.dir,
        "--folder": source,
    }
    check_apart("fewshot.dir", config.fewshot.dir, read_only)
