"""The first config of a user: the commented default, filled in, and its schema for editors."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files

import yaml

from audioset_dl.config.models import Config

SCHEMA_NAME = "config.schema.json"


def default_config_text() -> str:
    """Return the commented default configuration, which says the same as ``Config()``."""
    return files("audioset_dl.config").joinpath("default.yaml").read_text(encoding="utf-8")


def starting_config_text(
    classes: Sequence[str] = (), per_class: int | None = None, *, schema: bool = False
) -> str:
    """Return the commented default configuration with some values filled in.

    Parameters
    ----------
    classes : sequence of str
        Display names or MIDs for ``classes.include``.
    per_class : int, optional
        For ``clips.per_class``.
    schema : bool
        True to name the schema beside it in the first line, in the form that the editors' YAML
        language server reads (https://github.com/redhat-developer/yaml-language-server).
    """
    text = default_config_text()
    if classes:
        text = _filled_in(text, "include", list(classes))
    if per_class is not None:
        text = _filled_in(text, "per_class", per_class)
    return f"# yaml-language-server: $schema={SCHEMA_NAME}\n\n{text}" if schema else text


def config_schema_text() -> str:
    """Return the JSON Schema of the configuration, by which editors check and complete it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": "audioset-dl config.yaml",
    }
    return json.dumps(schema, indent=2) + "\n"


def split_names(texts: Iterable[str]) -> list[str]:
    """Split lists of names at their commas, except for commas within double quotes.

    Raises
    ------
    ValueError
        A quote is not closed, or the lists hold no name.

    Examples
    --------
    >>> split_names(['Dog, "Bee, wasp, etc."', "Cat"])
    ['Dog', 'Bee, wasp, etc.', 'Cat']
    """
    given = list(texts)
    try:
        rows = list(csv.reader(given, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ValueError(f"{given[-1]!r} is no list of names: {error}") from error
    names = dict.fromkeys(name.strip() for row in rows for name in row if name.strip())
    if given and not names:
        raise ValueError(f"{given[-1]!r} names no class; leave the option out for all classes")
    return list(names)


def _filled_in(text: str, key: str, value: object) -> str:
    written = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf")
    ).removesuffix("...\n")
    line = f"  {key}: {written.strip()}"
    return re.sub(rf"^  {key}: .*", lambda _: line, text, flags=re.MULTILINE)
