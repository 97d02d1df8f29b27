"""config.yaml as frozen, strict models, and all the faults of one at once."""

from audioset_dl.config.document import hide_logins
from audioset_dl.config.later import FewshotConfig, ProcessConfig
from audioset_dl.config.models import (
    MOST_PER_CLASS,
    AudioConfig,
    ClassesConfig,
    ClipsConfig,
    Config,
    DownloadConfig,
    MetadataConfig,
    OutputConfig,
    load_config,
    locate,
)
from audioset_dl.config.secrets import find_secrets
from audioset_dl.config.starting import (
    SCHEMA_NAME,
    config_schema_text,
    default_config_text,
    split_names,
    starting_config_text,
)
from audioset_dl.config.values import masked_proxy

__all__ = [
    "MOST_PER_CLASS",
    "SCHEMA_NAME",
    "AudioConfig",
    "ClassesConfig",
    "ClipsConfig",
    "Config",
    "DownloadConfig",
    "FewshotConfig",
    "MetadataConfig",
    "OutputConfig",
    "ProcessConfig",
    "config_schema_text",
    "default_config_text",
    "find_secrets",
    "hide_logins",
    "load_config",
    "locate",
    "masked_proxy",
    "split_names",
    "starting_config_text",
]
