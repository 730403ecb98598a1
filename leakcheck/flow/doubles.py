"""Doubles: what a test puts in the place of a driver's functions, by itself or in the fixtures it runs with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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


def is_fixture(function: FunctionInfo) -> bool:
    """Of pytest, by its decorator."""
    return any(name.rpartition(".")[2] == "fixture" for name in function.decorators)


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
    """Those a test asks for, by an argument or a mark, and those that are there for all tests around it."""
    module, cls = function.module, function.cls
    modules = [module, *(resolver.project.conftests(module) if _is_test(function) else ())]
    if cls is not None and _FOR_ALL in cls.chunk.words:
        yield from filter(_is_for_all, cls.methods.values())
    for each in modules:
        if _FOR_ALL in each.source:
            found = (each.definition(chunk.name) for chunk in each.chunks if _FOR_ALL in chunk.words and chunk.name)
            yield from (info for info in found if isinstance(info, FunctionInfo) and _is_for_all(info))
    for name in _asked(function):
        method = cls.methods.get(name) if cls is not None else None
        found_in = (resolver.name(name, None, each) for each in modules)
        fixture = method or next((value.info for value in found_in if isinstance(value, Function)), None)
        if fixture is not None and is_fixture(fixture):
            yield fixture


def _asked(function: FunctionInfo) -> Iterator[str]:
    """The names of the fixtures that a test asks for."""
    yield from (parameter.name.value for parameter in function.parameters)
    for holder in (function, function.cls):
        if holder is not None and _ASKING in holder.chunk.words:
            marks = " ".join(map(code, holder.node.decorators))
            yield from (name for names in _ASKED.findall(marks) for name in _STRING.findall(names))


def _is_test(function: FunctionInfo) -> bool:
    return function.name.startswith("test") or (function.cls is not None and function.cls.name.startswith("Test"))


def _is_for_all(function: FunctionInfo) -> bool:
    """`@pytest.fixture(autouse=True)`."""
    return is_fixture(function) and any(_FOR_ALL in code(decorator) for decorator in function.node.decorators)
