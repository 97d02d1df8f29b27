"""A request to the simulator, and whether an account or a guest sent it.

Owns how YouTube tells an account from a guest, as far as yt-dlp's YouTube extractor takes part
(``_generate_cookie_auth_headers`` in ``yt_dlp/extractor/youtube/_base.py``, 2026.10.26): by cookies
for pages, and for the API also by a hash of one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

SESSION_COOKIE = "LOGIN_INFO"
_SCHEMES = {
    "SAPISIDHASH": ("SAPISID", "__Secure-3PAPISID"),
    "SAPISID1PHASH": ("__Secure-1PAPISID",),
    "SAPISID3PHASH": ("__Secure-3PAPISID",),
}
"""Schemes of the header Authorization, and the cookies whose hash each carries."""
ACCOUNT_ID = "100000000000000000001"
"""The only account."""


@dataclass(frozen=True)
class Call:
    """A request."""

    method: str
    host: str
    path: str
    """Without the query."""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Keys in lower case."""
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the query, by name."""
        return dict(parse_qsl(self.query))

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the request, by name."""
        pairs = (pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return {name: value for name, _, value in pairs if name}

    @property
    def session(self) -> str:
        """The cookie that names an account's session; empty for a guest."""
        return self.cookies.get(SESSION_COOKIE, "") if self.is_signed_in else ""

    @property
    def is_signed_in(self) -> bool:
        """True if it is an account's."""
        cookies = self.cookies
        known = {name for names in _SCHEMES.values() for name in names if cookies.get(name)}
        if not cookies.get(SESSION_COOKIE) or not known:
            return False
        return not self.path.startswith("/youtubei/") or self._is_authorised()

    @property
    def range(self) -> str:
        """The range asked for, by header or by parameter; empty for all."""
        return self.headers.get("range", "") or self.parameters.get("range", "")

    def _is_authorised(self) -> bool:
        words = self.headers.get("authorization", "").split()
        tokens = dict(zip(words[::2], words[1::2], strict=False))
        return any(
            self._hashes(tokens[scheme], self.cookies.get(name, ""))
            for scheme, names in _SCHEMES.items()
            if scheme in tokens
            for name in names
        )

    def _hashes(self, token: str, secret: str) -> bool:
        """Return True if a token is ``<time>_<SHA-1>``, or an account's, which ends in ``_u``."""
        when, _, rest = token.partition("_")
        digest, _, marks = rest.partition("_")
        parts = [when, secret, self.headers.get("origin", "")]
        if marks == "u":
            parts.insert(0, ACCOUNT_ID)
        made = hashlib.sha1(" ".join(parts).encode(), usedforsecurity=False).hexdigest()
        return bool(secret) and digest == made
