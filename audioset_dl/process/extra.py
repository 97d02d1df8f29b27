"""The libraries of the extra ``process``, imported when they are first needed."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

from audioset_dl.errors import ToolMissingError

_INSTALL = "run: pip install 'audioset-dl[process]'"


def import_extra(name: str) -> Any:
    """Import a module of the extra.

    Raises
    ------
    ToolMissingError
        It is not installed, or can't be imported.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        library = name.partition(".")[0]
        raise ToolMissingError(
            f"{library} is needed for this and can't be imported ({error})", fix=_INSTALL
        ) from error


def find_version(library: str) -> str:
    """Return the version of a library of the extra, without importing it.

    Raises
    ------
    ToolMissingError
        It is not installed.
    """
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError as error:
        raise ToolMissingError(
            f"{library} is needed for this and not installed", fix=_INSTALL
        ) from error
