"""What version 0.1.0 put into ``detail`` as words, and later versions into columns of their own.

For the migration of its journals, and for reading its failures.csv.
"""

from __future__ import annotations

from dataclasses import replace

from audioset_dl.dataset.rows import Row

KNOWN_FROM = "known from "
"""Prefix of the name of the list by which a clip was taken as gone without asking."""
ASKED_WITH_COOKIES = "asked with cookies: "
"""Prefix of YouTube's words to an account, where the same words to a guest ask for cookies."""
HEARD_TWICE = ("unavailable", "drm", "live")
"""Codes by which 0.1.0 took a clip as gone only when it met them twice."""
FOUND = ("out_of_range",)
"""Codes of what 0.1.0 found itself; all others are YouTube's words."""


def separate_detail(row: Row) -> Row:
    """Return a row of 0.1.0 with `Row.proof`, `Row.asked_as` and `Row.known_from` in their places.

    The migration of the journal does the same in SQL.
    """
    detail = row.detail or ""
    if row.state == "gone" and detail.startswith(KNOWN_FROM):
        return replace(row, detail="", known_from=detail.removeprefix(KNOWN_FROM))
    asked_as = "account" if detail.startswith(ASKED_WITH_COOKIES) else None
    detail = detail.removeprefix(ASKED_WITH_COOKIES)
    if row.state != "gone":
        return replace(row, detail=detail, asked_as=asked_as)
    proof = "twice" if row.code in HEARD_TWICE else "found" if row.code in FOUND else "said"
    return replace(row, detail=detail, asked_as=asked_as, proof=proof)
