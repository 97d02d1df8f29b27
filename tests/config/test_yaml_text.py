"""Reading YAML: which of it is understood, and what is told about the rest."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.config.yaml_text import MAX_BYTES, MAX_DEPTH, read_yaml, read_yaml_file
from audioset_dl.errors import ConfigError


def _problems(text: str) -> list[str]:
    """Return what is said about a text."""
    return [str(problem) for _, problem in read_yaml(text, "f").faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, None) for word in ("", "~", "null", "Null", "NULL", "# c", "---", "--- ~\n...")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        ("0", 0), ("-0", 0), ("12", 12), ("+12", 12), ("-3", -3), ("9" * 40, int("9" * 40)),
        ("1.5", 1.5), (".5", 0.5), ("-.5", -0.5), ("5.", 5.0), ("1e3", 1e3), ("1E-3", 1e-3),
        ("1.5e+3", 1500.0), ("0.0", 0.0),
        *((word, word) for word in (
            "no", "yes", "on", "off", "y", "n", "No", "YES", "tRUE", "1:30", "190:20:30", "1_000",
            "0x10", "0o7", "0b1", "010", "-010", "00", "2020-01-01", "2020-01-01 10:00:00", ".inf",
            "-.inf", ".nan", "1e", "e3", "1.2.3", "+", ".", "=", "Dog", "a b", "a,b", "a#b",
        )),
        ('"4"', "4"), ("'true'", "true"), ("''", ""), ("|\n  4\n", "4\n"),
        (">-\n  a\n  b\n", "a b"),
        ("[]", []), ("{}", {}), ("[1, [a, {b: no}]]", [1, ["a", {"b": "no"}]]),
        ("[a, b,]", ["a", "b"]),
        ("a:\n- b\n- c", {"a": ["b", "c"]}), ('{"4": 4, no: no}', {"4": 4, "no": "no"}),
        ("[a: b]", [{"a": "b"}]), ("? a\n: b", {"a": "b"}), ("'<<': 1", {"<<": 1}),
    ],
)  # fmt: skip
def test_values(text: str, value: object) -> None:
    document = read_yaml(text, "f")
    assert document.faults == []
    assert document.value == value
    assert type(document.value) is type(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2", ["f:2: a: given twice, first on line 1; keep one"]),
        ("a: 1\n'a': 2\n\"a\": 3", ["f:2: a: given twice, first on line 1; keep one",
                                    "f:3: a: given twice, first on line 2; keep one"]),
        ("x:\n  - {b: 1, b: 2}", ["f:2: x[0].b: given twice, first on line 2; keep one"]),
        ("a: &x 1\nb: *x", ["f:1: a: anchors (&name) are not used here; remove it",
                            "f:2: b: aliases (*name) are not used here; write the value"]),
        ("a: [&x [*x]]", ["f:1: a[0]: anchors (&name) are not used here; remove it",
                          "f:1: a[0][0]: aliases (*name) are not used here; write the value"]),
        ("a: *nowhere", ["f:1: a: aliases (*name) are not used here; write the value"]),
        ("a: !!x/y:z x", ["f:1: a: tags (!name) are not used here; remove it, or quote the text"]),
        ("a: !x [1]", ["f:1: a: tags (!name) are not used here; remove it, or quote the text"]),
        ("<<: {a: 1}", ["f:1: merge keys (<<) are not used here; write the keys out"]),
        ("4: x\ntrue: y\n~: z", ["f:1: the key 4 is not text; put it in quotes",
                                 "f:2: the key true is not text; put it in quotes",
                                 "f:3: the key ~ is not text; put it in quotes"]),
        ("?\n: x", ['f:1: a ":" with no key before it']),
        ("s:\n  ? [a, b]\n  : c", [
            "f:2: s: a list or mapping in the place of a key; keys must be text"]),
        ("a: 1\n---\nb: 2", ['f:2: a second document; remove the "---" and what follows it']),
        ("a: " + "9" * 41, ["f:1: a: a number too large to work with"]),
        ("a: -1e400", ["f:1: a: a number too large to work with"]),
        ('a: "\\0"', [
            "f:1: a: a character that text can't hold (\\0, or half of a surrogate pair)"]),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, told: list[str]) -> None:
    assert _problems(text) == told


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\n\tb: 2", 2, 1, "a tab where YAML wants spaces; indent with spaces"),
        ("a:\tb", 1, 3, "a tab"),
        ("a: Bee: wasp", 1, 7, 'a ": " that can\'t stand here; quote text that holds one'),
        ("a:b\nc: d", 2, 2, 'a ": " that can\'t stand here'),
        ("a: @b", 1, 4, "text can't begin with this character; put it in quotes"),
        ("a: - b", 1, 4, 'a "- " after other text'),
        ("a: 1\nno colon\nb: 2", 2, 1, 'a key without its ":"'),
        ("a: 1\nb: 'x\nc: d", 3, 5, "a quote is opened and never closed (opened on line 2)"),
        ("a: [1,\n  2\n", 3, 1, "a list that is opened with [ needs commas and a closing ] (open"),
        ("a: {b: 1", 1, 9, "a mapping that is opened with { needs commas and a closing }"),
        ("a:\n   b: 1\n  c: 2", 3, 3, "the indentation fits none of the lines above"),
        ("a: 'x' y", 1, 8, "text after a value that had already ended"),
        ('a: "C:\\q"', 1, 8, 'a backslash in "..." begins a special character'),
        ("a: ]", 1, 4, "a value is missing, or a bracket is in the wrong place"),
        ("a: |x", 1, 5, "text can't begin with | or >; put it in quotes"),
        ("%YAML 2.0\n--- a", 1, 1, "found incompatible YAML document"),
    ],
)
def test_faults_of_syntax(text: str, line: int, column: int, words: str) -> None:
    [problem] = _problems(text)
    assert problem.startswith(f"f:{line}: not valid YAML at column {column}: {words}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: \x07", "f:2: a control character (U+0007); remove it"),
        ('a: 1\nb: "\\UFFFFFFFF"', "f:2: not valid YAML: a number that stands for no character"),
        ("%YAML 1." + "9" * 5000 + "\n--- a", "f:1: not valid YAML: a number that stands for no"),
    ],
)
def test_slips_of_pyyaml_itself(text: str, told: str) -> None:
    [problem] = _problems(text)
    assert problem.startswith(told)


def test_faults_before_a_fault_of_syntax_are_told_too() -> None:
    problems = _problems("a: 1\na: 2\nb: [")
    assert len(problems) == 2
    assert "given twice" in problems[0]


def test_depth_is_bounded() -> None:
    assert _problems("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    for opening in ("[", "{a: ", "- ", "? "):
        [problem] = _problems(opening * (MAX_DEPTH + 1))
        assert problem == f"f:1: nested deeper than {MAX_DEPTH} levels"


def test_size_is_bounded(tmp_path: Path) -> None:
    assert _problems("#" * MAX_BYTES) == []
    [problem] = _problems("#" * (MAX_BYTES + 1))
    assert "larger than" in problem
    (tmp_path / "c").write_bytes("é".encode() * (MAX_BYTES // 2 + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read_yaml_file(tmp_path / "c")


def test_places_and_blanks() -> None:
    document = read_yaml("a:\n  b:\n  - x\n  -\n    y\n  c:\n\n  d: ~\n  e: ''\n", "f")
    assert str(document.place_of(("a", "b"))) == "f:2"
    assert str(document.place_of(("a", "b", 1))) == "f:5"
    assert str(document.place_of(("a", "b", 1, "beyond"))) == "f:5"
    assert str(document.place_of(("z",))) == "f:1"
    assert document.blanks.keys() == {("a", "c")}


def test_without_lines() -> None:
    document = read_yaml("{a: 1, a: 2}", "--set", ("x", "y"))
    [(_, problem)] = document.faults
    assert str(problem) == "--set: x.y.a: given twice; keep one"


PRINTABLE = st.characters(exclude_categories=["Cc", "Cn", "Cs", "Zl", "Zp"])
"""What YAML 1.1 reads as it stands, and JSON does not escape."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from("\n\t\r\x01 ") | PRINTABLE, max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("ab é<:-", max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(JSON)
def test_json_is_read_as_json(value: object) -> None:
    # Not escaped: YAML does not join the surrogate pairs that JSON writes for astral characters.
    document = read_yaml(json.dumps(value, ensure_ascii=False), "f")
    assert document.faults == []
    assert document.value == value


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_exact(number: float) -> None:
    value = read_yaml(repr(number), "f").value
    assert isinstance(value, float)
    assert math.isclose(value, number, rel_tol=0)
