"""What `classes` and `plan` say, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audioset_dl.report.words import count, duration, size, table

if TYPE_CHECKING:
    from audioset_dl.catalog.ontology import Node
    from audioset_dl.selection.plan import Plan
    from audioset_dl.selection.select import Selection


def classes_document(selection: Selection) -> list[dict[str, Any]]:
    """Return the chosen classes as JSON-able data, in ontology order."""
    return [_class_document(selection, node) for node in selection.classes]


def _class_document(selection: Selection, node: Node) -> dict[str, Any]:
    catalog = selection.catalog
    rating = catalog.ratings.get(node.mid)
    return {
        "mid": node.mid,
        "name": node.name,
        "quality": catalog.quality(node.mid),
        "num_rated": rating.num_rated if rating else 0,
        "num_true": rating.num_true if rating else 0,
        "is_leaf": node.is_leaf,
        "clips": catalog.segments.num_clips(node.mid),
        "candidates": len(selection.candidates[node.mid]),
    }


def classes_text(selection: Selection) -> str:
    """Return a table of the chosen classes."""
    rows = [
        (
            document["name"],
            document["mid"],
            _quality(document),
            "leaf" if document["is_leaf"] else "",
            f"{document['clips']:,}",
            f"{document['candidates']:,}",
        )
        for document in classes_document(selection)
    ]
    heads = ("class", "MID", "quality", "", "clips", "candidates")
    return f"{table(heads, rows, right=(4, 5))}\n{count(len(rows), 'class', 'classes')}"


def _quality(document: Mapping[str, Any]) -> str:
    if document["quality"] is None:
        return "unrated"
    return f"{document['quality']:.2f} ({document['num_true']}/{document['num_rated']})"


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON-able data."""
    return asdict(plan)


def plan_text(plan: Plan) -> str:
    """Return a plan for people."""
    rows = [
        (row.name, f"{row.wanted:,}", f"{row.available:,}", f"{row.short:,}" if row.short else "")
        for row in plan.classes
    ]
    pace = (
        f"at the configured pace at least {duration(plan.seconds)}"
        if plan.seconds is not None
        else "no pace is configured"
    )
    return "\n".join(
        [
            table(("class", "wanted", "available", "short"), rows, right=(1, 2, 3)),
            "",
            f"{count(plan.clips, 'clip')} wanted; one that several classes want counts once",
            f"{duration(plan.audio_s)} of audio, {size(plan.disk_bytes)} on disk",
            f"{plan.saved:,} saved already, {plan.to_fetch:,} to fetch",
            f"about {plan.requests:,} requests, {pace}",
            "Videos that turn out to be gone are replaced, and cost requests and time besides.",
        ]
    )
