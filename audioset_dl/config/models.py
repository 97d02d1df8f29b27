"""The configuration: config.yaml as frozen, strict models.

Owns the keys, their defaults, meanings and units, and how a file and the overrides of a command
line become one :class:`Config`. Must not know what the values are used for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from audioset_dl.config.document import Document, Fault, Place, dotted, quoted
from audioset_dl.config.later import FewshotConfig, ProcessConfig
from audioset_dl.config.problems import faults_of
from audioset_dl.config.section import Section
from audioset_dl.config.values import (
    FilePath,
    Proxies,
    Segments,
    Slice,
    Text,
    Texts,
    fault,
    masked_options,
    masked_proxy,
)
from audioset_dl.config.yaml_text import read_yaml, read_yaml_file
from audioset_dl.errors import ConfigError, Problem

_MAX_PROBLEMS = 50
MOST_PER_CLASS = 10_000_000
_OVERRIDE = Place("--set")


class MetadataConfig(Section):
    """Google's files about AudioSet."""

    dir: FilePath = Path("metadata")
    """Folder of ontology.json, qa_true_counts.csv and the segment files; what is missing in it is
    downloaded."""
    segments: Segments = ("balanced_train", "eval")
    """Segment files to choose clips from: names of Google's, or paths of CSVs of the same form."""


class ClassesConfig(Section):
    """Which classes are wanted."""

    include: Texts = ()
    """Display names or MIDs; empty: every class that labels a clip and is not blacklisted."""
    exclude: Texts = ()
    """Display names or MIDs to leave out; wins over `include`."""
    descendants: bool = True
    """Whether a class of `include` or `exclude` stands for its whole subtree of the ontology."""
    leaf_only: bool = False
    """Whether to keep only classes that have no classes below them."""
    min_quality: Annotated[float, Field(ge=0, le=1)] | None = None
    """Least share, from 0 to 1, of clips that Google's raters found rightly labelled; null: any."""
    unrated: Literal["exclude", "include"] = "exclude"
    """With `min_quality`: what becomes of the classes that nobody rated."""
    slice: Slice = None
    """[start, stop]: only these of the chosen classes, counted from 0 in ontology order, without
    `stop` itself; null: all."""


class ClipsConfig(Section):
    """Which clips of the classes are wanted, and how many."""

    per_class: Annotated[int, Field(ge=1, le=MOST_PER_CLASS)] | None = 10
    """Up to this many clips of each class; null: all there are."""
    labels: Literal["any", "exclusive"] = "any"
    """exclusive: only clips that carry no other chosen class."""
    full_length: bool = False
    """Whether to leave out segments that are not 10 s long."""
    list: FilePath | None = None
    """A manifest.csv, or another CSV with `clip_id` or `ytid,start_s`: exactly its clips are
    wanted, whatever the other keys here say; null: no list."""
    known_gone: FilePath | None = None
    """A CSV of clips that others found gone, which are not asked for: a failures.csv, or what
    ``audioset-dl status --availability --csv`` prints; null: none."""


class DownloadConfig(Section):
    """How clips are fetched from YouTube, and at which pace."""

    workers: Annotated[int, Field(ge=1, le=256)] = 4
    """Clips that are fetched at the same time; 1: single-threaded."""
    delay_s: Annotated[float, Field(ge=0, le=86_400)] = 5
    """Mean pause, in seconds, between two videos on one address; 0: none."""
    max_per_hour: Annotated[int, Field(ge=1, le=1_000_000)] | None = 300
    """Most videos an hour on one address; null: no cap."""
    attempts: Annotated[int, Field(ge=1, le=1_000)] = 5
    """Tries that a clip gets when what fails may pass (network, server errors)."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 60
    """Seconds without an answer after which a request has failed."""
    on_throttle: Literal["wait", "stop"] = "wait"
    """When YouTube refuses an address: wait and go on, or stop the run."""
    throttle_wait_s: Annotated[float, Field(gt=0, le=86_400)] = 60
    """First pause, in seconds, of a refused address; doubles up to 30 minutes."""
    cookies: FilePath | None = None
    """File of cookies: a cookies.txt in Netscape format, or the JSON that the browser extension
    EditThisCookie copies."""
    cookies_from_browser: Text | None = None
    """Browser to read cookies from, as yt-dlp names it: ``firefox`` or ``firefox:PROFILE``."""
    cookies_use: Literal["needed", "always"] = "needed"
    """needed: ask as a guest, and with the cookies only for what a guest may not have; always: ask
    for every video with them."""
    proxies: Proxies = Field(default=(), repr=False, json_schema_extra={"writeOnly": True})
    """Each an address of its own, ``scheme://user:password@host:port``; empty: a direct
    connection."""
    verify_tls: bool = True
    """Whether certificates are checked."""
    yt_dlp: Mapping[str, JsonValue] = Field(
        default={}, repr=False, json_schema_extra={"writeOnly": True}
    )
    """Options handed to yt-dlp as they are, by the names that its Python class uses."""

    @field_validator("cookies_from_browser")
    @classmethod
    def _check_one_source(cls, browser: str | None, info: ValidationInfo) -> str | None:
        if browser is not None and info.data.get("cookies") is not None:
            raise fault("given together with cookies: keep one of them and set the other to null")
        return browser

    @field_validator("cookies_use")
    @classmethod
    def _check_has_cookies(cls, use: str, info: ValidationInfo) -> str:
        sources = ("cookies", "cookies_from_browser")  # a faulty one is not in the data
        if use == "always" and all(info.data.get(key, "") is None for key in sources):
            raise fault("always needs cookies: name a file of them as cookies, or set needed")
        return use


class AudioConfig(Section):
    """What the WAV files are like."""

    sample_rate: Annotated[int, Field(ge=1_000, le=384_000)] | None = 16_000
    """Samples a second, in Hz; null: as in the source."""
    channels: Annotated[int, Field(ge=1, le=2)] | None = 1
    """1: mono, 2: stereo, null: as in the source."""
    subtype: Literal["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"] = (
        "PCM_16"
    )
    """Form of a sample, as soundfile names it: those that hold any exact number of samples."""
    ffmpeg: FilePath | None = None
    """Path of an ffmpeg to use in place of the one that came with the program."""


class OutputConfig(Section):
    """Where the dataset goes."""

    dir: FilePath = Path("audioset")
    """Folder of the dataset: WAVs, manifest, journal."""
    layout: Literal["class", "sharded"] = "class"
    """class: wav/<class>/<file>; sharded: wav/<2 hex digits>/<file>."""


class Config(Section):
    """Everything that config.yaml says."""

    seed: int = 0
    """Any whole number; the same seed ranks the same clips first."""
    metadata: MetadataConfig = MetadataConfig()
    """Google's files about AudioSet."""
    classes: ClassesConfig = ClassesConfig()
    """Which classes are wanted."""
    clips: ClipsConfig = ClipsConfig()
    """Which clips of them, and how many."""
    download: DownloadConfig = DownloadConfig()
    """How clips are fetched."""
    audio: AudioConfig = AudioConfig()
    """What the WAV files are like."""
    output: OutputConfig = OutputConfig()
    """Where the dataset goes."""
    process: ProcessConfig = ProcessConfig()
    """What `process` makes of the downloaded clips."""
    fewshot: FewshotConfig = FewshotConfig()
    """How classes are split for few-shot learning, and what an episode is."""

    def resolved(self, folder: Path) -> Config:
        """Return the same configuration with its relative paths taken from `folder`."""
        segments = tuple(
            folder / entry if isinstance(entry, Path) else entry for entry in self.metadata.segments
        )
        cookies, ffmpeg = self.download.cookies, self.audio.ffmpeg
        clip_list, known_gone = self.clips.list, self.clips.known_gone
        given = self.fewshot.given
        changes: dict[str, dict[str, object]] = {
            "metadata": {"dir": folder / self.metadata.dir, "segments": segments},
            "clips": {
                "list": clip_list and folder / clip_list,
                "known_gone": known_gone and folder / known_gone,
            },
            "download": {"cookies": cookies and folder / cookies},
            "audio": {"ffmpeg": ffmpeg and folder / ffmpeg},
            "output": {"dir": folder / self.output.dir},
            "process": {"dir": folder / self.process.dir},
            "fewshot": {"dir": folder / self.fewshot.dir, "given": given and folder / given},
        }
        return self.model_copy(
            update={
                section: getattr(self, section).model_copy(update=change)
                for section, change in changes.items()
            }
        )

    def public_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON-able data without secrets, for ``run.json``.

        Passwords of proxies are hidden, and so are logins, tokens and headers in the options for
        yt-dlp.
        """
        data = self.model_dump(mode="json")
        data["download"]["proxies"] = [masked_proxy(proxy) for proxy in self.download.proxies]
        data["download"]["yt_dlp"] = masked_options(self.download.yt_dlp)
        return data


def load_config(path: Path | None, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration file.

    Parameters
    ----------
    path : Path or None
        A YAML file. What it leaves out, or leaves empty, takes its default; None leaves out all.
    overrides : sequence of str
        ``key.path=value`` each, the value in YAML; they win over the file, later ones over earlier.

    Returns
    -------
    Config
        Its relative paths, those of overrides too, are taken from the file's folder, or without a
        file from the current one.

    Raises
    ------
    ConfigError
        With every fault of the file and the overrides, in the order in which they stand there.
    """
    document = _read_document(path)
    _drop_blanks(document)
    faults = [found for text in overrides for found in _override(document, text)]
    faults += document.faults
    try:
        config = Config.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        faults += faults_of(error, Config, document)
        raise _error(faults) from None  # the cause quotes keys, and a proxy may stand as a key
    if faults:
        raise _error(faults)
    return config.resolved(Path.cwd() if path is None else path.absolute().parent)


def locate(error: ConfigError, path: Path | None, overrides: Sequence[str] = ()) -> ConfigError:
    """Return the same error with the place where each key was written.

    For what is only found wrong when a value is used, such as a class that does not exist.

    Parameters
    ----------
    error : ConfigError
        Its problems name keys.
    path, overrides
        As they were given to `load_config`.
    """
    document = _read_document(path)
    for text in overrides:
        _override(document, text)
    places = {dotted(key): str(place) for key, place in document.places.items()}
    return ConfigError(
        *(
            replace(problem, source=problem.source or _place_of(problem.key, places))
            for problem in error.problems
        )
    )


def _read_document(path: Path | None) -> Document:
    return read_yaml("", "") if path is None else read_yaml_file(path)


def _place_of(key: str, places: Mapping[str, str]) -> str:
    """Return where a key, or else the nearest thing around it, was written."""
    while key and key not in places:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return places.get(key, "")


def _error(faults: list[Fault]) -> ConfigError:
    ordered = sorted(faults, key=lambda one: (one.place.line == 0, one.place.line))
    problems = [one.problem for one in ordered[:_MAX_PROBLEMS]]
    if rest := len(ordered) - len(problems):
        problems.append(Problem("", f"and {rest} more faults", source=ordered[-1].place.source))
    return ConfigError(*problems)


def _sections() -> dict[str, type[BaseModel]]:
    defaults = {name: known.default for name, known in Config.model_fields.items()}
    return {name: type(one) for name, one in defaults.items() if isinstance(one, BaseModel)}


def _drop_blanks(document: Document) -> None:
    """Take away known keys with nothing behind the colon, and sections that are null."""
    values = document.value
    if not isinstance(values, dict):
        return
    if ("seed",) in document.blanks:
        values.pop("seed")
    for name, model in _sections().items():
        section = values.get(name, {})
        if section is None:
            del values[name]
        elif isinstance(section, dict):
            for key in model.model_fields:
                if (name, key) in document.blanks:
                    section.pop(key)


def _override(document: Document, override: str) -> list[Fault]:
    """Write one ``key.path=value`` into a document; return what is wrong with it."""
    key, equals, text = override.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        found = "" if "@" in override else f", found {quoted(override)}"  # "@": perhaps a login
        words = f"expected key.path=value, such as clips.per_class=20{found}"
        return [Fault((), words, _OVERRIDE)]
    if path[0] in _sections() and len(path) == 1:
        return [Fault(path, "a section; set its keys one by one", _OVERRIDE)]
    if not text.strip():
        return [Fault(path, "nothing after the =; write a value, or null", _OVERRIDE)]
    try:
        given = read_yaml(text, _OVERRIDE.source, numbered=False)
    except ConfigError as error:
        return [Fault(path, problem.message, _OVERRIDE) for problem in error.problems]
    faults = [Fault((*path, *one.path), one.message, _OVERRIDE) for one in given.faults]
    return faults + document.put(path, given, _OVERRIDE)
