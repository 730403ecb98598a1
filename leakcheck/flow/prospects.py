"""Whether running a function could acquire anything at all, by what the names in it may stand for, flow left aside.

Most functions that mention an acquirer's name mean something else by it: they need not be run. What is found here is at
least what the interpreter may find as long as nothing has been acquired.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from leakcheck.flow.possible import ENTERING, Possible, TooVague, is_acquire, is_tracked
from leakcheck.flow.resolve import Resolver, is_property
from leakcheck.flow.summaries import Summaries
from leakcheck.flow.values import Class, Function, Instance, Symbol, Value, own_class
from leakcheck.flow.visits import visits
from leakcheck.project.syntax.definitions import LAMBDA
from leakcheck.project.syntax.mentions import is_read
from leakcheck.project.syntax.module import Chunk, ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.namespaces import Imported, Namespace, Origin, Unclear
from leakcheck.project.syntax.nodes import terminal

_Called = tuple[FunctionInfo, ClassInfo | None]  # a function, and the class of the object it is called on


class Prospects:
    """Answers for one project."""

    def __init__(self, resolver: Resolver, summaries: Summaries) -> None:
        self.resolver, self.summaries = resolver, summaries
        self._known: dict[_Called, bool] = {}
        self._looked_at: set[_Called] = set()  # since somebody asked

    def acquiring(self, module: Module) -> Iterator[FunctionInfo | None]:
        """The functions of a module that may; None for its top level."""
        if self._at_top(module):
            yield None
        words, given = self._words(module)
        found = list(module.functions(words, lambda m, chunk: m.uses(words, given) and self._any(m.space, chunk)))
        classes = dict.fromkeys(function.cls for function in found if function.cls is not None)
        visiting = (method for cls in classes for method in visits(cls, self.summaries.owners))
        yield from dict.fromkeys((*found, *(method for method in visiting if method.module is module)))

    def may_acquire(self, function: FunctionInfo) -> bool:
        """Whether a function may, called on an object of its own class."""
        return self._acquires(Function(function))

    def _at_top(self, module: Module) -> bool:
        """Whether the module's own statements may acquire."""
        chunks, words = module.statements, self._words(module)[0]
        if all(words.isdisjoint(chunk.words) for chunk in chunks):
            return False
        bodies = [chunk.sketch.body for chunk in chunks]
        body = [statement for body in bodies for statement in body or ()]
        return None in bodies or self._any(Namespace(None, body), chunks[0])

    def _any(self, space: Namespace, chunk: Chunk, cls: ClassInfo | None = None) -> bool:
        """Whether one of the mentions in a function may acquire, called on an object of the class."""
        possible = Possible(space, chunk, self.resolver, self.summaries, cls)
        return _Look(space, possible, self).acquires(*self._words(chunk.module))

    def _words(self, module: Module) -> tuple[frozenset[str], frozenset[str]]:
        """All names of acquirers, and those of the project's own."""
        return self.summaries.wrappers.words(module), self.summaries.wrappers.projects(module)

    def gives(self, value: Value, is_run: bool) -> bool:
        """Whether calling a value may acquire; `is_run`: in a function, whose objects may own something."""
        if isinstance(value, Function):
            taught = f"{value.info.module.name}.{value.info.qualname}"
            return is_tracked(taught, self.resolver) or (self.summaries.may_give(value.info) and self._acquires(value))
        if isinstance(value, Class):
            return is_run and self.summaries.owners.duty(value.info) is not None
        return is_acquire(value, self.resolver)

    def _acquires(self, function: Function) -> bool:
        """Whether a function may acquire anything that it could give."""
        owner = function.receiver
        key = (function.info, owner.info if isinstance(owner, Class) else own_class(owner))
        if key in self._known:
            return self._known[key]
        if key in self._looked_at:
            return False
        if self._looked_at:
            self._looked_at.add(key)
            found = self._look(*key)
        else:
            found = self._look_first(key)
        if found:
            self._known[key] = True
        return found

    def _look_first(self, key: _Called) -> bool:
        """At one that nobody was led to: if it does not acquire, then nothing does that it leads to."""
        self._looked_at.add(key)
        try:
            found = self._look(*key)
            self._known |= {} if found else dict.fromkeys(self._looked_at, False)
        finally:
            self._looked_at.clear()
        return found

    def _look(self, function: FunctionInfo, cls: ClassInfo | None) -> bool:
        if function.chunk.mentions is None or function.qualname == LAMBDA:
            return True
        named = [m for m in function.chunk.mentions if m.space.name == function.qualname]
        words, given = self._words(function.module)
        return not named or any(m.uses(words, given) and self._any(m.space, function.chunk, cls) for m in named)

    def is_guess(self, value: Value, call: ast.Call) -> bool:
        """Whether the names alone say that the call acquires, and what is called may be anything."""
        if isinstance(value, (Class, Instance, Symbol, Function)) or self.resolver.callee_name(value) is not None:
            return False
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        receiver = terminal(owner.func if isinstance(owner, ast.Call) else owner) if owner is not None else ""
        return any(spec.tracked for spec in self.resolver.catalogue.by_name(receiver, terminal(call.func)))


class _Look:
    """At one function."""

    def __init__(self, space: Namespace, possible: Possible, prospects: Prospects) -> None:
        self.space, self.possible, self.prospects = space, possible, prospects

    def acquires(self, words: Set[str], given: Set[str]) -> bool:
        """Whether a mention of one of the words may; `given` are those of the project's own."""
        try:
            return (
                any(self._may(node, owner, words, given) for node, owner in self.space.mentions)
                or (not words.isdisjoint(ENTERING) and any(map(self._opens, self.space.nodes)))
                or (not words.isdisjoint(self._makers) and any(map(self._calls_what_it_makes, self.space.nodes)))
            )
        except (TooVague, RecursionError):
            return True

    def _may(self, node: ast.expr, owner: ast.AST | None, words: Set[str], given: Set[str]) -> bool:
        """Whether the mention of a name may acquire, itself or by being called."""
        if (name := terminal(node)) not in words:
            return False
        called = owner if isinstance(owner, ast.Call) and owner.func is node else None
        if called is None and isinstance(node, ast.Name) and _only_repeats(self.space.bound.get(name)):
            return False
        if called is None and is_read(owner):
            return name in given and any(self._is_giving_property(v) for v in self.possible.plain(node))
        is_run = self.space.function is not None
        return any(
            self.prospects.gives(value, is_run) or (called is not None and self.prospects.is_guess(value, called))
            for value in self.possible.plain(node)
        )

    @property
    def _makers(self) -> frozenset[str]:
        return self.prospects.resolver.catalogue.factory_classes

    def _calls_what_it_makes(self, node: ast.AST) -> bool:
        """`sessionmaker(bind=engine)()`: a factory that is called at once."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Call):
            return False
        if terminal(node.func.func) not in self._makers:
            return False
        return any(is_acquire(value, self.prospects.resolver) for value in self.possible.values(node.func))

    def _is_giving_property(self, value: Value) -> bool:
        return isinstance(value, Function) and is_property(value.info) and self.prospects.gives(value, True)

    def _opens(self, node: ast.AST) -> bool:
        """Whether the node is part of a `with` statement, and entering it acquires."""
        if not isinstance(node, ast.withitem):
            return False
        values = self.possible.values(node.context_expr)
        return any(self.prospects.gives(method, True) for value in values for method in self.possible.enters(value))


def _only_repeats(origins: list[Origin] | None) -> bool:
    """Whether a variable stands for what expressions gave: they are mentioned themselves."""
    return origins is not None and not any(isinstance(origin, (Imported, Unclear)) for origin in origins)
