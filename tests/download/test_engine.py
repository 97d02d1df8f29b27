"""The engine's decisions, with scripted outcomes and a clock of the test's own."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass, field
from itertools import chain, pairwise
from types import SimpleNamespace

import pytest
from fakes import FakeClock, FakeSelection, FakeWorkers, codes_of, repeat

from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.status import PAUSE_NOTE
from audioset_dl.download.address import Address, open_account
from audioset_dl.download.choices import find_untried
from audioset_dl.download.engine import Engine
from audioset_dl.download.messages import PauseNote
from audioset_dl.download.queues import Queues
from audioset_dl.download.recorder import Recorder, Standing
from audioset_dl.download.witnesses import canary_clip
from audioset_dl.download.workers import Interrupt
from audioset_dl.errors import (
    AudiosetDlError,
    ConfigError,
    Interrupted,
    OutputError,
    ThrottledError,
    ToolMissingError,
)
from audioset_dl.outcomes import Failure

NOW = "2026-11-22T12:00:00+00:00"
VIDEOS = [f"video-{number:05d}" for number in range(9)]


@dataclass
class Run:
    """One run of the engine over the clips of a single class."""

    workers: FakeWorkers
    records: dict[str, tuple[str, str | None, int]]
    standings: list[Standing]
    clock: FakeClock
    error: BaseException | None = None

    def states(self) -> dict[str, str]:
        return {ytid: state for ytid, (state, _, _) in self.records.items()}


@dataclass
class Setting:
    tmp_path: object
    make_clip: object
    make_saved: object
    states: dict = field(default_factory=dict)

    def run(self, script=None, *, per_class=3, num_addresses=1, account=False, **config) -> Run:
        clock = FakeClock()
        workers = FakeWorkers(clock, self.make_saved, script or {})
        settings = DownloadConfig(**{"delay_s": 0, "max_per_hour": None, "workers": 2, **config})
        selection = FakeSelection(list(map(self.make_clip, VIDEOS)), per_class)
        standings: list[Standing] = []
        output = OutputFolder(self.tmp_path)
        layout = SimpleNamespace(file_name=lambda clip_id, _labels: f"wav/00/Y{clip_id}.wav")
        workers.folder = output.path
        with open_journal(output.journal) as journal:
            recorder = Recorder(selection, journal, output, layout)
            missing = recorder.begin()
            addresses = [
                Address(f"http://proxy:{n}", settings, random.Random(n))
                for n in range(num_addresses)
            ]
            queues = Queues(addresses, open_account(addresses, settings) if account else ())
            for address in (*addresses, *queues.account.addresses):
                address.witnesses.others = [canary_clip(settings.canary)]
            engine = Engine(
                queues,
                recorder,
                workers,
                config=settings,
                pause=PauseNote(journal, num_addresses),
                watch=standings.append,
                clock=clock,
            )
            error = None
            try:
                for task in selection.tasks(missing, has_account=account):
                    queues.add(task)
                engine.run()
            except Exception as raised:  # noqa: BLE001
                error = raised
            return Run(
                workers,
                codes_of(
                    chain(journal.rows(), find_untried(journal, recorder.draw, selection.table))
                ),
                standings,
                clock,
                error,
            )


@pytest.fixture
def setting(tmp_path, make_clip, make_saved) -> Setting:
    return Setting(tmp_path, make_clip, make_saved)


def test_all_that_is_wanted_is_saved(setting) -> None:
    run = setting.run()
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert run.standings[-1] == Standing(wanted=3, saved=3, gone=0)


def test_a_gone_clip_is_replaced_and_never_asked_for_again(setting) -> None:
    run = setting.run({VIDEOS[1]: ["private"]})
    assert run.records[VIDEOS[1]] == ("gone", "private", 1)
    assert run.states()[VIDEOS[3]] == "saved"
    assert setting.run().workers.asked == []


def test_unavailable_needs_a_second_look_some_time_later(setting) -> None:
    run = setting.run({VIDEOS[1]: repeat("unavailable", 2)}, workers=1)
    asked = zip(run.workers.asked_at, run.workers.asked, strict=True)
    assert [asked_at for asked_at, ytid in asked if ytid == VIDEOS[1]] == [1000, 1060]
    assert run.workers.asked[:4] == [*VIDEOS[:3], VIDEOS[1]]
    assert run.states() == {
        VIDEOS[0]: "saved", VIDEOS[1]: "gone", VIDEOS[2]: "saved", VIDEOS[3]: "saved",
    }  # fmt: skip


def test_a_transient_failure_keeps_its_seat_up_to_the_attempts(setting) -> None:
    run = setting.run({VIDEOS[0]: repeat("network", 99), VIDEOS[1]: ["network"]}, attempts=3)
    assert run.workers.asked.count(VIDEOS[0]) == 3
    assert run.records[VIDEOS[0]] == ("waiting", "network", 3)
    assert run.states()[VIDEOS[1]] == "saved"
    assert VIDEOS[3] not in run.states(), "a failure that may pass gave the seat away"
    assert setting.run().states()[VIDEOS[0]] == "saved", "running again tries again"


def test_passes_wait_longer_and_longer(setting) -> None:
    run = setting.run({VIDEOS[0]: repeat("network", 4)}, attempts=5, workers=1)
    assert [wait for wait in run.clock.waits if wait] == [1, 2, 4, 8]


def test_a_refused_address_costs_the_clip_nothing_and_pauses(setting) -> None:
    run = setting.run({VIDEOS[0]: ["http_429"], VIDEOS[1]: ["http_429"]}, workers=2)
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert [attempts for _, _, attempts in run.records.values()] == [0, 0, 0]
    assert run.clock.waits[0] == 60
    assert sum(run.clock.waits) < 61
    pauses = [standing.pause for standing in run.standings if standing.pause]
    assert pauses
    assert "next try at" in pauses[0]
    assert run.standings[-1].pause is None


def test_while_refused_one_probe_goes_out_at_a_time(setting) -> None:
    script = {video: ["bot_check"] for video in VIDEOS[:3]}
    script[DownloadConfig().canary] = repeat("bot_check", 3)
    run = setting.run(script, workers=3)
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    waves = [run.workers.asked_at.count(at) for at in sorted(set(run.workers.asked_at))]
    assert waves[0] == 3
    assert all(wave == 1 for wave in waves[1:-1])


def test_a_clip_that_alone_is_refused_with_vague_words_is_charged_in_the_end(setting) -> None:
    run = setting.run({VIDEOS[0]: repeat("session", 999)}, attempts=3, workers=1)
    state, code, attempts = run.records[VIDEOS[0]]
    assert (state, code) == ("waiting", "session")
    assert attempts == 3
    assert run.workers.asked.count(VIDEOS[0]) == 4, "the first refusal is the address's"
    assert run.states()[VIDEOS[2]] == "saved"


def test_the_other_address_goes_on_while_one_is_refused(setting) -> None:
    run = setting.run({VIDEOS[0]: ["http_429"]}, num_addresses=2, workers=1)
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert run.clock.waits == []


def test_the_run_stops_at_a_refusal_if_so_configured(setting) -> None:
    run = setting.run({VIDEOS[0]: ["http_429"]}, on_throttle="stop")
    assert isinstance(run.error, ThrottledError)
    assert "http_429" in str(run.error)
    assert run.states()[VIDEOS[1]] == "saved", "what was under way is kept"


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (ToolMissingError("no ffmpeg"), ToolMissingError),
        (OutputError("disk full"), OutputError),
        ("disk", OutputError),
        ("cookies", ConfigError),
        (ZeroDivisionError("a bug"), ZeroDivisionError),
    ],
)
def test_what_is_wrong_with_the_machine_ends_the_run(setting, result, error) -> None:
    run = setting.run({VIDEOS[0]: [result]})
    assert isinstance(run.error, error)
    assert run.workers.gave_up
    assert run.records[VIDEOS[0]][0] == "waiting"
    assert run.states()[VIDEOS[1]] == "saved"


def test_an_interrupt_ends_the_run_and_keeps_what_is_finished(setting) -> None:
    run = setting.run({VIDEOS[0]: [Interrupt(signal.SIGTERM)]})
    assert isinstance(run.error, Interrupted)
    assert run.error.exit_code == 143
    assert run.states() == {VIDEOS[0]: "waiting", VIDEOS[1]: "saved", VIDEOS[2]: "waiting"}


def test_no_more_than_the_configured_workers_are_busy(setting) -> None:
    assert setting.run(per_class=9, workers=4).workers.most_in_flight == 4


def test_the_delay_lies_between_all_starts_whatever_fails(setting) -> None:
    script = {VIDEOS[0]: ["network"], VIDEOS[1]: ["private"]}
    starts = setting.run(script, per_class=5, delay_s=10, workers=4).workers.asked_at
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert min(gaps) >= 5


def test_one_vague_refusal_among_answers_does_not_pause_the_address(setting) -> None:
    run = setting.run({VIDEOS[1]: repeat("session", 2)}, per_class=9, workers=1)
    assert set(run.states().values()) == {"saved"}
    assert max(run.clock.waits) < 60


def test_vague_refusals_in_a_row_pause_it(setting) -> None:
    script = {video: ["session"] for video in VIDEOS[:2]}
    run = setting.run(script, per_class=4, workers=1)
    assert set(run.states().values()) == {"saved"}
    assert any(wait > 55 for wait in run.clock.waits)
    assert [attempts for _, _, attempts in run.records.values()] == [0, 0, 0, 0]


def test_a_lost_network_charges_no_clip_and_is_waited_for(setting) -> None:
    script = {video: ["network", *repeat("offline", 4)] for video in VIDEOS[:3]}
    run = setting.run(script, workers=3, attempts=2)
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert [attempts for _, _, attempts in run.records.values()] == [0, 0, 0]
    pauses = [standing.pause for standing in run.standings if standing.pause]
    assert pauses[0].startswith("No connection to YouTube by this address; next try at")
    assert max(run.clock.waits) <= 60


def test_attempts_that_the_network_used_up_are_given_back(setting) -> None:
    script = {VIDEOS[0]: ["network", "network", "offline"], VIDEOS[1]: repeat("offline", 3)}
    run = setting.run(script, per_class=2, workers=2, attempts=2)
    assert run.states() == dict.fromkeys(VIDEOS[:2], "saved")


def test_what_the_network_took_after_it_was_known_to_be_lost_is_given_back(setting) -> None:
    """All are under way; that nobody answers is heard first, then that the last broke off."""
    script = {VIDEOS[0]: ["offline"], VIDEOS[1]: ["offline"], VIDEOS[2]: ["network"]}
    run = setting.run(script, per_class=3, workers=3, attempts=1)
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert [attempts for _, _, attempts in run.records.values()] == [0, 0, 0]


def test_an_answer_that_was_under_way_before_is_no_proof_of_the_network(setting) -> None:
    """The first clip fails by the network; the second, begun as early, is saved a little later."""
    script = {VIDEOS[0]: ["network"], VIDEOS[2]: repeat("offline", 3)}
    run = setting.run(script, per_class=3, workers=3, attempts=1)
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert [attempts for _, _, attempts in run.records.values()] == [0, 0, 0]


def test_a_clip_whose_server_alone_is_not_there_is_charged_in_the_end(setting) -> None:
    unknown_host = Failure("offline", "Failed to resolve 'rr3.googlevideo.com'", is_of_media=True)
    run = setting.run({VIDEOS[0]: [unknown_host] * 999}, attempts=3, workers=1)
    assert run.records[VIDEOS[0]] == ("waiting", "offline", 3)
    assert run.states()[VIDEOS[2]] == "saved"


def test_a_network_that_stays_away_charges_not_even_the_last_clip(setting) -> None:
    """However long it takes: here 100 tries, then Ctrl-C."""
    script = {VIDEOS[1]: [*repeat("offline", 100), Interrupt(signal.SIGINT)]}
    run = setting.run(script, per_class=2, attempts=2)
    assert isinstance(run.error, Interrupted)
    assert run.records[VIDEOS[1]][2] == 0
    assert run.workers.asked.count(VIDEOS[1]) == 101


def test_many_unknown_failures_in_a_row_stop_the_run_with_advice(setting) -> None:
    run = setting.run({video: repeat("unknown", 99) for video in VIDEOS}, per_class=9, attempts=9)
    assert type(run.error) is AudiosetDlError
    assert "20 clips in a row" in str(run.error)
    assert "pip install --upgrade" in str(run.error)
    assert len(run.workers.asked) <= 21


def test_unknown_failures_among_answers_do_not(setting) -> None:
    run = setting.run({VIDEOS[0]: repeat("unknown", 99)}, per_class=9, attempts=30)
    assert type(run.error) is AudiosetDlError, "in the end it is alone"
    run = setting.run({VIDEOS[0]: repeat("unknown", 99)}, per_class=9, attempts=19)
    assert run.error is None


def test_what_all_clips_are_told_is_charged_in_the_end(setting) -> None:
    """Two clips that hear vague words for ever must not keep a run going for ever."""
    script = {video: repeat("session", 999) for video in VIDEOS[:2]}
    run = setting.run(script, per_class=2, attempts=2, workers=1)
    assert run.error is None
    assert set(run.states().values()) == {"waiting"}


def test_a_refill_that_is_on_the_disk_already_is_not_asked_for(setting) -> None:
    """Kept from an earlier config, and perhaps no longer to be had."""
    setting.run(per_class=6)
    with open_journal(setting.tmp_path / "journal.sqlite") as journal:
        journal.record_lost(clip_id_of(VIDEOS[0]), NOW)
    run = setting.run({video: ["private"] for video in VIDEOS}, per_class=3)
    assert run.workers.asked == [VIDEOS[0]]
    assert [run.states()[video] for video in VIDEOS[:6]] == ["gone", *["saved"] * 5]
    assert run.standings[-1] == Standing(wanted=3, saved=3, gone=1)


def test_an_account_asks_for_what_a_guest_may_not_have_and_for_nothing_else(setting) -> None:
    run = setting.run({VIDEOS[0]: ["age", "saved"]}, account=True, workers=1)
    assert run.workers.asked == [VIDEOS[0], VIDEOS[0], VIDEOS[1], VIDEOS[2]], "at once"
    assert run.workers.asked_with_cookies == [VIDEOS[0]]
    assert run.records[VIDEOS[0]] == ("saved", None, 0)


def test_what_an_account_may_not_have_either_is_gone(setting) -> None:
    script = {VIDEOS[0]: ["age", "age"], VIDEOS[1]: ["age", "private"]}
    run = setting.run(script, account=True)
    assert run.records[VIDEOS[0]] == ("gone", "age", 1)
    assert run.records[VIDEOS[1]] == ("gone", "private", 1)
    assert run.states()[VIDEOS[4]] == "saved", "others took their places"


def test_what_fails_for_the_account_is_asked_for_with_it_again(setting) -> None:
    run = setting.run({VIDEOS[0]: ["age", "network", "session", "saved"]}, account=True, workers=1)
    assert run.workers.asked_with_cookies == [VIDEOS[0]] * 3
    assert run.workers.asked.count(VIDEOS[0]) == 4
    assert run.records[VIDEOS[0]][::2] == ("saved", 1)


def test_another_run_with_cookies_knows_who_needs_them(setting) -> None:
    setting.run({VIDEOS[0]: ["age", Interrupt(signal.SIGTERM)]}, account=True, workers=1)
    run = setting.run(account=True)
    assert run.workers.asked_with_cookies == [VIDEOS[0]]
    assert run.workers.asked.count(VIDEOS[0]) == 1
    assert run.states()[VIDEOS[0]] == "saved"


def test_another_run_without_cookies_asks_as_a_guest(setting) -> None:
    setting.run({VIDEOS[0]: ["age", "cookies"]}, account=True)
    run = setting.run({VIDEOS[0]: ["age"]})
    assert run.workers.asked_with_cookies == []
    assert run.records[VIDEOS[0]] == ("gone", "age", 1)
    assert run.states()[VIDEOS[3]] == "saved"


def test_guests_go_on_while_the_account_is_refused(setting) -> None:
    run = setting.run({VIDEOS[0]: ["age", "http_429", "saved"]}, account=True, workers=1)
    assert run.workers.asked == [VIDEOS[0], *VIDEOS[:3], VIDEOS[0]]
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert run.clock.waits == [60], "the account's pause, when there is nothing else to do"
    pauses = [standing.pause for standing in run.standings if standing.pause]
    assert pauses[0].startswith("YouTube refuses the account; next try at")
    assert run.standings[-1].pause is None


def test_the_account_waits_while_its_address_is_refused(setting) -> None:
    run = setting.run({VIDEOS[0]: ["http_429"], VIDEOS[1]: ["age"]}, account=True, workers=2)
    assert run.states() == dict.fromkeys(VIDEOS[:3], "saved")
    assert run.workers.asked_at[2] >= 1060, "neither guest nor account asked in the pause"


def test_trouble_of_the_account_ends_without_it_if_no_pause_is_wanted(setting) -> None:
    script = {VIDEOS[0]: ["age", "http_429"], VIDEOS[2]: ["age"]}
    run = setting.run(script, account=True, workers=1, on_throttle="stop")
    assert run.error is None
    assert run.workers.asked_with_cookies == [VIDEOS[0]]
    assert run.records[VIDEOS[0]] == ("waiting", "http_429", 0)
    assert run.records[VIDEOS[2]] == ("waiting", "http_429", 0)
    assert "YouTube refuses the account (http_429): clips" in run.standings[-1].pause
    assert run.states()[VIDEOS[1]] == "saved"


def test_a_session_that_is_over_ends_the_accounts_part_only(setting) -> None:
    script = {VIDEOS[0]: ["age", "network"], VIDEOS[1]: ["age", "cookies"], VIDEOS[3]: ["age"]}
    run = setting.run(script, per_class=9, account=True, workers=3)
    assert run.error is None
    assert run.workers.asked_with_cookies == [VIDEOS[0], VIDEOS[1]]
    waiting = {video for video, (state, *_) in run.records.items() if state == "waiting"}
    assert waiting == {VIDEOS[0], VIDEOS[1], VIDEOS[3]}
    assert {run.records[video][:2] for video in waiting} == {("waiting", "cookies")}
    told = [standing.pause for standing in run.standings if standing.pause]
    assert set(told) == {
        "the session of the cookies is over: clips that need it wait for the next run"
    }
    with open_journal(setting.tmp_path / "journal.sqlite") as journal:
        assert journal.read_note(PAUSE_NOTE) == "", "the run is over, too"


def test_what_waits_for_an_account_whose_session_is_over_waits_for_another_run(setting) -> None:
    script = {VIDEOS[0]: ["age", "http_429", "cookies"], VIDEOS[1]: ["age"]}
    run = setting.run(script, account=True, workers=1)
    assert run.workers.asked_with_cookies == [VIDEOS[0]] * 2
    assert run.records[VIDEOS[1]] == ("waiting", "cookies", 0)
    assert run.states()[VIDEOS[2]] == "saved"


def test_a_clip_that_alone_is_refused_to_the_account_pauses_no_guest(setting) -> None:
    run = setting.run({VIDEOS[0]: ["age", *repeat("session", 99)]}, account=True, attempts=3)
    assert run.error is None
    assert run.records[VIDEOS[0]] == ("waiting", "session", 3)
    assert run.workers.asked_at[run.workers.asked.index(VIDEOS[2])] == 1000


def test_what_the_account_asks_counts_on_its_address(setting) -> None:
    script = {video: ["age"] for video in VIDEOS[:5:2]}
    run = setting.run(script, per_class=5, account=True, delay_s=10, workers=4)
    assert len(run.workers.asked_with_cookies) == 3
    assert min(later - earlier for earlier, later in pairwise(run.workers.asked_at)) >= 5
    hour = setting.run({video: ["age"] for video in VIDEOS[5:7]}, per_class=7, account=True,
                       max_per_hour=2)  # fmt: skip
    assert len(hour.workers.asked) == 4
    assert hour.workers.asked_at[2] >= 1000 + 3600


def test_the_account_keeps_to_the_first_address_that_is_not_paused(setting) -> None:
    script = {video: ["age"] for video in VIDEOS[:6]}
    run = setting.run(script, per_class=6, account=True, num_addresses=3, delay_s=1)
    tickets = [ticket for ticket in run.workers.tickets if ticket.uses_cookies]
    assert {ticket.proxy for ticket in tickets} == {"http://proxy:0"}
    script = {VIDEOS[6]: ["age", "http_429"], VIDEOS[7]: ["age"]}
    run = setting.run(script, per_class=8, account=True, num_addresses=3, workers=1)
    tickets = [ticket for ticket in run.workers.tickets if ticket.uses_cookies]
    assert [ticket.proxy for ticket in tickets] == [f"http://proxy:{n}" for n in (0, 1, 1)]
    assert run.clock.waits == []


def test_the_account_leaves_an_address_where_the_guest_is_refused(setting) -> None:
    script = {VIDEOS[0]: ["http_429"], VIDEOS[1]: ["age"]}
    run = setting.run(script, account=True, num_addresses=2, workers=1)
    (ticket,) = [ticket for ticket in run.workers.tickets if ticket.uses_cookies]
    assert ticket.proxy == "http://proxy:1"
    assert run.clock.waits == []


def clip_id_of(ytid: str) -> str:
    return f"{ytid}_30000"
