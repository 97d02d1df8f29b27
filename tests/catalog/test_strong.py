"""Strong labels: events, the classes that only they have, and clips that have weak labels too."""

from pathlib import Path

import numpy as np
import pytest

from audioset_dl.catalog.cache import Cache
from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.catalog.ontology import Node, Ontology, UnknownClass, read_ontology
from audioset_dl.catalog.relabel import Corrections, read_corrections
from audioset_dl.catalog.segments import SegmentTable, read_segments
from audioset_dl.catalog.sources import SegmentSource
from audioset_dl.catalog.strong_tsv import read_display_names
from audioset_dl.config import ClassesConfig
from audioset_dl.errors import MetadataError
from audioset_dl.selection.classes import select_classes

HEADER = "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"
DATA = Path(__file__).parents[1] / "data"
SHOWER, BRIEF_TONE, BRIEF_TONE_THERE = "/m/02f9f_", "/t/dd000138", "/t/dd00138"
EVENTS = [
    ("--PJHxphWEs_30000", "0.000", "2.627", "/t/dd00143"),
    ("--PJHxphWEs_30000", "3.1", "10.000", "/m/09x0r"),
    ("--PJHxphWEs_30000", "3.1", "4", "/m/02f9f_"),
    ("-a_cdefghi0_0", "0.5", "0.501", BRIEF_TONE_THERE),
    ("b_cdefghi-0_1", "9.999", "10", "/m/0bt9lr"),
    ("b_cdefghi-0_1", "1", "10.0005", "/m/0bt9lr"),
]


def write_strong(folder: Path, events: list[tuple[str, str, str, str]] = EVENTS) -> Path:
    path = folder / "mine_strong.tsv"
    path.write_text(HEADER + "".join("\t".join(event) + "\n" for event in events))
    return path


def read(*paths: Path, corrections: Corrections | None = None) -> SegmentTable:
    sources = [SegmentSource(one, one.stem, is_strong=one.suffix == ".tsv") for one in paths]
    return read_segments(sources, corrections=corrections)


def test_a_clip_has_the_labels_of_its_events(tmp_path: Path) -> None:
    table = read(write_strong(tmp_path))
    clips = {clip.clip_id: clip for clip in map(table.clip, range(len(table)))}
    assert sorted(clips) == sorted({event[0] for event in EVENTS})
    assert clips["--PJHxphWEs_30000"].labels == ("/t/dd00143", "/m/09x0r", SHOWER)
    assert (clips["--PJHxphWEs_30000"].start_s, clips["--PJHxphWEs_30000"].end_s) == (30.0, 40.0)
    assert clips["-a_cdefghi0_0"].labels == (BRIEF_TONE,)
    assert table.own_mids == {"/t/dd00143", "/m/09x0r", SHOWER, BRIEF_TONE, "/m/0bt9lr"}


def test_events_are_counted(tmp_path: Path) -> None:
    events = read(write_strong(tmp_path)).events
    assert events is not None
    assert len(events) == len(EVENTS)
    assert events.count()["/m/0bt9lr"] == (2, 9.001)
    assert events.count(np.array([], np.int32))["/m/0bt9lr"] == (0, 0.0)
    row = read(write_strong(tmp_path)).find("b_cdefghi-0_1")
    assert [(one.onset_s, one.offset_s) for one in events.of(row)] == [(1.0, 10.0), (9.999, 10.0)]


@pytest.mark.parametrize("order", [1, -1])
def test_with_a_weak_file_a_clip_has_the_labels_of_both(tmp_path: Path, order: int) -> None:
    weak = tmp_path / "weak.csv"
    weak.write_text(
        '--PJHxphWEs, 30.000, 40.000, "/m/01yrx,/m/09x0r"\nb_cdefghi-0, 0.001, 8, "/m/x"\n'
    )
    events = [event for event in EVENTS if not event[0].startswith("b_")]
    table = read(*[weak, write_strong(tmp_path, events)][::order])
    clip = table.clip(table.find("--PJHxphWEs_30000"))
    assert clip.labels == ("/m/01yrx", "/m/09x0r", "/t/dd00143", SHOWER)
    assert clip.subset == "weak"
    assert (len(table), table.num_duplicates) == (3, 0)
    assert sorted(table.rows_of(SHOWER)) == [table.find("--PJHxphWEs_30000")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--PJHxphWEs_30000\t3\t3\t/m/09x0r", "must end after it starts"),
        ("--PJHxphWEs_30000\t3\t2\t/m/09x0r", "must end after it starts"),
        ("--PJHxphWEs_30000\t3\t10.5\t/m/09x0r", "within the segment's 10 s"),
        ("--PJHxphWEs_30000\t-1\t2\t/m/09x0r", "must not be negative"),
        ("--PJHxphWEs_30000\tnan\t2\t/m/09x0r", "not a finite number"),
        ("--PJHxphWEs\t1\t2\t/m/09x0r", "expected a segment_id"),
        ("--PJHxphWEs_030000\t1\t2\t/m/09x0r", "expected a segment_id"),
        ("--PJHxphWEs_30000\t1\t2\tSpeech", "expected a label"),
        ("--PJHxphWEs_30000\t1\t2", "expected 4 columns"),
        ("--PJHxphWEs_30000,1,2,/m/09x0r", "expected 4 columns"),
    ],
)
def test_a_malformed_row_is_refused_by_its_line(tmp_path: Path, line: str, words: str) -> None:
    path = write_strong(tmp_path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(MetadataError, match=words) as refused:
        read(path)
    assert f"{path}:8" in str(refused.value)


def test_an_event_beyond_a_short_segment_is_refused_by_its_line(tmp_path: Path) -> None:
    weak = tmp_path / "weak.csv"
    weak.write_text('b_cdefghi-0, 0.001, 8, "/m/0bt9lr"\n')
    with pytest.raises(MetadataError, match=r"which has 7\.999 s; found 9\.999 to 10") as refused:
        read(weak, write_strong(tmp_path))
    assert ":6" in str(refused.value)


def load(tmp_path: Path, *segments: str, corrections: Corrections | None = None) -> Catalog:
    for path in DATA.glob("*"):
        if path.suffix in {".csv", ".json"}:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "mid_to_display_name.tsv").write_text(
        f"{SHOWER}\tShower\n{BRIEF_TONE_THERE}\tShort tone\n/t/dd00143\tUnknown sound\n"
        "/m/0bt9lr\tHound\n/m/09x0r\tSpeech\n"
    )
    return load_catalog(tmp_path, segments, corrections=corrections)


def test_classes_that_the_ontology_lacks_are_leaves_after_it(tmp_path: Path) -> None:
    events = [event for event in EVENTS if event[3] != BRIEF_TONE_THERE]
    catalog = load(tmp_path, str(write_strong(tmp_path, events)))
    there = {node.mid for node in read_ontology(DATA / "ontology.json")}
    leaves = catalog.ontology.nodes[len(there) :]
    named = {SHOWER, BRIEF_TONE, "/t/dd00143", "/m/0bt9lr", "/m/09x0r"}
    assert [node.mid for node in leaves] == sorted(named - there)
    assert all(node.is_leaf and not catalog.ontology.parents(node.mid) for node in leaves)
    chosen = select_classes(catalog, ClassesConfig(include=("Shower", "Hound", "/t/dd00143")))
    assert {node.name for node in chosen} >= {"Shower", "Dog", "Unknown sound"}
    assert chosen[-1].mid == "/t/dd00143"
    assert catalog.ontology.find("hound").name == "Dog"


def test_a_label_that_no_file_names_is_refused_by_its_line(tmp_path: Path) -> None:
    events = [*EVENTS[:2], ("-a_cdefghi0_0", "0", "1", "/m/nobody")]
    with pytest.raises(MetadataError, match="/m/nobody is not in the ontology") as refused:
        load(tmp_path, str(write_strong(tmp_path, events)))
    assert "mine_strong.tsv:4" in str(refused.value)


def test_equal_names_are_refused_with_both_mids() -> None:
    ontology = Ontology((Node("/m/a", "Cart"),)).with_leaves({"/m/b": "Cart"})
    with pytest.raises(UnknownClass, match="2 classes are called 'Cart': /m/a and /m/b; write"):
        ontology.find("Cart")
    assert ontology.find("/m/b").mid == "/m/b"


def test_display_names_are_refused_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "names.tsv"
    path.write_text("/m/0bt9lr\tDog\nDog\t/m/0bt9lr\n")
    with pytest.raises(MetadataError, match="expected a MID") as refused:
        read_display_names(path)
    assert f"{path}:2" in str(refused.value)


WEAK = '--PJHxphWEs, 30.000, 40.000, "/m/01yrx,/m/09x0r"\nb_cdefghi-0, 0, 8, "/m/01yrx"\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("psla.json", '{"data": [{"wav": "/x/Y--PJHxphWEs.wav", "labels": "/m/0bt9lr,/m/new"}]}'),
        ("psla.json", '{"data": [{"wav": "--PJHxphWEs.flac", "labels": "/m/0bt9lr,/m/new"}]}'),
        ("r.json", '{"data": [{"video_id": "--PJHxphWEs", "labels": "/m/0bt9lr,/m/new"}]}'),
        ("r.json", '[{"wav": "Y--PJHxphWEs_30.000.wav", "labels": ["/m/0bt9lr", "/m/new"]}]'),
        ("mine.csv", 'clip_id,labels\n--PJHxphWEs_30000,"/m/0bt9lr,/m/new"\n'),
        ("mine.csv", "ytid,labels\n--PJHxphWEs,/m/0bt9lr;/m/new\n"),
    ],
)
@pytest.mark.parametrize("keep_rest", [True, False])
def test_corrected_labels_take_the_place_of_googles(tmp_path, name, text, keep_rest) -> None:
    weak, path = tmp_path / "weak.csv", tmp_path / name
    weak.write_text(WEAK)
    path.write_text(text)
    table = read(weak, corrections=read_corrections([path], keep_rest=keep_rest))
    clip = table.clip(table.find("--PJHxphWEs_30000"))
    assert clip.labels == ("/m/0bt9lr", "/m/new")
    assert clip.google_labels == ("/m/01yrx", "/m/09x0r")
    assert (table.num_named, table.num_changed, len(table)) == (1, 1, 2 if keep_rest else 1)
    if keep_rest:
        rest = table.clip(table.find("b_cdefghi-0_0"))
        assert rest.labels == rest.google_labels == ("/m/01yrx",)


def test_without_corrections_there_are_no_labels_of_googles(tmp_path: Path) -> None:
    weak = tmp_path / "weak.csv"
    weak.write_text(WEAK)
    assert read(weak).clip(0).google_labels == ()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{}", "expected {"),
        ("a.json", "[", "not JSON"),
        ("a.json", '[{"wav": "x.wav", "labels": "/m/a"}]', "entry 1: expected a YouTube id"),
        ("a.json", '[{"wav": "--PJHxphWEs.wav", "labels": "Dog"}]', "entry 1: expected labels"),
        ("a.json", '[{"wav": "--PJHxphWEs.wav"}]', "entry 1: expected labels"),
        ("a.csv", "ytid,label\n--PJHxphWEs,/m/a\n", "a.csv:1"),
        ("a.csv", "ytid,labels\n--PJHxphWEs,/m/a\n--PJHxphWEs,/m/b\n", "stands in the file twice"),
        ("none.json", None, "there is no such file"),
    ],
)
def test_corrections_in_no_known_form_are_refused(tmp_path, name, text, words) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(MetadataError, match=words):
        read_corrections([path], keep_rest=True)


def test_labels_that_are_new_are_classes_with_their_mid_for_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    lines = (DATA / "eval_segments.csv").read_text().splitlines()
    ytid = next(line[:11] for line in lines if not line.startswith("#"))
    path.write_text(f"ytid,labels\n{ytid},/m/0brandnew\n")
    corrections = read_corrections([path], keep_rest=False)
    catalog = load(tmp_path, "eval", corrections=corrections)
    assert [
        node.name for node in select_classes(catalog, ClassesConfig(include=("/m/0brandnew",)))
    ] == ["/m/0brandnew"]
    assert len(catalog.segments) == 1


def test_corrections_of_one_name_are_not_taken_for_each_other(tmp_path: Path) -> None:
    """By the cache, whose key has the content of all of them."""
    weak, cache = tmp_path / "weak.csv", Cache(tmp_path / "cache")
    weak.write_text(WEAK)
    paths = [tmp_path / name / "mine.csv" for name in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text("ytid,labels\nb_cdefghi-0,/m/b\n")
    for label in ("/m/one", "/m/two"):
        paths[0].write_text(f"ytid,labels\n--PJHxphWEs,{label}\n")
        corrections = read_corrections(paths, keep_rest=True)
        table = read_segments([SegmentSource(weak, "weak")], cache, corrections=corrections)
        assert table.clip(table.find("--PJHxphWEs_30000")).labels == (label,)
