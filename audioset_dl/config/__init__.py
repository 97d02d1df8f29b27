"""config.yaml as frozen, strict models, with all its faults reported at once."""

from audioset_dl.config.loading import ConfigSource, as_config, load_config
from audioset_dl.config.models import (
    AudioConfig,
    ClassesConfig,
    ClipsConfig,
    Config,
    DownloadConfig,
    FewshotConfig,
    MetadataConfig,
    OutputConfig,
    ProcessConfig,
)
from audioset_dl.config.secrets import find_secrets

__all__ = [
    "AudioConfig",
    "ClassesConfig",
    "ClipsConfig",
    "Config",
    "ConfigSource",
    "DownloadConfig",
    "FewshotConfig",
    "MetadataConfig",
    "OutputConfig",
    "ProcessConfig",
    "as_config",
    "find_secrets",
    "load_config",
]
