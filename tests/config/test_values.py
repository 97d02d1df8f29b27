"""Single values: proxies."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from audioset_dl.config.values import Proxies

PROXIES: TypeAdapter[tuple[str, ...]] = TypeAdapter(Proxies)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://127.0.0.1:8080",
        "HTTP://Host:80/",
        "https://proxy.example.org",
        "http://u:p%40ss@h:1",
        "http://[::1]:8080",
        "socks4://h",
        "socks5://u:p@h:1080",
        "socks5h://h:65535",
    ],
)
def test_proxies_that_are_taken(proxy: str) -> None:
    assert PROXIES.validate_python([proxy]) == (proxy,)


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("", "begins with one of http://"),
        ("host:80", "begins with one of http://"),
        ("ftp://h:80", "begins with one of http://"),
        ("socks://h:80", "begins with one of http://"),
        ("http://h", "the port is missing"),
        ("http://h/", "the port is missing"),
        ("http://:80", "expected scheme://"),
        ("http://h:0", "expected scheme://"),
        ("http://h:65536", "expected scheme://"),
        ("http://h:8o", "expected scheme://"),
        ("http://h:80/path", "expected scheme://"),
        ("http://h:80?a=b", "expected scheme://"),
        ("http://h:80#a", "expected scheme://"),
        ("http://h h:80", "expected scheme://"),
        ("http://h:80\n", "expected scheme://"),
        ("http://[::1:80", "expected scheme://"),
        ("http://u:p/w@h:80", "percent-encoded"),
        ("http://u:p#w@h:80", "percent-encoded"),
    ],
)
def test_proxies_that_are_refused(proxy: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PROXIES.validate_python([proxy])


@pytest.mark.parametrize("other", ["http://h:1", "http://h:1/", "HTTP://H:1"])
def test_the_same_proxy_twice(other: str) -> None:
    with pytest.raises(ValidationError, match=r"the same proxy as entry \[1\]"):
        PROXIES.validate_python(["https://h:1", "http://h:1", other])


def test_two_logins_of_a_proxy_are_two_addresses() -> None:
    proxies = ["http://a:x@h:1", "http://b:x@h:1", "http://h:1", "http://a:y@h:1"]
    assert len(PROXIES.validate_python(proxies)) == 4
