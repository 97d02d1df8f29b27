"""What the simulated site sends: a status, headers, and a body."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

HTML = "text/html; charset=utf-8"
SOME_PAGE = b"<!DOCTYPE html><html><title>Sorry...</title><body>Come back later.</body></html>"

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """What to send, and what it is, for the log."""

    kind: str
    status: int = 200
    headers: Headers = ()
    body: bytes | memoryview | Path = b""
    """A path stands for the content of the file."""
    ytid: str = ""
    client: str = ""
    fault: str = ""
    """The wire carries out breaks and trickles; the rest is for the log."""


def with_content(answer: Answer, body: bytes | memoryview | Path, mime_type: str) -> Answer:
    """Return an answer with a body of some type."""
    return replace(answer, body=body, headers=(*answer.headers, ("Content-Type", mime_type)))


def refuse(answer: Answer, status: int, retry_after: str = "") -> Answer:
    """Return an answer that refuses, with a page for people."""
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return with_content(replace(answer, status=status, headers=headers), SOME_PAGE, HTML)
