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
"""Codes of vague words, by which 0.1.0 took a clip as gone when it met them twice. They may have
been meant for the address, the account or the network."""
FOUND = ("out_of_range",)
"""Codes of what 0.1.0 found itself; all others are YouTube's words."""


def separate_detail(row: Row) -> Row:
    """Return a row of 0.1.0 with `Row.proof`, `Row.asked_as` and `Row.known_from` in their places.

    The migrations of the journal do the same in SQL. What is gone by vague words waits again.
    """
    detail = row.detail or ""
    if row.state == "gone" and detail.startswith(KNOWN_FROM):
        return replace(row, detail="", known_from=detail.removeprefix(KNOWN_FROM))
    asked_as = "account" if detail.startswith(ASKED_WITH_COOKIES) else None
    detail = detail.removeprefix(ASKED_WITH_COOKIES)
    if row.state != "gone":
        return replace(row, detail=detail, asked_as=asked_as)
    if row.code in HEARD_TWICE:
        return replace(row, detail=detail, asked_as=asked_as, state="waiting", reopened=row.code)
    proof = "found" if row.code in FOUND else "said"
    return replace(row, detail=detail, asked_as=asked_as, proof=proof)
