"""How values are quoted, and how secrets are hidden."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from audioset_dl.config.document import quoted, shown
from audioset_dl.config.secrets import masked_options, masked_proxy, secret_texts


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


def test_texts_that_are_secret_are_those_under_a_secret_key() -> None:
    options: dict[str, JsonValue] = {
        "format": "ba", "password": "a", "http_headers": {"X": "b", "Y": ["c", 4, None]},
        "extractor_args": {"youtube": {"po_token": ["d"], "player_client": ["web"]}},
    }  # fmt: skip
    assert set(secret_texts(options)) == {"a", "b", "c", "d"}


def test_an_object_is_named_by_its_type_only() -> None:
    assert shown({"a"}) == "an object of type set"
    assert shown(b"hunter2") == "an object of type bytes"
    assert [shown(value) for value in (None, True, 1, 1.5, "a", [], {})] == [
        "null", "true", "1", "1.5", '"a"', "a list", "a mapping (key: value)"
    ]  # fmt: skip
