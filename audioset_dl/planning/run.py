"""Plan a download: what `audioset-dl plan` does, for the command and for a notebook.

Puts the rooms together: reads AudioSet's files and what is saved already, and asks nothing of
YouTube.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from audioset_dl.catalog.files import Progress
from audioset_dl.config import Config, ConfigSource, as_config
from audioset_dl.dataset.journal_reader import count_reopened
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.resume import known_states
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.planning.estimates import (
    ACCOUNT_PER_HOUR,
    GUEST_PER_HOUR,
    Losses,
    most_per_hour,
    read_losses,
)
from audioset_dl.planning.plan import Advice, ClassPlan, Plan, make_plan
from audioset_dl.selection.select import prepare
from audioset_dl.storage.disk import find_free_space
from audioset_dl.words import count, some
from audioset_dl.youtube.option_check import check_options

# A share of 1 would need endless candidates for a single clip.
MOST_GONE = 0.95
SELDOM = 0.1
"""Share of clips without other chosen classes below which a class hardly ever occurs alone."""


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
    output = OutputFolder(config.output.dir)
    space = find_free_space(config.output.dir)
    made = replace(
        make_plan(prepared.selection, config, known_states(output), losses),
        free_bytes=space.num_bytes if space else None,
    )
    return replace(made, warnings=[*_about_reopened(output), *find_advice(made, config)])


def _choose_losses(expect_gone: float | None, availability: Path | None) -> Losses:
    if availability is not None:
        if expect_gone is not None:
            found = "expect_gone and availability both say how many videos are gone"
            raise ConfigError(Problem("", found, "give one of them"))
        return read_losses(availability, "--availability")
    if expect_gone is None:
        return Losses()
    if not 0 <= expect_gone <= MOST_GONE:
        raise ConfigError(Problem("", f"expect_gone is {expect_gone}; expected 0 to {MOST_GONE}"))
    return Losses(expect_gone)


def find_advice(plan: Plan, config: Config) -> list[Advice]:
    """Return the warnings that follow from a plan that was made for a config."""
    return [
        *_about_numbers(plan),
        *_about_company(plan, config),
        *_about_disk(plan, config),
        *(_about_pace(config) if plan.expected.asked else ()),
    ]


def _about_reopened(output: OutputFolder) -> Iterator[Advice]:
    if number := count_reopened(output.journal):
        yield Advice(
            "reopened",
            f"{count(number, 'clip')} that version 0.1.0 took as gone by vague words, such as "
            '"Video unavailable", will be asked for again: such words may have been meant for the '
            "address. The numbers above count them as clips to fetch",
        )


def _about_numbers(plan: Plan) -> Iterator[Advice]:
    few = [one for one in plan.classes if one.short]
    if few:
        yield Advice(
            "few_clips",
            f"{_classes(few)} fewer than {plan.per_class} clips: "
            + some([f"{one.name} {one.wanted}" for one in few])
            + "; take fewer, or add a file to metadata.segments",
        )
    at_risk = [
        one for one in plan.classes if not one.short and one.expected < (plan.per_class or 0)
    ]
    if at_risk:
        yield Advice(
            "few_after_losses",
            f"{_classes(at_risk)} too few clips to replace all that may be gone: "
            + some([f"{one.name} about {one.expected}" for one in at_risk]),
        )


def _about_company(plan: Plan, config: Config) -> Iterator[Advice]:
    seldom = [one for one in plan.classes if one.alone is not None and one.alone < SELDOM]
    if seldom and config.clips.labels == "any":
        yield Advice(
            "hardly_alone",
            f"{_classes(seldom)} hardly any clips without another chosen class (its ancestors and "
            "descendants apart): " + some([f"{one.name} {one.alone:.0%}" for one in seldom]),
        )


def _about_disk(plan: Plan, config: Config) -> Iterator[Advice]:
    average = plan.expected.disk_bytes / plan.expected.clips if plan.expected.clips else 0
    to_write = round(average * max(0, plan.expected.clips - plan.saved))
    if plan.free_bytes is not None and to_write > plan.free_bytes:
        yield Advice(
            "disk",
            f"the clips to fetch need {to_write:,} bytes, and {plan.free_bytes:,} are free in "
            f"{config.output.dir}; make room, lower clips.per_class, or choose another output.dir",
        )


def _about_pace(config: Config) -> Iterator[Advice]:
    download, allowed, who = config.download, GUEST_PER_HOUR, "a guest"
    if download.cookies_use == "always":
        allowed, who = ACCOUNT_PER_HOUR, "an account"
    asked = most_per_hour(download)
    if asked > allowed:
        pace = "no limit" if asked == float("inf") else f"{asked:,.0f} videos an hour"
        yield Advice(
            "pace",
            f"the configured pace is {pace} on an address, and YouTube lets {who} have about "
            f"{allowed:,}; who asks for more is locked out for up to an hour: set "
            f"download.max_per_hour to {allowed}",
        )


def _classes(found: Sequence[ClassPlan]) -> str:
    return "1 class has" if len(found) == 1 else f"{len(found)} classes have"
