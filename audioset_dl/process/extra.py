"""The libraries of the extra ``process``, imported when they are first needed."""

from __future__ import annotations

import importlib
from typing import Any

from audioset_dl.errors import ToolMissingError


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
        raise ToolMissingError(
            f"{name.partition('.')[0]} is needed for this and can't be imported ({error}); "
            "run: pip install 'audioset-dl[process]'"
        ) from error
