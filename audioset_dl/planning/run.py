"""Plan a download: what `audioset-dl plan` does, for the command and for a notebook.

Puts the rooms together: reads AudioSet's files and what is saved already, and asks nothing of
YouTube.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from audioset_dl.catalog.files import Progress
from audioset_dl.config import ConfigSource, as_config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.resume import known_states
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.planning.advice import find_advice
from audioset_dl.planning.losses import Losses, expect_losses, read_loss_table
from audioset_dl.planning.plan import Plan, make_plan
from audioset_dl.selection.prepare import prepare
from audioset_dl.storage.disk import find_free_space
from audioset_dl.youtube.options import check_options

# A share of 1 would need endless candidates for a single clip.
MOST_GONE = 0.95


def plan(
    config: ConfigSource,
    *,
    expect_gone: float | None = None,
    availability: Path | None = None,
    progress: Callable[[str], Progress] | None = None,
    on_warning: Callable[[str], object] = warnings.warn,
) -> Plan:
    """Return what a download would take: clips, space, requests and time.

    Fetches Google's files about AudioSet if they are missing, and nothing else; writes nothing into
    the output folder. What is saved there already counts as saved.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    expect_gone : float, optional
        Share of the videos that are expected to be gone, 0 to 0.95; 0.2 unless given.
    availability : Path, optional
        Expect what was found before: a CSV of ``audioset-dl status --availability --csv``.
    progress : callable, optional
        Called with the name of a file before it is downloaded; returns what shows the progress.
    on_warning : callable
        Called with each warning about AudioSet's files and the choice of classes.

    Returns
    -------
    Plan
        With the warnings about the plan itself in ``warnings``. It is the same for the same config,
        metadata and output folder.

    Raises
    ------
    ConfigError
        The config names classes that don't exist, or none is left; or both `expect_gone` and
        `availability` are given.
    MetadataError
        One of AudioSet's files can't be fetched, or is malformed.
    OutputError
        The journal in the output folder can't be read.

    Examples
    --------
    In the folder that ``audioset-dl demo .`` makes:

    >>> from audioset_dl import plan
    >>> planned = plan("config.yaml", expect_gone=0.25)
    >>> planned.clips, planned.expected.clips
    (40, 39)
    >>> [(one.name, one.wanted, one.available) for one in planned.classes if one.short]
    [('Glockenspiel', 5, 5)]
    >>> [warning.code for warning in planned.warnings]
    ['few_clips', 'pace']
    """
    config = as_config(config)
    check_options(config.download.yt_dlp)
    losses = _choose_losses(expect_gone, availability)
    prepared = prepare(config, progress=progress)
    for warning in prepared.warnings:
        on_warning(warning)
    states = known_states(OutputFolder(config.output.dir))
    made = make_plan(prepared.selection, config, states, losses)
    space = find_free_space(config.output.dir)
    free_bytes = space.num_bytes if space else None
    return replace(made, free_bytes=free_bytes, warnings=find_advice(made, config, free_bytes))


def _choose_losses(expect_gone: float | None, availability: Path | None) -> Losses:
    if availability is not None:
        if expect_gone is not None:
            found = "expect_gone and availability both say how many videos are gone"
            raise ConfigError(Problem("", found, "give one of them"))
        return expect_losses(read_loss_table(availability, "--availability"), str(availability))
    if expect_gone is None:
        return Losses()
    if not 0 <= expect_gone <= MOST_GONE:
        raise ConfigError(Problem("", f"expect_gone is {expect_gone}; expected 0 to {MOST_GONE}"))
    return Losses(expect_gone)
