from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from audioset_dl.simulator import Budget, RandomFaults, Video
from audioset_dl.simulator.answers import Answer
from audioset_dl.simulator.call import ACCOUNT_ID, Call
from audioset_dl.simulator.site import Site
from audioset_dl.simulator.tracks import Tracks

YTID = "-A_bcdefghi"
DURATION_S = 3.0
CORPUS = "/us_audioset/youtube_corpus"
COOKIES = "PREF=hl=en; LOGIN_INFO=secret; SAPISID=secret"
ORIGIN = "https://www.youtube.com"


def hash_of(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


SIGNED_IN = {
    "cookie": COOKIES,
    "origin": ORIGIN,
    "authorization": f"SAPISIDHASH 7_{hash_of(f'7 secret {ORIGIN}')}",
}


@pytest.fixture(scope="module")
def track() -> bytes:
    return Tracks().track(251, YTID, DURATION_S)


def site(video: Video | None = None, **options: Any) -> Site:
    return Site([video or Video(YTID, DURATION_S)], **options)


def ask_player(where: Site, ytid: str = YTID, client: str = "VISIONOS", **headers: str) -> Answer:
    body = json.dumps({"videoId": ytid, "context": {"client": {"clientName": client}}}).encode()
    return where.answer(Call("POST", "www.youtube.com", "/youtubei/v1/player", "", headers, body))


def ask_page(where: Site, ytid: str = YTID, **headers: str) -> Answer:
    return where.answer(Call("GET", "www.youtube.com", "/watch", f"v={ytid}", headers))


def formats(answer: Answer) -> list[dict[str, Any]]:
    return json.loads(bytes(answer.body))["streamingData"]["adaptiveFormats"]


def ask_media(where: Site, asked: str | None = "bytes=0-99", *, extra: str = "") -> Answer:
    url = urlsplit(formats(ask_player(where))[0]["url"])
    headers = {} if asked is None else {"range": asked}
    return where.answer(Call("GET", url.netloc, url.path, url.query + extra, headers))


def header(answer: Answer, name: str) -> str:
    return dict(answer.headers)[name]


def test_what_the_player_says_of_the_bytes_is_true() -> None:
    where = site()
    for offered in formats(ask_player(where)):
        itag = offered["itag"]
        whole = Tracks().track(itag, YTID, DURATION_S)
        first, last = (int(offered["indexRange"][end]) for end in ("start", "end"))
        assert int(offered["contentLength"]) == len(whole)
        assert offered["approxDurationMs"] == "3000"
        assert offered["initRange"] == {"start": "0", "end": str(first - 1)}
        marks = {251: (b"\x1c\x53\xbb\x6b", b"\x1f\x43\xb6\x75"), 140: (b"sidx", b"moof")}[itag]
        offset = 0 if itag == 251 else 4
        assert whole[first + offset :].startswith(marks[0])
        assert whole[last + 1 + offset :].startswith(marks[1])


def test_formats_of_the_page_have_no_url() -> None:
    page = bytes(ask_page(site()).body)
    assert b'"itag":251' in page
    assert b"videoplayback" not in page


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=7-7", 7, 7), ("bytes=100-99999999", 100, None)],
)
def test_a_bounded_range_is_sent(track: bytes, asked: str, first: int, last: int | None) -> None:
    answer = ask_media(site(), asked)
    last = len(track) - 1 if last is None else last
    assert answer.status == 206
    assert bytes(answer.body) == track[first : last + 1]
    assert header(answer, "Content-Range") == f"bytes {first}-{last}/{len(track)}"


@pytest.mark.parametrize("asked", [None, "bytes=0-", "bytes=100-", "bytes=-100", "bytes=0-1,4-5"])
def test_an_open_range_is_refused(asked: str | None) -> None:
    assert ask_media(site(), asked).status == 403


def test_an_open_range_is_sent_where_it_is_not_refused(track: bytes) -> None:
    lenient = site(refuse_open_ended=False)
    assert bytes(ask_media(lenient, "bytes=100-").body) == track[100:]
    assert bytes(ask_media(lenient, "bytes=-100").body) == track[-100:]
    whole = ask_media(lenient, None)
    assert (whole.status, bytes(whole.body)) == (200, track)


@pytest.mark.parametrize("asked", ["bytes=99999999-100000000", "bytes=9-8"])
def test_a_range_outside_the_track_is_unsatisfiable(track: bytes, asked: str) -> None:
    answer = ask_media(site(), asked)
    assert (answer.status, len(answer.body)) == (416, 0)
    assert header(answer, "Content-Range") == f"bytes */{len(track)}"


def test_a_range_may_be_a_parameter(track: bytes) -> None:
    answer = ask_media(site(), None, extra="&range=10-19")
    assert (answer.status, bytes(answer.body)) == (200, track[10:20])


def test_faults_come_one_a_request_and_then_all_is_well(track: bytes) -> None:
    faults = (
        "http_503", "http_403", "http_429:7", "", "html_200", "full_200", "wrong_range",
        "redirect", "truncate", "reset", "stall",
    )  # fmt: skip
    where = site(Video(YTID, DURATION_S, faults=faults))
    answers = [ask_media(where, "bytes=50-149") for _ in range(len(faults) + 2)]
    assert [answer.status for answer in answers] == [
        503, 403, 429, 206, 200, 200, 206, 302, 206, 206, 206, 206, 206,
    ]  # fmt: skip
    assert header(answers[2], "Retry-After") == "7"
    assert bytes(answers[4].body).startswith(b"<!DOCTYPE html>")
    assert bytes(answers[5].body) == track
    assert [answer.fault for answer in answers[8:]] == ["truncate", "reset", "stall", "", ""]


def test_a_wrong_range_is_truly_labelled(track: bytes) -> None:
    for asked in ("bytes=50-149", "bytes=5000-5099"):
        answer = ask_media(site(Video(YTID, DURATION_S, faults=("wrong_range",))), asked)
        first, last = map(int, header(answer, "Content-Range")[6:].split("/")[0].split("-"))
        assert f"bytes={first}-{last}" != asked
        assert bytes(answer.body) == track[first : last + 1]


def test_a_redirect_leads_to_the_track(track: bytes) -> None:
    where = site(Video(YTID, DURATION_S, faults=("redirect",)))
    url = urlsplit(header(ask_media(where), "Location"))
    answer = where.answer(Call("GET", url.netloc, url.path, url.query, {"range": "bytes=0-9"}))
    assert bytes(answer.body) == track[:10]


def test_a_refused_open_range_uses_no_fault_up() -> None:
    where = site(Video(YTID, DURATION_S, faults=("http_503",)))
    assert ask_media(where, "bytes=0-").status == 403
    assert ask_media(where).status == 503


def test_page_faults_come_one_a_page_or_player() -> None:
    where = site(Video(YTID, DURATION_S, page_faults=("http_500", "http_429", "html_200")))
    answers = [ask_page(where), ask_player(where), ask_player(where), ask_player(where)]
    assert [answer.status for answer in answers] == [500, 429, 200, 200]
    assert bytes(answers[2].body).startswith(b"<!DOCTYPE html>")
    assert formats(answers[3])


def test_faults_by_chance_come_after_those_in_store() -> None:
    video = Video(YTID, DURATION_S, page_faults=("", "http_500"), faults=("",))
    where = site(video, random_faults=RandomFaults(1, ("http_503",)))
    assert [ask_player(where).status for _ in range(4)] == [200, 500, 503, 503]
    url = Call("GET", "rr1.googlevideo.com", "/videoplayback", f"id={YTID}&itag=251",
               {"range": "bytes=0-9"})  # fmt: skip
    assert [where.answer(url).status for _ in range(3)] == [206, 503, 503]


def test_a_storm_comes_and_goes() -> None:
    where = site(default=Video("", DURATION_S), random_faults=RandomFaults(1, ("http_503",)))
    where.shelf.refuse_all("http_429")
    for ytid in (YTID, "zzzzzzzzzzz"):
        assert [ask_page(where, ytid).status, ask_player(where, ytid).status] == [429, 429]
    where.shelf.refuse_all("bot_check")
    assert b"not a bot" in bytes(ask_player(where).body)
    where.shelf.refuse_all(None)
    assert ask_player(where).status == 503


def test_a_storm_may_be_over_media_alone(track: bytes) -> None:
    where = site(Video(YTID, DURATION_S, faults=("http_503",)))
    where.shelf.refuse_all("session:media")
    assert [ask_media(where).status for _ in range(2)] == [403, 403]
    where.shelf.refuse_all(None)
    assert [ask_media(where).status for _ in range(2)] == [503, 206], "the fault was kept"


def test_a_storm_must_be_a_behaviour() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        site().shelf.refuse_all("nonsense")


def test_a_template_stands_for_every_id() -> None:
    where = Site(default=Video("", 2.0, faults=("http_503",)))
    for ytid in ("-aaaaaaaaaa", "__bbbbbbbbb"):
        assert json.loads(bytes(ask_player(where, ytid).body))["videoDetails"]["videoId"] == ytid


def test_without_a_template_other_ids_are_unavailable() -> None:
    status = json.loads(bytes(ask_player(site(), "zzzzzzzzzzz").body))["playabilityStatus"]
    assert (status["status"], status["reason"]) == ("ERROR", "Video unavailable")


@pytest.mark.parametrize("ytid", ["", "short", "far_too_long_for_an_id", "a/../bbbbbb"])
def test_what_is_no_id_is_not_found(ytid: str) -> None:
    where = Site(default=Video(""))
    assert ask_page(where, ytid).status == 404
    assert ask_player(where, ytid).status == 400


def test_age_is_a_matter_of_the_account() -> None:
    where = site(Video(YTID, DURATION_S, behaviour="age"))
    assert b"streamingData" not in bytes(ask_player(where).body)
    assert formats(ask_player(where, **SIGNED_IN))
    of_account = hash_of(f"{ACCOUNT_ID} 7 secret {ORIGIN}")
    assert formats(
        ask_player(where, **{**SIGNED_IN, "authorization": f"SAPISIDHASH 7_{of_account}_u"})
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"cookie": "LOGIN_INFO=; SAPISID=secret"},
        {"cookie": "LOGIN_INFO=secret"},
        {"cookie": "SAPISID=secret"},
        {"cookie": COOKIES.replace("SAPISID=secret", "SAPISID=another")},
        {"authorization": ""},
        {"authorization": f"SAPISIDHASH 7_{hash_of('7 secret https://example.org')}"},
        {"authorization": f"SAPISIDHASH 8_{hash_of(f'7 secret {ORIGIN}')}"},
    ],
)
def test_half_an_account_is_a_guest(changes: dict[str, str]) -> None:
    where = site(Video(YTID, DURATION_S, behaviour="age"))
    answer = ask_player(where, **{**SIGNED_IN, **changes})
    assert b"streamingData" not in bytes(answer.body)


def test_a_session_that_is_over_is_a_guests_and_taken_away() -> None:
    where = site(Video(YTID, DURATION_S, behaviour="age"), sessions={"another"})
    assert b"streamingData" not in bytes(ask_player(where, **SIGNED_IN).body)
    page = ask_page(where, **SIGNED_IN)
    assert b'"LOGGED_IN":false' in bytes(page.body)
    assert header(page, "Set-Cookie").startswith("LOGIN_INFO=;")
    where = site(Video(YTID, DURATION_S, behaviour="age"), sessions={"secret"})
    assert formats(ask_player(where, **SIGNED_IN))
    assert "LOGIN_INFO" not in header(ask_page(where, **SIGNED_IN), "Set-Cookie")


def test_rotated_cookies_are_taken_away() -> None:
    where = site(Video(YTID, DURATION_S, behaviour="cookies"))
    assert header(ask_page(where, **SIGNED_IN), "Set-Cookie").startswith("LOGIN_INFO=;")
    assert "LOGIN_INFO" not in header(ask_page(where), "Set-Cookie")


def test_an_advertisement_must_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    where = site(Video(YTID, DURATION_S, ad_s=5))
    offered = formats(ask_player(where))[0]["url"]
    now = [0.0]
    url = urlsplit(offered)
    from audioset_dl.simulator import media as module

    real = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: real + now[0])
    call = Call("GET", url.netloc, url.path, url.query, {"range": "bytes=0-9"})
    assert where.answer(call).status == 403
    now[0] = 5.01
    assert where.answer(call).status == 206


def test_all_pages_are_refused_while_the_budget_is_overdrawn() -> None:
    where = site(budget=Budget(1, 0, 3600))
    assert formats(ask_player(where))
    refused = [ask_page(where), ask_player(where)]
    assert all(b"try again later" in bytes(answer.body) for answer in refused)


def test_a_budget_may_refuse_by_status() -> None:
    where = site(budget=Budget(0, 0, 3600, refusal="http_429"))
    assert [ask_page(where).status, ask_player(where).status] == [429, 429]


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        ("storage.googleapis.com", f"{CORPUS}/v1/csv/a.csv", "a.csv"),
        ("storage.googleapis.com", f"{CORPUS}/v1/qa/b.csv", "b.csv"),
        ("storage.googleapis.com", f"{CORPUS}/strong/c.tsv", "c.tsv"),
        ("raw.githubusercontent.com", "/audioset/ontology/master/ontology.json", "ontology.json"),
    ],
)
def test_metadata_is_served_at_google_s_addresses(
    tmp_path: Path, host: str, path: str, name: str
) -> None:
    where = Site(metadata_dir=tmp_path)
    assert where.answer(Call("GET", host, path)).status == 404
    (tmp_path / name).write_text("content")
    answer = where.answer(Call("GET", host, path))
    assert (answer.status, answer.kind, answer.body) == (200, "metadata", tmp_path / name)
    assert Site().answer(Call("GET", host, path)).status == 404


def test_nothing_else_of_the_folder_is_served(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    inside = tmp_path / "metadata"
    inside.mkdir()
    where = Site(metadata_dir=inside)
    for path in ("/secret", f"{CORPUS}/v1/csv/../../../../secret"):
        assert where.answer(Call("GET", "storage.googleapis.com", path)).status == 404
    dots = Call("GET", "storage.googleapis.com", f"{CORPUS}/v1/csv/..")
    assert where.answer(dots).status == 404


@pytest.mark.parametrize("host", ["example.org", "youtube.com.example.org", "notyoutube.com", ""])
def test_other_hosts_are_refused(host: str) -> None:
    assert Site(default=Video("")).answer(Call("GET", host, "/watch", f"v={YTID}")).status == 403
