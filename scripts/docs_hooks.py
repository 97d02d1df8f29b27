"""The parts of the manual that are made from the program: hooks of MkDocs (see mkdocs.yml).

A page says where such a part goes by a comment, such as ``<!-- made: commands -->``. So the pages
can't say anything else than the program does, and a new key, command or public function is in the
manual without a line written for it.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import yaml

from audioset_dl import cli, errors
from audioset_dl.config import Config
from audioset_dl.config.starting import default_config_text
from audioset_dl.doctor.assumptions import ASSUMPTIONS
from audioset_dl.outcomes import KINDS

_MARK = re.compile(r"^<!-- made: ([\w -]+?)(?: of ([\w.]+))? -->$", re.MULTILINE)
_TERMINAL_WIDTH = 80


class PageError(Exception):
    """A page asks for something that the program does not have."""


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put what is made from the program in the place of the marks of a page (hook of MkDocs)."""
    return fill_in(markdown)


def on_post_build(config: Mapping[str, Any]) -> None:
    """Fail the build if a browser would load anything from another host (hook of MkDocs)."""
    site = Path(config["site_dir"])
    found = [f"{path.relative_to(site)}: {address}" for path in sorted(site.rglob("*.html"))
             for address in find_outside_addresses(path.read_text("utf-8"))]  # fmt: skip
    if found:
        raise PageError("pages that load something from elsewhere:\n" + "\n".join(found))


def fill_in(markdown: str) -> str:
    """Return a page with what its marks ask for."""
    makers: dict[str, Callable[[str, str], str]] = {
        "configuration": lambda _, __: "\n\n".join(make_configuration()),
        "default config": lambda _, __: f"```yaml\n{default_config_text()}```",
        "commands": lambda _, __: make_command_table(),
        "help": lambda _, __: "\n\n".join(make_help()),
        "assumptions": lambda _, __: make_assumption_table(),
        "failure codes": lambda _, page: make_failure_table(page),
        "members": lambda module, _: "\n\n".join(make_members(module)),
        "errors": lambda _, __: "\n\n".join(make_errors()),
    }

    def make(match: re.Match[str]) -> str:
        if match[1] not in makers:
            raise PageError(f"{match[0]}: expected one of {', '.join(makers)}")
        return makers[match[1]](match[2] or "", markdown)

    return _MARK.sub(make, markdown)


def make_configuration() -> Iterator[str]:
    """Yield a heading, and a table of the keys, for each section of the configuration."""
    schema = Config.model_json_schema()
    top = {name: field for name, field in schema["properties"].items() if "$ref" not in field}
    yield _make_key_table("", top)
    for name, field in schema["properties"].items():
        if "$ref" in field:
            section = schema["$defs"][field["$ref"].rsplit("/", 1)[1]]
            words = section.get("description", "") or field.get("description", "")
            yield f"## {name}\n\n{words}".rstrip()
            yield _make_key_table(f"{name}.", section["properties"])


def _make_key_table(prefix: str, fields: Mapping[str, Any]) -> str:
    rows = [
        (f"`{prefix}{name}`", f"`{_as_yaml(field.get('default'))}`",
         f"{' '.join(field.get('description', '').split())}<br>*{describe_type(field)}*")
        for name, field in fields.items()
    ]  # fmt: skip
    return _make_table(("key", "default", "meaning and *value*"), rows)


def describe_type(field: Mapping[str, Any]) -> str:
    """Return what a value may be, by its JSON Schema, in a few words."""
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(map(describe_type, field["anyOf"])))
    kind = field.get("type")
    if kind in ("integer", "number"):
        return _describe_number(field)
    if kind == "array" and "prefixItems" in field:
        return f"list of {len(field['prefixItems'])} {field['prefixItems'][0]['type']}s"
    if kind == "array":
        return f"list of {describe_type(field.get('items', {}))}"
    words = {"boolean": "`true`, `false`", "null": "`null`", "object": "mapping"}
    return words.get(kind, "path" if field.get("format") == "path" else "text")


def _describe_number(field: Mapping[str, Any]) -> str:
    low = f"from {field['minimum']:,}" if "minimum" in field else ""
    above = f"above {field['exclusiveMinimum']:,}" if "exclusiveMinimum" in field else ""
    high = f"to {field['maximum']:,}" if "maximum" in field else ""
    return " ".join(filter(None, (field["type"], low or above, high)))


def _as_yaml(value: object) -> str:
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def make_command_table() -> str:
    """Return a table of the commands, in the order in which they are used."""
    rows = [
        (f"`{' '.join(['audioset-dl', name, *_arguments(command)])}`",
         command.get_short_help_str(limit=200))
        for name, command in _commands()
    ]  # fmt: skip
    return _make_table(("command", "what it does"), rows)


def make_help() -> Iterator[str]:
    """Yield a heading and the text of ``--help`` for each command."""
    for name, command in _commands():
        context = click.Context(
            command, info_name=f"audioset-dl {name}",
            terminal_width=_TERMINAL_WIDTH, max_content_width=_TERMINAL_WIDTH,
            help_option_names=["-h", "--help"],
        )  # fmt: skip
        yield f"### {name}\n\n```text\n{command.get_help(context)}\n```"


def _commands() -> Iterator[tuple[str, click.Command]]:
    names = cli.cli.list_commands(click.Context(cli.cli))
    return ((name, cli.cli.commands[name]) for name in names)


def _arguments(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            name = parameter.human_readable_name
            shown = name if name.isupper() else name.upper()
            shown += "..." if parameter.nargs == -1 else ""
            yield shown if parameter.required else f"[{shown}]"


def make_failure_table(page: str) -> str:
    """Return a table of the failure codes that a page does not explain, or nothing."""
    rows = [
        (f"`{code}`", kind.scope.value, "; ".join(kind.fragments))
        for code, kind in KINDS.items()
        if f"| `{code}` |" not in page
    ]
    return _make_table(("code", "about", "known by"), rows) if rows else ""


def make_assumption_table() -> str:
    """Return a table of what is taken for true of the live site and checked by the doctor."""
    rows = [(f"`{name}`", says, check.__doc__ or "") for name, says, check in ASSUMPTIONS]
    return _make_table(("name", "what is assumed", "seen by"), rows)


def make_members(module_name: str) -> Iterator[str]:
    """Yield what mkdocstrings takes for each class and function that a module makes public.

    By the name under which it was defined: some names of the library are those of a room as well.
    """
    module = importlib.import_module(module_name)
    for name in module.__all__:
        member = getattr(module, name)
        if inspect.isclass(member) or inspect.isfunction(member):
            yield _make_member(member, f"{module_name}.{name}")
        elif inspect.ismodule(member):
            raise PageError(f"{module_name}.{name} is a module: give what is meant by it")


def make_errors() -> Iterator[str]:
    """Yield what mkdocstrings takes for each error that the program raises on purpose."""
    for name, member in vars(errors).items():
        if inspect.isclass(member) and issubclass(member, errors.AudiosetDlError):
            yield _make_member(member, f"audioset_dl.errors.{name}")


def _make_member(member: type | Callable[..., object], name: str) -> str:
    lines = (f"::: {member.__module__}.{member.__qualname__}", "    options:",
             f"      heading: {name}", f"      toc_label: {name.rsplit('.', 1)[1]}")  # fmt: skip
    return "\n".join(lines)


def _make_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    ruler = tuple("---" for _ in head)
    cells = ([cell.replace("|", "\\|") for cell in row] for row in (head, ruler, *rows))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


class _Loads(HTMLParser):
    """Collects the addresses that a browser loads when it shows a page (not those of links)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        addresses = [values.get("src"), values.get("href") if tag == "link" else None]
        self.found += [address for address in addresses if address]


def find_outside_addresses(html: str) -> list[str]:
    """Return the addresses of other hosts that a browser would load to show a page."""
    loads = _Loads()
    loads.feed(html)
    return [address for address in loads.found if re.match(r"(?:[a-z]+:)?//", address)]
