"""The seeded order in which the clips of a class are wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def rank_clips(seed: int, mid: str, clip_ids: Iterable[str]) -> list[str]:
    """Order the candidates of one class.

    The key of a clip is SHA-256 of ``"<seed>:<mid>:<clip_id>"`` and nothing else: not the order of
    the rows, the other classes, or what happened in an earlier run. The same seed therefore gives
    the same order everywhere and always.
    """
    prefix = hashlib.sha256(f"{seed}:{mid}:".encode())

    def key(clip_id: str) -> bytes:
        digest = prefix.copy()
        digest.update(clip_id.encode())
        return digest.digest()

    return sorted(clip_ids, key=key)
