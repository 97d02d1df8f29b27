"""Faults: each in plain words, with its key and line, all at once, and without secrets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audioset_dl.config import load_config
from audioset_dl.errors import ConfigError

SECRET = "hunter2"

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
    ("output: {dir: $NOT_SET_HERE/a}", "no environment variable $NOT_SET_HERE is set"),
    ("output: {dir: 'a/${NOT_SET_HERE}'}", "no environment variable ${NOT_SET_HERE} is set"),
    ("output: {dir: 'D:\\audioset'}", "a path of Windows"),
    ("output: {dir: 'D:/audioset'}", "a path of Windows"),
    ("output: {dir: '\\\\server\\audioset'}", "a path of Windows"),
    ("output: {dir: [a]}", "output.dir: expected a path, found a list"),
    ("output: {dir: 3}", "output.dir: expected a path, found 3; put it in quotes"),
    ("output: here", 'output: expected the keys dir, layout, found "here"'),
    ("output: [a]", "output: expected the keys dir, layout, found a list"),
    ("metadata: {segments: []}", "metadata.segments: an empty list"),
    ("metadata: {segments: eval}", "metadata.segments: expected a list"),
    ("metadata: {segments: [balanced]}", 'unknown name "balanced"; did you mean balanced_train?'),
    ("metadata: {segments: [Evals]}", "did you mean eval?"),
    ("metadata: {segments: [all]}", "eval_strong, or the path"),
    ("metadata: {segments: [eval, a.csv, eval]}", "segments[2]: the same file as entry [0]; keep"),
    ("metadata: {segments: [a.csv, ./a.csv]}", "metadata.segments[1]"),
    ("metadata: {segments: [7]}", "train_strong, eval_strong or a path"),
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
