"""Lists of clips: what is in them, what is refused, and the same set on another machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from world import BARK, CAT, DOG, GLOCKENSPIEL, MakeWorld, make_clips, run_command, videos_of

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.catalog.clips import Clip
from audioset_dl.config import ClassesConfig, ClipsConfig, Config, MetadataConfig, OutputConfig
from audioset_dl.dataset.manifest_writing import MANIFEST_COLUMNS
from audioset_dl.errors import ConfigError
from audioset_dl.selection.select import Selection, select
from audioset_dl.simulator import Simulator

DATA = Path(__file__).parents[1] / "data"
CAT_CLIP, DOG_CLIP = "-1FJors_6IL_10000", "-PTuSgR7cMy_20000"
ANIMAL, GROWLING = "/m/0jbk", "/m/0ghcn6"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DATA, ["balanced_train"])


Choose = Callable[..., Selection]


@pytest.fixture
def choose(tmp_path: Path, catalog: Catalog) -> Choose:
    """Select the clips of a list with this text."""

    def choose(text: str | bytes, **sections: object) -> Selection:
        path = tmp_path / "list.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        values = {
            "metadata": MetadataConfig(segments=("balanced_train",)),
            "output": OutputConfig(dir=tmp_path / "out"),
            **sections,
        }
        return select(catalog, Config(clips=ClipsConfig(list=path, per_class=1), **values))

    return choose


@pytest.mark.parametrize(
    "text",
    [
        f"clip_id\n{DOG_CLIP}\n{CAT_CLIP}\n",
        f"\ufeffCLIP_ID, note\r\n{DOG_CLIP},x\r\n{CAT_CLIP},\r\n\r\n,\r\n",
        "ytid,start_s\n-PTuSgR7cMy,20\n-1FJors_6IL,10.0\n",
        "end_s,start_s,ytid\n30,20.000,-PTuSgR7cMy\n20,1e1,-1FJors_6IL\n",
        f"clip_id\n{DOG_CLIP}\n{CAT_CLIP}\n{DOG_CLIP}\n{DOG_CLIP}\n",
    ],
    ids=["clip_id", "BOM and more columns", "ytid,start_s", "other order", "twice"],
)
def test_the_clips_of_a_list_each_once_whatever_per_class_says(choose: Choose, text: str) -> None:
    selection = choose(text)
    assert selection.clip_list is not None
    assert list(selection.clip_list.clips) == [DOG_CLIP, CAT_CLIP]
    assert sorted(selection.draw().start()) == [0, 1]
    assert selection.table.clip_ids() == [DOG_CLIP, CAT_CLIP]
    assert selection.clip(DOG_CLIP).labels == (BARK, "/m/068hy", DOG, ANIMAL)
    assert selection.clip(DOG_CLIP).subset == "balanced_train"


def test_a_clip_that_is_gone_has_no_replacement(choose: Choose) -> None:
    selection = choose(f"clip_id\n{DOG_CLIP}\n{CAT_CLIP}\n")
    draw = selection.draw()
    draw.start()
    assert draw.replace(selection.row(DOG_CLIP)) == []
    assert (draw.num_wanted, draw.num_gone) == (1, 1)


def test_which_classes_a_clip_counts_for(choose: Choose) -> None:
    text = f"clip_id,classes\n{DOG_CLIP},Dog;Bark\n{CAT_CLIP},\n"
    selection = choose(text)
    assert selection.clip_list.classes[DOG_CLIP] == {DOG, BARK}, "those that the list names"
    names = [node.name for node in selection.classes]
    assert names.index("Dog") < names.index("Bark"), "in ontology order"
    assert selection.clip_list.classes[CAT_CLIP] == {CAT, "/m/02yds9"}, "none named: by its labels"
    both = choose(f"clip_id,classes\n{DOG_CLIP},Animal;Dog\n-PTuSgR7cMy_20000,Animal\n")
    assert both.clip_list.classes[DOG_CLIP] == {ANIMAL, DOG}, "of both rows"
    other = "00000000000_0"
    rows = f"{DOG_CLIP},,,Dog\n{other},10,{ANIMAL};{DOG},\n"
    kept = choose(f"clip_id,end_s,labels,classes\n{rows}")
    assert kept.clip_list.classes[other] == {DOG}, "none named: a label that other rows name"
    foreign = choose(f"clip_id,classes\n{DOG_CLIP},Speech\n")
    assert DOG in foreign.clip_list.classes[DOG_CLIP], "a class whose label it does not carry"


def test_where_the_list_names_no_class_the_config_does(choose: Choose) -> None:
    text = f"clip_id\n{DOG_CLIP}\n{CAT_CLIP}\n"
    only_dog = ClassesConfig(include=("Dog",), descendants=False)
    selection = choose(text, classes=only_dog)
    assert selection.clip_list.classes[DOG_CLIP] == {DOG}
    assert selection.clip_list.classes[CAT_CLIP] == {CAT, "/m/02yds9"}, "none chosen: all it has"


def test_a_clip_in_no_segment_file_is_taken_from_a_manifest(choose: Choose) -> None:
    cells = dict.fromkeys(MANIFEST_COLUMNS, "1")
    cells |= {
        "clip_id": "-0123456789_1500", "ytid": "-0123456789", "start_s": "1.5", "end_s": "11.5",
        "labels": f"{DOG};{ANIMAL}", "classes": "Animal", "subset": "eval",
    }  # fmt: skip
    selection = choose(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    clip = selection.clip("-0123456789_1500")
    assert clip == Clip("-0123456789", 1.5, 11.5, (DOG, ANIMAL), "eval")
    assert [node.mid for node in selection.classes] == [ANIMAL]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty; expected a row of column names"),
        ("clip_id\n", "list.csv: holds no clips"),
        ("file,labels\nx,y\n", ":1: expected a row of column names with clip_id, or ytid and st"),
        (f"clip_id;classes\n{DOG_CLIP};Dog\n", "must be separated by commas"),
        ("# Segments csv\n# YTID, start_seconds\n", "belongs into metadata.segments"),
        ("clip_id\nabc\n", ":2: clip_id: expected <YouTube id>_<start in ms>, such as b0RF"),
        (f"clip_id\n{DOG_CLIP}\n=-PTuSgR7cMy_2\n", ":3: .* takes ids that begin with - for formul"),
        ("ytid,start_s\n#NAME?,20\n", ":2: ytid: .*'#NAME\\?'; a spreadsheet takes ids"),
        ("ytid,start_s\n1.23E+10,20\n", ":2: ytid: .*; a spreadsheet takes ids"),
        ('ytid,start_s\n-PTuSgR7cMy,"20,5"\n', ":2: start_s: .*'20,5'; write a point, not a comma"),
        ("ytid,start_s\n-PTuSgR7cMy,-1\n", ":2: start_s: expected seconds, found '-1'"),
        ("ytid,start_s\n-PTuSgR7cMy,nan\n", ":2: start_s: expected seconds, found 'nan'"),
        ("ytid,start_s\n-PTuSgR7cMy,1_0\n", ":2: start_s: expected seconds, found '1_0'"),
        ("ytid,start_s\n-PTuSgR7cMy\n", ":2: expected 2 cells, found 1"),
        (f"clip_id,ytid\n{DOG_CLIP},-1FJors_6IL\n", ":2: clip_id is .*, but ytid '-1FJors_6IL'"),
        (f"clip_id,start_s\n{DOG_CLIP},10\n", ":2: clip_id is .*, but start_s '10'"),
        ("ytid,start_s,end_s\n-PTuSgR7cMy,20,31\n", "end_s is 31, but .* ends at 30 in balanced"),
        ("clip_id\n00000000000_0\n", r"none of metadata.segments \(balanced_train\).*add eval o"),
        ("clip_id,subset\n00000000000_0,eval\n", "add the segment file 'eval', of which it was"),
        ("clip_id,end_s,labels\n00000000000_1000,1,/m/0bt9lr\n", "end_s must come after the start"),
        ("clip_id,end_s,labels\n00000000000_0,999999,/m/0bt9lr\n", "a clip of 999,999 s; expected"),
        ("clip_id,end_s,labels\n00000000000_0,10,/m/0bt9lr\n00000000000_0,15,/m/0bt9lr\n",
         "00000000000_0 stands there with two ends, 10 s and 15 s"),
        ("clip_id,end_s,labels\n00000000000_0,9,/m/0\n", "expected MIDs of .* found '/m/0'"),
        (f"clip_id,classes\n{DOG_CLIP},Dogg\n", ":2: classes: no class is called 'Dogg'"),
        (b"clip_id\n\xff\n", "not a text in UTF-8"),
        (f'clip_id\n"{DOG_CLIP}\n', "not a CSV row"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_told_with_its_line(choose: Choose, text, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as told:
        choose(text)
    assert told.value.problems[0].key == "clips.list"


def test_of_many_bad_rows_the_first_few_and_the_number(choose: Choose) -> None:
    with pytest.raises(ConfigError) as told:
        choose("clip_id\n" + "".join(f"0000000000{n % 10}_{n}\n" for n in range(500)))
    lines = str(told.value).splitlines()
    assert len(lines) == 6
    assert ":2: " in lines[0]
    assert "and 495 more rows that can't be used" in lines[-1]


def test_the_manifest_of_the_output_itself_is_no_list(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "out" / "manifest.csv"
    path.parent.mkdir()
    path.write_text(f"clip_id\n{DOG_CLIP}\n")
    config = Config(clips=ClipsConfig(list=path), output=OutputConfig(dir=tmp_path / "out"))
    with pytest.raises(ConfigError, match="copy it, and name the copy"):
        select(catalog, config)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None], ids=["a folder", "nothing"])
def test_what_is_no_file_is_no_list(tmp_path: Path, catalog: Catalog, make) -> None:
    make(tmp_path / "list.csv")
    with pytest.raises(ConfigError, match=r"list\.csv: (is not a file|does not exist)"):
        select(catalog, Config(clips=ClipsConfig(list=tmp_path / "list.csv")))


@pytest.mark.parametrize("key", ["list", "known_gone"])
@pytest.mark.parametrize("name", ["none.csv", "."])
def test_a_table_that_is_not_there_is_one_line(make_world, key: str, name: str) -> None:
    world = make_world(make_clips([DOG], 2))
    config = world.write_config(clips={key: name})
    for command in ("plan", "download", "classes"):
        done = run_command(command, config)
        assert done.returncode == 2, done.stderr
        assert f"clips.{key}" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_same_set_on_another_machine_but_for_what_is_gone_by_then(
    make_world: MakeWorld,
) -> None:
    clips = [
        *make_clips([DOG], 6),
        *make_clips([CAT, DOG], 3, first=100),
        *make_clips([ANIMAL, DOG, BARK], 3, first=200),
        *make_clips([GLOCKENSPIEL], 3, first=300),
    ]
    wanted = {"include": ["Animal", "Dog", "Bark", "Glockenspiel"], "descendants": False}
    gone_before = clips[0].ytid
    world = make_world(clips, changes={gone_before: {"behaviour": "private"}})
    first = world.write_config("first.yaml", classes=wanted, clips={"per_class": 6})
    assert world.download(first).returncode == 0
    rows = {row["clip_id"]: row for row in world.rows(first)}
    gone_now = {row["clip_id"]: "removed" for row in list(rows.values())[:2]}
    listed = world.folder / "colleague.csv"
    shutil.copy(world.output(first) / "manifest.csv", listed)

    videos = videos_of(
        clips,
        **{clip_id[:11]: {"behaviour": "removed"} for clip_id in gone_now},
    )
    with Simulator(videos) as elsewhere:
        second = world.write_config(
            "second.yaml",
            classes={"include": []},
            clips={"list": listed.name, "per_class": 1},
            download={"workers": 1, "proxies": [elsewhere.address]},
        )
        planned = json.loads(run_command("plan", second, "--json").stdout)
        done = world.download(second)
        again = world.download(second)
    assert planned["clips"] == planned["to_fetch"] == len(rows)
    assert planned["clip_list"] == str(listed)
    assert done.returncode == 0, done.stderr
    assert f"{len(rows) - 2} of the list's {len(rows)} clips saved in" in done.stdout
    assert "2 gone for good; what is on a list is not replaced" in done.stdout
    for clip_id in gone_now:
        assert f"  {clip_id}: removed: " in done.stdout
    assert "(0 by this run)" in again.stdout
    same = ("clip_id", "file_name", "sha256", "labels", "classes", "subset")
    expected = [
        {key: row[key] for key in same} for row in rows.values() if row["clip_id"] not in gone_now
    ]
    assert [{key: row[key] for key in same} for row in world.rows(second)] == expected
    assert {r["clip_id"]: r["code"] for r in world.rows(second, "failures.csv")} == gone_now
    status = world.status(second)
    assert (status["saved"], status["gone"], status["waiting"]) == (len(rows) - 2, 2, 0)

    compared = run_command("compare", world.output(first), world.output(second), "--json")
    assert compared.returncode == 1
    difference = json.loads(compared.stdout)
    assert difference["only_in_b"] == difference["other_audio"] == []
    assert {one["clip_id"]: one["code"] for one in difference["only_in_a"]} == gone_now
    assert difference["same_audio"] == len(rows) - 2


def test_a_list_in_a_folder_that_holds_other_clips_keeps_them(make_world: MakeWorld) -> None:
    clips = [*make_clips([DOG], 5), *make_clips([CAT], 3, first=100)]
    world = make_world(clips)
    config = world.write_config(clips={"per_class": 2})
    assert world.download(config).returncode == 0
    before = world.files(config)
    kept = {row["clip_id"] for row in world.rows(config)}
    new = next(clip for clip in clips if clip.clip_id not in kept)
    (world.folder / "list.csv").write_text(f"clip_id\n{new.clip_id}\n{min(kept)}\n")
    world.write_config(clips={"list": "list.csv"})
    done = world.download(config)
    assert "2 of the list's 2 clips saved" in done.stdout, done.stderr
    assert f"{len(kept) - 1} more, saved earlier and not wanted now, were kept" in done.stdout
    assert before.items() < world.files(config).items()
    assert len(world.files(config)) == len(before) + 1
    assert run_command("verify", config, "--deep").returncode == 0


def test_a_bad_list_ends_the_command_with_its_line_and_that_of_the_config(make_world) -> None:
    world = make_world(make_clips([DOG], 2))
    (world.folder / "list.csv").write_text("clip_id\nabc\n")
    config = world.write_config(clips={"list": "list.csv"})
    for command in ("plan", "download"):
        done = run_command(command, config)
        assert done.returncode == 2
        assert f"clips.list: {world.folder / 'list.csv'}:2: clip_id: expected" in done.stderr
        assert "config.yaml:" in done.stderr
    assert not world.output(config).exists()
