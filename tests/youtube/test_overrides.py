"""What of yt-dlp is replaced to spare the processor: these tests notice when it has gone."""

import inspect
import itertools
from pathlib import Path

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.extractor.youtube._base import INNERTUBE_CLIENTS, YoutubeBaseInfoExtractor

from audioset_dl.config import DownloadConfig
from audioset_dl.youtube.extraction import GuestIE, LeanIE
from audioset_dl.youtube.gate import GatedYoutubeDL
from audioset_dl.youtube.options import Notes, make_options

VIDEO = {"id": "jNQXAC9IVRw", "title": "Me at the zoo", "ext": "webm", "formats": [], "epoch": 0}


def make_ydl(**options: object) -> GatedYoutubeDL:
    made = make_options(DownloadConfig(), proxy=None, cookies=None, notes=Notes())
    return GatedYoutubeDL({**made, **options})


def test_tables_are_rendered_only_where_somebody_prints_them(monkeypatch, capsys) -> None:
    rendered = []
    monkeypatch.setattr(YoutubeDL, "render_formats_table", lambda *_: rendered.append("formats"))
    with make_ydl() as ydl:
        ydl.pre_process(VIDEO)
    assert rendered == []
    with make_ydl(forceprint={"pre_process": ["title"]}, quiet=True) as ydl:
        ydl.pre_process(VIDEO)
    assert rendered == ["formats"]
    assert "Me at the zoo" in capsys.readouterr().out


def test_yt_dlp_itself_renders_them_each_time(monkeypatch) -> None:
    rendered = []
    monkeypatch.setattr(YoutubeDL, "render_formats_table", lambda *_: rendered.append("formats"))
    with YoutubeDL({"quiet": True}, auto_init=False) as ydl:
        ydl.pre_process(VIDEO)
    assert rendered == ["formats"], "if it no longer does, _forceprint need not be replaced"


def source_of(method) -> str:
    """Return the source of the module in which a method stands."""
    return Path(method.__code__.co_filename).read_text("utf-8")


def own(name: str):
    """Return yt-dlp's own method; that of the last class that has it."""
    return next(vars(one)[name] for one in YoutubeIE.__mro__ if name in vars(one))


def test_the_facts_of_a_client_are_a_copy_of_yt_dlps() -> None:
    assert "self._get_default_ytcfg(" in source_of(YoutubeBaseInfoExtractor._call_api)
    with make_ydl() as ydl:
        lean, plain = LeanIE(ydl), YoutubeIE(ydl)
        for client in INNERTUBE_CLIENTS:
            found = lean._get_default_ytcfg(client)
            assert found == own("_get_default_ytcfg")(plain, client)
            found["INNERTUBE_CONTEXT"]["client"]["clientName"] = "changed"
            assert lean._get_default_ytcfg(client) != found


@pytest.mark.parametrize("arguments", [{}, {"youtube": {"skip": ["HLS", "dash"], "none": []}}])
def test_arguments_of_the_extractor_are_read_as_yt_dlp_does(arguments) -> None:
    assert "self._configuration_arg(" in source_of(YoutubeIE._real_extract)
    with make_ydl(extractor_args=arguments) as ydl:
        lean, plain = LeanIE(ydl), YoutubeIE(ydl)
        for key, options in itertools.product(
            ["skip", "none", "other"],
            [{}, {"casesense": True}, {"default": ["x"]}, {"default": None}, {"ie_key": "Youtube"},
             {"ie_key": YoutubeIE}, {"ie_key": "generic"}],
        ):  # fmt: skip
            given = own("_configuration_arg")(plain, key, **options)
            assert lean._configuration_arg(key, **options) == given


def test_a_guest_is_never_signed_in_and_yt_dlp_asks_for_that_by_this_name() -> None:
    (owner,) = [one for one in YoutubeIE.__mro__ if "is_authenticated" in vars(one)]
    assert isinstance(vars(owner)["is_authenticated"], property)
    assert "self.is_authenticated" in inspect.getsource(YoutubeIE._extract_player_responses)
    with make_ydl() as ydl:
        ydl.add_info_extractor(GuestIE())
        assert not GuestIE(ydl).is_authenticated
        assert not YoutubeIE(ydl).is_authenticated, "as yt-dlp itself has it without cookies"
        assert isinstance(ydl.get_info_extractor("Youtube"), GuestIE)
