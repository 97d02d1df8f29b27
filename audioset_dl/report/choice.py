"""What `classes` says, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audioset_dl.report.words import count, table

if TYPE_CHECKING:
    from audioset_dl.catalog.ontology import Node
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
        "candidates": len(selection.rankings[node.mid]),
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
