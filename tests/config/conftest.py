"""Fixtures of the configuration: write a text, load it, or be refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audioset_dl.config import Config, load_config
from audioset_dl.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write: Callable[[str], Path]) -> Callable[..., Config]:
    return lambda text, *overrides: load_config(write(text), overrides)


@pytest.fixture
def refuse(write: Callable[[str], Path]) -> Callable[..., list[str]]:
    """Return the problems that a text is refused for, as ``line key: message``."""

    def refuse(text: str, *overrides: str) -> list[str]:
        path = write(text)
        with pytest.raises(ConfigError) as caught:
            load_config(path, overrides)
        return [str(problem).replace(f"{path}:", "", 1) for problem in caught.value.problems]

    return refuse
