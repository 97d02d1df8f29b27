"""What `classes` says, as a table, a tree, JSON and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audioset_dl.words import count, table, to_csv

if TYPE_CHECKING:
    from audioset_dl.catalog.ontology import Node
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
    documents = (
        _class_document(selection, node, is_chosen=node.mid in chosen)
        for node in (selection.classes if nodes is None else nodes)
    )
    return sorted(documents, key=_SORT_BY[sort])


def _class_document(selection: Selection, node: Node, *, is_chosen: bool) -> dict[str, Any]:
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
    }


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
    return f"{_table(names, documents, width)}\n{end}"


def tree_text(selection: Selection, lines: Sequence[Line], width: int | None) -> str:
    """Return a tree of classes, with the columns of the table beside it."""
    documents = tree_document(selection, lines)
    names = [f"{_branch(line)}{line.node.name}{_elsewhere(line)}" for line in lines]
    distinct = {line.node.mid for line in lines}
    chosen = sum(node.mid in distinct for node in selection.classes)
    end = f"{count(len(distinct), 'class', 'classes')}, {chosen} of them chosen by the config"
    blank = [{**one, "is_blank": one["is_repeated"]} for one in documents]
    return f"{_table(names, blank, width)}\n{end}"


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
    numbers = range(4, 4 + len(subsets) + has_candidates)
    return table(heads, rows, right=tuple(numbers), width=width)


def _cells(
    one: Mapping[str, Any], subsets: Sequence[str], *, has_candidates: bool, all_chosen: bool
) -> list[str]:
    cells = [
        str(one["mid"]),
        _quality(one),
        "leaf" if one["is_leaf"] else "",
        *(f"{one['clips_by_subset'][subset]:,}" for subset in subsets),
    ]
    cells += [f"{one['candidates']:,}" if one["is_chosen"] else ""] * has_candidates
    cells += [_why_not(one)] * (not all_chosen)
    return [""] * len(cells) if one.get("is_blank") else cells


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
