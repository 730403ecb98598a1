"""Whether a function of the project does nothing but release: then it may also run after an exception."""

from __future__ import annotations

from dataclasses import field

import libcst as cst

from leakcheck.fixes.talk import tells
from leakcheck.flow.binding import parameters
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function, Instance
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, is_none, terminal, walk
from leakcheck.records import dataclass

_PLAIN = frozenset({"staticmethod", "classmethod"})  # decorators that do nothing when the function is called
_BUILTINS = frozenset({"getattr", "hasattr", "isinstance", "callable", "super", "print"})
_LEVELS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical"})  # of a logger
_LOCKS = frozenset({"threading.Lock", "threading.RLock", "multiprocessing.Lock", "multiprocessing.RLock"})
_DEPTH = 4  # of functions that call each other
# What an expression may consist of besides calls and attributes; anything else might raise, or do something.
_PARTS = (
    cst.Name, cst.BaseString, cst.BaseFormattedStringContent, cst.BaseNumber, cst.Comparison, cst.ComparisonTarget,
    cst.BooleanOperation, cst.UnaryOperation, cst.BaseBooleanOp, cst.BaseCompOp, cst.BaseUnaryOp, cst.Await,
    cst.IfExp, cst.Tuple, cst.Element,
)  # fmt: skip
_MAY_FAIL = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual, cst.Minus, cst.Plus, cst.BitInvert)


def closed_by(callee: Function, call: cst.Call, spec: Connection, resolver: Resolver) -> set[str] | None:
    """Which of the variables that a call gives a function that releases; None if the function does more."""
    given = {name: path for name, path in _given(callee, call).items() if path and "." not in path}
    look = _Look(resolver, spec, callee.info, set(given))
    return {given[name] for name in look.released if name in given} if look.is_all() else None


def only_releases(method: FunctionInfo, cls: ClassInfo, spec: Connection, resolver: Resolver) -> bool:
    """Whether a method of an object does nothing but release what the object has made itself."""
    return _Look(resolver, spec, method, set(), cls).is_all()


@dataclass(slots=True)
class _Look:
    """At one function. `ours` are the variables that hold what may be released; `cls` the class of an object whose
    own things may be."""

    resolver: Resolver
    spec: Connection
    function: FunctionInfo
    ours: set[str]
    cls: ClassInfo | None = None
    depth: int = _DEPTH
    released: list[str] = field(default_factory=list)

    def is_all(self) -> bool:
        """Whether it does nothing else."""
        plain = _PLAIN.issuperset(self.function.decorators) and not self.function.is_generator
        return plain and self._suite(self.function.node.body) and self._is_once()

    def _is_once(self) -> bool:
        """One that minds is released once."""
        return self.spec.double_release == "safe" or len(set(self.released)) == len(self.released)

    @property
    def _parameters(self) -> frozenset[str]:
        return frozenset(parameter.name.value for parameter in self.function.parameters)

    @property
    def _itself(self) -> str:
        """The object's name for itself, in a method."""
        first = self.function.parameters[:1] if self.function.cls is not None else ()
        return first[0].name.value if first and _PLAIN.isdisjoint(self.function.decorators) else ""

    # -- statements ----------------------------------------------------------------------------------------------------

    def _suite(self, body: cst.BaseSuite) -> bool:
        return all(map(self._statement, body.body))

    def _statement(self, node: cst.CSTNode | None) -> bool:
        if isinstance(node, cst.If):
            return self._expression(node.test) and self._suite(node.body) and self._statement(node.orelse)
        if isinstance(node, cst.Try):
            parts = (node, *node.handlers, node.orelse, node.finalbody)
            return all(self._suite(part.body) for part in parts if part is not None)
        if isinstance(node, cst.With):
            return all(self._manager(item.item) for item in node.items) and self._suite(node.body)
        if isinstance(node, cst.SimpleStatementLine):
            return all(map(self._small, node.body))
        return node is None or (isinstance(node, cst.Else) and self._suite(node.body)) or self._small(node)

    def _small(self, node: cst.CSTNode) -> bool:
        if isinstance(node, (cst.Expr, cst.Return)):
            return node.value is None or self._expression(node.value)
        if isinstance(node, cst.Assign):
            if self._is_ours(dotted(node.value) or ""):
                self.ours.update(t.target.value for t in node.targets if isinstance(t.target, cst.Name))
            return self._expression(node.value) and all(self._target(t.target, node.value) for t in node.targets)
        if isinstance(node, cst.Del):
            return isinstance(node.target, cst.Name)
        return isinstance(node, cst.Pass)

    def _target(self, node: cst.BaseExpression, value: cst.BaseExpression) -> bool:
        """A variable, or a field of an object that nobody will ask any more."""
        own = self._field(dotted(node) or "") if self.cls is not None else ""
        constant = is_none(value) or dotted(value) in ("True", "False")
        return isinstance(node, cst.Name) or (bool(own) and constant and not self._defines(own, "__setattr__"))

    def _manager(self, node: cst.BaseExpression) -> bool:
        """`suppress(…)`, or a lock, which is held as long as it was before."""
        if isinstance(node, cst.Call):
            return terminal(node.func) == "suppress" and self._arguments(node)
        value = self.resolver.static(node, self.function, self.function.module)
        held = ".acquire(" in self.function.module.source  # perhaps where something fails
        return isinstance(value, Instance) and value.type in _LOCKS and not held

    # -- expressions ---------------------------------------------------------------------------------------------------

    def _expression(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Call):
            return self._call(node)
        if isinstance(node, cst.Attribute):
            return self._attribute(node)
        inside = list(walk(node, lambda part: not isinstance(part, (cst.Call, cst.Attribute))))
        looked_into = (part for part in inside if isinstance(part, (cst.Call, cst.Attribute)))
        plain = all(isinstance(part, (*_PARTS, cst.Call, cst.Attribute)) and not _may_fail(part) for part in inside)
        return plain and all(map(self._expression, looked_into))

    def _attribute(self, node: cst.Attribute) -> bool:
        """One that is surely there: of a module, of the object itself, or by which a connection is asked."""
        if self._is_ours(dotted(node.value) or ""):
            return node.attr.value in self.spec.predicates
        if name := self._field(dotted(node) or ""):
            return self._is_there(name)
        root, _, rest = (dotted(node) or "").partition(".")
        return bool(rest) and root != self._itself and root not in self._parameters

    def _is_there(self, name: str) -> bool:
        """Whether an object has a field from the beginning, and reading it runs nothing."""
        cls = self.cls or self.function.cls
        family = self.resolver.family(cls) if cls is not None else []
        given = [method for owner in family for method, _ in owner.assigned(name)]
        made = any(method is None or (method.name == "__init__" and _surely_gives(method, name)) for method in given)
        return made and not self._defines(name)

    def _defines(self, *names: str) -> bool:
        """Whether its class has one of these methods, or properties."""
        cls = self.cls or self.function.cls
        return cls is not None and any(self.resolver.method(cls, name) is not None for name in names)

    def _call(self, node: cst.Call) -> bool:
        if (callee := self._callee(node)) is not None:
            return self.depth > 0 and self._function(callee, node)
        if not self._arguments(node):
            return False
        given = [path for argument in node.args if self._is_ours(path := dotted(argument.value) or "")]
        name = terminal(node.func)
        if isinstance(node.func, cst.Name):
            return name in _BUILTINS
        assert isinstance(node.func, cst.Attribute) or not name
        owner = dotted(node.func.value) if isinstance(node.func, cst.Attribute) else None
        if name == "close" or any(form.method.rpartition(".")[2] == name for form in self.spec.release):
            return self._release(node, owner, given)
        if owner is not None and self._is_ours(owner) and name in self.spec.predicates:
            return True
        return owner is not None and not self._is_ours(owner) and tells(owner) and name in _LEVELS

    def _callee(self, node: cst.Call) -> Function | None:
        """The function of the project that is called: of the object's own methods the one of its class."""
        own = self._field(dotted(node.func) or "")
        if own and self.cls is not None and (method := self.resolver.method(self.cls, own)) is not None:
            return Function(method, Instance(self.cls))
        callee = self.resolver.static(node.func, self.function, self.function.module)
        return callee if isinstance(callee, Function) else None

    def _release(self, node: cst.Call, owner: str | None, given: list[str]) -> bool:
        """`conn.close()`, `pool.putconn(conn)`, `super().close()`."""
        if owner is None:  # of something that a call gives
            above = node.func.value if isinstance(node.func, cst.Attribute) else None
            return self.cls is not None and isinstance(above, cst.Call) and terminal(above.func) == "super"
        if self._is_ours(owner):
            given = [owner]
        self.released += given
        return bool(given)

    def _arguments(self, node: cst.Call) -> bool:
        return all(not argument.star and self._expression(argument.value) for argument in node.args)

    # -- what is released ----------------------------------------------------------------------------------------------

    def _is_ours(self, path: str) -> bool:
        """Whether a path is that of something to release."""
        return path in self.ours or (self.cls is not None and self._is_made(self._field(path)))

    def _field(self, path: str) -> str:
        """`x` of `self.x`."""
        owner, _, name = path.partition(".")
        return name if owner and owner == self._itself and "." not in name else ""

    def _is_made(self, name: str) -> bool:
        """Whether a field holds what a call of the object's own methods gave, and nothing that it was handed."""
        family = self.resolver.family(self.cls) if name and self.cls is not None else ()
        values = [value for cls in family for _, value in cls.assigned(name)]
        made = (value.expression if isinstance(value, cst.Await) else value for value in values)
        return bool(values) and all(isinstance(value, cst.Call) or is_none(value) for value in made)

    # -- functions that it calls ---------------------------------------------------------------------------------------

    def _function(self, callee: Function, node: cst.Call) -> bool:
        """Another function of the project that does no more: `self._close_cursor()`, `finish(self.conn)`."""
        if not self._arguments(node):
            return False
        given = {name: path for name, path in _given(callee, node).items() if self._is_ours(path)}
        cls = self._class_of(callee.info, node)
        look = _Look(self.resolver, self.spec, callee.info, set(given), cls, self.depth - 1)
        found = look.is_all()
        self.released += [given[name] for name in look.released if name in given]
        return found

    def _class_of(self, callee: FunctionInfo, node: cst.Call) -> ClassInfo | None:
        """The class of the object that it is called on, where that object is the same one, or one of its own."""
        owner = node.func.value if isinstance(node.func, cst.Attribute) else None
        if self.cls is None or owner is None:
            return None
        path = dotted(owner) or ""
        if path == self._itself or (isinstance(owner, cst.Call) and terminal(owner.func) == "super"):
            return self.cls
        return callee.cls if self._is_ours(path) else None


def _surely_gives(constructor: FunctionInfo, name: str) -> bool:
    """Whether a constructor gives its object a field whatever it is told."""
    lines = (line for line in constructor.node.body.body if isinstance(line, cst.SimpleStatementLine))
    given = (target.target for line in lines for small in line.body if isinstance(small, cst.Assign)
             for target in small.targets)  # fmt: skip
    return any(dotted(target) == f"self.{name}" for target in given)


def _may_fail(node: cst.CSTNode) -> bool:
    """An operator for some values only: None has no `<`, and no format of its own."""
    return isinstance(node, _MAY_FAIL) or (isinstance(node, cst.FormattedStringExpression) and bool(node.format_spec))


def _given(callee: Function, node: cst.Call) -> dict[str, str]:
    """The parameters that a call fills, and the paths that it gives for them; "" for what has none."""
    filled = zip(parameters(callee, node.args), node.args, strict=True)
    return {name: dotted(argument.value) or "" for name, argument in filled if name}
