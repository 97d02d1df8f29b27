"""What `plan` says, as text, JSON and CSV."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import count, duration, listed, size, table, to_csv

if TYPE_CHECKING:
    from audioset_dl.config import DownloadConfig
    from audioset_dl.planning.plan import Plan

# The pairs that share most clips; `--json` has them all.
_PAIRS = 3


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON-able data."""
    # JSON has no pairs as keys.
    pairs = [{"mids": list(mids), "clips": clips} for mids, clips in plan.overlap.pairs.items()]
    return {**asdict(plan), "overlap": {"clips": plan.overlap.clips, "pairs": pairs}}


def plan_csv(plan: Plan) -> str:
    """Return a plan's classes as CSV: a row each."""
    return to_csv(map(asdict, plan.classes))


def plan_text(plan: Plan, config: DownloadConfig, width: int) -> str:
    """Return a plan for people, in lines of up to a width; only the table may be wider."""
    facts = [*_facts(plan), *_times(plan, config)]
    warnings = [textwrap.fill(f"Warning: {one.message}", width) for one in plan.warnings]
    blocks = [_classes(plan, width), listed(_meaning(plan), width), listed(facts, width)]
    return "\n".join(["\n\n".join(blocks), *warnings])


_HEADS = ("class", "wanted", "available", "short", "needed", "expected", "shared", "alone")


def _classes(plan: Plan, width: int) -> str:
    rows = [
        (
            one.name,
            f"{one.wanted:,}",
            f"{one.available:,}",
            f"{one.short:,}" if one.short else "",
            f"{one.needed:,}",
            f"{one.expected:,}",
            f"{one.shared:,}" if one.shared else "",
            f"{one.alone:.0%}" if one.alone is not None else "",
        )
        for one in plan.classes
    ]
    return table(_HEADS, rows, right=tuple(range(1, len(_HEADS))), width=width)


def _meaning(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.clip_list is not None:
        rule = "clips.per_class does not count, and a clip that is gone is not replaced"
        yield "wanted", f"the clips of {plan.clip_list}: {rule}"
    elif plan.per_class is None:
        yield "wanted", "all clips of a class"
    else:
        rule = (
            f"up to {plan.per_class} clips of a class: one that has fewer gives all it has, and "
            "the next clip takes the place of one whose video is gone, as long as there is one"
        )
        yield "wanted", rule
    yield "needed", "candidates that it takes, with the losses expected"
    yield "expected", "clips in the end"
    yield "shared", "wanted clips that other classes want too; each is downloaded once"
    yield (
        "alone",
        "share of clips with no other chosen class but those above and below it",
    )


def _facts(plan: Plan) -> Iterator[tuple[str, str]]:
    expected = plan.expected
    yield "clips", f"{plan.clips:,} wanted, {plan.saved:,} saved already"
    if plan.known_gone:
        verb = "is" if plan.known_gone == 1 else "are"
        yield "", f"{plan.known_gone:,} more {verb} known to be gone (clips.known_gone)"
    if plan.overlap.clips:
        yield "overlap", _overlap(plan)
    if not expected.asked:
        yield "", "nothing is left to fetch"
        return
    share = f"{expected.gone / expected.asked:.0%}"
    losses = (
        f"{expected.clips:,} clips in the end; {expected.gone:,} of {expected.asked:,} videos to "
        f"ask for are expected to be gone ({share}; {plan.losses_from})"
    )
    yield "losses", losses
    free = f"; {size(plan.free_bytes)} are free" if plan.free_bytes is not None else ""
    yield "disk", f"{size(expected.disk_bytes)} for {duration(plan.audio_s)} of audio{free}"
    yield (
        "network",
        f"about {expected.requests:,} requests, {size(expected.media_bytes)} of media",
    )


def _overlap(plan: Plan) -> str:
    names = {one.mid: one.name for one in plan.classes}
    most = [
        f"{names[first]} + {names[second]} {clips:,}"
        for (first, second), clips in list(plan.overlap.pairs.items())[:_PAIRS]
    ]
    counts = "counts" if plan.overlap.clips == 1 else "count"
    clips = f"{count(plan.overlap.clips, 'clip')} {counts}"
    return f"{clips} for several classes ({', '.join(most)})"


def _times(plan: Plan, config: DownloadConfig) -> Iterator[tuple[str, str]]:
    if not plan.expected.asked:
        return
    cap = f"at most {config.max_per_hour:,} an hour" if config.max_per_hour else "no cap an hour"
    pace = f"delay {config.delay_s:g} s, {cap}"
    yield "time", f"at least {_time(plan, 'configured')} at the configured pace ({pace})"
    yield "", f"{_time(plan, 'guest')} at the 300 videos an hour of a guest, spread evenly"
    yield "", f"{_time(plan, 'account')} at the 2,000 an hour of an account"


def _time(plan: Plan, which: str) -> str:
    one = duration(getattr(plan.times_one_address, which) or 0)
    if plan.addresses == 1:
        return one
    all_of_them = duration(getattr(plan.times, which) or 0)
    return f"{all_of_them} with {plan.addresses} addresses ({one} with one)"
