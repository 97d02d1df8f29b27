"""Clips that others found to be gone.

Read from the CSV of ``audioset-dl status --availability --csv``, or from a failures.csv.
"""

from __future__ import annotations

from pathlib import Path

from audioset_dl.config import Config
from audioset_dl.outcomes import GONE_CODES, KINDS
from audioset_dl.selection.clip_csv import Cells, read_clip_csv, read_clip_id

KEY = "clips.known_gone"
# A video that is blocked in one country may play in the next: `geo` is a fact about a place.
GONE_FOR_GUESTS = frozenset(code for code in GONE_CODES if code != "geo")
"""Failure codes by which a clip is gone for everybody who has no account."""
GONE_FOR_ALL = frozenset(code for code in GONE_FOR_GUESTS if not KINDS[code].cookies_help)
"""Those by which it is gone for an account as well."""


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


def read_known_gone(path: Path, *, has_account: bool = False) -> dict[str, str]:
    """Return the clips that a table lists as gone, with the code of the reason.

    Facts about the place or the account of whoever asked do not count: ``geo`` never does, ``age``
    only for guests. Nor do clips that failed otherwise, and clips that another row lists as saved.

    Parameters
    ----------
    path : Path
        A CSV with the columns ``clip_id`` (or ``ytid`` and ``start_s``), ``state`` and ``code``.
    has_account : bool
        True if the download has cookies of an account.

    Raises
    ------
    ConfigError
        The file can't be read, or is no such table; with the line.
    """
    counting = GONE_FOR_ALL if has_account else GONE_FOR_GUESTS
    table = read_clip_csv(path, KEY)
    table.require("state", "code")
    rows = table.convert(_read_state)
    saved = {clip_id for clip_id, state, _ in rows if state == "saved"}
    return {
        clip_id: code
        for clip_id, state, code in rows
        if state == "gone" and code in counting and clip_id not in saved
    }


def _read_state(cells: Cells) -> tuple[str, str, str]:
    ytid, start_ms = read_clip_id(cells)
    return f"{ytid}_{start_ms}", cells["state"].strip(), cells["code"].strip()
