"""What `classes` and `plan` say, as text, JSON and CSV."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.words import Cell, count, duration, listed, size, table, to_csv

if TYPE_CHECKING:
    from audioset_dl.catalog.ontology import Node
    from audioset_dl.config import DownloadConfig
    from audioset_dl.planning.plan import Plan
    from audioset_dl.selection.classes import Line
    from audioset_dl.selection.select import Selection


_SORT_BY: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "ontology": lambda _: 0,  # as they come: sorting is stable
    "name": lambda one: one["name"].casefold(),
    "quality": lambda one: 1 if one["quality"] is None else -one["quality"],
    "clips": lambda one: -one["clips"],
}
SORT_KEYS = tuple(_SORT_BY)


def classes_document(
    selection: Selection, nodes: Iterable[Node] | None = None, *, sort: str = "ontology"
) -> list[dict[str, Any]]:
    """Return classes as JSON-able data.

    Parameters
    ----------
    selection : Selection
        What the config chooses.
    nodes : iterable of Node, optional
        Which classes; else the chosen ones, in ontology order.
    sort : str
        One of `SORT_KEYS`; the best quality and the most clips come first, the unrated last.
    """
    chosen = {node.mid for node in selection.classes}
    events = selection.catalog.segments.events
    counts = None if events is None else events.count()
    documents = (
        _class_document(selection, node, counts, is_chosen=node.mid in chosen)
        for node in (selection.classes if nodes is None else nodes)
    )
    return sorted(documents, key=_SORT_BY[sort])


def _class_document(
    selection: Selection,
    node: Node,
    events: Mapping[str, tuple[int, float]] | None,
    *,
    is_chosen: bool,
) -> dict[str, Any]:
    catalog = selection.catalog
    rating = catalog.ratings.get(node.mid)
    segments = catalog.segments
    return {
        "mid": node.mid,
        "name": node.name,
        "quality": catalog.quality(node.mid),
        "num_rated": rating.num_rated if rating else 0,
        "num_true": rating.num_true if rating else 0,
        "is_leaf": node.is_leaf,
        "restrictions": sorted(node.restrictions),
        "is_chosen": is_chosen,
        "clips": segments.num_clips(node.mid),
        "clips_by_subset": {
            subset: segments.num_clips(node.mid, subset) for subset in segments.subsets
        },
        "candidates": selection.num_candidates(node.mid),
        **_describe_events(events, node.mid),
    }


def _describe_events(counts: Mapping[str, tuple[int, float]] | None, mid: str) -> dict[str, Any]:
    """Return the number of events of a class and their seconds; nothing without strong labels."""
    if counts is None:
        return {}
    number, seconds = counts.get(mid, (0, 0.0))
    return {"events": number, "event_seconds": seconds}


def tree_document(selection: Selection, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Return the lines of a tree as JSON-able data: each a class, its depth and its parents."""
    documents = classes_document(selection, [line.node for line in lines])
    return [
        {
            **document,
            "depth": line.depth,
            "parents": [parent.mid for parent in line.parents],
            "is_repeated": line.above is not None,
        }
        for document, line in zip(documents, lines, strict=True)
    ]


def classes_csv(documents: Sequence[Mapping[str, Any]]) -> str:
    """Return classes as CSV: a row each, a column for each subset's clips."""
    return to_csv(map(_flat, documents))


def _flat(document: Mapping[str, Any]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in document.items():
        if key == "clips_by_subset":
            flat |= {f"clips_{subset}": clips for subset, clips in value.items()}
        else:
            flat[key] = value
    return flat


def classes_text(documents: Sequence[Mapping[str, Any]], width: int | None) -> str:
    """Return a table of classes.

    Parameters
    ----------
    documents : sequence of mapping
        From `classes_document`.
    width : int or None
        Columns of the terminal; longer names are cut. None for any width.
    """
    names = [document["name"] for document in documents]
    chosen = sum(document["is_chosen"] for document in documents)
    end = count(len(documents), "class", "classes")
    if chosen < len(documents):
        end += f", {chosen} of them chosen by the config"
    end += _events([(one.get("events"), one.get("event_seconds")) for one in documents])
    return f"{_table(names, documents, width)}\n{end}"


def _events(counts: Sequence[tuple[int | None, float | None]]) -> str:
    """Return how many events some classes have together; nothing without strong labels."""
    numbers = [(number, seconds) for number, seconds in counts if number is not None]
    if not numbers:
        return ""
    total_s = sum(seconds or 0 for _, seconds in numbers)
    return f"; {count(sum(number for number, _ in numbers), 'event')} of {total_s:,.0f} s together"


def tree_text(selection: Selection, lines: Sequence[Line], width: int | None) -> str:
    """Return a tree of classes, with the columns of the table beside it."""
    documents = tree_document(selection, lines)
    names = [f"{_branch(line)}{line.node.name}{_elsewhere(line)}" for line in lines]
    distinct = {line.node.mid for line in lines}
    chosen = sum(node.mid in distinct for node in selection.classes)
    end = f"{count(len(distinct), 'class', 'classes')}, {chosen} of them chosen by the config"
    return f"{_table(names, documents, width)}\n{end}"


def _branch(line: Line) -> str:
    if not line.is_last:
        return ""
    *above, last = line.is_last
    return "".join("   " if done else "│  " for done in above) + ("└─ " if last else "├─ ")


def _elsewhere(line: Line) -> str:
    return "" if line.above is None else f" (see above, under {line.above.name})"


def _table(names: Sequence[str], documents: Sequence[Mapping[str, Any]], width: int | None) -> str:
    subsets = list(documents[0]["clips_by_subset"]) if documents else []
    has_candidates = any(
        one["is_chosen"] and one["candidates"] != one["clips"] for one in documents
    )
    all_chosen = all(one["is_chosen"] for one in documents)
    heads = ["class", "MID", "quality", "leaf", *(name.removesuffix("_train") for name in subsets)]
    heads += ["candidates"] * has_candidates + [""] * (not all_chosen)
    rows = [
        [name, *_cells(one, subsets, has_candidates=has_candidates, all_chosen=all_chosen)]
        for name, one in zip(names, documents, strict=True)
    ]
    return table(heads, rows, width=width)


def _cells(
    one: Mapping[str, Any], subsets: Sequence[str], *, has_candidates: bool, all_chosen: bool
) -> list[Cell]:
    cells = [one["mid"], _quality(one), "leaf" if one["is_leaf"] else ""]
    cells += [one["clips_by_subset"][subset] for subset in subsets]
    cells += [one["candidates"] if one["is_chosen"] else None] * has_candidates
    cells += [_why_not(one)] * (not all_chosen)
    return [None] * len(cells) if one.get("is_repeated") else cells


def _quality(document: Mapping[str, Any]) -> str:
    if not document["num_rated"]:
        return "unrated" if document["clips"] else ""
    return f"{document['quality']:.2f} ({document['num_true']}/{document['num_rated']})"


def _why_not(document: Mapping[str, Any]) -> str:
    if document["is_chosen"]:
        return "chosen"
    if document["restrictions"]:
        return ", ".join(document["restrictions"])
    return "" if document["num_rated"] or document["clips"] else "no label"


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
            one.wanted,
            one.available,
            one.short or None,
            one.needed,
            one.expected,
            one.shared or None,
            one.alone,
        )
        for one in plan.classes
    ]
    return table(_HEADS, rows, width=width)


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
    if words := _events([(one.events, one.event_seconds) for one in plan.classes]):
        yield "events", f"in the clips wanted{words}".replace(";", ":")
    yield "needed", "candidates that it takes, with the losses expected"
    yield "expected", "clips in the end"
    yield "shared", "wanted clips that other classes want too; each is downloaded once"
    yield ("alone", "share of clips with no other chosen class but those above and below it")


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
