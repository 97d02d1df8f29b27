"""The configuration: defaults, strictness, paths, overrides, secrets, and faults with lines."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from audioset_dl.config import (
    AudioConfig,
    ClassesConfig,
    ClipsConfig,
    Config,
    DownloadConfig,
    MetadataConfig,
    OutputConfig,
    default_config_text,
    load_config,
)
from audioset_dl.errors import ConfigError, Problem

REPOSITORY = Path(__file__).parents[2]
SECRET = "hunter2"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write: Callable[[str], Path]) -> Callable[..., Config]:
    return lambda text, *overrides: load_config(write(text), overrides)


@pytest.fixture
def refuse(write: Callable[[str], Path]) -> Callable[..., list[str]]:
    """Return the problems that a text is refused for, as ``line key: message``."""

    def refuse(text: str, *overrides: str) -> list[str]:
        path = write(text)
        with pytest.raises(ConfigError) as caught:
            load_config(path, overrides)
        return [str(problem).replace(f"{path}:", "", 1) for problem in caught.value.problems]

    return refuse


# --- defaults -----------------------------------------------------------------------------------


def test_default_text_says_what_the_models_say(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(default_config_text(), encoding="utf-8")
    assert load_config(tmp_path / "c.yaml") == Config().resolved(tmp_path)


def test_default_text_names_every_key() -> None:
    data = yaml.safe_load(default_config_text())
    defaults = Config().model_dump(mode="json")
    assert data == defaults
    assert list(data) == list(defaults)
    for name, section in data.items():
        if isinstance(section, dict):
            assert list(section) == list(defaults[name])


def test_top_level_config_is_the_default() -> None:
    assert (REPOSITORY / "config.yaml").read_text("utf-8") == default_config_text()


def test_default_text_is_plain_and_narrow() -> None:
    text = default_config_text()
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert all(line == line.rstrip() for line in text.splitlines())


def test_examples_in_the_default_text_load(load: Callable[..., Config]) -> None:
    lines = [line.strip() for line in default_config_text().splitlines()]
    examples = [line.removeprefix("#").strip() for line in lines if line.startswith("#     ")]
    assert len(examples) == 6
    for example in examples:
        key = example.partition(":")[0]
        homes = {"include": "classes", "proxies": "download", "yt_dlp": "download",
                 "holdout": "fewshot"}  # fmt: skip
        load(f"{homes[key]}: {{{example}}}" if key in homes else example)
    assert load(f"classes: {{{examples[2]}}}").classes.include[1] == "Bee, wasp, etc."


def test_defaults_are_those_of_the_contract() -> None:
    config = Config()
    assert (config.seed, config.metadata.segments) == (0, ("balanced_train", "eval"))
    assert config.classes == ClassesConfig(
        include=(), exclude=(), descendants=True, leaf_only=False, min_quality=None,
        unrated="exclude", slice=None,
    )  # fmt: skip
    assert config.clips == ClipsConfig(
        per_class=10, labels="any", full_length=False, list=None, known_gone=None
    )  # fmt: skip
    assert config.download == DownloadConfig(
        workers=4, delay_s=5, max_per_hour=300, attempts=5, timeout_s=60, on_throttle="wait",
        throttle_wait_s=60, cookies=None, cookies_from_browser=None, proxies=(), verify_tls=True,
        yt_dlp={},
    )  # fmt: skip
    assert config.audio == AudioConfig(sample_rate=16000, channels=1, subtype="PCM_16", ffmpeg=None)
    assert config.output == OutputConfig(dir=Path("audioset"), layout="class")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "---\n...\n",
        "{}",
        "null",
        "classes:\nclips:\ndownload:\n",
        "classes: null\nclips: ~\n",
        "seed:\nclips:\n  per_class:\n  labels:\naudio: {channels: , sample_rate: }\n",
        "download:\n  yt_dlp:\n  proxies:\n  max_per_hour: # to come\n",
        "\ufeffseed: 0\r\nclips:\r\n  per_class: 10\r\n",
    ],
)
def test_what_is_left_out_or_empty_takes_its_default(
    load: Callable[..., Config], tmp_path: Path, text: str
) -> None:
    assert load(text) == Config().resolved(tmp_path)


def test_explicit_null_is_no_blank(load: Callable[..., Config]) -> None:
    assert load("clips: {per_class: null}").clips.per_class is None
    assert load("audio: {sample_rate: ~}").audio.sample_rate is None
    assert load("download: {max_per_hour: null}").download.max_per_hour is None


def test_every_key_has_a_meaning_for_the_schema() -> None:
    assert Config.model_json_schema()["properties"]
    for model in [Config, *(type(section) for _, section in Config())]:
        for name, field in getattr(model, "model_fields", {}).items():
            assert field.description, name


# --- values -------------------------------------------------------------------------------------


def test_a_full_file(load: Callable[..., Config], tmp_path: Path) -> None:
    config = load(
        """
seed: -7
metadata: {dir: /meta, segments: [unbalanced_train, mine/a.csv, /b.csv.gz]}
classes:
  include: [Dog, "Bee, wasp, etc.", /m/01yrx]
  exclude: [Bark]
  min_quality: 1
  slice: [0, 50]
clips: {per_class: 200, labels: exclusive, full_length: true, list: a/m.csv, known_gone: /g.csv}
download:
  workers: 256
  delay_s: .5
  throttle_wait_s: 1e1
  cookies_from_browser: "firefox:A B"
  proxies: ["http://10.0.0.1:3128", "socks5h://u:p@h"]
  yt_dlp: {a: [1, 2.5, null, true, x], b: {c: {}}}
audio: {channels: 2, subtype: FLOAT, sample_rate: 384000}
output: {layout: sharded}
"""
    )
    assert config.seed == -7
    assert config.metadata.dir == Path("/meta")
    assert config.metadata.segments == (
        "unbalanced_train",
        tmp_path / "mine/a.csv",
        Path("/b.csv.gz"),
    )
    assert config.classes.include == ("Dog", "Bee, wasp, etc.", "/m/01yrx")
    assert config.classes.min_quality == 1
    assert config.classes.slice == (0, 50)
    assert (config.clips.list, config.clips.known_gone) == (tmp_path / "a/m.csv", Path("/g.csv"))
    assert (config.download.delay_s, config.download.throttle_wait_s) == (0.5, 10.0)
    assert config.download.proxies == ("http://10.0.0.1:3128", "socks5h://u:p@h")
    assert config.download.yt_dlp == {"a": [1, 2.5, None, True, "x"], "b": {"c": {}}}
    assert config.audio.subtype == "FLOAT"


def test_surprises_of_yaml_are_the_text_that_was_written(load: Callable[..., Config]) -> None:
    names = ["no", "yes", "on", "off", "y", "1:30", "1_000", "0x10", "0o7", "010", "2020-01-01",
             "=", ".nan", ".inf", "00.5", "nUll", "12e", "1.2.3", "+", ".", "-"]  # fmt: skip
    block = "".join(f"\n    - {name}" for name in names if name != "-")
    text = f"classes:\n  include: {block}\n  exclude: [Bee, wasp, etc.]"
    config = load(text)
    assert list(config.classes.include) == names[:-1]
    assert config.classes.exclude == ("Bee", "wasp", "etc.")


def test_models_are_frozen_and_hashable() -> None:
    config = Config()
    with pytest.raises(ValidationError):
        config.clips.per_class = 3
    sections = (config.metadata, config.classes, config.clips, config.audio, config.output)
    assert all(isinstance(hash(section), int) for section in sections)


def test_lists_are_tuples_wherever_they_come_from(load: Callable[..., Config]) -> None:
    assert ClassesConfig(include=["Dog"]).include == ("Dog",)  # type: ignore[arg-type]
    assert isinstance(load("classes: {include: [Dog]}").classes.include, tuple)


# --- paths --------------------------------------------------------------------------------------

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


# --- faults -------------------------------------------------------------------------------------

FAULTS = [
    ("seed: '4'", 'seed: expected a whole number, found "4"; write a plain decimal number'),
    ("seed: true", "seed: expected a whole number, found true"),
    ("seed: 1.0", "seed: expected a whole number, found 1.0; write 1"),
    ("seed: null", "seed: expected a whole number, found null; leave the key out"),
    ("classes: {min_quality: high}", 'expected a number from 0 to 1 or null, found "high"'),
    ("classes: {min_quality: 1.01}", "expected a number from 0 to 1 or null, found 1.01"),
    ("classes: {min_quality: -0.1}", "expected a number from 0 to 1 or null, found -0.1"),
    ("classes: {min_quality: .nan}", 'found ".nan"'),
    ("classes: {min_quality: .inf}", 'found ".inf"'),
    ("classes: {min_quality: 1e999}", "classes.min_quality: a number too large to work with"),
    ("classes: {leaf_only: 1}", "classes.leaf_only: expected true or false, found 1"),
    ("classes: {leaf_only: yes}", 'expected true or false, found "yes"; write true'),
    ("classes: {descendants: off}", 'expected true or false, found "off"; write false'),
    ("classes: {descendants: 'true'}", "expected true or false, found \"true\"; remove the quotes"),
    ("classes: {include: Dog}", 'classes.include: expected a list, found "Dog"; write a list'),
    ("classes: {include: {Dog: 1}}", "classes.include: expected a list, found a mapping"),
    ("classes: {include: [a, 4]}", "classes.include[1]: expected text, found 4; put it in quotes"),
    ("classes: {include: [a, ]}\nseed: x", "seed: expected a whole number"),
    ("classes: {include: [a, '', b]}", "classes.include[1]: nothing between the quotes"),
    ("classes: {include: [null]}", "classes.include[0]: expected text, found null; write a value"),
    ("classes: {include: [[a]]}", "classes.include[0]: expected text, found a list"),
    ("classes: {include: [Bee: wasp]}", 'found a mapping (key: value); put text that holds ": "'),
    ("classes: {unrated: excluded}", 'exclude or include, found "excluded"; did you mean exclude?'),
    ("classes: {slice: [5, 5]}", "two whole numbers with 0 <= start < stop, or null, found [5, 5]"),
    ("classes: {slice: [-1, 5]}", "found [-1, 5]"),
    ("classes: {slice: [1]}", "found [1]"),
    ("classes: {slice: [1, 2, 3]}", "found [1, 2, 3]"),
    ("classes: {slice: [0, true]}", "found [0, true]"),
    ("classes: {slice: [0, 2.0]}", "found [0, 2.0]"),
    ("classes: {slice: 0-50}", 'found "0-50"'),
    ("clips: {per_class: 0}", "expected a whole number from 1 to 10000000 or null, found 0"),
    ("clips: {per_class: 010}", 'found "010"; write a plain decimal number'),
    ("clips: {per_class: 1e1}", "found 10.0; write 10"),
    ("clips: {labels: Exclusive}", "did you mean exclusive?"),
    ("clips: {labels: true}", "clips.labels: expected any or exclusive, found true"),
    ("download: {workers: 0}", "expected a whole number from 1 to 256, found 0"),
    ("download: {workers: 257}", "expected a whole number from 1 to 256, found 257"),
    ("download: {workers: 4.0}", "found 4.0; write 4"),
    ("download: {workers: '4'}", "write a plain decimal number, without quotes"),
    ("download: {workers: null}", "found null; leave the key out for its default"),
    ("download: {delay_s: -1}", "download.delay_s: expected a number from 0 to 86400, found -1"),
    ("download: {delay_s: true}", "download.delay_s: expected a number from 0 to 86400, found"),
    ("download: {delay_s: 1:30}", 'found "1:30"; write a plain decimal number'),
    ("download: {max_per_hour: 0}", "download.max_per_hour: expected a whole number from 1"),
    ("download: {attempts: 0}", "download.attempts: expected a whole number from 1"),
    ("download: {timeout_s: 0}", "download.timeout_s: expected a number above 0"),
    ("download: {throttle_wait_s: 0}", "download.throttle_wait_s: expected a number above 0"),
    ("download: {on_throttle: pause}", 'expected wait or stop, found "pause"'),
    ("download: {cookies: ''}", "download.cookies: an empty path"),
    ("download: {cookies_from_browser: ' '}", "nothing between the quotes"),
    (
        "download: {cookies: a.txt, cookies_from_browser: firefox}",
        "download.cookies_from_browser: given together with cookies",
    ),
    ("download: {yt_dlp: x}", "download.yt_dlp: expected a mapping (key: value), found text"),
    ("download: {yt_dlp: [a]}", "download.yt_dlp: expected a mapping (key: value), found a list"),
    ("audio: {sample_rate: 999}", "expected a whole number from 1000 to 384000 or null, found 999"),
    ("audio: {sample_rate: 384001}", "found 384001"),
    ("audio: {sample_rate: 0x3e80}", 'found "0x3e80"; write a plain decimal number'),
    ("audio: {channels: 0}", "audio.channels: expected a whole number: 1 or 2 or null, found 0"),
    ("audio: {channels: 3}", "found 3"),
    ("audio: {channels: true}", "found true"),
    ("audio: {channels: 1.0}", "found 1.0; write 1"),
    ("audio: {subtype: pcm_16}", "did you mean PCM_16?"),
    ("audio: {subtype: GSM610}", "expected PCM_U8, PCM_16, PCM_24, PCM_32, FLOAT, DOUBLE, ULAW or"),
    ("audio: {ffmpeg: ~nobody-here/f}", 'no home folder is known for "~nobody-here/f"'),
    ("output: {dir: [a]}", "output.dir: expected a path, found a list"),
    ("output: {dir: 3}", "output.dir: expected a path, found 3; put it in quotes"),
    ("output: here", 'output: expected the keys dir, layout, found "here"'),
    ("output: [a]", "output: expected the keys dir, layout, found a list"),
    ("metadata: {segments: []}", "metadata.segments: an empty list"),
    ("metadata: {segments: eval}", "metadata.segments: expected a list"),
    ("metadata: {segments: [balanced]}", 'unknown name "balanced"; did you mean balanced_train?'),
    ("metadata: {segments: [Evals]}", "did you mean eval?"),
    ("metadata: {segments: [all]}", "(known: balanced_train, eval, unbalanced_train, or the path"),
    ("metadata: {segments: [eval, a.csv, eval]}", "segments[2]: the same file as entry [0]; keep"),
    ("metadata: {segments: [a.csv, ./a.csv]}", "metadata.segments[1]"),
    ("metadata: {segments: [7]}", "expected balanced_train, eval, unbalanced_train or a path"),
    ("classes: {min_qualty: 1}", "classes.min_qualty: unknown key; did you mean min_quality?"),
    ("classes: {min-quality: 1}", "classes.min-quality: unknown key; did you mean min_quality?"),
    ("classes: {per_class: 1}", "classes.per_class: unknown key here; it belongs under clips:"),
    ("per_class: 1", "per_class: unknown key here; it belongs under clips:"),
    ("dir: x", "dir: unknown key here; it belongs under metadata:"),
    ("clips: {seed: 1}", "clips.seed: unknown key here; it belongs at the top level"),
    ("download:\n  audio: {}", "download.audio: unknown key here; it belongs at the top level"),
    ("min_qualty: 1", "unknown key here; did you mean min_quality under classes:?"),
    ("class: {}", "class: unknown key; did you mean classes?"),
    ("clips: {foo: }", "clips.foo: unknown key; known here: per_class, labels, full_length"),
    ("foo: 1", "foo: unknown key; known here: seed, metadata, classes, clips, download, audio,"),
    ("[]", "expected the keys seed, metadata, classes, clips, download, audio, output, "),
    ("Dog", 'found "Dog"'),
    ("seed: \"\\0\"", "seed: a character that text can't hold"),
    ("output: {dir: \"\\ud800\"}", "output.dir: a character that text can't hold"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_a_fault_is_told_in_plain_words(
    refuse: Callable[..., list[str]], text: str, words: str
) -> None:
    [problem] = refuse(text)
    assert words in problem
    jargon = ("Input should", "literal[", "union", "input_value", "pydantic", "{words}", "Extra in")
    assert not any(word in problem for word in jargon)


def test_all_faults_of_a_file_stand_together_with_their_lines(
    refuse: Callable[..., list[str]],
) -> None:
    text = """\
# a comment
seed: one
classes:
  include:
    - Dog
    - 4
  min_qualty: 0.8
  min_quality: high
  exclude: &x [Cat]
clips:
  per_class: 20
  per_class: 0
download:
  proxies:
    - http://127.0.0.1:80
    - http://127.0.0.1:80
  workers:
    "4"
layout: class
"""
    problems = refuse(text)
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["2", "seed"],
        ["6", "classes.include[1]"],
        ["7", "classes.min_qualty"],
        ["8", "classes.min_quality"],
        ["9", "classes.exclude"],
        ["12", "clips.per_class"],
        ["12", "clips.per_class"],
        ["16", "download.proxies[1]"],
        ["17", "download.workers"],
        ["19", "layout"],
    ]
    assert problems[5].endswith("given twice, first on line 11; keep one")


def test_source_is_the_file_as_the_user_named_it(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("\nclasses: {min_qualty: 1}")
    monkeypatch.chdir(path.parent)
    with pytest.raises(ConfigError) as caught:
        load_config(Path("config.yaml"))
    [problem] = caught.value.problems
    assert (problem.source, problem.key) == ("config.yaml:2", "classes.min_qualty")
    assert str(caught.value).startswith("config.yaml:2: classes.min_qualty: unknown key")


def test_a_flood_of_faults_is_cut(refuse: Callable[..., list[str]]) -> None:
    problems = refuse(f"classes: {{include: [{'1, ' * 200}]}}")
    assert len(problems) == 51
    assert problems[-1].endswith("and 150 more faults")


def test_what_the_reader_refused_is_not_refused_again(refuse: Callable[..., list[str]]) -> None:
    problems = refuse("seed: *a\nclasses: *b\nclips: {per_class: 1e999}\ndownload: {workers: *c}")
    assert len(problems) == 4
    assert not any("expected" in problem for problem in problems)


# --- files --------------------------------------------------------------------------------------


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


# --- overrides ----------------------------------------------------------------------------------


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


# --- secrets ------------------------------------------------------------------------------------

LOGIN = f"ann:{SECRET}@"


@pytest.mark.parametrize(
    "text",
    [
        f"download: {{proxies: ['http://{LOGIN}host']}}",
        f"download: {{proxies: ['http://{LOGIN}host:x']}}",
        f"download: {{proxies: ['http://ann:x/{SECRET}@host:80']}}",
        f"download: {{proxies: ['http://ann:x#{SECRET}@host:80']}}",
        f"download: {{proxies: ['ftp://{LOGIN}host:80']}}",
        f"download: {{proxies: ['{LOGIN}host:80']}}",
        f"download: {{proxies: ['http://{LOGIN}']}}",
        f"download: {{proxies: ['http://{LOGIN}[::1:80']}}",
        f"download: {{proxies: ['http://{LOGIN}h:1', 'http://{LOGIN}h:1']}}",
        f"download: {{proxies: 'http://{LOGIN}host:80'}}",
        f"download: {{proxies: [http: //{LOGIN}host:80]}}",
        f"download: {{proxies: {{http: 'http://{LOGIN}host:80'}}}}",
        f"download: {{'http://{LOGIN}host:80': 1}}",
        f'download: {{"http://ann:\\n{SECRET}@host:80": 1}}',
        f"audio: {{ffmpeg: a, channels: 'http://ann:{'x' * 60}{SECRET}@host:80'}}",
        f"clips: {{labels: 'http://{LOGIN}host:80'}}",
        f"classes: {{include: 'http://{LOGIN}host:80'}}",
        f"proxies: ['http://{LOGIN}host:80']",
        f"download: {{yt_dlp: '{SECRET}'}}",
        f"download:\n  proxies: [http://{LOGIN}host:80",
        f"download:\n  proxies:\n    - http://{LOGIN}host: 80: 90\n",
        f"download: {{proxies: ['socks5://{LOGIN}h:1', 3]}}",
    ],
)
def test_no_message_shows_a_password(write: Callable[[str], Path], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(text))
    error: BaseException | None = caught.value
    assert str(error)
    while error is not None:  # a traceback shows the causes as well
        assert SECRET not in str(error)
        error = error.__cause__


@pytest.mark.parametrize(
    "override",
    [
        f"download.proxies=[http://{LOGIN}host:x]",
        f"download.proxies=http://{LOGIN}host:1",
        f"download.proxies=[http://{LOGIN}host:x",
        f"http://{LOGIN}host:1",
        f"{LOGIN}host:1",
        f"http://{LOGIN}host:1=3",
    ],
)
def test_no_message_about_an_override_shows_a_password(
    refuse: Callable[..., list[str]], override: str
) -> None:
    assert SECRET not in "".join(refuse("", override))


def test_public_dict_is_json_without_secrets(load: Callable[..., Config]) -> None:
    text = f"""
download:
  proxies: [http://ann:{SECRET}@h:1, socks5://{SECRET}@h:1, "http://h:1"]
  yt_dlp:
    username: ann-{SECRET}
    password: {SECRET}
    videopassword: {SECRET}
    ap_username: {SECRET}
    ap_password: {SECRET}
    twofactor: {SECRET}
    client_certificate_password: {SECRET}
    http_headers: {{Cookie: {SECRET}, X-Any: [{SECRET}]}}
    extractor_args: {{youtube: {{po_token: [web+{SECRET}], player_client: [web]}}}}
    proxy: http://ann:{SECRET}@h:1
    cookiefile: cookies.txt
    socket_timeout: 5
    password_file: null
"""
    config = load(text)
    public = config.public_dict()
    assert SECRET not in json.dumps(public)
    assert SECRET not in repr(config)
    assert public["download"]["proxies"] == ["http://ann:***@h:1", "socks5://***@h:1", "http://h:1"]
    options = public["download"]["yt_dlp"]
    assert options["http_headers"] == {"Cookie": "***", "X-Any": ["***"]}
    assert options["extractor_args"]["youtube"]["player_client"] == ["web"]
    assert (options["cookiefile"], options["socket_timeout"]) == ("cookies.txt", 5)
    assert options["password_file"] is None
    assert config.download.yt_dlp["password"] == SECRET  # the config itself keeps it


def test_public_dict_holds_every_key(load: Callable[..., Config], tmp_path: Path) -> None:
    public = json.loads(json.dumps(load("").public_dict()))
    assert public["output"] == {"dir": str(tmp_path / "audioset"), "layout": "class"}
    assert set(public) == set(Config.model_fields)
    for name, section in Config():
        if isinstance(section, BaseModel):
            assert set(public[name]) == set(type(section).model_fields)


# --- whatever the text --------------------------------------------------------------------------

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
        json.dumps(config.public_dict())
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


def test_constructing_models_is_as_strict() -> None:
    for model, key, value in [
        (DownloadConfig, "workers", "4"),
        (DownloadConfig, "workers", True),
        (DownloadConfig, "delay_s", float("nan")),
        (DownloadConfig, "delay_s", float("inf")),
        (DownloadConfig, "yt_dlp", {"a": [float("nan")]}),
        (AudioConfig, "channels", 1.0),
        (MetadataConfig, "segments", "eval"),
        (OutputConfig, "dir", b"x"),
        (OutputConfig, "dir", "a\0b"),
        (Config, "sead", 1),
    ]:
        with pytest.raises(ValidationError):
            model(**{key: value})
