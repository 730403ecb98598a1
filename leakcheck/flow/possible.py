"""What an expression may be, flow left aside: all that the interpreter may find as long as nothing is acquired."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from leakcheck.flow.calls import CASTS
from leakcheck.flow.promises import asks_for_fixtures
from leakcheck.flow.resolve import Resolver, is_property
from leakcheck.flow.summaries import Summaries
from leakcheck.flow.values import LITERALS, UNKNOWN, Class, Function, Instance, Lent, Method, Symbol, Value, own_class
from leakcheck.project.syntax.light.expressions import plain
from leakcheck.project.syntax.module import Chunk, ClassInfo
from leakcheck.project.syntax.namespaces import Entered, Imported, Namespace, Origin, Parameter, Unclear
from leakcheck.project.syntax.nodes import path, terminal

ENTERING = ("__enter__", "__aenter__")
_DEPTH = 12  # of expressions in expressions, and names for names
# Callees that give what they are given, some of them once it is entered or awaited.
_PASSING = frozenset(
    {
        *("closing", "aclosing", "nullcontext", "enter_context", "enter_async_context", "push", "push_async_exit"),
        *("partial", "gather", "run", "run_until_complete", "wait_for", "shield", "ensure_future", "fail_after"),
        *(name.rpartition(".")[2] for name in CASTS),
    }
)


class TooVague(Exception):
    """An expression may be anything."""


class Possible:
    """What the expressions in one function may be, called on an object of its class or another one's.

    Whoever unpacks a display gets any of its items: so a display is all of them here.
    """

    def __init__(
        self, space: Namespace, chunk: Chunk, resolver: Resolver, summaries: Summaries, cls: ClassInfo | None = None
    ) -> None:
        self.space, self.chunk, self.module, self.cls = space, chunk, chunk.module, cls
        self.resolver, self.summaries = resolver, summaries
        self._pending: set[tuple[Namespace, str]] = set()

    def values(self, node: ast.expr, space: Namespace | None = None, depth: int = _DEPTH) -> Iterator[Value]:
        """As far as anything is known of it; raises TooVague if it may be what cannot be told."""
        space = space or self.space
        if depth <= 0:
            raise TooVague
        depth -= 1
        if isinstance(node, (ast.Name, ast.Attribute)):
            for value in self.plain(node, space, depth):
                if isinstance(value, Function) and is_property(value.info):
                    yield from self._returned(value)
                else:
                    yield value
        elif isinstance(node, ast.Call):
            yield from self._called(node, space, depth)
        elif isinstance(node, (ast.Await, ast.NamedExpr, ast.Starred, ast.Subscript)):
            yield from self.values(node.value, space, depth)
            for stored in space.stored if isinstance(node, ast.Subscript) else ():
                yield from self.values(stored, space, depth)
        elif isinstance(node, ast.Lambda):
            raise TooVague
        else:
            yield UNKNOWN
            for part in _alternatives(node):
                if not (isinstance(part, ast.Name) and (space, part.id) in self._pending):
                    yield from self.values(part, space, depth)

    def plain(self, node: ast.expr, space: Namespace | None = None, depth: int = _DEPTH) -> Iterator[Value]:
        """The same of a name or attribute; a property is its function."""
        space = space or self.space
        if isinstance(node, ast.Name):
            yield from (LITERALS[node.id],) if node.id in LITERALS else self._named(node.id, space, depth)
        elif isinstance(node, ast.Attribute):
            if (whole := path(node)) in space.bound:
                yield from self._bound(whole, space, depth)
            for value in self.values(node.value, space, depth):
                yield self.resolver.attribute(value, node.attr, self.module)

    def _named(self, name: str, space: Namespace | None, depth: int) -> Iterator[Value]:
        """A name as seen from a space: from those around it, if it does not bind it itself."""
        while space is not None:
            if name in space.bound:
                yield from self._bound(name, space, depth)
                if name not in space.outer and space.function is not None:
                    return
            space = space.parent
        yield self.resolver.name(name, None, self.module)

    def _bound(self, name: str, space: Namespace, depth: int) -> Iterator[Value]:
        if (space, name) in self._pending:
            raise TooVague
        self._pending.add((space, name))
        yield UNKNOWN
        for origin in space.bound[name]:
            yield from self._origin(origin, space, depth - 1)
        self._pending.discard((space, name))

    def _origin(self, origin: Origin, space: Namespace, depth: int) -> Iterator[Value]:
        if isinstance(origin, Unclear):
            raise TooVague
        if isinstance(origin, Imported):
            yield self.resolver.qualified(self.module.absolute(origin.name), self.module)
        elif isinstance(origin, Parameter):
            yield from self._parameter(origin, space)
        elif isinstance(origin, Entered):
            for value in self.values(origin.node, space, depth):
                yield value
                if (spec := self.resolver.connection_type(value)) is not None:
                    yield Lent(spec)
                for method in self.enters(value):
                    yield from self._returned(method)
        else:
            yield from self.values(origin, space, depth)

    def _parameter(self, parameter: Parameter, space: Namespace) -> Iterator[Value]:
        """By its annotation, or the classes that it is asked for; the first one of a method by the class."""
        function = space.function
        if parameter.is_first and space.in_class and function is not None:
            decorators = {terminal(decorator) for decorator in function.decorator_list}
            if "staticmethod" not in decorators:
                cls = self._class(space)
                yield Class(cls) if "classmethod" in decorators else Instance(cls)
                return
        if function is not None and asks_for_fixtures(function.name, [path(d) or "" for d in _callees(function)]):
            yield self.resolver.fixture(parameter.node.arg, self.module)
        if parameter.default is not None:
            yield self.resolver.acquirer(plain(ast.unparse(parameter.default)), self.module)
        classes = _asked_for(parameter.node.arg, space) if "isinstance" in self.chunk.words else ()
        for cls in (*classes, *([parameter.node.annotation] if parameter.node.annotation is not None else [])):
            try:
                annotation = plain(ast.unparse(cls))
            except SyntaxError:
                raise TooVague from None
            yield self.resolver.annotation(annotation, self.module)

    def _class(self, space: Namespace) -> ClassInfo:
        """That of a method's object."""
        owner = self.chunk.owner.info if self.chunk.owner is not None else None
        if not isinstance(owner, ClassInfo) or space.name.count(".") != 1:
            raise TooVague
        return self.cls if self.cls is not None and space is self.space else owner

    # -- what a call may give --------------------------------------------------------------------------------------

    def _called(self, node: ast.Call, space: Namespace, depth: int) -> Iterator[Value]:
        if terminal(node.func) in _PASSING:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from self.values(argument, space, depth)
        look = self.plain if terminal(node.func) else self.values
        for callee in look(node.func, space, depth):
            yield from self._given(callee, space)

    def _given(self, callee: Value, space: Namespace) -> Iterator[Value]:
        if isinstance(callee, Function):
            yield from self._returned(callee)
        elif isinstance(callee, Class):
            yield Instance(callee.info)
        elif callee == Symbol("super"):
            yield self._super(space)
        elif is_acquire(callee, self.resolver):
            raise TooVague
        elif isinstance(callee, Method) and (spec := self.resolver.connection_type(callee.receiver)) is not None:
            yield from (UNKNOWN, Lent(spec), *self._produced(callee))
        else:
            yield from self._produced(callee)

    def _produced(self, callee: Value) -> Iterator[Value]:
        """What something outside the project gives."""
        name = self.resolver.callee_name(callee)
        if name is None:
            known = self._by_method(callee)
            yield Instance(known) if known else UNKNOWN
        elif produced := self.resolver.catalogue.producers.get(name):
            yield Instance(produced)
        elif specs := self.resolver.catalogue.by_acquire.get(name):
            yield from (Instance(specs[0].type),) if specs[0].type else ()
            yield Lent(specs[0])
        else:
            is_class = isinstance(callee, Symbol) and name.rpartition(".")[2][:1].isupper()
            yield Instance(name) if is_class else UNKNOWN

    def _by_method(self, callee: Value) -> str | None:
        return self.resolver.catalogue.producers.get(f"*.{callee.name}") if isinstance(callee, Method) else None

    def _returned(self, function: Function) -> Iterator[Value]:
        info = function.info
        if self.summaries.may_give(info) or (info.decorators and info.is_generator):  # a context manager
            raise TooVague
        yield self.resolver.returned(info)
        if info.is_generator:
            yield UNKNOWN

    def _super(self, space: Namespace) -> Value:
        """The object as one of the first base of its class."""
        bases = self.resolver.bases(self._class(space))
        return Instance(bases[0]) if bases else UNKNOWN

    def enters(self, value: Value) -> Iterator[Function]:
        """The methods that entering an object of the project calls."""
        if (cls := own_class(value)) is not None:
            methods = (self.resolver.method(cls, name) for name in ENTERING)
            yield from (Function(method, value) for method in methods if method is not None)


class Promised(Possible):
    """All that the resolver may say of the expressions: a call gives what its callee promises."""

    def _given(self, callee: Value, space: Namespace) -> Iterator[Value]:
        if isinstance(callee, (Function, Class)) or callee == Symbol("super"):
            yield from super()._given(callee, space)
        else:
            yield from self._produced(callee)

    def _returned(self, function: Function) -> Iterator[Value]:
        yield self.resolver.returned(function.info)


def is_acquire(callee: Value, resolver: Resolver) -> bool:
    """Whether the catalogue knows a call of something outside the project to acquire."""
    spec = resolver.connection_type(callee.receiver) if isinstance(callee, Method) else None
    if isinstance(callee, Method) and spec is not None:
        return bool(spec.type) and is_tracked(f"{resolver.canonical(spec.type)}.{callee.name}", resolver)
    name = resolver.callee_name(callee)
    return name is not None and is_tracked(name, resolver)


def is_tracked(name: str, resolver: Resolver) -> bool:
    """Whether a call of that name gives what is to be given back."""
    return any(spec.tracked for spec in resolver.catalogue.by_acquire.get(name, ()))


def _callees(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """Its decorators; of a call, what is called."""
    return (node.func if isinstance(node, ast.Call) else node for node in function.decorator_list)


def _asked_for(name: str, space: Namespace) -> Iterator[ast.expr]:
    """The classes of which a function asks whether a variable is an object."""
    for node in space.nodes:
        if isinstance(node, ast.Call) and terminal(node.func) == "isinstance" and len(node.args) == 2:
            if path(node.args[0]) == name:
                yield node.args[1]


def _alternatives(node: ast.expr) -> Iterable[ast.expr]:
    """The parts of which one may be the value, or of which the value consists."""
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.IfExp):
        return node.body, node.orelse
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return node.elts
    return node.values if isinstance(node, ast.Dict) else ()
