"""Guest first: what is asked for with an account's cookies, and what the end of a session does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from world import CAT, DOG, MakeWorld, World, make_clips, run_command

from audioset_dl.catalog.clips import Clip
from audioset_dl.simulator.log import Request

NAMES = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID")
AGE_RETRY = "audioset-dl download --retry age"
CLIPS = make_clips([DOG], 6)
OPEN, GATED = CLIPS[2:], CLIPS[:2]
GATES = {GATED[0].ytid: {"behaviour": "age"}, GATED[1].ytid: {"behaviour": "age:restricted"}}


def write_cookies(world: World, session: str = "good") -> Path:
    """Write what EditThisCookie copies: a JSON list."""
    path = world.folder / "cookies.txt"
    cookies = [
        {
            "domain": ".youtube.com", "expirationDate": 2_147_483_647.5, "hostOnly": False,
            "httpOnly": True, "name": name, "path": "/", "sameSite": "no_restriction",
            "secure": True, "session": False, "storeId": "0", "value": f"{session}-CANARY", "id": n,
        }
        for n, name in enumerate(NAMES, start=1)
    ]  # fmt: skip
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(cookies, indent=4))
    path.chmod(0o400)
    return path


@pytest.fixture
def make_gated(make_world: MakeWorld) -> Callable[..., World]:
    def make(changes: dict | None = None) -> World:
        return make_world(CLIPS, changes=changes or GATES, sessions={"good-CANARY"})

    return make


def write_config(world: World, name: str = "set.yaml", **download: object) -> Path:
    download = {"cookies": "cookies.txt", "workers": 2, **download}
    return world.write_config(
        name, classes={"include": ["Dog"]}, clips={"per_class": 6}, download=download
    )


def to_youtube(world: World) -> list[Request]:
    return [one for one in world.simulator.log.requests if one.host.endswith("youtube.com")]


def has_account(request: Request) -> bool:
    return not set(NAMES).isdisjoint(request.cookie_names)


def ytids_asked_with_cookies(world: World) -> set[str]:
    return {one.ytid for one in to_youtube(world) if has_account(one) and one.ytid}


def ytids_of(clips: list[Clip]) -> set[str]:
    return {clip.ytid for clip in clips}


def test_cookies_are_used_for_just_the_videos_that_guests_may_not_have(make_gated) -> None:
    world = make_gated()
    cookies = write_cookies(world)
    before = cookies.read_bytes()
    config = write_config(world)
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.rows(config)) == 6
    assert all(world.heard(config).values())
    assert ytids_asked_with_cookies(world) == ytids_of(GATED)
    guests = [one for one in to_youtube(world) if not has_account(one)]
    assert {one.ytid for one in guests if one.ytid} == ytids_of(CLIPS), "guests come first"
    pages = world.simulator.log.select(kind="page")
    assert len(pages) == 6 + 2
    assert "age" not in done.stdout
    assert cookies.read_bytes() == before
    files = [path for path in world.folder.rglob("*") if path.is_file() and path != cookies]
    assert [path for path in files if b"CANARY" in path.read_bytes()] == []
    assert "CANARY" not in done.stdout + done.stderr


def test_always_sends_them_with_every_request(make_gated) -> None:
    world = make_gated()
    write_cookies(world)
    config = write_config(world, cookies_use="always")
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.rows(config)) == 6
    # Scripts and settings of the player that know of no video are asked for with them as well.
    assert [one for one in to_youtube(world) if not has_account(one)] == []
    assert len(world.simulator.log.select(kind="page")) == 6


def test_without_cookies_a_run_says_what_they_would_open(make_gated) -> None:
    world = make_gated()
    guest = write_config(world, cookies=None)
    done = world.download(guest)
    assert done.returncode == 0, done.stderr
    assert "2 clips are age-restricted, and gone for guests; with an account's" in done.stdout
    assert AGE_RETRY in done.stdout
    write_cookies(world)
    member = write_config(world)
    done = world.download(member)
    assert (done.returncode, ytids_asked_with_cookies(world)) == (0, set()), "not by itself"
    assert "with the cookies\n  that you have now" in done.stdout
    world.simulator.log.clear()
    done = world.download(member, "--retry", "age")
    assert done.returncode == 0, done.stderr
    assert len(world.rows(member)) == 6
    pages = world.simulator.log.select(kind="page")
    assert {page.ytid for page in pages} == ytids_of(GATED)
    assert all(map(has_account, pages)), "known to be gone for guests"
    assert AGE_RETRY not in done.stdout


def test_no_advice_on_clips_that_are_not_wanted_any_more(make_world: MakeWorld) -> None:
    clips = [*make_clips([DOG], 2), *make_clips([CAT], 1, first=100)]
    world = make_world(clips, changes={clips[0].ytid: {"behaviour": "age"}})
    config = world.write_config(classes={"include": ["Dog", "Cat"]})
    assert AGE_RETRY in world.download(config).stdout
    config = world.write_config(classes={"include": ["Cat"]})
    assert AGE_RETRY not in world.download(config).stdout


def test_a_session_that_is_over_stops_no_guest_and_loses_no_clip(make_gated) -> None:
    world = make_gated()
    write_cookies(world, "bad")
    config = write_config(world, workers=1)
    done = world.download(config)
    assert done.returncode == 1, done.stderr
    assert {row["ytid"] for row in world.rows(config)} == ytids_of(OPEN)
    failures = world.rows(config, "failures.csv")
    assert {(row["ytid"], row["code"]) for row in failures} == {
        (clip.ytid, "cookies") for clip in GATED
    }
    assert len([page for page in world.simulator.log.select(kind="page") if has_account(page)]) == 1
    assert "2 clips wait for cookies with a valid session: export" in done.stdout
    assert "account cookies are no longer valid" in done.stdout
    assert "CANARY" not in done.stdout + done.stderr
    world.simulator.log.clear()
    write_cookies(world, "good")
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.rows(config)) == 6
    assert {page.ytid for page in world.simulator.log.select(kind="page")} == ytids_of(GATED)


def test_always_with_a_session_that_is_over_ends_rather_than_be_a_guest(make_gated) -> None:
    world = make_gated()
    write_cookies(world, "bad")
    config = write_config(world, cookies_use="always", workers=1)
    done = world.download(config)
    assert done.returncode == 2
    assert "download.cookies: " in done.stderr
    assert "no longer valid" in done.stderr
    assert "export them again" in done.stderr
    assert len(world.simulator.log.select(kind="page")) == 1
    assert world.rows(config) == []
    write_cookies(world, "good")
    assert world.download(config).returncode == 0


def test_an_account_that_is_not_let_in_either_is_the_end_of_it(make_gated) -> None:
    world = make_gated({GATED[0].ytid: {"behaviour": "age:unverified"}})
    write_cookies(world)
    config = write_config(world)
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    (failure,) = world.rows(config, "failures.csv")
    assert (failure["code"], failure["state"]) == ("age", "gone")
    assert failure["detail"].startswith("Sign in to confirm your age")
    assert (failure["asked_as"], failure["proof"]) == ("account", "said")
    assert AGE_RETRY not in done.stdout, "it would not help"


@pytest.mark.parametrize("use", ["needed", "always"])
def test_cookies_without_a_session_end_a_run_before_it_asks(make_gated, use: str) -> None:
    world = make_gated()
    path = write_cookies(world)
    path.chmod(0o600)
    path.write_text(path.read_text().replace("2147483647.5", "1000000000"))
    config = write_config(world, cookies_use=use)
    done = world.download(config)
    assert done.returncode == 2
    assert "config.yaml" not in done.stderr
    assert "download.cookies: " in done.stderr
    assert "have all expired, the last on 2001-09-0" in done.stderr
    assert "CANARY" not in done.stderr
    assert to_youtube(world) == []


def test_always_without_cookies_is_refused(make_gated) -> None:
    config = write_config(make_gated(), cookies=None, cookies_use="always")
    done = run_command("plan", config)
    assert done.returncode == 2
    assert "download.cookies_use: always needs cookies" in done.stderr
