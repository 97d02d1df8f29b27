"""The models: defaults, strictness, and what run.json says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from audioset_dl.config import (
    AudioConfig,
    ClassesConfig,
    ClipsConfig,
    Config,
    DownloadConfig,
    MetadataConfig,
    OutputConfig,
    load_config,
)
from audioset_dl.config.secrets import public_dict
from audioset_dl.config.starting import default_config_text

REPOSITORY = Path(__file__).parents[2]
SECRET = "hunter2"


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
    public = public_dict(config)
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
    public = json.loads(json.dumps(public_dict(load(""))))
    assert public["output"] == {"dir": str(tmp_path / "audioset"), "layout": "class"}
    assert set(public) == set(Config.model_fields)
    for name, section in Config():
        if isinstance(section, BaseModel):
            assert set(public[name]) == set(type(section).model_fields)


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
