"""Words for what is wrong with a configuration.

Turns pydantic's errors into faults that say what was found, what was expected and what to do. What
was expected is read from the model's JSON Schema, so that a model's rule stands in one place. Must
not know the sections by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from audioset_dl.config.document import Document, Fault, KeyPath, Plain
from audioset_dl.config.values import FAULT, shown

_Schema: TypeAlias = dict[str, Any]

_KIND_WORDS = {
    "null": "null",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
}
_SWITCH_WORDS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false"}


def faults_of(
    error: ValidationError, model: type[BaseModel], document: Document
) -> Iterator[Fault]:
    """Yield a fault for each thing that a model refused in a document.

    What the reader had refused already is left out.
    """
    root = model.model_json_schema()
    seen = set()
    for detail in error.errors(include_url=False):
        path = _path_in(document.value, detail)
        fault = Fault(path, _words(detail, path, root, document), document.place_of(path))
        if fault not in seen and not _is_unread(path, document):
            yield fault
        seen.add(fault)


def _is_unread(path: KeyPath, document: Document) -> bool:
    return any(path[:length] in document.unread for length in range(len(path) + 1))


def _path_in(value: Any, detail: ErrorDetails) -> KeyPath:
    """Return the part of an error's location that the document holds."""
    index = detail.get("ctx", {}).get("index")
    path: list[str | int] = []
    for part in [*detail["loc"], *([] if index is None else [index])]:
        is_key = isinstance(value, dict) and part in value
        is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if not (is_key or is_index):
            break
        path.append(part)
        value = value[part]
    return tuple(path)


def _words(detail: ErrorDetails, path: KeyPath, root: _Schema, document: Document) -> str:
    if detail["type"] == "extra_forbidden":
        return _unknown_key(path, root)
    if detail["type"] == FAULT:
        return detail["msg"]
    schema, is_secret = _schema_at(path, root)
    value = _value_at(path, document.value)
    found = "text" if is_secret and isinstance(value, str) else shown(value)
    return f"expected {_expected(schema, root)}, found {found}{_advice(schema, root, value)}"


def _value_at(path: KeyPath, value: Any) -> Any:
    for part in path:
        value = value[part]
    return value


def _schema_at(path: KeyPath, root: _Schema) -> tuple[_Schema, bool]:
    """Return the schema of the value at `path`, and whether it may hold a secret."""
    schema, is_secret = root, False
    for part in path:
        key = "items" if isinstance(part, int) else "properties"
        holder: _Schema = next((one for one in _kinds(schema, root) if key in one), {})
        schema = holder.get("items", {}) if key == "items" else holder.get(key, {}).get(part, {})
        is_secret = is_secret or bool(schema.get("writeOnly"))
    return schema, is_secret


def _kinds(schema: _Schema, root: _Schema) -> list[_Schema]:
    """Return the alternatives of a schema, references followed."""
    if "$ref" in schema:
        return _kinds(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return [kind for one in schema["anyOf"] for kind in _kinds(one, root)]
    return [schema]


def _expected(schema: _Schema, root: _Schema) -> str:
    words: list[str] = []
    for kind in _kinds(schema, root):
        words += [str(value) for value in kind["enum"]] if "enum" in kind else [_kind_words(kind)]
    return _either(words)


def _kind_words(kind: _Schema) -> str:
    if "properties" in kind:
        return f"the keys {', '.join(kind['properties'])}"
    if kind.get("format") == "path":
        return "a path"
    if kind.get("type") not in _KIND_WORDS:
        return "a mapping (key: value)"
    return _KIND_WORDS[kind["type"]] + _range_words(kind)


def _range_words(kind: _Schema) -> str:
    least, most, above = (kind.get(key) for key in ("minimum", "maximum", "exclusiveMinimum"))
    if above is not None:
        return f" above {above:g}" + ("" if most is None else f" and up to {most:g}")
    if kind["type"] == "integer" and least is not None and most == least + 1:
        return f": {_number(least)} or {_number(most)}"
    if least is not None and most is not None:
        return f" from {_number(least)} to {_number(most)}"
    return "" if least is None else f" of at least {_number(least)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _either(words: Iterable[str]) -> str:
    *firsts, last = words
    return f"{', '.join(firsts)} or {last}" if firsts else last


def _advice(schema: _Schema, root: _Schema, value: Plain) -> str:
    """Return what to write instead, where that can be guessed, with the ``;`` before it."""
    kinds = _kinds(schema, root)
    types = {kind.get("type") for kind in kinds}
    if value is None and "default" in schema:
        return "; leave the key out for its default"
    if value is None:
        return "; write a value, or remove the entry"
    if isinstance(value, dict) and "string" in types:
        return '; put text that holds ": " in quotes'
    if isinstance(value, float) and value == int(value) and "integer" in types:
        return f"; write {int(value)}"
    if isinstance(value, bool | int | float) and "string" in types and "enum" not in kinds[0]:
        return "; put it in quotes"
    return _advice_for_text(kinds, types, value) if isinstance(value, str) else ""


def _advice_for_text(kinds: list[_Schema], types: set[Any], text: str) -> str:
    choices = [str(value) for kind in kinds for value in kind.get("enum", ())]
    if close := _closest(text, choices):
        return f"; did you mean {close}?"
    if "boolean" in types and text.lower() in _SWITCH_WORDS:
        return f"; write {_SWITCH_WORDS[text.lower()]}"
    if "boolean" in types and text in {"true", "false"}:
        return "; remove the quotes"
    if types & {"integer", "number"} and _looks_numeric(text):
        return "; write a plain decimal number, without quotes"
    if "array" in types:
        return '; write a list: ["...", "..."]'
    return ""


def _looks_numeric(text: str) -> bool:
    return text[:1].isdigit() or text[1:2].isdigit()


def _unknown_key(path: KeyPath, root: _Schema) -> str:
    key = str(path[-1]).strip().lower().replace("-", "_").replace(" ", "_")
    siblings = _keys_at(path[:-1], root)
    homes = {
        section: keys
        for section in root["properties"]
        if (section,) != path[:-1] and (keys := _keys_at((section,), root))
    }
    owners = [f"{section}:" for section, keys in homes.items() if key in keys]
    if key in siblings:
        return f"unknown key; did you mean {key}?"
    if owners:
        return f"unknown key here; it belongs under {_either(owners)}"
    if path[:-1] and key in root["properties"]:
        return "unknown key here; it belongs at the top level, with no spaces before it"
    return _similar_key(key, siblings, homes)


def _similar_key(key: str, siblings: list[str], homes: dict[str, list[str]]) -> str:
    if close := _closest(key, siblings):
        return f"unknown key; did you mean {close}?"
    for section, keys in homes.items():
        if close := _closest(key, keys):
            return f"unknown key here; did you mean {close} under {section}:?"
    return f"unknown key; known here: {', '.join(siblings)}"


def _keys_at(path: KeyPath, root: _Schema) -> list[str]:
    schema, _ = _schema_at(path, root)
    return [key for kind in _kinds(schema, root) for key in kind.get("properties", ())]


def _closest(word: str, choices: list[str]) -> str | None:
    lowered = {choice.lower(): choice for choice in choices}
    close = get_close_matches(word.lower(), lowered, n=1, cutoff=0.7)
    return lowered[close[0]] if close else None
