"""config.yaml as frozen, strict models, and all the faults of one at once."""

from audioset_dl.config.document import hide_logins
from audioset_dl.config.models import (
    AudioConfig,
    ClassesConfig,
    ClipsConfig,
    Config,
    DownloadConfig,
    MetadataConfig,
    OutputConfig,
    default_config_text,
    load_config,
    locate,
)
from audioset_dl.config.secrets import find_secrets
from audioset_dl.config.values import masked_proxy

__all__ = [
    "AudioConfig",
    "ClassesConfig",
    "ClipsConfig",
    "Config",
    "DownloadConfig",
    "MetadataConfig",
    "OutputConfig",
    "default_config_text",
    "find_secrets",
    "hide_logins",
    "load_config",
    "locate",
    "masked_proxy",
]
