"""The plan: what a download would do, before anything is fetched.

It counts the clips of each class, those that several classes share, and what all will cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil

import numpy as np
from numpy.typing import NDArray

from audioset_dl.audio.wav import estimate_wav_bytes
from audioset_dl.catalog.grouping import RowNumbers
from audioset_dl.catalog.ontology import Ontology
from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.config import Config
from audioset_dl.planning.estimates import (
    MEDIA_BYTES_PER_CLIP,
    REQUESTS_PER_CLIP,
    REQUESTS_PER_GONE,
    Losses,
    Times,
    times_of,
)
from audioset_dl.selection.draw import Draw, Share
from audioset_dl.selection.known import KnownClips, State, find_known
from audioset_dl.selection.select import FULL_LENGTH_S, Selection


@dataclass(frozen=True)
class ClassPlan:
    """What is planned for one class."""

    mid: str
    name: str
    wanted: int
    """Number of clips that it gets if none is gone: ``per_class``, or all of fewer."""
    available: int
    """Number of candidates in the metadata that are not known to be gone."""
    short: int
    """Number of clips that it lacks for ``per_class``."""
    loss: float
    """Share of its videos that is expected to be gone, 0..1."""
    needed: int
    """Number of candidates that are expected to be needed for those wanted."""
    expected: int
    """Number of clips that it is expected to have in the end."""
    shared: int
    """Number of wanted clips that another class wants as well."""
    alone: float | None
    """Share, 0..1, of its clips that carry no other chosen class than its relatives."""
    events: int | None = None
    """Number of its events in the clips wanted; None without strong labels."""
    event_seconds: float | None = None
    """Length of these events together, in seconds."""


@dataclass(frozen=True)
class Overlap:
    """Clips that count for several classes."""

    clips: int
    """Each once."""
    pairs: Mapping[tuple[str, str], int]
    """Clips that two classes (MIDs) share, most first."""
    by_class: Mapping[str, int]
    """Clips that a class shares with any other."""


@dataclass(frozen=True)
class Expected:
    """The expected result and cost of a download, with some videos gone and replaced."""

    clips: int
    """Number of different clips on the disk in the end."""
    gone: int
    """Number of videos that are asked for and gone."""
    asked: int
    """Number of videos that are asked for."""
    disk_bytes: int
    """Size of all WAV files."""
    media_bytes: int
    """Size of the media to fetch from YouTube, without its pages."""
    requests: int


@dataclass(frozen=True)
class Advice:
    """One thing to know before a download."""

    code: str
    message: str


@dataclass(frozen=True)
class Plan:
    """What a download would do."""

    per_class: int | None
    """Number of clips wanted of each class; None for all."""
    classes: Sequence[ClassPlan]
    clips: int
    """Number of clips wanted; one that several classes want counts once."""
    saved: int
    """Number of these that are on the disk already."""
    to_fetch: int
    audio_s: float
    """Seconds of audio of all wanted clips."""
    overlap: Overlap
    expected: Expected
    times: Times
    """Times for the videos to ask for, over all addresses."""
    times_one_address: Times
    addresses: int
    clip_list: str | None = None
    """The list whose clips are downloaded instead of ``per_class`` clips of each class."""
    known_gone: int = 0
    """Number of clips that would be wanted but are reported gone."""
    losses_from: str = ""
    """File or option that the expected losses come from."""
    free_bytes: int | None = None
    """Free space on the disk of the output folder; None where it is not known."""
    warnings: Sequence[Advice] = ()


def make_plan(
    selection: Selection, config: Config, states: Iterable[State] = (), losses: Losses | None = None
) -> Plan:
    """Plan a download.

    Parameters
    ----------
    selection : Selection
        The classes and clips that the config chooses.
    config : Config
        The config, for pace and sample format.
    states : iterable of (clip_id, state, code)
        What the journal knows of clips; nothing before the first run.
    losses : Losses, optional
        Expected shares of gone videos; else the usual share.
    """
    losses = losses or Losses()
    draw, known = selection.draw(), find_known(selection.table, states)
    reported_gone = np.fromiter(selection.reported_gone(known), np.int64)
    drawn = draw.start(np.concatenate([np.flatnonzero(known.is_gone), reported_gone]))
    durations_s = selection.table.durations_s(drawn)
    num_saved = int(np.count_nonzero(known.is_saved[drawn]))
    overlap = find_overlap(draw.hands.count_together(drawn))
    outlooks = _look_ahead(draw, known, losses)
    expected = _expect(outlooks, durations_s, num_saved, config)
    addresses = max(1, len(config.download.proxies))
    return Plan(
        per_class=selection.per_class,
        classes=_plan_classes(selection, drawn, outlooks, losses, overlap),
        clips=len(drawn),
        saved=num_saved,
        to_fetch=len(drawn) - num_saved,
        audio_s=round(float(durations_s.sum()), 3),
        overlap=overlap,
        expected=expected,
        times=times_of(expected.asked, config.download, addresses),
        times_one_address=times_of(expected.asked, config.download, 1),
        addresses=addresses,
        clip_list=str(selection.clip_list.path) if selection.clip_list else None,
        known_gone=int(np.count_nonzero(draw.are_drawn(reported_gone))),
        losses_from=losses.source,
    )


@dataclass(frozen=True)
class _Outlook:
    """What is expected of one class; clips that it shares count for each."""

    share: Share
    saved: int
    """Number of its wanted clips on the disk already."""
    to_fetch: int
    more: float
    """Number of videos that are asked for in the place of those that are gone."""
    gone: float


def _look_ahead(draw: Draw, known: KnownClips, losses: Losses) -> list[_Outlook]:
    num_saved = draw.hands.count(known.is_saved)
    outlooks = []
    for share in draw.shares():
        loss = losses.of(share.mid)
        to_fetch = share.wanted - num_saved[share.mid]
        more = min(to_fetch * loss / (1 - loss), share.available - share.wanted)
        outlooks.append(
            _Outlook(share, num_saved[share.mid], to_fetch, more, gone=(to_fetch + more) * loss)
        )
    return outlooks


def _expect(
    outlooks: Sequence[_Outlook], durations_s: NDArray[np.float64], num_saved: int, config: Config
) -> Expected:
    """Add up the classes; replacements are shared by classes as often as the clips they replace."""
    num_clips = len(durations_s)
    num_to_fetch = num_clips - num_saved
    of_all = sum(outlook.to_fetch for outlook in outlooks)
    distinct = num_to_fetch / of_all if of_all else 0
    asked = round(num_to_fetch + distinct * sum(outlook.more for outlook in outlooks))
    gone = round(distinct * sum(outlook.gone for outlook in outlooks))
    in_the_end = num_saved + asked - gone
    share_in_the_end = in_the_end / num_clips if num_clips else 0
    mean_s = float(durations_s.sum()) / max(1, num_clips)
    return Expected(
        clips=in_the_end,
        gone=gone,
        asked=asked,
        disk_bytes=round(share_in_the_end * estimate_wav_bytes(durations_s, config.audio)),
        media_bytes=round((asked - gone) * mean_s / FULL_LENGTH_S * MEDIA_BYTES_PER_CLIP),
        requests=(asked - gone) * REQUESTS_PER_CLIP + gone * REQUESTS_PER_GONE,
    )


def _plan_classes(
    selection: Selection,
    drawn: RowNumbers,
    outlooks: Sequence[_Outlook],
    losses: Losses,
    overlap: Overlap,
) -> list[ClassPlan]:
    events = selection.table.events
    counts = None if events is None else events.count(drawn)
    names = {node.mid: node.name for node in selection.classes}
    catalog, per_class = selection.catalog, selection.per_class
    alone = shares_alone(list(names), catalog.segments, catalog.ontology)
    return [
        ClassPlan(
            mid=share.mid,
            name=names[share.mid],
            wanted=share.wanted,
            available=share.available,
            short=max(0, (per_class or 0) - share.wanted),
            loss=round(losses.of(share.mid), 4),
            needed=(
                share.available
                if per_class is None
                else ceil(round(per_class / (1 - losses.of(share.mid)), 6))
            ),
            expected=round(outlook.saved + outlook.to_fetch + outlook.more - outlook.gone),
            shared=overlap.by_class.get(share.mid, 0),
            alone=alone.get(share.mid),
            events=None if counts is None else counts.get(share.mid, (0, 0.0))[0],
            event_seconds=None if counts is None else counts.get(share.mid, (0, 0.0))[1],
        )
        for outlook, share in ((outlook, outlook.share) for outlook in outlooks)
    ]


def find_overlap(together: Mapping[tuple[str, ...], int]) -> Overlap:
    """Count the clips that several classes share.

    Parameters
    ----------
    together : mapping of tuple of str to int
        How many clips just these classes (MIDs) want, for all combinations that occur.
    """
    groups = {mids: number for mids, number in together.items() if len(mids) > 1}
    pairs: Counter[tuple[str, str]] = Counter()
    by_class: Counter[str] = Counter()
    for mids, number in groups.items():
        by_class.update(dict.fromkeys(mids, number))
        pairs.update(dict.fromkeys(combinations(sorted(mids), 2), number))
    return Overlap(sum(groups.values()), dict(pairs.most_common()), by_class)


def shares_alone(
    chosen: Sequence[str], table: SegmentTable, ontology: Ontology
) -> dict[str, float]:
    """Return, for each chosen class, the share of its clips that carry no unrelated chosen class.

    A class's ancestors and descendants are its relatives: that a bark is a dog too says nothing.
    A class without clips is left out.
    """
    relatives = {mid: ontology.ancestors(mid) | ontology.descendants(mid) for mid in chosen}
    total: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for labels, number in table.count_label_sets().items():
        carried = [mid for mid in labels if mid in relatives]
        for mid in carried:
            total[mid] += number
            if relatives[mid].issuperset(carried):
                alone[mid] += number
    return {mid: round(alone[mid] / total[mid], 4) for mid in chosen if total[mid]}
