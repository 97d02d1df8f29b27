"""Words for what is wrong with a configuration.

Turns pydantic's errors into faults that say what was found, what was expected and what to do. What
was expected is read from the model's JSON Schema, so that a model's rule stands in one place. Must
not know the sections by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from audioset_dl.config.document import UNREAD, Document, KeyPath, quoted, shown
from audioset_dl.config.models import Config
from audioset_dl.config.values import FAULT

_Schema: TypeAlias = dict[str, Any]

_TYPE_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping (key: value)",
}
_SWITCH_WORDS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false"}


def note_faults(error: ValidationError, document: Document) -> None:
    """Note in a document each thing that the models refused in it."""
    for detail in error.errors(include_url=False):
        path, value = _locate(detail, document.value)
        if value is not UNREAD:
            document.refuse(path, *_describe(detail, path, value))


def keys_at(path: KeyPath) -> list[str]:
    """Return the keys of the section at a path; none for what is no section."""
    return [key for kind in _kinds(_schema_at(path)) for key in kind.get("properties", ())]


def _locate(detail: ErrorDetails, value: Any) -> tuple[KeyPath, Any]:
    """Return the path of an error in the document, and the value there."""
    path: list[str | int] = []
    index = detail.get("ctx", {}).get("index")
    # Pydantic also names the alternatives of a union that it tried ("float", "dict", ...).
    for part in [*detail["loc"], *([] if index is None else [index])]:
        is_key = isinstance(value, Mapping) and isinstance(part, str) and part in value
        is_index = isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        if is_key or is_index:
            path.append(part)
            value = value[part]
    return tuple(path), value


def _describe(detail: ErrorDetails, path: KeyPath, value: Any) -> tuple[str, str]:
    """Return what was found and what to do about it."""
    if detail["type"] == FAULT:
        return detail["ctx"]["found"], detail["ctx"]["fix"]
    if detail["type"] == "extra_forbidden":
        return _describe_unknown_key(path)
    if detail["type"] == "invalid_key":
        return f"the key {quoted(str(detail['loc'][-1]))} is not text", "put it in quotes"
    kinds = _kinds(_schema_at(path))
    is_secret = any(_schema_at(path[:length]).get("writeOnly") for length in range(len(path) + 1))
    found = "text" if is_secret and isinstance(value, str) else shown(value)
    words = [word for kind in kinds for word in kind.get("enum") or [_kind_words(kind)]]
    return f"expected {_either(words)}, found {found}", _advice(path, kinds, value)


@cache
def _root_schema() -> _Schema:
    return Config.model_json_schema()


def _schema_at(path: KeyPath) -> _Schema:
    schema = _root_schema()
    for part in path:
        key = "items" if isinstance(part, int) else "properties"
        holder = next((kind for kind in _kinds(schema) if key in kind), {})
        schema = holder.get(key, {}) if key == "items" else holder.get(key, {}).get(part, {})
    return schema


def _kinds(schema: _Schema) -> list[_Schema]:
    """Return the alternatives of a schema, references followed."""
    if "$ref" in schema:
        return _kinds(_root_schema()["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return [kind for one in schema["anyOf"] for kind in _kinds(one)]
    return [schema]


def _kind_words(kind: _Schema) -> str:
    if "properties" in kind:
        return f"the keys {', '.join(kind['properties'])}"
    if kind.get("format") == "path":
        return "a path"
    if "type" not in kind:
        return "what JSON can hold"
    return _TYPE_WORDS[kind["type"]] + _range_words(kind)


def _range_words(kind: _Schema) -> str:
    if "maximum" not in kind:
        return ""
    most = kind["maximum"]
    if "exclusiveMinimum" in kind:
        return f" above {kind['exclusiveMinimum']:.15g} and up to {most:.15g}"
    least = kind["minimum"]
    if kind["type"] == "integer" and most == least + 1:
        return f": {least} or {most}"
    return f" from {least:.15g} to {most:.15g}"


def _either(words: list[str]) -> str:
    *firsts, last = words
    return f"{', '.join(firsts)} or {last}" if firsts else last


def _advice(path: KeyPath, kinds: list[_Schema], value: Any) -> str:
    """Return what to write instead, where that can be guessed."""
    types = {kind.get("type") for kind in kinds}
    if value is None:
        if "default" in _schema_at(path):
            return "leave the key out for its default"
        return "write a value, or remove the entry"
    if isinstance(value, dict) and "string" in types:
        return 'put text that holds ": " in quotes'
    if isinstance(value, float) and value.is_integer() and "integer" in types:
        return f"write {int(value)}"
    if isinstance(value, bool | int | float) and "string" in types and "enum" not in kinds[0]:
        return "put it in quotes"
    return _advice_for_text(kinds, types, value) if isinstance(value, str) else ""


def _advice_for_text(kinds: list[_Schema], types: set[Any], text: str) -> str:
    if close := _closest(text, [value for kind in kinds for value in kind.get("enum", ())]):
        return f"did you mean {close}?"
    if "boolean" in types and text.lower() in _SWITCH_WORDS:
        return f"write {_SWITCH_WORDS[text.lower()]}"
    if "boolean" in types and text in {"true", "false"}:
        return "remove the quotes"
    looks_numeric = text[:1].isdigit() or text[1:2].isdigit()
    if types & {"integer", "number"} and looks_numeric:
        return "write a plain decimal number, without quotes"
    return 'write a list: ["...", "..."]' if "array" in types else ""


def _describe_unknown_key(path: KeyPath) -> tuple[str, str]:
    *around, last = path
    key = str(last).strip().lower().replace("-", "_").replace(" ", "_")
    siblings = keys_at(tuple(around))
    homes = {name: keys_at((name,)) for name in keys_at(()) if [name] != around}
    if key in siblings:
        return "unknown key", f"did you mean {key}?"
    if owners := [f"{name}:" for name, keys in homes.items() if key in keys]:
        return "unknown key here", f"it belongs under {_either(owners)}"
    if around and key in keys_at(()):
        return "unknown key here", "it belongs at the top level, with no spaces before it"
    if close := _closest(key, siblings):
        return "unknown key", f"did you mean {close}?"
    for name, keys in homes.items():
        if close := _closest(key, keys):
            return "unknown key here", f"did you mean {close} under {name}:?"
    return "unknown key", f"known here: {', '.join(siblings)}"


def _closest(word: str, choices: list[str]) -> str:
    """Return the choice that a word is a slip of, or empty text."""
    lowered = {choice.lower(): choice for choice in choices}
    # 0.7: above difflib's default of 0.6, at which unlike keys of this size are offered.
    close = get_close_matches(word.lower(), lowered, n=1, cutoff=0.7)
    return lowered[close[0]] if close else ""
