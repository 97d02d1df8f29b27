"""Single values: proxies, and how secrets are hidden."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter, ValidationError

from audioset_dl.config.document import dotted
from audioset_dl.config.quoting import masked_options, masked_proxy, quoted
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


@pytest.mark.parametrize(
    ("proxy", "masked"),
    [
        ("http://h:1", "http://h:1"),
        ("http://ann:pw@h:1", "http://ann:***@h:1"),
        ("http://ann:p@w:x@h:1", "http://ann:***@h:1"),
        ("http://token@h:1", "http://***@h:1"),
        ("http://token:@h:1", "http://***@h:1"),
        ("http://:pw@h:1", "http://:***@h:1"),
        ("ann:pw@h:1", "***@h:1"),
        ("http://a:b://c@h:1", "http://a:***@h:1"),
    ],
)
def test_masked_proxy(proxy: str, masked: str) -> None:
    assert masked_proxy(proxy) == masked


@settings(deadline=None)
@given(st.text(min_size=1).map("pw{}pw".format))
def test_no_password_survives_the_mask(password: str) -> None:
    assert password not in masked_proxy(f"http://ann:{password}@h:1")
    assert password not in quoted(f"see http://ann:{password}@h:1")


@pytest.mark.parametrize(
    ("options", "masked"),
    [
        ({"password": "x", "format": "ba"}, {"password": "***", "format": "ba"}),
        ({"videopassword": 123}, {"videopassword": "***"}),
        ({"password": None, "username": ""}, {"password": None, "username": ""}),
        ({"http_headers": {"User-Agent": "x"}}, {"http_headers": {"User-Agent": "***"}}),
        ({"a": [{"b": {"po_token": ["x", "y"]}}]}, {"a": [{"b": {"po_token": ["***", "***"]}}]}),
        ({"geo_verification_proxy": "http://a:b@h"}, {"geo_verification_proxy": "http://a:***@h"}),
        ({"cookiefile": "c.txt", "retries": 3}, {"cookiefile": "c.txt", "retries": 3}),
    ],
)
def test_masked_options(options: dict[str, JsonValue], masked: dict[str, JsonValue]) -> None:
    before = repr(options)
    assert masked_options(options) == masked
    assert repr(options) == before


def test_dotted_keys() -> None:
    assert dotted(()) == ""
    assert dotted(("classes", "include", 2)) == "classes.include[2]"
    assert dotted((0, "a-b", "c.d", "e\nf")) == '[0].a-b."c.d"."e\\nf"'
    assert len(dotted(("x" * 1000,))) < 100
