"""Whole runs against sites that have vague words, refuse, or filter: design §5a."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from download.site import CANARY, MID, SILENCE, Ask, Folder, Site, ytids
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audioset_dl.errors import ThrottledError

VAGUE = ["unavailable", "drm", "live", "unlisted"]
LASTING = ["account_locked", "restricted", "bot_check", "rate_limited", "http_429"]


@pytest.fixture
def make_folder(tmp_path) -> Callable[..., Folder]:
    def make(number: int = 60, per_class: int | None = None, **changes) -> Folder:
        rankings = changes.pop("rankings", {MID: ytids(number)})
        return Folder(tmp_path, rankings, per_class, **changes)

    return make


def share(ytid: str) -> float:
    """A number in [0, 1) that belongs to a video."""
    return zlib.crc32(ytid.encode()) / 2**32


def all_play(_: Ask) -> str:
    return "saved"


def private_share(answer: str | Site, portion: float = 0.15) -> Site:
    """All videos answer so, but some say that they are private."""

    def site(ask: Ask) -> str:
        if ask.ytid != CANARY and share(ask.ytid) < portion:
            return "private"
        return answer if isinstance(answer, str) else answer(ask)

    return site


def gone_for_good(portion: float, code: str = "unavailable") -> Site:
    return lambda ask: code if ask.ytid != CANARY and share(ask.ytid) < portion else "saved"


@pytest.mark.parametrize("code", [*VAGUE, *LASTING, "sign_in", "session"])
def test_a_site_that_answers_all_alike_takes_no_clip(make_folder, code: str) -> None:
    folder = make_folder(60, per_class=20)
    ended = folder.run(private_share(code))
    assert ended.of("gone") <= {v for v in ytids(60) if share(v) < 0.15}
    assert ended.of("saved") == set()
    if code != "session":
        assert ended.error is not None
    ended = folder.run(private_share("saved"))
    assert ended.error is None
    assert len(ended.of("saved")) == 20
    assert ended.of("waiting") == set()


@pytest.mark.parametrize("code", [*VAGUE, *LASTING])
def test_with_stop_the_run_ends_at_once(make_folder, code: str) -> None:
    ended = make_folder(60).run(private_share(code), on_throttle="stop")
    assert isinstance(ended.error, ThrottledError)
    assert len(ended.asked) < 40
    assert ended.of("gone") <= {v for v in ytids(60) if share(v) < 0.15}


@pytest.mark.parametrize("code", VAGUE)
@pytest.mark.parametrize("workers", [1, 4, 16])
def test_clips_that_are_gone_for_good_are_gone_after_proof(make_folder, code, workers) -> None:
    folder = make_folder(200, per_class=60)
    ended = folder.run(gone_for_good(1 / 3, code), workers=workers)
    assert ended.error is None
    assert ended.of("waiting") == set()
    assert len(ended.of("saved")) == 60
    gone = ended.of("gone")
    assert gone == {v for v in ended.states if share(v) < 1 / 3}
    assert {ended.proofs[ytid] for ytid in gone} == {"twice"}
    extra_looks = sum(ended.num_asked[ytid] - 2 for ytid in gone)
    # A witness costs five requests (two of media), a look three: at most 3 a gone clip, and 10.
    assert 5 * ended.num_witnesses + 3 * extra_looks <= 3 * len(gone) + 10
    apart = [
        later.now - earlier.now
        for ytid in gone
        for earlier, later in pairwise(ask for ask in ended.asked if ask.ytid == ytid)
    ]
    assert min(apart) >= 59.99


def test_a_ranking_with_two_fifths_gone_is_believed(make_folder) -> None:
    ended = make_folder(300, per_class=100).run(gone_for_good(0.4))
    assert ended.error is None
    assert len(ended.of("saved")) == 100
    assert ended.num_witnesses <= 0.15 * len(ended.asked)


@pytest.mark.parametrize("code", VAGUE)
def test_a_run_of_three_clips(make_folder, code: str) -> None:
    ended = make_folder(3).run(lambda ask: "saved" if ask.ytid == CANARY else code)
    assert len(ended.of("gone")) == 3, "the canary plays, so the words count"
    assert ended.error is None


def test_three_clips_and_a_canary_with_vague_words(make_folder) -> None:
    ended = make_folder(3).run(lambda _: "unavailable")
    assert len(ended.of("waiting")) == 3
    assert "refused a direct connection for hours" in str(ended.error)


@pytest.mark.parametrize("code", ["geo", "private", "removed"])
def test_without_a_canary_nothing_is_gone(make_folder, code: str) -> None:
    folder = make_folder(3)
    ended = folder.run(lambda ask: code if ask.ytid == CANARY else "unavailable")
    assert len(ended.of("waiting")) == 3
    assert "set download.canary to a video that plays for you" in str(ended.error)
    assert len(folder.run(all_play).of("saved")) == 3


def test_saved_clips_are_witnesses_before_the_canary(make_folder) -> None:
    def site(ask: Ask) -> str:
        return "geo" if ask.ytid == CANARY else gone_for_good(0.3)(ask)

    ended = make_folder(60, per_class=20).run(site)
    assert ended.error is None
    assert len(ended.of("saved")) == 20
    assert ended.num_asked[CANARY] == 0


@pytest.mark.parametrize("code", ["removed", "unavailable"])
def test_a_year_later_the_saved_videos_are_gone(make_folder, code: str) -> None:
    folder = make_folder(60, per_class=5)
    old = folder.run(all_play).of("saved")
    later = Folder(folder.path, folder.rankings, per_class=40)
    ended = later.run(lambda ask: code if ask.ytid in old else gone_for_good(0.2)(ask))
    assert ended.error is None
    assert ended.clock.now < 1000 + 1000, "no pause for hours"
    assert old <= ended.of("saved")
    assert len(ended.of("saved")) == 40


@pytest.mark.parametrize("code", VAGUE)
def test_one_class_has_vague_words_and_the_others_play(make_folder, code: str) -> None:
    rankings = {"/m/dog": ytids(80, "d"), "/m/cat": ytids(80, "c")}
    folder = make_folder(rankings=rankings, per_class=20)
    ended = folder.run(lambda ask: code if ask.ytid.startswith("d") else "saved")
    assert ended.of("gone") == set(), "thirty in a row, and not one that plays"
    assert len(ended.of("saved")) == 20
    assert any("class /m/dog" in words for words in ended.findings)
    assert len(ended.of("waiting")) < 60
    folder.believed = [code]
    ended = folder.run(lambda ask: code if ask.ytid.startswith("d") else "saved")
    assert len(ended.of("gone")) == 80


def test_a_list_that_is_long_dead(make_folder) -> None:
    folder = make_folder(100)
    ended = folder.run(gone_for_good(0.9))
    assert ended.of("gone") == set()
    assert any("too many to be true" in words for words in ended.findings)
    assert any("--believe unavailable" in words for words in ended.findings)
    assert max(ended.num_asked[ytid] for ytid in ended.of("waiting")) <= 2
    folder.believed = ["unavailable"]
    ended = folder.run(gone_for_good(0.9))
    assert ended.of("waiting") == set()
    assert ended.of("gone") == {v for v in ytids(100) if share(v) < 0.9}


@pytest.mark.parametrize("code", ["unknown", "decode", "session", "format"])
def test_a_fault_of_the_tool_takes_no_clip(make_folder, code: str) -> None:
    ended = make_folder(60, per_class=30).run(gone_for_good(0.3, code), attempts=3)
    assert ended.of("gone") == set()
    assert ended.error is None
    assert ended.of("waiting") == {v for v in ytids(30) if share(v) < 0.3}


@pytest.mark.parametrize("code", ["bot_check", "rate_limited", "restricted", "account_locked"])
@pytest.mark.parametrize("on_throttle", ["wait", "stop"])
@pytest.mark.parametrize("number", [1, 6])
def test_one_clip_that_alone_is_refused_costs_the_run_no_time(
    make_folder, code: str, on_throttle: str, number: int
) -> None:
    videos = ytids(number)
    ended = make_folder(number).run(
        lambda ask: code if ask.ytid == videos[0] else "saved", on_throttle=on_throttle, attempts=3
    )
    assert ended.error is None
    assert ended.of("saved") == set(videos[1:])
    assert ended.codes[videos[0]] == code
    assert ended.num_asked[videos[0]] <= 5
    assert ended.clock.now - 1000 < 180


def test_many_clips_that_alone_are_refused(make_folder) -> None:
    ended = make_folder(100).run(gone_for_good(0.2, "bot_check"), attempts=3)
    assert ended.error is None
    assert ended.of("saved") == {v for v in ytids(100) if share(v) >= 0.2}
    assert ended.clock.now - 1000 < 3600


@pytest.mark.parametrize("code", ["restricted", "unavailable", "drm"])
def test_of_three_proxies_one_is_restricted(make_folder, code: str) -> None:
    proxies = ("http://10.0.0.1:1", "http://10.0.0.2:1", "http://10.0.0.3:1")
    ended = make_folder(60).run(
        lambda ask: code if ask.proxy == proxies[0] else "saved", proxies=proxies
    )
    assert ended.error is None
    assert len(ended.of("saved")) == 60
    assert sum(ask.proxy == proxies[0] for ask in ended.asked) < 20


def test_what_is_blocked_in_one_country_is_asked_for_elsewhere(make_folder) -> None:
    proxies = tuple(f"http://10.0.0.{n}:1" for n in range(4))
    folder = make_folder(10)
    ended = folder.run(
        lambda ask: "geo" if share(ask.ytid) < 0.5 and ask.proxy != proxies[1] else "saved",
        proxies=proxies,
    )
    asked = {ytid: {ask.proxy for ask in ended.asked if ask.ytid == ytid} for ytid in ended.states}
    assert all(len(asked[ytid]) == 3 for ytid in ended.of("gone"))
    assert all(len(asked[ytid]) <= 3 for ytid in ended.states)


def test_a_locked_account_changes_nothing_for_guests(make_folder) -> None:
    def site(ask: Ask) -> str:
        if ask.with_cookies:
            return "account_locked"
        return "age" if share(ask.ytid) < 0.3 else "saved"

    ended = make_folder(40).run(site, account=True)
    assert ended.error is None
    assert ended.of("gone") == set()
    assert {ended.codes[ytid] for ytid in ended.of("waiting")} == {"age"}
    assert len(ended.of("saved")) == sum(share(v) >= 0.3 for v in ytids(40))


def spells(changes: list[tuple[str, int]]) -> Site:
    """Each spell holds for a number of asks; the last one for good."""

    def site(ask: Ask) -> str:
        number = ask.number
        for state, length in changes:
            if number < length:
                return "saved" if state == "well" else state
            number -= length
        return "saved"

    return site


def test_a_locked_account_that_asks_for_everything_takes_no_clip(make_folder) -> None:
    folder = make_folder(20)
    ended = folder.run(lambda ask: "account_locked" if ask.with_cookies else "saved", always=True)
    assert "for hours, each time in the same words (account_locked" in str(ended.error)
    assert ended.of("waiting") == set(ytids(20))
    assert folder.run(all_play, always=True).of("saved") == set(ytids(20))


def test_one_clip_to_which_nothing_comes_pays_for_it(make_folder) -> None:
    for number in (1, 6):
        videos = ytids(number)
        folder = make_folder(rankings={MID: videos})
        ended = folder.run(
            lambda ask, dead=videos[0]: SILENCE if ask.ytid == dead else "saved", attempts=3
        )
        assert ended.error is None
        assert ended.of("waiting") == {videos[0]}
        assert ended.num_asked[videos[0]] <= 6


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("num_dead", [1, 5, 15])
def test_silent_proxies_hold_few_workers_and_charge_nobody(make_folder, workers, num_dead) -> None:
    proxies = tuple(f"http://10.0.0.{n}:1" for n in range(num_dead + 2))
    good = set(proxies[-2:])
    ended = make_folder(100).run(
        lambda ask: "saved" if ask.proxy in good else SILENCE, proxies=proxies, workers=workers
    )
    assert ended.error is None
    assert len(ended.of("saved")) == 100
    assert sum(ask.proxy not in good for ask in ended.asked) <= 3 * num_dead
    assert set(ended.attempts.values()) == {0}


# An answer without end is cut off, and is a fault of the network then.
STATES = [
    "well", *VAGUE, *LASTING, "sign_in", SILENCE, "offline", "session", "network", "bad_answer",
    "unknown",
]  # fmt: skip
WORLDS = st.lists(st.tuples(st.sampled_from(STATES), st.integers(30, 60)), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=WORLDS, workers=st.sampled_from([1, 4, 16]), seed=st.integers(0, 99))
def test_spells_take_no_clip_of_a_well_site(tmp_path_factory, changes, workers, seed) -> None:
    rankings = {MID: ytids(80)}
    folder = Folder(tmp_path_factory.mktemp("world"), rankings, per_class=60, seed=seed)
    ended = folder.run(spells(changes), workers=workers, attempts=3)
    assert ended.of("gone") == set()
    assert ended.of("saved") | ended.of("waiting") == set(ended.states)
    # Once the site is well, the same command gets the whole set.
    ended = folder.run(all_play, workers=workers)
    assert ended.error is None
    assert ended.of("saved") == set(ytids(60))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=WORLDS, dead=st.floats(0, 0.3), seed=st.integers(0, 99))
def test_spells_over_a_site_where_some_are_gone(tmp_path_factory, changes, dead, seed) -> None:
    def site(ask: Ask) -> str:
        if ask.ytid != CANARY and share(ask.ytid) < dead:
            return "unavailable"
        return spells(changes)(ask)

    folder = Folder(tmp_path_factory.mktemp("world"), {MID: ytids(80)}, per_class=30, seed=seed)
    ended = folder.run(site, attempts=3)
    assert all(share(ytid) < dead for ytid in ended.of("gone"))


@pytest.mark.parametrize("portion", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_faults_of_single_requests_take_no_clip(make_folder, portion: float, seed: int) -> None:
    dice = random.Random(seed)
    ended = make_folder(80).run(
        lambda _: "unavailable" if dice.random() < portion else "saved", attempts=8
    )
    assert ended.of("gone") == set()
