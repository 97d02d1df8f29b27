"""The seeded order in which the clips of a class are wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.cache import Cache, make_key
from audioset_dl.catalog.grouping import RowNumbers
from audioset_dl.catalog.segments import SegmentTable

# Raise it when the same seed gives another order: caches of older versions are then not used.
RANKING_VERSION = 1


def rank_clips(seed: int, mid: str, clip_ids: Iterable[str]) -> list[str]:
    """Order the candidates of one class.

    The key of a clip is SHA-256 of ``"<seed>:<mid>:<clip_id>"`` and nothing else: not the order of
    the rows, the other classes, or what happened in an earlier run. The same seed therefore gives
    the same order everywhere and always.
    """
    unordered = list(clip_ids)
    return [unordered[position] for position in _order(seed, mid, unordered).tolist()]


def rank_rows(
    seed: int, mids: Iterable[str], table: SegmentTable, cache: Cache
) -> Mapping[str, RowNumbers]:
    """Return the rows of some classes, each class in the order of `rank_clips`.

    Parameters
    ----------
    seed : int
        Decides the order.
    mids : iterable of str
        The classes.
    table : SegmentTable
        The clips.
    cache : Cache
        Where rankings are kept; the same as those that are made anew.
    """
    wanted = tuple(mids)
    key = make_key(RANKING_VERSION, table.key, seed)
    kept = dict(cache.load("rankings", key) or {})
    missing = [mid for mid in wanted if mid not in kept]
    for mid in missing:
        rows = table.rows_of(mid)
        kept[mid] = rows[_order(seed, mid, table.clip_ids(rows))]
    if missing:
        cache.save("rankings", key, kept)
    return {mid: kept[mid] for mid in wanted}


def _order(seed: int, mid: str, clip_ids: Sequence[str]) -> NDArray[np.intp]:
    copy = hashlib.sha256(f"{seed}:{mid}:".encode()).copy
    digests = []
    for clip_id in clip_ids:
        digest = copy()
        digest.update(clip_id.encode())
        digests.append(digest.digest())
    return _sort_digests(digests)


def _sort_digests(digests: Sequence[bytes]) -> NDArray[np.intp]:
    words = np.frombuffer(b"".join(digests), ">u8").reshape(-1, 4).astype(np.uint64)
    order = np.argsort(words[:, 0])
    first = words[order, 0]
    if (first[1:] == first[:-1]).any():  # the first 8 of the 32 bytes do not decide
        order = np.lexsort(words.T[::-1])
    return order
