"""The options handed to yt-dlp."""

from pathlib import Path

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.errors import ConfigError
from audioset_dl.youtube.options import Notes, check_options, make_options, parse_browser


def options_of(**changes):
    return make_options(DownloadConfig(**changes), proxy=None, cookies=None, notes=Notes())


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


def test_users_options_reach_yt_dlp_and_ours_win() -> None:
    options = options_of(yt_dlp={"format": "140", "geo_bypass": False}, timeout_s=7)
    assert (options["format"], options["geo_bypass"]) == ("140", False)
    assert (options["socket_timeout"], options["retries"]) == (7, 0)
    assert "proxy" not in options
    assert "cookiefile" not in options


def test_cookies_are_a_copy_in_memory() -> None:
    options = make_options(DownloadConfig(), proxy="http://p:1", cookies="# text", notes=Notes())
    assert options["cookiefile"].getvalue() == "# text"
    assert options["proxy"] == "http://p:1"


def test_browser_is_read_as_yt_dlp_does() -> None:
    assert parse_browser("firefox:work") == ("firefox", "work", None, None)
    with pytest.raises(ConfigError, match=r"download.cookies_from_browser.*netscapenavigator"):
        parse_browser("netscapenavigator")


@pytest.mark.parametrize("selector", [140, "bestaudio[", "(140"])
def test_a_format_that_yt_dlp_can_not_read_is_refused_before_the_start(selector) -> None:
    with pytest.raises(ConfigError, match=r"download\.yt_dlp\.format: not a format selector"):
        check_options({"format": selector})


def test_the_deno_that_came_with_the_program_is_used_wherever_it_lies(monkeypatch) -> None:
    assert Path(options_of()["js_runtimes"]["deno"]["path"]).is_file()
    monkeypatch.setattr("deno.find_deno_bin", lambda: "/home/ann/.local/bin/deno")
    assert options_of()["js_runtimes"] == {"deno": {"path": "/home/ann/.local/bin/deno"}}
    assert options_of(yt_dlp={"js_runtimes": {"node": {}}})["js_runtimes"] == {"node": {}}


def test_without_it_yt_dlp_looks_for_one_itself(monkeypatch) -> None:
    def find_none() -> str:
        raise FileNotFoundError("deno")

    monkeypatch.setattr("deno.find_deno_bin", find_none)
    assert options_of()["js_runtimes"] == {"deno": {"path": None}}
