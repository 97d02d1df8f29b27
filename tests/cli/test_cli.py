"""The command line: help, exit codes, and what errors look like."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from world import BARK, DOG, World, make_clips, run_command, run_script

from audioset_dl import cli
from audioset_dl.errors import OutputError
from audioset_dl.simulator import Simulator


@pytest.fixture
def world(tmp_path: Path):
    clips = make_clips([DOG, BARK], 4)
    with Simulator() as simulator:
        yield World(tmp_path, simulator, clips)


def test_init_writes_the_default_config_and_keeps_what_is_there(tmp_path: Path) -> None:
    done = run_command("init", cwd=tmp_path)
    assert done.returncode == 0
    project = Path(__file__).parents[2]
    assert (tmp_path / "config.yaml").read_bytes() == (project / "config.yaml").read_bytes()
    (tmp_path / "config.yaml").write_text("mine")
    again = run_command("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "exists already and is left as it is" in again.stderr
    assert (tmp_path / "config.yaml").read_text() == "mine"


def test_a_missing_config_says_what_to_do(tmp_path: Path) -> None:
    done = run_command("download", cwd=tmp_path)
    assert done.returncode == 2
    assert "audioset-dl init" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_exits_2() -> None:
    for arguments in (["donwload"], ["plan", "--jsn"], ["verify", "a", "b"]):
        done = run_command(*arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("plan", "--csv", "--json"), ("classes", "--csv", "--json"), ("status", "--csv"),
     ("split", "--preview", "--folder", "x")],
)  # fmt: skip
def test_wrong_usage_is_told_before_the_config_is_read(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run_command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "config.yaml" not in done.stderr
    assert arguments[1] in done.stderr


def test_classes_and_plan_print_one_json_document(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"], "descendants": True})
    rows = json.loads(run_command("classes", config, "--json").stdout)
    assert [row["name"] for row in rows] == ["Dog", "Bark", "Growling"]
    assert {"mid", "name", "quality", "num_rated", "num_true", "is_leaf", "clips"} <= set(rows[0])
    assert (rows[0]["clips"], rows[2]["clips"]) == (4, 0)
    plan = json.loads(run_command("plan", config, "--json").stdout)
    assert (plan["clips"], plan["expected"]["requests"]) == (4, 23)
    assert world.simulator.log.requests == ()
    assert not world.output(config).exists(), "a plan writes nothing"


def test_tables_for_people(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    assert re.search(
        r"^Dog +/m/0bt9lr +.*\d\.\d\d", run_command("classes", config).stdout, re.MULTILINE
    )
    text = run_command("plan", config, "--set", "download.delay_s=600").stdout
    assert "3 wanted, 0 saved already" in text
    assert "30 min at the configured pace (delay 600 s" in text


def test_a_name_that_adds_no_class_is_warned_of(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog", "Speech"], "leaf_only": True,
                                         "descendants": False})  # fmt: skip
    done = run_command("classes", config, "--set", "classes.include=[Bark, Dog]")
    assert "classes.include: 'Dog' adds no class" in done.stderr
    assert "'Bark'" not in done.stderr


def test_set_overrides_the_config(world: World) -> None:
    config = world.write_config()
    done = run_command("plan", config, "--json", "--set", "clips.per_class=1",
                       "--set", "classes.include=[Bark]")  # fmt: skip
    assert [row["wanted"] for row in json.loads(done.stdout)["classes"]] == [1]
    bad = run_command("plan", config, "--set", "clips.per_clas=1")
    assert bad.returncode == 2
    assert "did you mean per_class?" in bad.stderr


@pytest.mark.parametrize(
    ("changes", "exit_code", "words"),
    [
        ({"classes": {"include": ["Dgo"]}}, 2, "config.yaml:4: classes.include[0]: "),
        ({"classes": {"include": ["Dgo"]}}, 2, "did you mean"),
        ({"download": {"yt_dlp": {"formt": "x"}}}, 2, "did you mean format?"),
        ({"download": {"cookies": "none.txt"}}, 2, "can't be read"),
        ({"audio": {"ffmpeg": "none"}}, 4, "audio.ffmpeg"),
        ({"audio": {"ffmpeg": "/bin/true"}}, 4, "is no ffmpeg"),
        (
            {"download": {"yt_dlp": {"format": 140}}},
            2,
            "expected a text, found a number; put it in quotes",
        ),
        ({"download": {"cookies_from_browser": "firefox:/nowhere"}}, 2, "cookies_from_browser"),
        ({"output": {"dir": "/dev/null/x"}}, 7, "can't be written"),
        ({"metadata": {"segments": ["clips.csv"], "dir": "nowhere"}}, 3, "ontology"),
    ],
)
def test_exit_codes_of_a_download_that_can_not_begin(world, changes, exit_code, words) -> None:
    done = run_command("download", world.write_config(**changes))
    assert done.returncode == exit_code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_malformed_segment_file_is_named_with_its_line(world: World) -> None:
    text = world.segments.read_text()
    world.segments.write_text(text + "short, 0.0, 10.0, /m/0bt9lr\n")
    done = run_command("download", world.write_config())
    assert done.returncode == 3
    assert f"clips.csv:{text.count(chr(10)) + 1}: " in done.stderr


@pytest.mark.parametrize("command", ["status", "verify"])
def test_where_nothing_was_downloaded(world: World, command: str) -> None:
    done = run_command(command, world.write_config())
    assert done.returncode == 7
    assert "run `audioset-dl download`" in done.stderr


def run_in_process(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["audioset-dl", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def test_a_bug_keeps_its_traceback_and_exits_70(monkeypatch, capsys, tmp_path) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(cli.group, "load_config", broken)
    assert run_in_process(monkeypatch, "status") == 70
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err


def test_an_error_of_ours_is_one_line(monkeypatch, capsys) -> None:
    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(cli.group, "load_config", full)
    assert run_in_process(monkeypatch, "status") == 7
    assert capsys.readouterr().err == "Error: the disk is full\n"


@pytest.mark.e2e
def test_demo_runs_whole_without_internet(tmp_path: Path) -> None:
    done = run_script("demo", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) of (\d+) files play just the seconds that they should", done.stdout)
    assert found
    assert found[1] == found[2]
    assert "all are as they were written" in done.stdout
    assert any(path.name.startswith("Y-") for path in (tmp_path / "here").rglob("*.wav"))
    again = run_script("demo", "here", cwd=tmp_path)
    assert again.returncode == 0
    assert "(0 by this run)" in again.stdout


def test_demo_leaves_another_config_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    done = run_script("demo", tmp_path)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "config.yaml"]
    assert (tmp_path / "config.yaml").read_text() == "seed: 1\n"
