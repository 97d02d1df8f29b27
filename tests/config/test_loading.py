"""From a file, overrides or a dict to a configuration: paths, places, and hostile input."""

from __future__ import annotations

import doctest
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from audioset_dl.config import (
    ClipsConfig,
    Config,
    OutputConfig,
    as_config,
    load_config,
    loading,
    secrets,
    starting,
)
from audioset_dl.config.loading import locate
from audioset_dl.config.secrets import public_dict
from audioset_dl.errors import ConfigError, Problem

PATHS = """
metadata: {dir: m, segments: [eval, s.csv]}
download: {cookies: ../c.txt}
audio: {ffmpeg: bin/ffmpeg}
output: {dir: o}
"""


def _paths(config: Config) -> list[Any]:
    return [config.metadata.dir, config.metadata.segments[1], config.download.cookies,
            config.audio.ffmpeg, config.output.dir]  # fmt: skip


def test_paths_are_taken_from_the_files_folder(load: Callable[..., Config], tmp_path: Path) -> None:
    parts = ["m", "s.csv", "../c.txt", "bin/ffmpeg", "o"]
    assert _paths(load(PATHS)) == [tmp_path / part for part in parts]


def test_paths_are_absolute_however_the_file_was_named(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write(PATHS).parent)
    assert _paths(load_config(Path("config.yaml"))) == _paths(
        load_config(Path.cwd() / "config.yaml")
    )


def test_paths_of_overrides_too(load: Callable[..., Config], tmp_path: Path) -> None:
    config = load("", "output.dir=x/y", "metadata.segments=[a.csv.gz]", "audio.ffmpeg=/bin/ffmpeg")
    assert config.output.dir == tmp_path / "x/y"
    assert config.metadata.segments == (tmp_path / "a.csv.gz",)
    assert config.audio.ffmpeg == Path("/bin/ffmpeg")


def test_home_is_expanded(
    load: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = "output: {dir: ~/o}\nmetadata: {segments: [~/s.csv]}"
    config = load(text, "metadata.dir=~/m")
    assert config.metadata.dir == tmp_path / "home/m"
    assert config.output.dir == tmp_path / "home/o"
    assert config.metadata.segments == (tmp_path / "home/s.csv",)


def test_lone_tilde_is_null_as_in_yaml(refuse: Callable[..., list[str]]) -> None:
    assert refuse("", "metadata.dir=~") == [
        "--set: metadata.dir: expected a path, found null; leave the key out for its default"
    ]


def _message(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    assert _message(path) == (
        f"{path}: no such file; write a commented one with: audioset-dl init {path}"
    )


def test_a_folder_a_file_in_a_file_and_a_nul_in_the_name(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert "a folder; name the YAML file in it" in _message(tmp_path)
    assert "can't be read: Not a directory" in _message(tmp_path / "f" / "config.yaml")
    assert "can't be read" in _message(tmp_path / "a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(write: Callable[[str], Path]) -> None:
    path = write("seed: 1")
    path.chmod(0)
    try:
        assert "permission denied" in _message(path)
    finally:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_unreadable_file_for_root_too(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write("seed: 1")
    monkeypatch.setattr(Path, "open", refuse)
    assert "permission denied; make the file readable" in _message(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"seed: 1\nclips: \xe9\n", ":2: byte 0xe9 is not UTF-8; save the file as UTF-8 text"),
        ("seed: 1\n".encode("utf-16"), ":1: byte 0xff is not UTF-8"),
        (b"seed: 1\n\nclips: \0\n", ":3: a NUL character"),
        (b"#" * 300_000, ": larger than 256 KiB"),
    ],
)
def test_no_text_file(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    assert f"{path}{words}" in _message(path)


def test_overrides_win_and_later_ones_over_earlier(load: Callable[..., Config]) -> None:
    config = load(
        "clips: {per_class: 3, labels: exclusive}\nclasses:\n",
        "clips.per_class=4",
        "clips.per_class=5",
        'classes.include=[Dog, "Bee, wasp, etc."]',
        "seed=9",
        "audio.sample_rate=null",
        "download.cookies_from_browser=firefox:a=b",
        "download.yt_dlp.extractor_args.youtube.player_client=[web]",
    )
    assert (config.seed, config.clips.per_class, config.clips.labels) == (9, 5, "exclusive")
    assert config.classes.include == ("Dog", "Bee, wasp, etc.")
    assert config.audio.sample_rate is None
    assert config.download.cookies_from_browser == "firefox:a=b"
    assert config.download.yt_dlp == {"extractor_args": {"youtube": {"player_client": ["web"]}}}


def test_an_override_mends_a_fault_of_the_file(load: Callable[..., Config]) -> None:
    text = "clips: {per_class: many}\nclasses: {include: [1, 2]}"
    assert load(text, "clips.per_class=4", "classes.include=[]").clips.per_class == 4


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("clips.per_class", "expected key.path=value, such as clips.per_class=20, found"),
        ("=3", "expected key.path=value"),
        ("clips..per_class=3", "expected key.path=value"),
        ("clips.per_class=", "clips.per_class: nothing after the =; write a value, or null"),
        ("clips={per_class: 3}", "clips: a section; set its keys one by one"),
        ("seed.x=3", "seed.x: seed holds no keys"),
        ("clips.per_clas=3", "clips.per_clas: unknown key; did you mean per_class?"),
        ("clip.per_class=3", "clip: unknown key; did you mean clips?"),
        ("per_class=3", "per_class: unknown key here; it belongs under clips:"),
        ("clips.per_class='3'", "clips.per_class: expected a whole number from 1"),
        ("clips.per_class=yes", 'clips.per_class: expected a whole number from 1 to 10000000 or'),
        ("classes.include=Dog", "classes.include: expected a list"),
        ("classes.include=[Dog, 4]", "classes.include[1]: expected text, found 4"),
        ("classes.include=[Dog", "classes.include: not valid YAML at column 5: a list that is"),
        ("classes.include=[*a]", "classes.include[0]: aliases (*name) are not used here"),
        ("download.yt_dlp={a: 1, a: 2}", "download.yt_dlp.a: given twice"),
        ("classes.include[0]=Dog", 'classes."include[0]": unknown key; did you mean include?'),
        ("output.dir=\0", "a control character (U+0000)"),
    ],
)  # fmt: skip
def test_faults_of_overrides(refuse: Callable[..., list[str]], override: str, words: str) -> None:
    [problem] = refuse("seed: 1\nclips: {per_class: 2}", override)
    assert problem.startswith("--set: ")
    assert words in problem


def test_a_fault_inside_an_override_is_not_blamed_on_the_file(
    refuse: Callable[..., list[str]],
) -> None:
    text = "classes:\n  include:\n  - Dog\n  - Cat\n"
    [problem] = refuse(text, "classes.include=[Dog, 4]")
    assert problem.startswith("--set: classes.include[1]: expected text, found 4")


def test_faults_of_file_and_overrides_stand_together(refuse: Callable[..., list[str]]) -> None:
    problems = refuse("seed: x\nclips: 5", "audio.channels=9", "clips.per_class=1", "a b")
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["1", "seed"],
        ["2", "clips"],
        ["--set", "clips.per_class"],
        ["--set", 'expected key.path=value, such as clips.per_class=20, found "a b"'],
        ["--set", "audio.channels"],
    ]


KEYS = [
    "seed",
    "classes",
    "include",
    "per_class",
    "clips",
    "download",
    "proxies",
    "yt_dlp",
    "slice",
]
PIECES = st.sampled_from(
    [*KEYS, *"[]{},:?-&*!|>'\"%@`#~=.\t\\", "\n", "\n  ", "\n    ", ": ", "- ", "<<", "---\n",
     "null", "true", "no", "0", "-1", "1e999", "1e3", ".5", "\\U0011ffff", "\\ud800", "\ufeff",
     "http://a:b@c:1", "é", "𝄞", "\r\n", "...\n", "\x85", "!!int ", "%YAML 1.1\n", "&a ", "*a"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60)


@settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS)
def test_no_text_raises_anything_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        config = load_config(path)
    except ConfigError as error:
        problems = error.problems
    else:
        problems = ()
        json.dumps(public_dict(config))
    assert all(problem.message and problem.source for problem in problems)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    override=TEXTS
    | st.sampled_from(KEYS).flatmap(lambda key: TEXTS.map(f"download.{key}=".__add__))
)
def test_no_override_raises_anything_else(tmp_path: Path, override: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("clips: {per_class: 2}", encoding="utf-8")
    problems: Sequence[Problem] = ()
    try:
        load_config(path, [override])
    except ConfigError as error:
        problems = error.problems
    assert all(problem.source == "--set" for problem in problems)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.dictionaries(st.sampled_from(sorted(Config.model_fields)),
       VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)))  # fmt: skip
def test_values_of_every_kind_are_taken_or_told(tmp_path: Path, data: dict[str, Any]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(data, ensure_ascii=True), encoding="utf-8")
    problems: Sequence[Problem] = ()
    try:
        load_config(path)
    except ConfigError as error:
        problems = error.problems
    assert all(problem.source.startswith(f"{path}:") for problem in problems)


@pytest.mark.parametrize(
    "text",
    [*(opening * 50_000 for opening in ("[", "{", "- ", "? ", "{a: ", "&a ")),
     "metadata: {segments: [" + ",".join(f"{i}.csv" for i in range(8_000)) + "]}"],
)  # fmt: skip
def test_no_text_hangs(write: Callable[[str], Path], text: str) -> None:
    path, start = write(text), time.process_time()
    try:
        load_config(path)
    except ConfigError:
        assert "csv" not in text
    assert time.process_time() - start < 5  # seconds of CPU; the quadratic ways took 30 and more


# --- neighbours of what is understood -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clips: &c {per_class: 1}\noutput: {<<: *c}", "2: output: merge keys (<<) are not used"),
        ("clips:\n\tper_class: 1", "2: not valid YAML at column 1: a tab where YAML wants spaces"),
        ("seed: 1:30", '1: seed: expected a whole number, found "1:30"; write a plain decimal'),
        ("seed: 0o17", '1: seed: expected a whole number, found "0o17"; write a plain decimal'),
        ("seed: 1_000", '1: seed: expected a whole number, found "1_000"; write a plain decimal'),
        ("seed: 2020-01-01", '1: seed: expected a whole number, found "2020-01-01"'),
        ("download: {delay_s: .inf}", 'expected a number from 0 to 86400, found ".inf"'),
        ("classes: {leaf_only: no}", 'expected true or false, found "no"; write false'),
        ("seed: 1\n---\nseed: 2", "2: a second document"),
        ("a: " + "[" * 30 + "]" * 30, "1: nested deeper than 20 levels"),
        ("\r\n\r\nseed: x\r\n", "3: seed: expected a whole number"),
        ("\ufeffsede: 1", "1: sede: unknown key; did you mean seed?"),
        ("seed: 1\nno: 2", "2: no: unknown key; known here"),
        ("seed: 1\n1: 2", "2: the key 1 is not text; put it in quotes"),
    ],
)  # fmt: skip
def test_neighbours_of_yaml_that_is_understood(
    refuse: Callable[..., list[str]], text: str, words: str
) -> None:
    assert any(words in problem for problem in refuse(text))


def test_a_fault_of_syntax_hides_no_fault_before_it_nor_one_of_an_override(
    refuse: Callable[..., list[str]],
) -> None:
    problems = refuse("seed: *a\n4: x\nclips: {", "clips=3", "clips.per_class=[", "seed=5")
    assert [problem.partition(": ")[0] for problem in problems] == ["1", "2", "3", "--set", "--set"]


def test_a_tag_hides_no_fault_behind_it(refuse: Callable[..., list[str]]) -> None:
    problems = refuse("clips: !x {per_class: !!int 0}")
    assert [problem.split(": ")[1] for problem in problems] == [
        "clips", "clips.per_class", "clips.per_class"
    ]  # fmt: skip


@pytest.mark.e2e
def test_many_doubled_keys_do_not_hang(write: Callable[[str], Path]) -> None:
    path, start = write("a: [" + "1," * 40_000 + "]\n" + "a: 1\n" * 20_000), time.process_time()
    with pytest.raises(ConfigError, match="more faults"):
        load_config(path)
    assert time.process_time() - start < 15  # seconds of CPU; a quadratic way takes minutes


# --- what a caller of the library gives ---------------------------------------------------------


def test_a_path_is_read_as_load_config_reads_it(write: Callable[[str], Path]) -> None:
    path = write(PATHS)
    assert as_config(path) == as_config(str(path)) == load_config(path)


def test_a_dict_is_a_config_with_paths_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {
        "metadata": {"dir": "m", "segments": ["eval", "s.csv"]},
        "classes": MappingProxyType({"include": ("Dog", "Cat"), "slice": (0, 5)}),
        "clips": None,
        "download": {"cookies": Path("c.txt"), "yt_dlp": {"a": [1, None]}},
        "output": {"dir": "~/o"},
    }
    before = repr(given)
    config = as_config(given)
    assert repr(given) == before
    assert config.metadata.dir == tmp_path / "m"
    assert config.metadata.segments == ("eval", tmp_path / "s.csv")
    assert (config.classes.include, config.classes.slice) == (("Dog", "Cat"), (0, 5))
    assert config.clips == ClipsConfig()
    assert config.download.cookies == tmp_path / "c.txt"
    assert config.output.dir == Path("~/o").expanduser()
    assert config.process.dir is None


def test_a_path_may_hold_environment_variables(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SCRATCH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    dirs = {"$SCRATCH/a": "a", "${SCRATCH}/b": "b", "cash$money/c": "cash$money/c", "a$": "a$"}
    for written, read in dirs.items():
        assert as_config({"output": {"dir": written}}).output.dir == tmp_path / read


def test_an_empty_dict_is_the_default() -> None:
    assert as_config({}) == Config().resolved(Path.cwd()) == load_config(None)


def test_a_config_made_in_python_gets_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = as_config(Config(seed=3, output=OutputConfig(dir=Path("o"))))
    assert (config.seed, config.output.dir) == (3, tmp_path / "o")
    assert config.metadata.dir == tmp_path / "metadata"
    assert as_config(config) == config


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"clips": {"per_clas": 1}}, "clips.per_clas: unknown key; did you mean per_class?"),
        ({"seed": "4"}, 'config: seed: expected a whole number, found "4"; write a plain decimal'),
        ({"seed": {1, 2}}, "config: seed: expected a whole number, found an object of type set"),
        ({"classes": {"include": ["Dog", 4]}}, "classes.include[1]: expected text, found 4; put"),
        ({"classes": {"include": ("Dog", 4)}}, "classes.include[1]: expected text, found 4; put"),
        ({"classes": {"min_quality": float("nan")}}, "expected a number from 0 to 1 or null"),
        ({4: 1}, 'config: the key "4" is not text; put it in quotes'),
        ({"clips": {4: 1}}, 'config: clips: the key "4" is not text; put it in quotes'),
        ({"clips": 5}, "config: clips: expected the keys per_class, labels, full_length, list"),
        ({"output": {"dir": b"x"}}, "config: output.dir: expected a path, found an object of type"),
        ({"download": {"yt_dlp": {"a": [float("inf")]}}}, "yt_dlp.a[0]: expected what JSON can"),
        ({"download": {"yt_dlp": {"a": print}}}, "yt_dlp.a: expected what JSON can hold"),
        ({"download": {"proxies": [b"http://a:hunter2@h:1"]}}, "found an object of type bytes"),
    ],
)  # fmt: skip
def test_faults_of_a_dict_are_told_like_those_of_a_file(given: dict[Any, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        as_config(given)
    [problem] = caught.value.problems
    assert told in str(problem)
    assert problem.source == "config"
    assert "hunter2" not in str(problem)


def test_all_faults_of_a_dict_stand_together() -> None:
    with pytest.raises(ConfigError) as caught:
        as_config({"seed": "x", "clips": {"per_class": 0}, "foo": 1})
    assert [problem.key for problem in caught.value.problems] == ["seed", "clips.per_class", "foo"]


def test_a_dict_that_holds_itself_is_refused() -> None:
    options: dict[str, Any] = {}
    options["again"] = options
    with pytest.raises(ConfigError, match=r"download\.yt_dlp"):
        as_config({"download": {"yt_dlp": options}})


@settings(deadline=None, max_examples=60)
@given(data=st.dictionaries(st.sampled_from(sorted(Config.model_fields)),
       VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)))  # fmt: skip
def test_a_dict_is_told_the_same_as_a_file_of_it(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    def outcome(source: Path | dict[str, Any]) -> list[str]:
        try:
            config = as_config(source)
        except ConfigError as error:
            return sorted(f"{one.key}: {one.message}" for one in error.problems)
        return [config.model_dump_json(exclude={"metadata", "output", "process", "fewshot"})]

    text = json.dumps(data, ensure_ascii=False)
    assume(text.isprintable() and "\\" not in text)  # YAML takes less, and other escapes
    path = tmp_path_factory.mktemp("dict") / "c.yaml"
    path.write_text(text, encoding="utf-8")
    assert outcome(path) == outcome(data)


def test_locate_names_the_line_of_a_key_or_of_what_is_around_it(
    write: Callable[[str], Path],
) -> None:
    path = write("classes:\n  include:\n  - Dog\n  - Cat\n")
    keys = ["classes.include[1]", "classes.slice", "output.dir", "clips.per_class", ""]
    error = ConfigError(*(Problem(key, "x") for key in keys), Problem("seed", "x", source="else"))
    located = locate(error, path, ["clips.per_class=3"])
    assert [problem.source.replace(f"{path}:", "") for problem in located.problems] == [
        "4", "1", "", "--set", "", "else"
    ]  # fmt: skip
    assert [problem.source for problem in locate(error, None).problems] == [""] * 5 + ["else"]


@pytest.mark.parametrize("module", [loading, secrets, starting])
def test_the_examples_hold(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


def test_a_key_that_was_not_written_has_no_line(write: Callable[[str], Path]) -> None:
    path = write("seed: 0\nclasses:\n  include: [Dog]\n")
    unwritten, beside, whole = locate(
        ConfigError(
            Problem("fewshot.min_clips", "too many"),
            Problem("classes.min_quality", "too high"),
            Problem("", "both are given"),
        ),
        path,
    ).problems
    assert (unwritten.source, whole.source) == ("", "")
    assert beside.source.endswith(":2"), "the nearest thing around it"
