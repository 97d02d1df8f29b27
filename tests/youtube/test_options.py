"""The options handed to yt-dlp."""

import threading
from pathlib import Path

import pytest
from yt_dlp.downloader.external import FFmpegFD
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.extractor.youtube._base import INNERTUBE_CLIENTS
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor

from audioset_dl.config import DownloadConfig
from audioset_dl.errors import ConfigError
from audioset_dl.youtube.options import (
    ANY_FORMAT,
    MORE_CLIENTS,
    ExtractorArguments,
    Notes,
    forget_ffmpeg,
    make_options,
    parse_browser,
)


def options_of(**changes):
    return make_options(DownloadConfig(**changes), proxy=None, cookies=None, notes=Notes())


def test_users_options_reach_yt_dlp_and_ours_win() -> None:
    options = options_of(yt_dlp={"format": "140", "geo_bypass": False}, timeout_s=7)
    assert not options["geo_bypass"]
    assert options["format"] == ANY_FORMAT, "the user's own is chosen among the own sound's"
    assert (options["socket_timeout"], options["retries"]) == (7, 0)
    assert "proxy" not in options
    assert "cookiefile" not in options


def test_the_extractors_own_arguments_stay() -> None:
    own = {
        "youtube": {"player_client": ["web"], "skip": ["translated_subs"]},
        "other": {"a": ["b"]},
    }
    made = ExtractorArguments(DownloadConfig(yt_dlp={"extractor_args": own}))
    lean = made.make(more_clients=True)
    assert lean["other"] == own["other"]
    assert lean["youtube"]["player_client"] == ["web"], "who names clients asks by these only"
    assert lean["youtube"]["skip"] == ["translated_subs", "hls", "dash"]
    assert made.make(manifests=True)["youtube"]["skip"] == ["translated_subs"]
    default = ExtractorArguments(DownloadConfig())
    assert default.make()["youtube"] == {"formats": ["duplicate"], "skip": ["hls", "dash"]}
    assert default.make(more_clients=True)["youtube"]["player_client"] == list(MORE_CLIENTS)


def test_there_is_such_another_client_that_needs_neither_login_nor_script() -> None:
    client = INNERTUBE_CLIENTS[MORE_CLIENTS[-1]]
    assert (client["REQUIRE_AUTH"], client["REQUIRE_JS_PLAYER"]) == (False, False)
    assert MORE_CLIENTS[-1] not in YoutubeIE._DEFAULT_CLIENTS


def test_yt_dlp_finds_no_ffmpeg_in_a_thread_of_ours(tmp_path, monkeypatch) -> None:
    """The attribute is none of yt-dlp's public interface."""
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\necho ffmpeg version 7\n")
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    # What another test of this process has looked for is remembered there.
    monkeypatch.setattr(FFmpegPostProcessor, "_version_cache", {None: None})
    monkeypatch.setattr(FFmpegPostProcessor, "_features_cache", {})
    found = {}

    def look(name: str, prepare) -> None:
        prepare()
        found[name] = bool(FFmpegFD.available())

    for name, prepare in (("ours", forget_ffmpeg), ("another", lambda: None)):
        thread = threading.Thread(target=look, args=(name, prepare))
        thread.start()
        thread.join()
        found[f"started for {name}"] = (tmp_path / "started").exists()
    assert found == {
        "ours": False, "started for ours": False, "another": True, "started for another": True,
    }  # fmt: skip


def test_cookies_are_a_copy_in_memory() -> None:
    options = make_options(DownloadConfig(), proxy="http://p:1", cookies="# text", notes=Notes())
    assert options["cookiefile"].getvalue() == "# text"
    assert options["proxy"] == "http://p:1"


def test_browser_is_read_as_yt_dlp_does() -> None:
    assert parse_browser("firefox:work") == ("firefox", "work", None, None)
    with pytest.raises(ConfigError, match=r"download.cookies_from_browser.*netscapenavigator"):
        parse_browser("netscapenavigator")


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
