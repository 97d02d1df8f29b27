"""What others found: clips that are gone, and how many of a class are.

Read from the CSV of ``audioset-dl status --availability --csv``, or from a failures.csv.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from audioset_dl.config import Config
from audioset_dl.selection.tables import Row, read_clip_id, read_clip_table

KEY = "clips.known_gone"
CODES_OF_A_CLIP = frozenset({
    "private", "members", "terminated", "copyright", "removed", "unavailable", "drm", "live",
    "out_of_range",
})  # fmt: skip
"""Codes of failures.csv by which a clip is gone for everybody."""
GONE_FOR_GUESTS = "age"
"""Gone for everybody who has no account. ``geo`` is a fact about a country, and never counts."""


@dataclass(frozen=True)
class Loss:
    """How many clips of those that were tried are gone."""

    saved: int
    gone: int

    @property
    def share(self) -> float | None:
        """The share that is gone, 0..1; None where none was tried."""
        return self.gone / (self.saved + self.gone) if self.saved + self.gone else None


@dataclass(frozen=True)
class Availability:
    """What a table tells of losses."""

    overall: Loss
    by_class: Mapping[str, Loss]
    """By MID, of the clips that carry this label."""


def read_known_gone(path: Path, *, has_account: bool = False) -> dict[str, str]:
    """Return the clips that a table lists as gone, with the code of the reason.

    What is a fact about the place or the account of whoever asked does not count: ``geo`` never
    does, and ``age`` only for guests. Nor do clips that failed otherwise, and those that another
    row says are saved.

    Parameters
    ----------
    path : Path
        A CSV with the columns ``clip_id`` (or ``ytid`` and ``start_s``), ``state`` and ``code``.
    has_account : bool
        Whether there are cookies of an account to ask with.

    Raises
    ------
    ConfigError
        It can't be read, or is no such table; with the line.
    """
    counting = CODES_OF_A_CLIP if has_account else CODES_OF_A_CLIP | {GONE_FOR_GUESTS}
    table = read_clip_table(path, KEY)
    table.require("state", "code")
    rows = table.convert(_read_verdict)
    saved = {clip_id for clip_id, state, _ in rows if state == "saved"}
    return {
        clip_id: code
        for clip_id, state, code in rows
        if state == "gone" and code in counting and clip_id not in saved
    }


def read_availability(path: Path, key: str = KEY) -> Availability:
    """Return how many clips a table lists as saved and as gone, for each label and in all.

    Parameters
    ----------
    path : Path
        The CSV of ``audioset-dl status --availability --csv``: columns ``clip_id``, ``state``,
        ``labels``. A failures.csv will not do: it does not tell what was saved.
    key : str
        The key or option that names it, for messages.

    Raises
    ------
    ConfigError
        It can't be read, or is no such table; with the line.
    """
    table = read_clip_table(path, key)
    table.require("state", "labels")
    saved, gone = Counter[str](), Counter[str]()
    for state, labels in table.convert(_read_labels):
        for mid in {"", *labels} if state in ("saved", "gone") else ():
            (saved if state == "saved" else gone)[mid] += 1
    losses = {mid: Loss(saved[mid], gone[mid]) for mid in sorted(saved.keys() | gone.keys())}
    overall = losses.pop("", Loss(0, 0))
    return Availability(overall, losses)


def load_known_gone(config: Config) -> dict[str, str]:
    """Return `read_known_gone` of the config's ``clips.known_gone``; nothing where it has none.

    Raises
    ------
    ConfigError
        As there.
    """
    if config.clips.known_gone is None:
        return {}
    download = config.download
    has_account = (download.cookies or download.cookies_from_browser) is not None
    return read_known_gone(config.clips.known_gone, has_account=has_account)


def taken_as_gone(
    known_gone: Mapping[str, str],
    states: Mapping[str, tuple[str, str | None]],
    retry: Collection[str] = (),
) -> dict[str, str]:
    """Return the clips that are taken as gone without asking, with the code of the reason.

    Parameters
    ----------
    known_gone : mapping of str to str
        From `load_known_gone`.
    states : mapping of str to (state, code)
        What the journal knows: what is saved stays saved, what was found gone needs no hearsay.
    retry : collection of str
        Codes of clips that are to be asked for all the same.
    """
    settled = {clip_id for clip_id, (state, _) in states.items() if state in ("saved", "gone")}
    return {
        clip_id: code
        for clip_id, code in known_gone.items()
        if code not in retry and clip_id not in settled
    }


def _read_verdict(row: Row) -> tuple[str, str, str]:
    ytid, start_ms = read_clip_id(row)
    return f"{ytid}_{start_ms}", row["state"].strip(), row["code"].strip()


def _read_labels(row: Row) -> tuple[str, tuple[str, ...]]:
    read_clip_id(row)
    return row["state"].strip(), tuple(filter(None, row["labels"].split(";")))
