"""config.yaml as frozen, strict models, with all its faults reported at once."""

from audioset_dl.config.loading import ConfigSource, as_config, load_config, locate
from audioset_dl.config.models import (
    MOST_PER_CLASS,
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
from audioset_dl.config.quoting import hide_logins
from audioset_dl.config.secrets import find_secrets
from audioset_dl.config.starting import (
    SCHEMA_NAME,
    config_schema_text,
    default_config_text,
    split_names,
    starting_config_text,
)

__all__ = [
    "MOST_PER_CLASS",
    "SCHEMA_NAME",
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
    "config_schema_text",
    "default_config_text",
    "find_secrets",
    "hide_logins",
    "load_config",
    "locate",
    "split_names",
    "starting_config_text",
]
