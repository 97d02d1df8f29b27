"""The journal: what is known of a clip survives, and one run's config does not hide another's."""

import sqlite3
from pathlib import Path

import pytest

from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.journal_reader import read_journal, read_states
from audioset_dl.dataset.rows import Row
from audioset_dl.errors import OutputError

NOW = "2026-11-22T12:00:00+00:00"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "journal.sqlite"


def failed(clip, state: str, code: str) -> Row:
    return Row(clip, state=state, code=code, detail="reset", updated_at=NOW)


def test_a_clips_way_from_waiting_to_saved(path, make_clip, make_saved) -> None:
    clip = make_clip(labels=("/m/0bt9lr", "/m/05tny_"))
    with open_journal(path) as journal:
        journal.record_failed(failed(clip, "waiting", "network"), charged=True)
        (record,) = journal.rows()
        assert (record.state, record.code, record.attempts) == ("waiting", "network", 1)
        journal.record_saved(Row(clip, file=make_saved()))
    with read_journal(path) as journal:
        (record,) = journal.rows("saved")
    assert record.clip == clip
    assert record.file == make_saved()
    assert (record.state, record.code, record.attempts) == ("saved", None, 1)


def test_a_refusal_is_recorded_and_not_charged(path, make_clip) -> None:
    clip = make_clip()
    with open_journal(path) as journal:
        journal.record_failed(failed(clip, "waiting", "http_429"), charged=False)
        (record,) = journal.rows()
    assert (record.code, record.attempts) == ("http_429", 0)


def test_another_config_changes_nothing_of_what_is_known(path, make_clip, make_saved) -> None:
    clip, other = make_clip(), make_clip("other______")
    with open_journal(path) as journal:
        journal.record_saved(Row(clip, file=make_saved(), classes=("/m/0bt9lr",)))
        journal.record_failed(failed(other, "waiting", "network"), charged=True)
        (first,) = journal.choices(after="", number=1)
        (second,) = journal.choices(after=first.clip_id, number=9)
        journal.note_choices([first._replace(classes=("/m/new",)), second._replace(wanted=False)])
        saved, waiting = journal.rows()
    assert (saved.state, saved.file, saved.classes) == ("saved", make_saved(), ("/m/new",))
    assert (waiting.code, waiting.attempts, waiting.wanted) == ("network", 1, False)


def test_a_lost_file_is_waited_for_again(path, make_clip, make_saved) -> None:
    clip = make_clip()
    with open_journal(path) as journal:
        journal.record_saved(Row(clip, file=make_saved()))
        journal.record_lost(clip.clip_id, NOW)
        (record,) = journal.rows()
    assert (record.state, record.file) == ("waiting", None)


def test_it_can_be_read_while_a_run_writes(path, make_clip) -> None:
    clip = make_clip()
    with open_journal(path) as writer, read_journal(path) as reader:
        writer.record_failed(failed(clip, "waiting", "network"), charged=True)
        writer.note("pause", "until noon")
        assert list(reader.states()) == [(clip.clip_id, "waiting", "network")]
        assert reader.read_note("pause") == "until noon"


def test_reading_where_nothing_was_downloaded(path) -> None:
    assert list(read_states(path)) == []
    with pytest.raises(OutputError, match="nothing was downloaded there yet"), read_journal(path):
        pass


def test_a_damaged_or_foreign_journal_is_refused(path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to be one" * 100)
    with pytest.raises(OutputError, match="can't be used"), open_journal(path):
        pass
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OutputError, match="has format 99, expected 5 or less"), open_journal(path):
        pass


def test_reading_at_rest_leaves_no_trace(path, make_clip) -> None:
    with open_journal(path) as journal:
        journal.record_failed(failed(make_clip(), "waiting", "network"), charged=True)
    assert list(path.parent.iterdir()) == [path]
    assert len(list(read_states(path))) == 1
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_journal_says_so(path) -> None:
    path.parent.mkdir()
    path.touch()
    with pytest.raises(OutputError, match="is empty"), read_journal(path):
        pass


def test_what_is_saved_is_never_gone(path, make_clip, make_saved) -> None:
    clip = make_clip()
    with open_journal(path) as journal:
        journal.record_saved(Row(clip, file=make_saved()))
        journal.record_failed(failed(clip, "gone", "removed"), charged=True)
        assert list(journal.states()) == [(clip.clip_id, "saved", None)]


def test_damage_is_noticed_before_anything_is_written(path, make_clip) -> None:
    """In a page that a run may not read for a long time."""
    clips = [make_clip(f"video-{number:05d}") for number in range(500)]
    with open_journal(path) as journal:
        journal.put([failed(clip, "waiting", "network") for clip in clips])
    content = bytearray(path.read_bytes())
    content[-8192:-4096] = bytes(range(256)) * 16
    path.write_bytes(content)
    with pytest.raises(OutputError, match="is damaged"), open_journal(path):
        pass
    assert path.read_bytes() == content
