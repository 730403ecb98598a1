"""Trees made of the standard library's have all that the analysis reads in LibCST's own."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import libcst as cst
import pytest

import leakcheck
from leakcheck.project.syntax.chunk import Chunk
from leakcheck.project.syntax.light import expressions, statements
from leakcheck.project.syntax.light.text import parsed
from leakcheck.project.syntax.light.tree import light_module
from leakcheck.project.syntax.module import Module
from leakcheck.project.syntax.walk import children

LIBRARY = Path(os.__file__).parent
OWN = sorted(Path(leakcheck.__file__).parent.rglob("*.py"))
SAMPLE = [*OWN[::8], *sorted(LIBRARY.glob("*.py"))[::12], *sorted(LIBRARY.glob("asyncio/*.py"))[::6]]
PARTLY_LAYOUT = ("asynchronous", "star_arg", "posonly_ind", "format_spec")  # what counts is whether there is one


def light(text: str) -> cst.Module | None:
    return light_module(text, parsed(text))


def chunk(text: str) -> Chunk:
    return Module(text, "some.py", "some").chunks[0]


def told(node: cst.CSTNode) -> list[object]:
    """The kind of a node, and what it has besides other nodes."""
    found: list[object] = [type(node)]
    for field in fields(node):  # type: ignore[arg-type]
        value = getattr(node, field.name)
        if isinstance(value, str) and field.name != "indent" and not isinstance(node, cst.Module):
            found.append((field.name, value))
        elif field.name in PARTLY_LAYOUT:
            found.append((field.name, value is not None and not isinstance(value, cst.MaybeSentinel)))
    return found


def same(found: cst.CSTNode, expected: cst.CSTNode) -> Iterator[tuple[object, object]]:
    pending = [(found, expected)]
    while pending:
        pair = pending.pop()
        yield [told(node) for node in pair]  # type: ignore[misc]
        pending += zip(*map(children, pair), strict=True)


def assert_same(text: str) -> None:
    found = light(text)
    assert found is not None
    for left, right in same(found, cst.parse_module(text)):
        assert left == right


@pytest.mark.parametrize("file", SAMPLE, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_they_are_the_same_in_real_code(file: Path) -> None:
    assert_same(file.read_text(encoding="utf-8"))


EXPRESSIONS = """
a.b.c(d, *e, f=1, **g)
f(a=1, *b)
f(x for x in y)
f((x for x in y), z)
lambda: 0
lambda a, /, b=1, *c, d, e=2, **f: (yield)
lambda *, a: a
(a and b) and c or not d
a and b and c and (d or e or f)
a + b - c * d / e // f % g ** h @ i << j >> k & l | m ^ n
-a ** -b + ~c
a < b <= c == d != e > f >= g is h is not i in j not in k
x if y else z if w else v
(a := b) + (c := (yield))
[a, *b, (c, d), (e,), ()]
{a, *b}
{a: b, **c, 'd': (e for e in f)}
{}
[a async for b in c if d if e for f in g]
{a for a in b}
{a: b for a, b in c}
a[b], a[b, c], a[(b, c)], a[(b), c], a[()], a[b,], a[(b, c), d]
a[:], a[b:], a[::c], a[b:c:d, ..., e]
True, False, None, ..., 1, 0xFF, 1_000, 1.5, 1e10, 2j
'a', "b", r'\\d', b'c', Rb'd', u'e', '''f''', ''
'a' "b" r'c'
f'', f'{a}', f'a{{b}}{c!r}{d:>10}{e:}', rf'\\d{a}', F"{a['b']}{a.b(c=1)}{a != b}{a[1:2]}"
f'{a:{b}}', f'{a=}', f'{{{a}}}', f'\\N{BULLET}{a}', f'{a, b}', f'{(lambda x: x)(1)}', f'{a !r}', f'{ {1: 2}[1] }'
'é' + "ü" + f'{a}é{"ö"}'
a.b[c](d)[e].f
(yield), (yield a), (yield from b)
"""


@pytest.mark.parametrize("text", EXPRESSIONS.strip().split("\n"))
def test_they_are_the_same_for_each_kind_of_expression(text: str) -> None:
    assert_same(f"async def f():\n    x = {text}\n    return {text}\n")


SEVERAL_LINES = (
    "('a'  # comment\n    'b' f'{c}' \\\n'd')",
    "f'''{\n    a\n} and {b}\n'''",
    "(a.\n    b)(\n    c, 'd'\n)",
    "f('''é\nü''', b'''\n''', 1)",
)


@pytest.mark.parametrize("text", SEVERAL_LINES)
def test_they_are_the_same_for_expressions_of_several_lines(text: str) -> None:
    assert_same(f"def f():\n    return {text}, 'é' if a else 2.5\n")


STATEMENTS = """
a; b; c
---
a = b = c, d = e
---
a: int; b: str = 'c'; c.d: int = 1
---
a += 1; a -= 1; a *= 1; a /= 1; a //= 1; a %= 1; a **= 1; a @= 1; a <<= 1; a >>= 1; a &= 1; a |= 1; a ^= 1
---
del a; del a, b; del (a, b); del a,; del [a], b[c]; del (a)
---
raise
---
raise A
---
raise A from b
---
assert a; assert a, 'b'
---
import a, b.c, d.e.f as g
---
from a import b, c as d
from ... import (e)
from .f.g import *
---
if a: b
elif c: d; e
else: f
---
if a:
    b
else:
    if c:
        d
---
if (a
    or b): c
---
if a:

    # comment
    b  # comment
elif c:
    pass
    '''text
of lines'''
---
while a:
    break
else:
    continue
---
for a, *b in c, d: pass
else: e
---
async def f(a, b: int = 1, /, c=2, *d: str, e, f: int = 3, **g) -> 'h':
    async for i in j: await k
    async with l as m, n: return
    global o, p
---
def f(*, a): nonlocal b
---
def f(): '''text'''
---
with a as b, c() as (d, e), f: pass
---
with (a as b, c,): pass
---
with (a, b): pass
---
with (a, b) as c: pass
---
with (a): pass
---
try: a
except: b
---
try:
    a
except A as b:
    c
except (B, C): d
else:
    e
finally:
    f
---
@a
@b.c(d)
class E(F, *g, metaclass=H, **i):
    'text'
    x = 1
    @property
    def j(self): ...
---
class A: pass
---
class A(): pass
---
match a, b:
    case [1, *c] | {'d': 2, **e} | F(3, g=4) | (5, 6) | None as h if i: pass
    case _: j
---
if a:
    match b:
        case -1 | 1 + 2j: c
        case d.e: f
---
def f():
	if a:
		return b,
	return *a, b
---
x = yield
---
x: tuple = 1, 2
"""
TRY_STAR = "try: a\nexcept* A as b: c\nexcept* (B, C):\n    d\n"
STARRED = "def f(*args: *Ts) -> A[*Ts]: a[*b], a[b, *c]\n"
TYPE_PARAMETERS = "def f[T: int, *Ts, **P](a: T) -> T: return a\nclass A[T](B):\n    x: T\ntype B[T] = A[T]; c\n"
DEFAULTS = "class A[T = int, *Ts = *tuple[int, ...], **P = [int]]: x: T\n"
QUOTES_INSIDE = "x = f'{a['b']}' 'c' f\"{f\"{d}\"}\"\n"


@pytest.mark.parametrize("text", STATEMENTS.strip("\n").split("\n---\n"))
def test_they_are_the_same_for_each_kind_of_statement(text: str) -> None:
    assert_same(text)
    assert_same(f"{text}\n\n{text}\n")
    assert_same(f"class A:\n    def f(self):\n{textwrap.indent(text, ' ' * 8)}\n")


@pytest.mark.parametrize(
    ("since", "text"),
    [
        ((3, 11), TRY_STAR),
        ((3, 11), STARRED),
        ((3, 12), TYPE_PARAMETERS),
        ((3, 13), DEFAULTS),
        ((3, 12), QUOTES_INSIDE),
    ],
)
def test_they_are_the_same_for_newer_syntax(since: tuple[int, int], text: str) -> None:
    if sys.version_info >= since:
        assert_same(text)
    else:
        assert light(text) is None
    assert chunk(text).tree.body


@pytest.mark.slow
def test_they_are_the_same_in_everything_installed() -> None:
    folders = (LIBRARY, *map(Path, sys.path))  # some lie in others
    for file in sorted({file.resolve() for folder in folders for file in folder.rglob("*.py")}):
        try:
            text = file.read_text(encoding="utf-8")
            expected = cst.parse_module(text)
        except (UnicodeDecodeError, cst.ParserSyntaxError):
            continue
        found = light(text)
        assert found is None or all(left == right for left, right in same(found, expected)), file


def test_every_kind_the_standard_library_knows_is_made() -> None:
    import ast

    abstract = {ast.expr, ast.stmt, ast.slice}
    kinds = {kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, (ast.expr, ast.stmt))}
    known = {*expressions.MAKERS, *statements.SMALL, *statements.COMPOUND}
    older = {kind for kind in kinds if issubclass(kind, ast.Constant) and kind is not ast.Constant}
    assert kinds - known - older - abstract == {ast.FormattedValue, ast.Slice}
