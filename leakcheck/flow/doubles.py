"""Doubles: what a test puts in the place of a driver's functions, by itself or in the fixtures it runs with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leakcheck.flow.promises import is_fixture
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import code

_REPLACING = frozenset({"patch", "monkeypatch"})
_PLACES = pattern(r"\b(?:patch|patch\.object|setattr)\([^()]*?[\"']([\w.{}]+)[\"']")
_BEFORE_TESTS = frozenset({"setUp", "asyncSetUp", "setUpClass", "setup_method", "setup_class"})
_FOR_ALL = "autouse"
_ASKING = "usefixtures"
_ASKED = pattern(r"usefixtures\(([^()]*)\)")
_MARKS = "pytestmark"  # of a module or a class
_IN_TEXT = "getfixturevalue"
_IN_CALLS = pattern(r"getfixturevalue(\([^()]*)\)")
_STRING = pattern(r"[\"'](\w+)[\"']")


def is_replaced(names: Iterable[str], function: FunctionInfo | None, resolver: Resolver) -> bool:
    """Whether a test puts a double in the place of one of these callees: `@patch("psycopg2.connect")`."""
    if function is None:
        return False
    wanted = set(names)
    lasts = {name.rpartition(".")[2] for name in wanted}
    for text in _replacing(function, resolver):
        for place in _PLACES.findall(text):
            of_another = place in resolver.catalogue.by_acquire and place not in wanted
            if place.rpartition(".")[2] in lasts and not of_another:
                return True
    return False


def _replacing(function: FunctionInfo, resolver: Resolver) -> Iterator[str]:
    """The code that may do so: the function's own, of its class, and of the fixtures it runs with."""
    if not function.words.isdisjoint(_REPLACING):
        yield code(function.node)
    cls = function.cls
    if cls is not None and not cls.chunk.words.isdisjoint(_REPLACING):
        yield from map(code, cls.node.decorators)
        yield from (code(method.node) for name, method in cls.methods.items() if name in _BEFORE_TESTS)
    for fixture in _fixtures(function, resolver):
        if not fixture.words.isdisjoint(_REPLACING):
            yield code(fixture.node)


def _fixtures(function: FunctionInfo, resolver: Resolver) -> Iterator[FunctionInfo]:
    """Those a test asks for, those that these ask for, and those that are there for all tests around it."""
    module, cls = function.module, function.cls
    modules = [module, *(resolver.project.conftests(module) if _is_test(function) else ())]
    found = list(filter(_is_for_all, cls.methods.values())) if cls is not None and _FOR_ALL in cls.chunk.words else []
    for each in modules:
        if _FOR_ALL in each.source:
            named = (each.definition(chunk.name) for chunk in each.chunks if _FOR_ALL in chunk.words and chunk.name)
            found += (info for info in named if isinstance(info, FunctionInfo) and _is_for_all(info))
    asked = [*_asked(function), *(name for fixture in found for name in _asked(fixture))]
    known: set[str] = set()
    while asked:
        name = asked.pop()
        method = cls.methods.get(name) if cls is not None else None
        values = (resolver.name(name, None, each) for each in modules if name not in known)
        fixture = method or next((value.info for value in values if isinstance(value, Function)), None)
        if name not in known and fixture is not None and is_fixture(fixture):
            found.append(fixture)
            asked += _asked(fixture)
        known.add(name)
    yield from found


def _asked(function: FunctionInfo) -> Iterator[str]:
    """The names of the fixtures that a test or a fixture asks for: by its arguments, by marks or in its text."""
    yield from (parameter.name.value for parameter in function.parameters)
    if _IN_TEXT in function.words:
        yield from _STRING.findall(" ".join(_IN_CALLS.findall(code(function.node))))
    cls = function.cls
    holders = (holder for holder in (function, cls) if holder is not None and _ASKING in holder.chunk.words)
    marks = [code(decorator) for holder in holders for decorator in holder.node.decorators]
    if _is_test(function) and _MARKS in function.module.source:
        assigned = [*function.module.assigned(_MARKS), *(value for _, value in (cls.assigned(_MARKS) if cls else ()))]
        marks += map(code, assigned)
    yield from (name for names in _ASKED.findall(" ".join(marks)) for name in _STRING.findall(names))


def _is_test(function: FunctionInfo) -> bool:
    return function.name.startswith("test") or (function.cls is not None and function.cls.name.startswith("Test"))


def _is_for_all(function: FunctionInfo) -> bool:
    """`@pytest.fixture(autouse=True)`."""
    return is_fixture(function) and any(_FOR_ALL in code(decorator) for decorator in function.node.decorators)
