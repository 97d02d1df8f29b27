"""Key paths, places and faults."""

from __future__ import annotations

from audioset_dl.config.document import Document, Place, dotted


def test_faults_stand_in_the_order_of_lines_those_of_overrides_last() -> None:
    document = Document("f")
    document.refuse(("c",), "third", place=Place("--set"))
    document.refuse(("b",), "second", "do", place=Place("f", 9))
    document.refuse(("a",), "first", place=Place("f", 2))
    document.refuse(("a",), "first", place=Place("f", 2))
    assert str(document.error()) == "f:2: a: first\nf:9: b: second; do\n--set: c: third"


def test_dotted_keys() -> None:
    assert dotted(()) == ""
    assert dotted(("classes", "include", 2)) == "classes.include[2]"
    assert dotted((0, "a-b", "c.d", "e\nf")) == '[0].a-b."c.d"."e\\nf"'
    assert len(dotted(("x" * 1000,))) < 100
