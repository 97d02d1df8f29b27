"""The tables of a run: written beside it, at its end, and what readers do where they lag behind."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from datasets import DOG, NAMES, clip_of, make_dataset, make_wav, saved_file
from world import wait_for

from audioset_dl.catalog.ontology import Node
from audioset_dl.dataset.file_check import read_checked
from audioset_dl.dataset.journal import Journal, open_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import MANIFEST_NOTE, UNLISTED_NOTE, hash_manifest, read_manifest
from audioset_dl.dataset.resume import read_pending, write_pending
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.verify import verify_folder
from audioset_dl.download import listing
from audioset_dl.download.listing import Listing
from audioset_dl.sets.compare import read_tables
from audioset_dl.storage.files import write_file

SELECTION = SimpleNamespace(
    catalog=SimpleNamespace(
        ontology=[Node(mid, name) for mid, name in NAMES.items()],
        segments=SimpleNamespace(events=None),
    ),
    clip_list=None,
)


@pytest.fixture
def folder(tmp_path: Path) -> OutputFolder:
    return make_dataset(tmp_path / "out", saved=[1, 2, 3], failed={4: ("gone", "removed")})


def save(journal: Journal, folder: OutputFolder, tables: Listing, number: int) -> str:
    """Save a clip as a run does, and return its clip_id."""
    content = make_wav(number)
    clip = clip_of(number, (DOG,))
    file = saved_file(f"wav/dog/Y{clip.clip_id}.wav", content)
    folder.scratch.mkdir(exist_ok=True)
    write_pending(folder, clip, file)
    write_file(folder.path / file.file_name, content)
    journal.record_saved(Row(clip, file=file, classes=(DOG,)))
    tables.note_saved(clip.clip_id)
    return clip.clip_id


def listed(folder: OutputFolder) -> set[str]:
    return {line.split(",")[1] for line in folder.manifest.read_text().splitlines()[1:]}


@pytest.mark.parametrize("few", [1000, 0], ids=["at once", "beside the run"])
def test_what_is_saved_is_listed_and_its_note_goes(folder, monkeypatch, few) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    monkeypatch.setattr(listing, "EVERY_S", 0)
    monkeypatch.setattr(listing, "TIMES_AS_LONG", 0)
    with open_journal(folder.journal) as journal:
        tables = Listing(journal, folder, SELECTION, list)
        new = save(journal, folder, tables, 5)
        assert [clip.clip_id for clip, _ in read_pending(folder)] == [new]

        def is_noted() -> bool:
            tables.write_if_due()
            return not list(read_pending(folder))

        wait_for(is_noted)
        assert new in listed(folder)
        wait_for(lambda: journal.read_note(MANIFEST_NOTE) == hash_manifest(folder.manifest))
        late = save(journal, folder, tables, 6)
        assert tables.write() == 0
    assert late in listed(folder)
    assert "removed" in folder.failures.read_text()
    assert list(read_pending(folder)) == []


def test_the_end_does_not_wait_for_what_is_written_beside(folder, monkeypatch) -> None:
    monkeypatch.setattr(listing, "FEW", 0)
    with open_journal(folder.journal) as journal:
        tables = Listing(journal, folder, SELECTION, list)
        tables.write_if_due()
        new = save(journal, folder, tables, 5)
        assert tables.write() == 0
        assert new in listed(folder)
        assert journal.read_note(MANIFEST_NOTE) == hash_manifest(folder.manifest)
    assert not list(folder.path.glob(".manifest*"))


def test_an_error_beside_the_run_ends_it(folder, monkeypatch) -> None:
    monkeypatch.setattr(listing, "FEW", 0)
    monkeypatch.setattr(listing, "EVERY_S", 0)

    def fail(*_: object) -> str:
        raise OSError("no more room")

    monkeypatch.setattr(listing, "write_listing", fail)
    with open_journal(folder.journal) as journal:
        tables = Listing(journal, folder, SELECTION, list)
        with pytest.raises(OSError, match="no more room"):
            wait_for(tables.write_if_due)


def test_after_a_signal_a_long_manifest_is_left_and_readers_take_the_journal(folder) -> None:
    with open_journal(folder.journal) as journal:
        tables = Listing(journal, folder, SELECTION, list)
        tables.write_if_due()
        new = save(journal, folder, tables, 5)
        assert tables.write(at_most=3) == 1
    assert new not in listed(folder)
    assert [clip.clip_id for clip, _ in read_pending(folder)] == [new]
    folder.path.chmod(0o555)
    found = read_manifest(folder.manifest)
    assert [row.clip_id for row in found.rows][-1] == new
    assert isinstance(read_checked(folder.path, found.rows[-1]), bytes)
    assert found.rows[-1].classes == (DOG,)
    assert new in read_tables(folder.path).clips
    assert (verify_folder(folder).num_files, verify_folder(folder).faults) == (4, ())
    folder.path.chmod(0o755)
    with open_journal(folder.journal) as journal:
        assert Listing(journal, folder, SELECTION, list).write() == 0
        assert journal.read_note(UNLISTED_NOTE) == ""
    assert new in listed(folder)


def test_after_a_signal_a_manifest_of_another_run_is_written_all_the_same(folder) -> None:
    """Files may have been moved since, and classes have changed."""
    with open_journal(folder.journal) as journal:
        tables = Listing(journal, folder, SELECTION, list)
        new = save(journal, folder, tables, 5)
        assert tables.write(at_most=3) == 0
    assert new in listed(folder)


def test_after_a_signal_a_manifest_that_lacks_nothing_is_left(folder) -> None:
    with open_journal(folder.journal) as journal:
        tables = Listing(journal, folder, SELECTION, list)
        tables.write_if_due()
        before = folder.manifest.stat().st_ino
        assert tables.write(at_most=2) == 0
    assert folder.manifest.stat().st_ino == before


def test_a_manifest_of_another_name_has_no_journal(folder, tmp_path: Path) -> None:
    with open_journal(folder.journal) as journal:
        tables = Listing(journal, folder, SELECTION, list)
        tables.write_if_due()
        save(journal, folder, tables, 5)
        tables.write(at_most=3)
    shutil.copy(folder.manifest, folder.path / "mine.csv")
    assert len(read_manifest(folder.path / "mine.csv").rows) == 3
