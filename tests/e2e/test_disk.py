"""Full, read-only and forbidden disks: exit 7, words that help, nothing half-written, resumable.

Real disks: a small tmpfs in a mount namespace of its own, and RLIMIT_FSIZE.
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from world import (
    COMMAND,
    DOG,
    PATIENCE_S,
    World,
    clean_environment,
    make_clips,
    run_installed,
    run_script,
    videos_of,
)

from audioset_dl.audio.wav import read_format
from audioset_dl.config import load_config
from audioset_dl.dataset.journal import open_journal
from audioset_dl.download import run as download_module
from audioset_dl.errors import OutputError
from audioset_dl.simulator import Simulator
from audioset_dl.storage.disk import FreeSpace, find_free_space
from audioset_dl.storage.files import remove_file, write_file

WAV_BYTES = 320_044
NUM_CLIPS = 4
JUST_TOO_SMALL = NUM_CLIPS * WAV_BYTES + 120_000
"""Fits what is planned, but not the tables, the journal and the ends of blocks besides."""


@cache
def can_mount() -> bool:
    unshare = shutil.which("unshare")
    tried = unshare and subprocess.run(
        [unshare, "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return bool(tried) and tried.returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="this machine lets nobody mount a tmpfs")


def run_on_tmpfs(folder: Path, options: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script with a tmpfs at a folder, which nobody else sees and which goes with it.

    ``$run`` in the script is the installed command, ``$python`` the interpreter.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = f"mount -t tmpfs -o {options} tmpfs {shlex.quote(str(folder))}"
    names = f"run={shlex.quote(str(COMMAND))} python={shlex.quote(sys.executable)}"
    environment = clean_environment()
    environment["PATH"] += f":{os.environ['PATH']}"
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{mount} || exit 99\n{names}\n{script}"],
        capture_output=True, text=True, timeout=PATIENCE_S, env=environment, check=False,
    )  # fmt: skip


@pytest.fixture
def clips():
    return make_clips([DOG], NUM_CLIPS)


@pytest.fixture
def world(tmp_path: Path, clips) -> Iterator[World]:
    with Simulator(videos_of(clips)) as simulator:
        yield World(tmp_path, simulator, clips)


@pytest.fixture
def bulky_world(tmp_path: Path, clips) -> Iterator[World]:
    """Videos whose tracks have no index: each is fetched whole, into ``.fetching``."""
    changes = {clip.ytid: {"packing": "no_index", "duration_s": 400.0} for clip in clips}
    with Simulator(videos_of(clips, **changes)) as simulator:
        yield World(tmp_path, simulator, clips)


def make_config(world: World, name: str = "config.yaml", **changes) -> Path:
    return world.write_config(
        name, classes={"include": ["Dog"]}, clips={"per_class": NUM_CLIPS}, **changes
    )


def assert_told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Error: ") == 1
    for word in words:
        assert re.search(word, done.stderr), done.stderr


def assert_nothing_half_written(output: Path) -> None:
    assert list(output.rglob("*.tmp")) == []
    # Notes of what is saved stay until a manifest could be written that lists it.
    assert {"".join(path.suffixes[-2:]) for path in output.rglob(".fetching/*")} <= {".claim.json"}
    for path in output.rglob("*.wav"):
        assert str(read_format(path.read_bytes())) == "160000 samples, 16000 Hz, 1 ch"
    for path in output.rglob("*.json"):
        json.loads(path.read_text())
    for path in output.rglob("*.csv"):
        assert path.read_bytes().endswith(b"\n")


def wavs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.wav")}


def grow(world: World, config: Path, steps: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """Download into one tmpfs again and again, each time with more room; the last time all fits.

    What is on the disk after each time but the last is copied to ``at_0`` and so on.
    """
    script = "\n".join(
        f"mount -o remount,{step} disk || exit 98\n"
        f"$run download {config} >{number}.out 2>{number}.err; echo $? >{number}.rc\n"
        f"cp -a disk at_{number}"
        for number, step in enumerate(steps)
    )
    done = run_on_tmpfs(world.folder / "disk", steps[0], f"cd {world.folder}\n{script}")
    assert done.returncode == 0, done.stdout + done.stderr
    return [
        subprocess.CompletedProcess(
            step, int((world.folder / f"{number}.rc").read_text()),
            *((world.folder / f"{number}.{end}").read_text() for end in ("out", "err")),
        )
        for number, step in enumerate(steps)
    ]  # fmt: skip


@needs_mount
@pytest.mark.parametrize(
    ("steps", "files"),
    [
        ([f"size=10m,nr_inodes={number}" for number in (2, 3, 4, 7, *range(9, 15))],
         [".lock ", ".lock-holder.json", "journal.sqlite", ".fetching ", "run.json", "manifest.csv",
          "failures.csv", ".claim.json", "wav/dog ", "wav/dog/Y"]),
        (["size=4k", "size=12k", "size=64k", "size=500k", f"size={JUST_TOO_SMALL}"],
         ["journal.sqlite", "journal.sqlite", "journal.sqlite",
          "the 4 clips to fetch need 1,280,176 bytes", "wav/dog/Y"]),
    ],
    ids=["files", "bytes"],
)  # fmt: skip
def test_full_at_each_kind_of_write_and_again_when_there_is_room(
    world: World, steps: list[str], files: list[str]
) -> None:
    config = make_config(world, output={"dir": "disk/out"})
    *full, last = grow(world, config, [*steps, "size=50m,nr_inodes=999"])
    for number, (done, file) in enumerate(zip(full, files, strict=True)):
        assert_told(done, f"Error: .*{file}", r"[\d,]+ bytes( and 0 files)? are free", "make room")
        assert_nothing_half_written(world.folder / f"at_{number}")
    assert last.returncode == 0, last.stderr
    saved = wavs(world.folder / f"at_{len(full)}")
    assert len(saved) == NUM_CLIPS
    assert wavs(world.folder / f"at_{len(full) - 1}").items() <= saved.items()


@needs_mount
def test_full_while_a_whole_track_is_fetched(bulky_world: World) -> None:
    config = make_config(bulky_world, output={"dir": "disk/out"})
    first, last = grow(bulky_world, config, ["size=3m", "size=90m"])
    assert_told(first, r"Error: .*\.fetching: .*No space left", r"[\d,]+ bytes are free there")
    assert_nothing_half_written(bulky_world.folder / "at_0")
    assert last.returncode == 0, last.stderr
    assert len(wavs(bulky_world.folder / "at_1")) == NUM_CLIPS


@needs_mount
@pytest.mark.parametrize("begun", [False, True])
def test_a_disk_that_is_mounted_read_only(world: World, begun: bool) -> None:
    config = make_config(world, output={"dir": "disk/out"})
    begin = f"$run download {config} --set clips.per_class=1 || exit 97" if begun else ""
    done = run_on_tmpfs(
        world.folder / "disk", "size=50m",
        f"""
        {begin}
        mount -o remount,ro {world.folder}/disk
        $run download {config}; code=$?
        test -z '{begin}' || $run verify -q {config} >&2 || exit 96
        test -z '{begin}' || $run status {config} >&2 || exit 95
        exit $code
        """,
    )  # fmt: skip
    assert_told(done, "disk/out", "Read-only file system", "choose another folder")


@needs_mount
def test_full_while_the_metadata_is_fetched(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    data = Path(__file__).parents[1] / "data"
    with Simulator(default=None, metadata_dir=data) as simulator:
        config.write_text(
            f"metadata: {{dir: disk/metadata}}\n"
            f"download: {{proxies: ['{simulator.address}'], verify_tls: false}}\n"
        )
        done = run_on_tmpfs(
            tmp_path / "disk", "size=8k", f"$run classes {config}; code=$?; ls -A {tmp_path}/disk/*"
            "; exit $code",
        )  # fmt: skip
    assert_told(done, r"disk/metadata/\w+\.\w+ can't be written: No space left", "metadata.dir")
    assert ".tmp" not in done.stdout


@pytest.mark.parametrize("arguments", [("classes", "--json"), ("verify", "--repair", "--json")])
def test_nowhere_to_print_to(world: World, arguments: tuple[str, ...]) -> None:
    config = make_config(world)
    world.download(config)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, arguments[0], config, *arguments[1:]], stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=PATIENCE_S, env=clean_environment(), check=False,
        )  # fmt: skip
    assert_told(done, "output of this command can't be written: disk full")


def test_a_folder_that_is_not_ours_to_write(world: World) -> None:
    config = make_config(world)
    assert world.download(config, "--set", "clips.per_class=1").returncode == 0
    for folder in ("wav/dog", ""):
        path = world.output(config) / folder
        path.chmod(0o555)
        try:
            done = run_without_privileges("download", config)
        finally:
            path.chmod(0o755)
        assert_told(done, "Permission denied|unable to open|readonly", "writable for this user")
    assert world.download(config).returncode == 0
    assert len(world.rows(config)) == NUM_CLIPS


def run_without_privileges(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command so that permissions count, for root too."""
    if os.geteuid() != 0:
        return run_installed(*arguments)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may write everywhere, and there is no setpriv")
    powers = "-dac_override,-dac_read_search,-fowner"
    return subprocess.run(
        [setpriv, f"--bounding-set={powers}", f"--inh-caps={powers}", COMMAND, *arguments],
        capture_output=True, text=True, timeout=PATIENCE_S, env=clean_environment(), check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("packing", "num_bytes", "words"),
    [
        ("dash", 100_000, r"wav/dog/Y.*wav can't be written \(320,044 bytes\): File too large"),
        ("no_index", 400_000, r"\.fetching: .*File too large"),
        ("dash", 30_000, r"the journal .*disk I/O error \(a quota or limit is reached"),
        ("dash", 1_000, r"the journal .*journal\.sqlite can't be written"),
    ],
)
def test_a_limit_on_the_size_of_files(
    tmp_path: Path, clips, packing: str, num_bytes: int, words: str
) -> None:
    """As a quota is: writes fail although the disk has room."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))

    changes = {clip.ytid: {"packing": packing, "duration_s": 100.0} for clip in clips}
    with Simulator(videos_of(clips, **changes)) as simulator:
        world = World(tmp_path, simulator, clips)
        config = make_config(world)
        assert_told(run_script("download", config, preexec_fn=limit), words, "run again")
        assert_nothing_half_written(world.output(config))
        assert world.download(config).returncode == 0
    assert len(wavs(world.output(config))) == NUM_CLIPS


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_words_for_each_error_of_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError) as caught:
        write_file(tmp_path / "x", b"content")
    assert re.fullmatch(
        rf".*/x can't be written \(7 bytes\): {os.strerror(number)} \(.*\); fix that and .*",
        str(caught.value),
    )
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_journal_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(OutputError, match="damaged, move it away"), open_journal(path):
        pass


def test_room_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    room = find_free_space(tmp_path / "not" / "there")
    assert room is not None
    assert room.num_bytes > 0
    assert find_free_space(Path("/dev/null/x")) is not None


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_file(tmp_path / "no" / "file")
    remove_file(tmp_path)
    assert tmp_path.is_dir()


def test_a_plan_that_does_not_fit_is_refused_before_anything_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "find_free_space", lambda path: FreeSpace(1_000_000, None))
    settings = load_config(make_config(world))

    def ignore(_warning: str) -> None:
        """The metadata of the tests are not Google's copies."""

    with pytest.raises(OutputError, match=r"4 clips to fetch need 1,280,176 bytes, 1,000,000 byt"):
        download_module.download(settings, on_warning=ignore)
    assert world.simulator.log.requests == ()
    monkeypatch.setattr(download_module, "find_free_space", lambda path: None)
    assert download_module.download(settings, on_warning=ignore).exit_code == 0
