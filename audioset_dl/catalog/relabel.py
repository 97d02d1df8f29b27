"""Labels that others have corrected, for clips of AudioSet: ``metadata.relabel``.

Owns the two forms in which they are published. One is the JSON of AST and PSLA
(https://github.com/YuanGongND/ast), ``{"data": [{"wav": ".../Y<ytid>.wav", "labels": "/m/…"}]}``
with commas between labels, in which AudioSet-R is published too; the other is a CSV with the
columns ``clip_id`` or ``ytid``, and ``labels``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audioset_dl.catalog.clips import YTID_PATTERN
from audioset_dl.catalog.files import hash_content
from audioset_dl.catalog.ontology import MISSPELT_MIDS
from audioset_dl.catalog.reading import is_mid, open_binary
from audioset_dl.config import Config
from audioset_dl.errors import MetadataError, OutputError
from audioset_dl.storage.tables import BadRow, read_table

MAX_JSON_BYTES = 1 << 30
"""Largest JSON that is read; that of all of AudioSet has some 350 MB."""
_NAME = re.compile(
    rf"Y?(?P<ytid>{YTID_PATTERN.pattern})"
    r"(?:_(?:(?P<ms>0|[1-9][0-9]{0,9})|(?P<s>[0-9]{1,7}\.[0-9]{1,6}))(?:_[0-9.]+)?)?"
)
_AUDIO_SUFFIX = re.compile(r"\.(?:wav|flac|mp3|m4a|ogg|opus|npy|pt)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Corrections:
    """Labels by clip_id, or by YouTube id for all clips of a video."""

    labels: Mapping[str, tuple[str, ...]]
    keep_rest: bool
    """True if clips that are not named keep Google's labels; False to leave them out."""
    hashes: Sequence[str]
    """SHA-256 of each file, in their order."""

    def find(self, ytid: str, start_ms: int) -> tuple[str, ...] | None:
        """Return the corrected labels of a clip; None where none are named."""
        found = self.labels.get(f"{ytid}_{start_ms}")
        return self.labels.get(ytid) if found is None else found


def read_corrections(paths: Sequence[Path], *, keep_rest: bool) -> Corrections | None:
    """Read files of corrected labels; None if there are none. A later file wins over an earlier.

    Raises
    ------
    MetadataError
        A file can't be read or is in neither form, an entry is malformed (named by its line or
        number), or one file names a clip twice with different labels.
    """
    if not paths:
        return None
    labels: dict[str, tuple[str, ...]] = {}
    for path in paths:
        labels |= _read_file(path)
    return Corrections(labels, keep_rest, [hash_content(path) for path in paths])


def find_corrections(config: Config) -> Corrections | None:
    """Return the corrections that a config names; None where it names none.

    Raises
    ------
    MetadataError
        See `read_corrections`.
    """
    keep_rest = config.metadata.relabel_rest == "keep"
    return read_corrections(config.metadata.relabel, keep_rest=keep_rest)


def _read_file(path: Path) -> dict[str, tuple[str, ...]]:
    if not path.is_file():
        raise MetadataError("there is no such file", path, fix="correct metadata.relabel")
    with open_binary(path) as file:
        is_json = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}
    return _read_json(path) if is_json else _read_csv(path)


def _read_json(path: Path) -> dict[str, tuple[str, ...]]:
    with open_binary(path) as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise MetadataError(f"larger than {MAX_JSON_BYTES:,} bytes", path)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"not JSON: {error}", path) from error
    entries = document.get("data") if isinstance(document, Mapping) else document
    if not isinstance(entries, list) or not entries:
        found = 'expected {"data": [{"wav": ".../Y<id>.wav", "labels": "/m/09x0r,/m/0bt9lr"}]}'
        raise MetadataError(found, path)
    found_labels: dict[str, tuple[str, ...]] = {}
    for number, entry in enumerate(entries, 1):
        try:
            _add(found_labels, *_read_entry(entry))
        except BadRow as error:
            raise MetadataError(f"entry {number}: {error.found}", path, fix=error.fix) from None
    return found_labels


def _read_entry(entry: object) -> tuple[str, tuple[str, ...]]:
    if not isinstance(entry, Mapping):
        raise BadRow(f"expected an object with wav and labels, found {entry!r:.60}")
    name = next(
        (entry[key] for key in ("wav", "video_id", "clip_id", "ytid") if key in entry), None
    )
    if not isinstance(name, str):
        raise BadRow("expected wav or video_id, with the clip's file or YouTube id")
    labels = entry.get("labels")
    if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
        labels = ",".join(labels)
    if not isinstance(labels, str):
        raise BadRow(f"expected labels with commas between them, found {labels!r:.60}")
    return _parse_name(name), _parse_labels(labels)


def _read_csv(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}

    def read(cells: Mapping[str, str]) -> None:
        name = cells.get("clip_id") or cells.get("ytid") or ""
        _add(found, _parse_name(name.strip()), _parse_labels(cells["labels"]))

    try:
        for _ in read_table(path, read, columns={"labels"}, what="table of corrected labels"):
            pass
    except OutputError as error:
        raise MetadataError(str(error)) from error
    return found


def _add(found: dict[str, tuple[str, ...]], key: str, labels: tuple[str, ...]) -> None:
    if found.setdefault(key, labels) != labels:
        raise BadRow(f"{key} stands in the file twice, with different labels")


def _parse_name(name: str) -> str:
    """Return the clip_id, or the YouTube id, that the name of a file or clip begins with."""
    base = name.replace("\\", "/").rpartition("/")[2]
    suffix = _AUDIO_SUFFIX.search(base, max(0, len(base) - 5))
    match = _NAME.fullmatch(base[: suffix.start()] if suffix else base)
    if match is None:
        raise BadRow(f"expected a YouTube id, a clip_id, or a file Y<id>.wav, found {name[:60]!r}")
    if match["ms"] is None and match["s"] is None:
        return match["ytid"]
    start_ms = int(match["ms"]) if match["ms"] else round(1000 * float(match["s"]))
    return f"{match['ytid']}_{start_ms}"


def _parse_labels(text: str) -> tuple[str, ...]:
    mids = [label.strip() for label in re.split("[,;]", text) if label.strip()]
    for mid in mids:
        if not is_mid(mid):
            raise BadRow(f"expected labels like /m/0bt9lr, found {mid[:40]!r}")
    return tuple(dict.fromkeys(MISSPELT_MIDS.get(mid, mid) for mid in mids))
