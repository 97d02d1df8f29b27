"""The lines of the house (docs/architecture.md): who may import, start and write what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "audioset_dl"
MODULES = {
    path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", "."): ast.parse(
        path.read_text("utf-8")
    )
    for path in sorted(PACKAGE.rglob("*.py"))
}

GROUND = {"errors", "outcomes", "storage", "versions", "words"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "versions": set(),
    "words": set(),
    "outcomes": set(),
    "storage": {"errors"},
    "config": GROUND,
    "catalog": GROUND | {"config"},
    "audio": GROUND | {"config"},
    "selection": GROUND | {"config", "catalog"},
    "planning": GROUND | {"config", "catalog", "audio", "selection", "dataset", "youtube"},
    "youtube": GROUND | {"config"},
    "dataset": GROUND | {"config", "catalog", "audio"},
    "sets": GROUND | {"config", "catalog", "audio", "dataset"},
    "process": GROUND | {"config", "catalog", "audio", "dataset"},
    "export": GROUND | {"config", "catalog", "audio", "dataset", "process"},
    "fewshot": GROUND | {"config", "catalog", "audio", "dataset", "selection", "export"},
    "clip_dataset": GROUND | {"config", "dataset", "fewshot"},
    "download": GROUND | {"config", "catalog", "audio", "dataset", "selection", "youtube"},
    "simulator": GROUND | {"audio", "catalog", "dataset"},
    "doctor": GROUND
    | {"config", "catalog", "audio", "dataset", "selection", "planning", "youtube", "download"},
}
"""What each room may use of the others (docs/architecture.md)."""
AT_THE_END = {"report", "cli", "__main__", "__init__"}
"""Rooms that may use all others; only `report` is closed to those below `cli`."""


def room_of(module: str) -> str:
    """Return the room of a module: the first name after the package's."""
    return [*module.split("."), "__init__"][1]


def imports_of(module: str) -> Iterator[str]:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            yield node.module or ""


def calls_of(module: str) -> Iterator[str]:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def modules_that_import(package: str) -> set[str]:
    return {
        room_of(module)
        for module in MODULES
        if any(name.split(".")[0] == package for name in imports_of(module))
    }


def ours(module: str) -> set[str]:
    """Return the modules of the package that a module imports, wherever it does so."""
    names: set[str] = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            names |= {part if part in MODULES else str(node.module) for part in parts.values()}
    names = {name if name in MODULES else f"{name}.__init__" for name in names}
    return (names & MODULES.keys()) - {module, "audioset_dl.__init__"}


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the nodes of one circle; nothing where there is none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    room = room_of(module)
    rooms = {room_of(name) for name in ours(module)} - {room}
    if room in MAY_IMPORT:
        assert rooms <= MAY_IMPORT[room]
    else:
        assert "cli" not in rooms or room == "__main__"


def test_modules_and_rooms_have_no_circle() -> None:
    # A package's own module is what importing any of its modules runs first.
    assert not find_circle({module: ours(module) for module in MODULES})
    rooms: dict[str, set[str]] = {}
    for module in MODULES:
        room = room_of(module)
        rooms.setdefault(room, set()).update(map(room_of, ours(module)))
    assert not find_circle({room: others - {room} for room, others in rooms.items()})


def test_a_circle_would_be_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


@pytest.mark.parametrize(
    "module",
    ["cli", "dataset.verify", "dataset.status", "sets.merge", "sets.compare", "process.run",
     "outcomes", "planning.plan", "clip_dataset"],
)  # fmt: skip
def test_what_asks_nothing_of_youtube_does_not_load_yt_dlp(module: str) -> None:
    code = f"import sys, audioset_dl.{module}; sys.exit('yt_dlp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_yt_dlp_is_imported_in_youtube_only() -> None:
    assert modules_that_import("yt_dlp") == {"youtube"}


def test_programs_are_started_in_audio_only() -> None:
    assert modules_that_import("subprocess") == {"audio"}
    assert modules_that_import("imageio_ffmpeg") == {"audio"}
    starters = ("os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn")
    for module in MODULES:
        assert not [call for call in calls_of(module) if call.startswith(starters)]


def test_sql_is_written_in_the_journal_only() -> None:
    users = {module for module in MODULES if "sqlite3" in imports_of(module)}
    assert users
    assert all(module.startswith("audioset_dl.dataset.journal") for module in users)


def test_dask_is_imported_in_the_cluster_only() -> None:
    users = {
        module
        for module in MODULES
        if any(name.split(".")[0] in {"dask", "distributed"} for name in imports_of(module))
    }
    assert users <= {"audioset_dl.download.cluster"}


def test_only_the_command_line_prints() -> None:
    for module, tree in MODULES.items():
        if room_of(module) == "cli" or module == "audioset_dl.simulator.__main__":
            continue
        assert not {"print", "click.echo"} & set(calls_of(module)), module
        source = ast.unparse(tree)
        assert "sys.stdout" not in source, module
        assert "sys.stderr" not in source, module


def test_no_product_code_knows_the_simulator() -> None:
    users = {
        room_of(module)
        for module in MODULES
        if any(name.startswith("audioset_dl.simulator") for name in imports_of(module))
    }
    assert users == {"cli", "simulator"}


def test_modules_classes_and_functions_stay_short() -> None:
    for module, tree in MODULES.items():
        path = PACKAGE.parent / (module.replace(".", "/") + ".py")
        assert len(path.read_text("utf-8").splitlines()) <= 400, module
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= 150, f"{module}.{node.name} has {length} lines"
                assert not node.name.endswith("Mixin"), f"{module}.{node.name}: split it honestly"
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert length <= 40, f"{module}.{node.name} has {length} lines"
