"""The check of the options that the user hands to yt-dlp."""

import copy

import pytest

from audioset_dl.errors import ConfigError
from audioset_dl.youtube.option_check import check_options


def test_keys_of_yt_dlp_pass() -> None:
    check_options({"format": "bestaudio[ext=m4a]", "extractor_args": {}, "source_address": "::"})


def test_all_bad_keys_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check_options({"extractor_arg": {}, "proxy": "x", "outtmpl": "x", "format": "ba"})
    messages = [str(problem) for problem in caught.value.problems]
    assert messages == [
        "download.yt_dlp.extractor_arg: yt-dlp has no such option of its YoutubeDL class; "
        "did you mean extractor_args?",
        "download.yt_dlp.proxy: is set by the program; use download.proxies",
        "download.yt_dlp.outtmpl: is set by the program and can't be changed",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": 140}, "format: expected a text, found a number"),
        ({"format": "bestaudio["}, "format: not a format selector as yt-dlp takes it"),
        ({"format": "(140"}, "format: not a format selector as yt-dlp takes it"),
        ({"sleep_interval_requests": "1"}, "sleep_interval_requests: expected a number from 0"),
        ({"sleep_interval_requests": -1}, "from 0, found a negative number"),
        ({"sleep_interval_requests": True}, "from 0, found true"),
        ({"ratelimit": "50K"}, "ratelimit: expected a number from 0, found a text"),
        ({"geo_bypass": "no"}, "geo_bypass: expected true or false, found a text"),
        ({"prefer_insecure": 1}, "prefer_insecure: expected true or false, found a number"),
        ({"cachedir": True}, "cachedir: expected a path, or false, found true"),
        ({"compat_opts": "all"}, "compat_opts: expected a list of texts, found a text"),
        ({"matchtitle": ["a"]}, "matchtitle: expected a text, found a list of a text"),
        ({"http_headers": {"Cookie": 5}}, "http_headers: expected texts by header"),
        ({"http_headers": "Cookie: secret"}, "http_headers: expected texts by header"),
        ({"extractor_args": {"youtube": "player_client=web"}}, "lists of texts by extractor"),
        ({"extractor_args": {"youtube": {"player_client": "web"}}}, "lists of texts by extractor"),
        ({"extractor_args": ["youtube:player_client=web"]}, "found a list of a text"),
        ({"js_runtimes": ["node"]}, "js_runtimes: expected mappings by runtime"),
        ({"js_runtimes": {"nodejs": {}}}, "unsupported JavaScript runtime.*nodejs"),
        ({"format_sort": ["%%"]}, "format_sort: yt-dlp can't use it: Invalid format sort"),
        ({"client_certificate": "/none.pem"}, "client_certificate: there is no such file"),
        ({"source_address": "192.0.2.7"}, "source_address: this machine can't send from it"),
        ({"source_address": "my-host:"}, "source_address: this machine can't send from it"),
        ({"username": "me"}, "username: is set by the program; use download.cookies"),
        ({"ignore_no_formats_error": True}, "ignore_no_formats_error: is set by the program"),
    ],
)
def test_what_yt_dlp_can_not_use_is_told_before_the_first_clip(options, words) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        check_options(options)
    (problem,) = caught.value.problems
    assert problem.key.startswith(f"download.yt_dlp.{next(iter(options))}")
    assert "secret" not in str(problem)


def test_values_of_the_right_kind_pass_and_stay_as_they_are() -> None:
    options = {
        "format": "140/251",
        "sleep_interval_requests": 0.5,
        "source_address": "127.0.0.1",
        "http_headers": {"Accept-Language": "en"},
        "extractor_args": {"youtube": {"player_client": ["web"]}},
        "js_runtimes": {"node": {}},
        "cachedir": False,
        "geo_bypass": False,
        "compat_opts": ["no-certifi"],
    }
    before = copy.deepcopy(options)
    check_options(options)
    assert options == before
