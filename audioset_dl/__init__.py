"""Download a quality-controlled part of Google's AudioSet: exact 10-second WAVs with a manifest.

The library is the command: each function here takes the path of a config.yaml, a dict of the same
keys, or a loaded `Config`, and does all that the command of its name does but printing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from audioset_dl.versions import __version__

if TYPE_CHECKING:
    from audioset_dl.clip_dataset import ClipDataset
    from audioset_dl.config import load_config
    from audioset_dl.dataset.verify import verify
    from audioset_dl.download.run import download
    from audioset_dl.fewshot.split import split
    from audioset_dl.planning.run import plan
    from audioset_dl.process.run import process

__all__ = [
    "ClipDataset",
    "__version__",
    "download",
    "load_config",
    "plan",
    "process",
    "split",
    "verify",
]

_HOMES = {
    "ClipDataset": "audioset_dl.clip_dataset",
    "download": "audioset_dl.download.run",
    "load_config": "audioset_dl.config",
    "plan": "audioset_dl.planning.run",
    "process": "audioset_dl.process.run",
    "split": "audioset_dl.fewshot.split",
    "verify": "audioset_dl.dataset.verify",
}
"""The module that each public name is imported from when it is first used: ``--help`` and small
scripts must not wait for pandas and yt-dlp."""


class _Library(ModuleType):
    """The package's own class: its public names are properties."""

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


def _public(name: str) -> property:
    def load(_library: _Library) -> object:
        return getattr(import_module(_HOMES[name]), name)

    def keep(_library: _Library, _module: object) -> None:
        # `download` is a function here and a sub-package as well: importing the sub-package would
        # set the attribute to the module (https://docs.python.org/3/reference/import.html#submodules).
        # A property is asked before the module's own attributes, so the function stays.
        pass

    return property(load, keep)


for _name in _HOMES:
    setattr(_Library, _name, _public(_name))
# Python allows this since 3.5 (https://docs.python.org/3/reference/datamodel.html, "Customizing
# module attribute access"); a module's `__getattr__` would not be asked where an attribute is set.
sys.modules[__name__].__class__ = _Library
