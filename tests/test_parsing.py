"""A file is cut into statements and methods, and most of them are never parsed: with the same result."""

from __future__ import annotations

import ast
from pathlib import Path

import libcst as cst
import pytest

import leakcheck
from leakcheck.engine import SourceError, check
from leakcheck.project.project import Project
from leakcheck.project.syntax import outline
from leakcheck.project.syntax.chunk import Chunk
from leakcheck.project.syntax.module import ClassInfo, Module
from leakcheck.project.syntax.sketch import LOOP
from leakcheck.settings import Settings

SOURCES = sorted(Path(leakcheck.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_method_is_found_with_its_line(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    module = Module(text, str(file), file.stem)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    expected = [(c.name, f.name, f.lineno) for c in classes for f in c.body if isinstance(f, functions)]
    found = [
        (chunk.name, method.name, module.span(method.info.place).line)
        for chunk in module.chunks
        for method in chunk.members
        if method.info is not None and isinstance(method.info.node, cst.FunctionDef)
    ]
    assert found == expected
    assert module.error is None


def chunk(text: str) -> Chunk:
    return Module(text, "some.py", "some").chunks[0]


ODD = '''\
@decorated(
    "class B:"
)
class A(Base, metaclass=Meta(x)):  # with a comment
    """def hidden(self): in a docstring
    def also_hidden(self): ..."""

    table = {
        "def": 1,
    }

    @property
    # between
    def one(self): return 1
    if table:
        def two(self):
            return """
    def not_here(self): ...
"""
    @one.setter
    def one(self, value):
        self._one = value
    class Inner:
        def three(self): ...
'''


def test_what_is_no_method_stays_in_the_class() -> None:
    found = chunk(ODD)
    assert [member.name for member in found.members] == ["one", "one"]
    assert found.module.error is None
    names = {definition.qualname for part in found.parts for definition in part.definitions}
    assert names == {"A", "A.one", "A.two", "A.Inner", "A.Inner.three"}
    info = found.info
    assert isinstance(info, ClassInfo)
    assert set(info.methods) == {"one", "two"}
    assert info.methods["one"].decorators == ("property",)
    assert info.bases == ("Base",)


UNUSUAL = ("class A: x = 1\n", "class A[T]:\n    def f(self): ...\n", "class A(\n    B): pass\n")


def test_a_class_inside_a_method_has_its_methods() -> None:
    found = chunk("class A:\n    def f(self):\n        class B:\n            def g(self): ...\n        return B\n")
    inner = [d for part in found.parts for d in part.definitions if isinstance(d, ClassInfo) and d.name == "B"]
    assert [set(info.methods) for info in inner] == [{"g"}]


@pytest.mark.parametrize("text", UNUSUAL)
def test_unusual_heads_leave_a_class_whole(text: str) -> None:
    assert chunk(text).members == []


def test_places_tell_what_is_used_there() -> None:
    found = chunk("def f(rows):\n    for row in rows:\n        save(row)\n    db.commit()\n")
    assert found.uses(frozenset({"save"}), LOOP)
    assert not found.uses(frozenset({"commit"}), LOOP)


def test_text_for_another_python_is_never_left_out() -> None:
    found = chunk("def f(x):\n    for y in x:\n        print y\n")
    assert found.uses(frozenset({"anything"}), LOOP)


def test_texts_over_several_lines_are_found_the_same_by_the_short_way() -> None:
    for file in sorted(Path(outline.__file__).parent.glob("*.py")) + sorted(Path(ast.__file__).parent.glob("*.py")):
        source = file.read_text("utf-8", "replace")
        if "'''" not in source and "\\\n" not in source and (short := outline._plain_texts(source)) is not None:
            found = [match.span() for match in outline._TEXT.finditer(source) if match.end() - match.start() > 6]
            assert short == [(start, end) for start, end in found if "\n" in source[start:end]], file


GIVEN = """
@contextmanager
def lent():
    yield cursor_of(pool.getconn())
def direct(): return connect()
def through_a_name():
    raw, other = pool.getconn(), 1
    wrapped = Box(raw)
    return {"conn": wrapped}
def kept(self):
    self.conn = connect()
    def inner(): return helper()
    return count(1)
open_db = partial(sqlite3.connect, "x")
Session, later = sessionmaker(), lambda: connect()
"""


def test_what_is_handed_over_is_known_by_name() -> None:
    module = Module(GIVEN, "some.py", "some")
    given = {giver.name: giver.others for part in module.chunks for giver in part.givers}
    assert {"getconn", "cursor_of", "pool"} <= given["lent"]
    assert given["direct"] == {"connect"}
    assert given["through_a_name"] == {"getconn", "Box"}
    assert given["kept"] == {"count"}
    assert given["kept.inner"] == {"helper"}
    assert [alias for part in module.chunks for alias in part.aliases] == [("open_db", {"connect"})]
    assert ("Session", {"sessionmaker"}) in [maker for part in module.chunks for maker in part.makers]


def test_text_for_another_python_gives_all_it_mentions() -> None:
    (giver,) = chunk("def f(x):\n    print connect()\n    return x\n").givers
    assert giver.name == "f"
    assert "connect" in giver.others


STORING = """
def f(self, other):
    self.plain = self.chained = 1
    if self.tested:
        self.compared == 2
    self.declared: int
    self.given: int = 3
    other.kept = [self.read, self.sliced[1:]]
    self.late \\
        = 4
    while x: self.inline: int = 5
"""


def test_fields_that_a_method_only_reads_are_told_from_those_it_may_store() -> None:
    fields = chunk(STORING).fields
    assert fields >= {"plain", "chained", "declared", "given", "kept", "late", "inline"}
    assert fields.isdisjoint({"tested", "compared", "read", "sliced"})


BINDING = """
import os
first = os.path.join(second)
second: int
(third) = fourth = first
if first:
    first = fifth = 2
"""


@pytest.mark.parametrize(
    ("name", "statements"), [("first", [0, 3]), ("second", [1]), ("third", [2]), ("fourth", [2]), ("os", [])]
)
def test_a_statement_is_parsed_only_for_names_it_may_bind(name: str, statements: list[int]) -> None:
    module = Module(BINDING, "some.py", "some")
    assert len(module.assigned(name)) + (module.annotation(name) is not None) == len(statements)
    assert [n for n, part in enumerate(module.statements) if "tree" in part.__dict__] == statements


MENTIONING = """
@lent
def f(connect, box: connection):
    pool = box.connection.cursor()
    with pool.acquire() as connection:
        connection.commit()
        submit(getconn, later=release)
    def inner():
        return connection[0] == self.engine
    return connect
"""


def test_what_is_called_or_passed_on_is_told_from_what_is_read() -> None:
    (found, inner) = Module(MENTIONING, "some.py", "some").chunks[0].mentions or ()
    assert (found.space.name, inner.space.name) == ("f", "f.inner")
    assert {"cursor", "acquire", "commit", "submit", "getconn", "release", "connect"} == found.used
    assert found.read == {"box", "connection", "pool"}
    assert (inner.used, inner.read) == (set(), {"connection", "self", "engine"})


def test_a_function_that_only_reads_a_name_is_left_out() -> None:
    module = Module("def f(a):\n    a.connect.x\ndef g(a):\n    return a.connect\n", "some.py", "some")
    words = frozenset({"connect"})
    assert [f.name for f in module.functions(words, lambda m, _: m.uses(words, frozenset()))] == ["g"]
    assert [f.name for f in module.functions(words, lambda m, _: m.uses(words, words))] == ["f", "g"]  # a property


@pytest.mark.parametrize("head", ["\fdef f():", " \fdef f():", "class A:\n    x = 1\n\f    def f(self):"])
def test_a_form_feed_right_before_code_hides_nothing(head: str) -> None:
    leak = "conn = sqlite3.connect('x'); conn.execute('y')\n"
    (found,) = check(f"import sqlite3\n\n\n{head} {leak}", "some.py", Settings(Path("/nowhere"))).diagnostics
    assert found.code == "LK101"


def test_a_file_that_is_not_divided_has_each_finding_once() -> None:
    loop = "def f(c, rows):\n    for row in rows:\n        c.execute('INSERT INTO t VALUES (?)', row)\n"
    (found,) = check(f"import sqlite3\n\n\f{loop}", "some.py", Settings(Path("/nowhere"))).diagnostics
    assert found.code == "LK301"


def test_what_was_sketched_is_counted_until_it_is_forgotten() -> None:
    module = Module(
        "def f():\n    return connect()\nclass A:\n    def g(self):\n        return f()\n", "some.py", "some"
    )
    parts = [part for chunk in module.chunks for part in chunk.parts]
    assert all(part.mentions is not None for part in parts)
    assert set(module.sketched) == set(parts)
    module.forget_sketches()
    assert not module.sketched
    assert [len(part.givers) for part in parts] == [1, 0, 1]  # made again


OF_TWO_PYTHONS = """\
import sqlite3


def opened(path):
    return sqlite3.connect(path)


def show(path):
    print "%s" % opened(path)
"""
USES_IT = "from shared import opened\n\n\ndef count(path):\n    return opened(path).execute('SELECT 1').fetchone()\n"


def test_what_cannot_be_parsed_as_a_whole_is_as_useful_to_others_after_it_was_tried(tmp_path: Path) -> None:
    project = Project(Settings(tmp_path))
    (tmp_path / "shared.py").write_text(OF_TWO_PYTHONS)
    counts = []
    for name in ("first.py", "shared.py", "last.py"):
        text = OF_TWO_PYTHONS if name == "shared.py" else USES_IT
        (tmp_path / name).write_text(text)
        try:
            counts.append(len(check(text, str(tmp_path / name), project.settings, project).diagnostics))
        except SourceError as error:
            counts.append(-error.line)
    assert counts == [1, -9, 1]
