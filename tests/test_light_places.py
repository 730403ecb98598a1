"""What light trees leave to LibCST, where their nodes stand in the file, and how they are written in messages."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from leakcheck.project.syntax.light.text import parsed
from leakcheck.project.syntax.light.tree import light_places
from leakcheck.project.syntax.walk import children, code, walk
from tests.test_light_trees import SAMPLE, chunk, light


@pytest.mark.parametrize(
    "text", ["a = 1; \\\nb = 2\n", "if a: \\\n    b\n", "ﬁle = 1\n", "print 'a'\n", "a = 1\rb = 2\r"]
)
def test_what_cannot_be_told_is_left_to_libcst(text: str) -> None:
    assert light(text) is None


def test_deep_expressions_are_left_to_libcst() -> None:
    text = "x = " + "-" * 500 + "1\n"
    assert len(list(walk(chunk(text).tree))) > 1000
    assert chunk("x = " + " + ".join(["a"] * 3000) + "\n").tree.body


def test_names_of_other_alphabets_are_as_written() -> None:
    assert [n.value for n in walk(chunk("ﬁle = 'é'\n").tree) if isinstance(n, cst.Name)] == ["ﬁle"]


@pytest.mark.parametrize("file", SAMPLE[::4], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_places_are_those_of_libcst(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    syntax, found = parsed(text), light(text)
    assert syntax is not None
    assert found is not None
    expected = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    places, known = light_places(text, syntax, found), expected.resolve(PositionProvider)
    for node, full in zip(walk(found), walk(expected.module), strict=True):
        assert places.get(node, known[full]) == known[full]
        assert node in places or not isinstance(node, (cst.Assign, cst.Return, cst.FunctionDef))


PLACED = '''\
@decorated  # é
def f(a, *, b: int = 1):
    """é"""
    with (a.open("é") as (x), b):
        return [(x), ("é", (y) + z), (i for i in (j))], f"{a}é{b!r}" 'c'
'''


def test_other_places_are_found_in_the_full_tree() -> None:
    found, expected = chunk(PLACED), MetadataWrapper(cst.parse_module(PLACED), unsafe_skip_copy=True)
    places = expected.resolve(PositionProvider)
    pairs = list(zip(walk(found.tree), walk(expected.module), strict=True))
    assert len(pairs) > 50
    for node, full in pairs:
        if children(node) or isinstance(node, (cst.Name, cst.SimpleString)):
            assert (found.place(node).start, found.place(node).end) == (places[full].start, places[full].end)


WRITTEN = [
    ("a.b( c,d )", "a.b(c, d)"),
    ("(a or b).c", "(a or b).c"),
    ("a [ 'b' ] [1:2, (3)]", "a['b'][1:2, 3]"),
    ("(a + b) * c - (d - e) ** -2", "(a + b) * c - (d - e) ** -2"),
    ("a + b * c", "a + b * c"),
    ("not (a and (b or c)) == (not d)", "not (a and (b or c)) == (not d)"),
    ("(await a).b", "(await a).b"),
    ("f(x for x in y)", "f(x for x in y)"),
    ("f( *a , k = (1,) , **b )", "f(*a, k=(1,), **b)"),
    ("(lambda a,b : a)(1)", "(lambda a, b: a)(1)"),
    ("f(\n    a,  # comment\n    b,\n)", "f(a, b)"),
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_their_text_is_laid_out_as_usual(text: str, expected: str) -> None:
    tree = light(f"async def f():\n    return ({text})\n")
    assert tree is not None
    returned = next(node for node in walk(tree) if isinstance(node, cst.Return))
    assert returned.value is not None
    assert code(returned.value) == expected
