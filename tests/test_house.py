"""The lines of the house (design §2): who may import, start and write what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "audioset_dl"
MODULES = {
    path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", "."): ast.parse(
        path.read_text("utf-8")
    )
    for path in sorted(PACKAGE.rglob("*.py"))
}

BELOW = {"errors", "outcomes", "words", "versions", "storage", "config"}
MAY_IMPORT: dict[str, set[str]] = {
    "versions": set(),
    "words": set(),
    "errors": set(),
    "outcomes": set(),
    "storage": {"errors"},
    "config": {"errors", "outcomes", "storage", "words"},
    "catalog": BELOW,
    "audio": BELOW,
    "selection": BELOW | {"catalog"},
    "planning": BELOW | {"catalog", "selection"},
    "youtube": BELOW,
    "dataset": BELOW | {"audio", "catalog"},
    "process": BELOW | {"audio", "catalog", "dataset"},
    "export": BELOW | {"audio", "catalog", "dataset", "process"},
    "fewshot": BELOW | {"audio", "catalog", "dataset", "export", "selection"},
    "clip_dataset": BELOW | {"dataset", "fewshot"},
    "sets": BELOW | {"audio", "catalog", "dataset"},
    "download": BELOW | {"audio", "catalog", "dataset", "planning", "selection", "youtube"},
    "simulator": {"audio", "catalog", "dataset", "errors", "storage"},
    "doctor": BELOW
    | {"audio", "catalog", "dataset", "download", "planning", "selection", "youtube"},
}
"""What each room may use of the others (design §2), from the ground up."""
AT_THE_END = {"report", "cli", "__main__", "__init__"}


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


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    room = room_of(module)
    ours = {room_of(name) for name in imports_of(module) if name.startswith("audioset_dl.")}
    if room in AT_THE_END:
        assert room == "cli" or "cli" not in ours or room == "__main__"
    else:
        assert ours - {room} <= MAY_IMPORT[room]


def test_the_rooms_have_no_circle() -> None:
    order = list(MAY_IMPORT)
    for room, others in MAY_IMPORT.items():
        later = {other for other in others if order.index(other) >= order.index(room)}
        assert not later, f"{room} uses {later}, which stand after it"


def test_yt_dlp_is_imported_in_youtube_only() -> None:
    assert modules_that_import("yt_dlp") == {"youtube"}


def test_programs_are_started_in_audio_only() -> None:
    assert modules_that_import("subprocess") == {"audio"}
    assert modules_that_import("imageio_ffmpeg") == {"audio"}
    starters = ("os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn")
    for module in MODULES:
        assert not [call for call in calls_of(module) if call.startswith(starters)]


def test_sql_is_written_in_the_journal_only() -> None:
    users = {module for module in MODULES if any(name == "sqlite3" for name in imports_of(module))}
    assert users == {"audioset_dl.dataset.journal"}


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


def test_modules_and_functions_stay_short() -> None:
    for module, tree in MODULES.items():
        path = PACKAGE.parent / (module.replace(".", "/") + ".py")
        assert len(path.read_text("utf-8").splitlines()) <= 400, module
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert length <= 40, f"{module}.{node.name} has {length} lines"
