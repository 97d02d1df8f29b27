"""The configuration: config.yaml as frozen, strict models.

Owns the keys, their defaults, meanings and units. Must not know how a file is read, nor what the
values are used for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from audioset_dl.config import values
from audioset_dl.config.values import fault

# More than there are segments in all files of AudioSet (2,084,320): a larger number is a slip.
MOST_PER_CLASS = 10_000_000
_DAY_S = 86_400


class Section(BaseModel):
    """A part of config.yaml: frozen, strict, and without unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # a refused proxy may hold a password
        # Both together let a validation with a folder as its context reach every path, also those
        # of defaults and of sections that were made before: see Config.resolved.
        validate_default=True,
        revalidate_instances="always",
    )

    @model_validator(mode="before")
    @classmethod
    def _take_mapping(cls, given: object) -> object:
        """Take null (``clips:`` with no keys below it) for a section of defaults."""
        if given is None:
            return {}
        return dict(given) if isinstance(given, Mapping) else given


class MetadataConfig(Section):
    """Google's files about AudioSet."""

    dir: values.FilePath = Path("metadata")
    """Folder of ontology.json, qa_true_counts.csv and the segment files; what is missing in it is
    downloaded."""
    segments: values.Segments = ("balanced_train", "eval")
    """Segment files to choose clips from: names of Google's, or paths of files of the same form."""
    relabel: values.FilePaths = ()
    """Files with corrected labels, which take the place of Google's: JSON as AST and PSLA publish
    it, or a CSV with `clip_id` or `ytid`, and `labels`."""
    relabel_rest: Literal["keep", "drop"] = "keep"
    """What to do with clips that no file of `relabel` names: keep Google's labels, or leave the
    clips out."""


class ClassesConfig(Section):
    """Which classes are wanted."""

    include: values.Texts = ()
    """Display names or MIDs; empty: every class that labels a clip and is not blacklisted."""
    exclude: values.Texts = ()
    """Display names or MIDs to leave out; wins over `include`."""
    descendants: bool = True
    """True if a class of `include` or `exclude` stands for its whole subtree of the ontology."""
    leaf_only: bool = False
    """True to keep only classes that have no classes below them."""
    min_quality: Annotated[float, Field(ge=0, le=1)] | None = None
    """Least share, from 0 to 1, of clips that Google's raters found correctly labelled; null:
    any."""
    unrated: Literal["exclude", "include"] = "exclude"
    """With `min_quality`: what happens to the classes that nobody rated."""
    slice: values.Slice = None
    """[start, stop]: only these of the chosen classes, counted from 0 in ontology order, without
    `stop` itself; null: all."""


class ClipsConfig(Section):
    """Which clips of the classes are wanted, and how many."""

    per_class: Annotated[int, Field(ge=1, le=MOST_PER_CLASS)] | None = 10
    """Most clips of each class; null: all there are."""
    labels: Literal["any", "exclusive"] = "any"
    """exclusive: only clips that carry no other chosen class."""
    full_length: bool = False
    """True to leave out segments that are not 10 s long."""
    list: values.FilePath | None = None
    """A manifest.csv, or another CSV with `clip_id` or `ytid,start_s`: exactly its clips are
    wanted, whatever the other keys here say; null: no list."""
    known_gone: values.FilePath | None = None
    """A CSV of clips that others found gone, which are not requested: a failures.csv, or what
    ``audioset-dl status --availability --csv`` prints; null: none."""


class DownloadConfig(Section):
    """How clips are fetched from YouTube, and at which pace."""

    workers: Annotated[int, Field(ge=1, le=256)] = 4
    """Clips that are fetched at the same time; 1: single-threaded."""
    delay_s: Annotated[float, Field(ge=0, le=_DAY_S)] = 5
    """Mean pause, in seconds, between two videos on one address; 0: none."""
    max_per_hour: Annotated[int, Field(ge=1, le=1_000_000)] | None = 300
    """Most videos an hour on one address; null: no cap."""
    attempts: Annotated[int, Field(ge=1, le=1_000)] = 5
    """Tries of a clip whose failures may pass (network, server errors)."""
    timeout_s: Annotated[float, Field(gt=0, le=_DAY_S)] = 60
    """Seconds without an answer after which a request has failed."""
    on_throttle: Literal["wait", "stop"] = "wait"
    """When YouTube refuses an address: wait and go on, or stop the run."""
    throttle_wait_s: Annotated[float, Field(gt=0, le=_DAY_S)] = 60
    """First pause, in seconds, of a refused address; doubles up to 30 minutes."""
    cookies: values.FilePath | None = None
    """File of cookies: a cookies.txt in Netscape format, or the JSON that the browser extension
    EditThisCookie copies."""
    cookies_from_browser: values.Text | None = None
    """Browser to read cookies from, as yt-dlp names it: ``firefox`` or ``firefox:PROFILE``."""
    cookies_use: Literal["needed", "always"] = "needed"
    """needed: ask as a guest, and with the cookies only for what a guest is refused; always: send
    the cookies with every request."""
    # writeOnly marks what may hold a secret: no message shows it (config/problems.py).
    proxies: values.Proxies = Field(default=(), repr=False, json_schema_extra={"writeOnly": True})
    """Proxies, each an address of its own, ``scheme://user:password@host:port``; empty: the proxy
    that the environment names (``HTTPS_PROXY``, ``ALL_PROXY``), else a direct connection."""
    verify_tls: bool = True
    """True to check certificates."""
    canary: values.Ytid = "jNQXAC9IVRw"
    """Id of a YouTube video that plays: the last witness of whether an address is served, and what
    the doctor fetches. The default is YouTube's first video."""
    yt_dlp: Mapping[str, JsonValue] = Field(
        default={}, repr=False, json_schema_extra={"writeOnly": True}
    )
    """Options handed to yt-dlp as they are, by the names that its Python class uses."""

    @field_validator("cookies_from_browser")
    @classmethod
    def _check_one_source(cls, browser: str | None, info: ValidationInfo) -> str | None:
        if browser is not None and info.data.get("cookies") is not None:
            found = "given together with cookies"
            raise fault(f"{found}: keep one of them and set the other to null")
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
    # soundfile's other subtypes of WAV (GSM610, the ADPCMs, ...) store blocks: a clip would be
    # padded to a whole number of them.
    subtype: Literal["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"] = (
        "PCM_16"
    )
    """Form of a sample, as soundfile names it: those that hold any exact number of samples."""
    ffmpeg: values.FilePath | None = None
    """Path of an ffmpeg to use in place of the one that came with the program."""


class OutputConfig(Section):
    """Where the dataset goes."""

    dir: values.FilePath = Path("audioset")
    """Folder of the dataset: WAVs, manifest, journal."""
    layout: Literal["class", "sharded"] = "class"
    """class: wav/<class>/<file>; sharded: wav/<2 hex digits>/<file>."""


class ProcessConfig(Section):
    """What `process` makes of the downloaded clips."""

    dir: values.FilePath | None = None
    """Folder that `process` and `statistics` write to; not inside output.dir, nor around it. null:
    `<output.dir>-processed`."""
    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Processes at the same time; null: one for each core."""
    drop: values.Flags = ("silent", "nan", "duplicate")
    """Flags that leave a clip out."""
    short: Literal["keep", "pad", "repeat", "drop"] = "keep"
    """What happens to a clip of less than 10 s: kept as it is, filled up with zeros, repeated
    until it has 10 s, or left out."""
    scale: Literal["none", "peak", "rms", "loudness", "standardize"] = "none"
    """Measure by which the level of each clip is scaled."""
    scale_target_db: Annotated[float, Field(ge=-120, le=20)] | None = None
    """Level that `scale` brings each clip to, in dBFS (loudness: LUFS); null: 0 for peak, -20 for
    rms, -23 for loudness."""
    form: Literal["wav", "npy", "logmel"] = "wav"
    """wav: float WAV; npy: float32 samples; logmel: float32 log-mel spectrogram."""
    preset: Literal["metaaudio", "ast", "panns", "vggish"] | None = None
    """Model whose sample rate and log-mel spectrogram are wanted; null: samples as they are."""

    @field_validator("scale_target_db")
    @classmethod
    def _check_target(cls, target: float | None, info: ValidationInfo) -> float | None:
        scale = info.data.get("scale")
        if target is not None and scale in ("none", "standardize"):
            raise fault(f"scale: {scale} has no target", "choose another scale, or write null")
        return target

    @field_validator("preset")
    @classmethod
    def _check_preset(cls, preset: str | None, info: ValidationInfo) -> str | None:
        if preset is None and info.data.get("form") == "logmel":
            raise fault("form: logmel needs a preset: metaaudio, ast, panns or vggish")
        return preset


class SplitConfig(Section):
    """What `split` makes: a split for few-shot learning, or a plain one for classifiers."""

    by: Literal["classes", "clips", "subset"] = "classes"
    """classes: no class on two sides, as the section `fewshot` says; clips: clips of every class on
    each side, by `ratios`; subset: Google's eval is test, the rest train and validation."""
    ratios: values.Ratios = (0.8, 0.1, 0.1)
    """Shares of the clips for train, validation and test of a plain split."""


class FewshotConfig(Section):
    """How classes are split for few-shot learning, and what an episode is."""

    dir: values.FilePath | None = None
    """Folder that `split` by classes and `episodes` write to; null: `<output.dir>-fewshot`."""
    min_clips: Annotated[int, Field(ge=1, le=MOST_PER_CLASS)] = 20
    """Clips that a class must have to take part."""
    ratios: values.Ratios = (0.7, 0.1, 0.2)
    """Shares of the classes for train, validation and test."""
    group_threshold: Annotated[float, Field(gt=0, le=1)] | None = 0.1
    """Jaccard index, above 0 to 1, of two classes' clips from which on the classes stay on one
    side; null: no class is tied to another."""
    stratify: Literal["root", "parent"] | None = None
    """Spread each root's (or parent's) classes over the splits by the ratios; null: do not."""
    holdout: values.ClassNames = ()
    """Classes (display names or MIDs), such as roots of the ontology, all of whose classes go to
    test."""
    mixed_clips: Literal["drop", "keep_out_of_train"] = "drop"
    """What happens to a clip whose labels fall into several splits."""
    given: values.FilePath | None = None
    """JSON file of class names, ``{"train": [...], "validation": [...], "test": [...]}``, to split
    by in place of ratios; null: none."""
    kind: Literal["single", "one_vs_rest", "multi_hot"] = "single"
    """Question of an episode. single: which class a clip is of; one_vs_rest: whether it carries
    the episode's class; multi_hot: which of the episode's classes it carries."""
    n_way: Annotated[int, Field(ge=2, le=1_000)] = 5
    """Classes of an episode."""
    k_shot: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Support clips of each class."""
    q_query: Annotated[int, Field(ge=1, le=10_000)] = 15
    """Query clips of each class."""
    episodes: Annotated[int, Field(ge=1, le=100_000_000)] = 1000
    """Episodes that `episodes` writes, of each split."""


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
    split: SplitConfig = SplitConfig()
    """What `split` makes."""
    fewshot: FewshotConfig = FewshotConfig()
    """How classes are split for few-shot learning, and what an episode is."""

    @field_validator("fewshot")
    @classmethod
    def _check_ratios(cls, fewshot: FewshotConfig, info: ValidationInfo) -> FewshotConfig:
        split = info.data.get("split", SplitConfig())
        if split.ratios != SplitConfig().ratios and fewshot.ratios != FewshotConfig().ratios:
            raise fault(
                "both fewshot.ratios and split.ratios are set",
                "fewshot.ratios is for split.by: classes, split.ratios for clips and subset: leave "
                "the other as it is",
            )
        return fewshot

    def resolved(self, folder: Path) -> Config:
        """Return the same configuration with its relative paths taken from `folder`."""
        return Config.model_validate(self, context=folder)
