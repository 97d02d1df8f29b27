"""Hostile input through the installed command: refused with file and line, quickly and in little
memory; and nothing is ever written outside the output folder."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import COMMAND, DOG, PATIENCE_S, World, clean_environment, make_clips, videos_of

from audioset_dl import cli
from audioset_dl.catalog.cache import FOLDER_NAME
from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.guard import check_places
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.dataset.manifest_writing import MANIFEST_COLUMNS
from audioset_dl.dataset.verify import verify_folder
from audioset_dl.errors import ConfigError, OutputError
from audioset_dl.simulator import Simulator
from audioset_dl.youtube.cookies import read_cookies

MAX_MB = 300
MAX_CPU_S = 10
"""Of the processor: that of the clock depends on what else runs. Not to hang has 60 s."""
ROW = b'--abc_defg0, 0.000, 10.000, "/m/0bt9lr"\n'
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("USED", used.ru_maxrss // 1024, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(code)
"""
"""A small process in between: a child's peak begins with the size of whom it was forked from."""


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str


def run(*arguments: str | Path) -> Done:
    """Run the installed command; it may neither hang, nor take much memory, nor show a bug."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, COMMAND, *arguments], capture_output=True, text=True,
        timeout=PATIENCE_S, env=clean_environment(), check=False,
    )  # fmt: skip
    stderr, _, used = done.stderr.rpartition("USED ")
    assert "Traceback" not in stderr, stderr
    megabytes, cpu_s = map(float, used.split())
    assert megabytes < MAX_MB
    assert cpu_s < MAX_CPU_S
    return Done(done.returncode, done.stdout, stderr)


Run = Callable[..., Done]


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process: the same boundary in a tenth of the time."""

    def run_it(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["audioset-dl", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err, printed.err
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run_it


def is_heavy(content: bytes) -> bool:
    """Tell whether time and memory are to be measured."""
    return len(content) > 5000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clips = make_clips([DOG], 3)
    with Simulator(videos_of(clips)) as simulator:
        yield World(tmp_path, simulator, clips)


def assert_refused(done: Done, path: Path, line: int | None) -> None:
    assert done.code == (2 if path.suffix == ".yaml" else 3), done.stderr
    place = f"Error: {path}:" if line is None else f"Error: {path}:{line}:"
    assert place in done.stderr
    assert len(done.stderr) < 20_000


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda good: good + ROW.replace(b"abc", b"a\0c"), 5),
        (lambda good: good + ROW.replace(b'"/m/0bt9lr"', b"/m/0bt9lr,/m/05tny_"), 5),
        (lambda good: good + ROW.replace(b'lr"', b"lr"), 5),
        (lambda good: good + ROW.replace(b"10.000", b"1e999"), 5),
        (lambda good: good + ROW.replace(b"10.000", b"ten"), 5),
        (lambda good: good + ROW.replace(b"0.000, 10", b"20.000, 10"), 5),
        (lambda good: good + b"x" * 1_000_000, 5),
        (lambda good: good + b'"' * 1_000_000, 5),
        (lambda good: b"x" * 50_000_000, 1),
        (lambda good: gzip.compress(b"\n" * 100_000_000, 1), 1),
        (lambda good: gzip.compress(b"a" * 100_000_000, 1), 1),
        (lambda good: good.decode().encode("utf-16"), 1),
        (lambda good: good + ROW.replace(b"--abc_defg0", b"../../etc/pw"), 5),
        (lambda good: good + ROW.replace(b"--abc_defg0", b"../../../ab"), 5),
        (lambda good: good + ROW.replace(b"--abc_defg0", b"-"), 5),
        (lambda good: good + ROW.replace(b"--abc_defg0", b"a" * 300), 5),
        (lambda good: good + ROW.replace(b"--abc_defg0", b"aaa\x1b[2Jaaa"), 5),
    ],
)
def test_segments(world: World, run_here: Run, make: Callable, line: int) -> None:
    content = make(world.segments.read_bytes())
    world.segments.write_bytes(content)
    command = run if is_heavy(content) else run_here
    done = command("plan", world.write_config(classes={"include": ["Dog"]}))
    assert_refused(done, world.segments, line)
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "make",
    [
        lambda good: b"\xef\xbb\xbf" + good,
        lambda good: good.replace(b"\n", b"\r\n"),
        lambda good: good.partition(b"\n")[2],
        lambda good: good + ROW,
        lambda good: good + ROW.replace(b"--abc_defg0", b"--help-help"),
    ],
    ids=["BOM", "CRLF", "no header", "an id that begins with -", "an id like an option"],
)
def test_segments_that_are_only_unusual(world: World, run_here: Run, make: Callable) -> None:
    world.segments.write_bytes(make(world.segments.read_bytes()))
    done = run_here("plan", world.write_config(classes={"include": ["Dog"]}), "--json")
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout)["clips"] == 3


def node(name: object, *, mid: str = "", **changes: object) -> dict[str, object]:
    mid = mid or f"/m/new{name}".lower()
    return {"id": mid, "name": name, "child_ids": [], "restrictions": [], **changes}


def chain(length: int) -> list[dict[str, object]]:
    below = [[f"/m/new{number + 1}"] for number in range(length - 1)]
    return [node(str(number), child_ids=ids) for number, ids in enumerate([*below, []])]


Entries = list[dict[str, object]]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda old: [*old, node("a", child_ids=["/m/newb"]), node("b", child_ids=["/m/newa"])],
         "in a circle"),
        (lambda old: [*old, node("a", child_ids=["/m/newa"])], "in a circle"),
        (lambda old: [*old, node("a", child_ids=["/m/none"])], "child '/m/none' is not in"),
        (lambda old: [*old, old[3]], "twice"),
        (lambda old: [*old, node("Dog")], "'Dog' stands in the file twice"),
        (lambda old: [*old, node("a", mid="../../etc")], "expected an id"),
        (lambda old: [*old, node("a", child_ids="x")], "child_ids to be a list"),
        (lambda old: [*old, node("a", child_ids=[1])], "child_ids to be a list"),
        (lambda old: [*old, node("a", restrictions={})], "restrictions to be a list"),
        (lambda old: [*old, node(5)], "expected a name"),
        (lambda old: [*old, node("a\0b", mid="/m/x")], "expected a name"),
        (lambda old: [*old, node("a\nb", mid="/m/x")], "expected a name"),
        (lambda old: [*old, []], "expected an object"),
        (lambda old: [*old, *chain(5000)], "5000 levels deep"),
        (lambda old: {"a": 1}, "expected a list of classes"),
    ],
)  # fmt: skip
def test_ontology(
    world: World, run_here: Run, make: Callable[[Entries], object], words: str
) -> None:
    path = world.metadata / "ontology.json"
    bad = json.dumps(make(json.loads(path.read_text())), indent=1)
    path.write_text(bad)
    done = run_here("classes", world.write_config())
    assert_refused(done, path, None)
    line = int(done.stderr.partition(f"{path}:")[2].partition(":")[0])
    assert 1 <= line <= bad.count("\n") + 1
    assert words in done.stderr


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"[\n" + b"[" * 100_000, 2),
        (b"\n" + b'[{"a":' * 100_000, 2),
        (b'[\n{"id": ' + b"9" * 5000 + b"}]", 2),
        (b'[\n{"id": 1,\n}]', 3),
        (b"[" + b"[]," * 1_300_000 + b"[]]", 1),
        (b"\xff\xfe[\0", 1),
        (b"[NaN]", 1),
    ],
)
def test_ontology_that_is_hardly_json(
    world: World, run_here: Run, content: bytes, line: int
) -> None:
    path = world.metadata / "ontology.json"
    path.write_bytes(content)
    command = run if is_heavy(content) else run_here
    assert_refused(command("classes", world.write_config()), path, line)


@pytest.mark.parametrize("name", ["qa_true_counts.csv", "class_labels_indices.csv"])
@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda good: good + b"\0\n", 20),
        (lambda good: good + b'"open', 20),
        (lambda good: good + b"x" * 1_000_000, 20),
        (lambda good: good + b"," * 4_000_000, 20),
        (lambda good: good + good.splitlines()[1] + b"\n", 20),
        (lambda good: good + b"1,2,3\n", 20),
        (lambda good: good + b"/m/0bt9lr,-1,3\n", 20),
        (lambda good: good.partition(b"\n")[2], 1),
    ],
)
def test_tables_of_classes(
    world: World, run_here: Run, name: str, make: Callable, line: int
) -> None:
    path = world.metadata / name
    content = make(path.read_bytes())
    path.write_bytes(content)
    command = run if is_heavy(content) else run_here
    assert_refused(command("classes", world.write_config()), path, line)


def test_files_that_are_far_too_large(world: World) -> None:
    path = world.metadata / "ontology.json"
    path.write_bytes(b"[" + b" " * 50_000_000)
    assert_refused(run("classes", world.write_config()), path, None)
    path.write_bytes(gzip.compress(b" " * 100_000_000 + b"x", 1))
    done = run("classes", world.write_config())
    assert done.code == 3, done.stderr


def laughs() -> bytes:
    lines = [b"a0: &a0 [x, x, x]\n"]
    lines += [
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
    ]
    return b"".join(lines)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"seed: &one 1\nclips: {per_class: *one}\n", 1),
        (laughs(), 1),
        (b"seed: 1\nseed: 2\n", 2),
        (b"\nseed: " + b"[" * 10_000, 2),
        (b"\n" + b"{a: " * 10_000, 2),
        (b"\n" + b"- " * 10_000, 2),
        (b"? " * 10_000, 1),
        (b"seed: 1\nclips:\n  per_class: 1\0\n", 3),
        (b"seed: 1\n\xff\xfe", 2),
        (b"#" * 50_000_000, None),
        (b"seed: !!python/object/apply:os.system [ls]\n", 1),
        (b'"' * 200_000, 1),
        (b"".join(b"k%d: 1\n" % number for number in range(20_000)), 1),
        (b"classes: {include: [%s]}\n" % b",".join(b"no%d" % n for n in range(20_000)), 1),
    ],
)
def test_config(world: World, run_here: Run, content: bytes, line: int | None) -> None:
    path = world.write_config()
    if content.startswith(b"classes"):
        content += b"metadata: {segments: [clips.csv]}\n"
    path.write_bytes(content)
    assert_refused((run if is_heavy(content) else run_here)("classes", path), path, line)


ODD_NAMES = [
    "../../../escaped", "/abs/olute", "..", ".", "CON", "nul", "com1.txt", "a/b\\c:d*e?f", "-rf",
    "🐶", "🐱", "ÄÖÜ", "aou", "dog", "DOG ", "x" * 5000, "x" * 4999 + "y", "a;b;c", '"quo"ted"',
    "=HYPERLINK(1)", "$(touch escaped)", "`touch escaped`", "%s%n{0}",
]  # fmt: skip


def test_class_names_of_all_kinds_stay_inside(tmp_path: Path) -> None:
    mids = [f"/m/odd{number}" for number in range(len(ODD_NAMES))]
    clips = [
        Clip(f"-odd{number:07d}", 0.0, 10.0, (mid,), "made") for number, mid in enumerate(mids)
    ]
    with Simulator(videos_of(clips)) as simulator:
        world = World(tmp_path, simulator, clips)
        ontology = json.loads((world.metadata / "ontology.json").read_text())
        ontology += [node(name, mid=mid) for name, mid in zip(ODD_NAMES, mids, strict=True)]
        (world.metadata / "ontology.json").write_text(json.dumps(ontology))
        with (world.metadata / "class_labels_indices.csv").open("a") as file:
            csv.writer(file).writerows(
                (900 + number, mid, name)
                for number, (mid, name) in enumerate(zip(mids, ODD_NAMES, strict=True))
            )
        config = world.write_config(classes={"include": mids}, download={"workers": 8})
        outside = tree(tmp_path, but=world.output(config))
        done = run("download", config)
        assert done.code == 0, done.stderr
    assert tree(tmp_path, but=world.output(config)) == outside
    rows = world.rows(config)
    assert [row["classes"] for row in rows] == ODD_NAMES
    folders = [row["file_name"].split("/")[1] for row in rows]
    assert len({folder.casefold() for folder in folders}) == len(ODD_NAMES)
    assert all(folder.isascii() and len(folder) < 200 for folder in folders)
    assert run("verify", config).code == 0
    assert run("classes", config).code == 0


def tree(folder: Path, but: Path) -> dict[str, tuple[int, bytes | str]]:
    """Return all that lies in a folder, but for the cache: kinds, contents, where links point."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for place, folders, names in os.walk(folder):
        left_out = (but, folder / "metadata" / FOLDER_NAME)
        folders[:] = [name for name in folders if Path(place, name) not in left_out]
        for name in (*folders, *names):
            path = Path(place, name)
            content: bytes | str = path.read_bytes() if path.is_file() else ""
            found[str(path)] = (path.lstat().st_mode, content)
    return found


def link_for(name: str, *, is_folder: bool) -> Callable[[Path, Path], None]:
    def make(output: Path, elsewhere: Path) -> None:
        target = elsewhere / "target"
        if is_folder:
            target.mkdir()
        else:
            target.write_text("not ours")
        place = output / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    return make


def dangling(output: Path, elsewhere: Path) -> None:
    (output / "journal.sqlite").symlink_to(elsewhere / "none")


def pipe(output: Path, _elsewhere: Path) -> None:
    os.mkfifo(output / "run.json")


def file_for_folder(output: Path, _elsewhere: Path) -> None:
    (output / "wav").write_text("not ours")


def folder_for_file(output: Path, _elsewhere: Path) -> None:
    (output / "manifest.csv").mkdir()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        *((link_for(name, is_folder=True), "is a link to") for name in
          ("wav", "wav/dog", ".fetching")),
        *((link_for(name, is_folder=False), "is a link to") for name in
          ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "manifest.csv",
           "failures.csv", "run.json", ".lock", ".lock-holder.json")),
        (dangling, "is a link to"),
        (pipe, "is not a file"),
        (file_for_folder, "is not a folder"),
        (folder_for_file, "is not a file"),
    ],
)  # fmt: skip
def test_links_and_the_like_in_the_output_folder_are_refused(
    world: World, run_here: Run, make: Callable[[Path, Path], None], words: str
) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    output, elsewhere = world.output(config), world.folder / "elsewhere"
    output.mkdir()
    elsewhere.mkdir()
    make(output, elsewhere)
    before = tree(world.folder, but=output)
    with pytest.raises(OutputError, match=words):
        check_places(OutputFolder(output))
    done = run_here("download", config)
    assert done.code == 7, done.stderr
    assert f"Error: {output}" in done.stderr
    assert words in done.stderr
    assert tree(world.folder, but=output) == before
    assert world.simulator.log.requests == ()


def test_a_link_in_the_place_of_a_clip_is_replaced_and_not_written_through(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    elsewhere = world.folder / "elsewhere.wav"
    elsewhere.write_text("not ours")
    for clip_id in world.clips:
        place = world.output(config) / "wav" / "dog" / f"Y{clip_id}.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(elsewhere)
    assert run("download", config).code == 0
    assert elsewhere.read_text() == "not ours"
    assert len(world.rows(config)) == 3
    assert not any(path.is_symlink() for path in world.output(config).rglob("*"))


def test_the_output_folder_itself_may_be_a_link(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    (world.folder / "big disk").mkdir()
    world.output(config).symlink_to(world.folder / "big disk")
    assert run("download", config).code == 0
    assert run("verify", config).code == 0
    assert run("verify", config, "--repair").code == 0
    assert world.output(config).is_symlink()
    assert len(list((world.folder / "big disk").rglob("*.wav"))) == 3


FIELDS = st.one_of(
    st.sampled_from(
        ["../x", "/etc/passwd", "wav/a.wav", "", ".", "a\0b", "1", "-1", "9" * 5000, "loop", "pipe"]
    ),
    st.text(max_size=10),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.lists(FIELDS, min_size=17, max_size=19), max_size=4))
def test_any_manifest_is_verified_or_refused(tmp_path: Path, rows: list[list[str]]) -> None:
    if not (tmp_path / "loop").is_symlink():
        (tmp_path / "loop").symlink_to("loop")
        os.mkfifo(tmp_path / "pipe")
    text = io.StringIO()
    csv.writer(text).writerows([MANIFEST_COLUMNS, *rows])
    folder = OutputFolder(tmp_path)
    folder.manifest.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    try:
        num_rows = len(read_manifest(folder.manifest, checked=False).rows)
    except OutputError:
        pass
    else:
        result = verify_folder(folder, deep=True)
        assert {fault.code for fault in result.faults} <= {"outside", "missing", "duplicate"}
        assert len(result.faults) >= num_rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([".youtube.com", "TRUE", "FALSE", "/", "0", "9" * 16, "a", ""])
                 | st.text(max_size=5), min_size=6, max_size=8),
        max_size=3,
    )
)  # fmt: skip
def test_any_cookies_are_read_or_refused(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "cookies.txt"
    lines = ["# Netscape HTTP Cookie File", *("\t".join(row) for row in rows)]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    with suppress(ConfigError):  # the text of errors is for test_cookies
        assert read_cookies(path)
