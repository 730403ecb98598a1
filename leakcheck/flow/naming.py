"""What the name of a callee tells: the model of an acquire, a guess, the lists it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.core import Core
from leakcheck.flow.doubles import is_replaced
from leakcheck.flow.values import UNKNOWN, Class, Instance, Method, Symbol, Value
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import code, is_none, string_value, terminal

if TYPE_CHECKING:
    from leakcheck.diagnostics import Confidence

_WITHOUT_DEFAULT = 2  # arguments of `getattr`
_CONVERSIONS = ("int", "float")
_DEPTH = 3  # of variables followed
_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager", "contextlib2.contextmanager"})
GUESSED = "generic"  # the library of the models that go by a name


class Naming(Core):
    """Questions about a call that need no state."""

    def model(self, name: str, node: cst.Call) -> Connection | None:
        """The model of an acquire call that applies to these arguments and is to be tracked."""
        if name not in self.catalogue.by_acquire:
            return None
        given = [arg for arg in node.args if not self._is_passed_on(arg.value)]
        keywords = {arg.keyword.value for arg in given if arg.keyword}
        plain = sum(arg.keyword is None and not arg.star for arg in given)
        if self.function is not None and any(arg.star == "**" for arg in node.args):
            keywords |= self.function.strings  # `options["defer_connect"] = True`
        for spec in self.catalogue.by_acquire[name]:
            asked = keywords.intersection(spec.when_keywords or spec.not_keywords)
            holds = bool(asked or 0 <= spec.keyword_position < plain) is bool(spec.when_keywords)
            if holds and _has_value(spec, given) and not (name == spec.type and self._is_unbound(spec, node)):
                return spec if spec.tracked and not is_replaced([name], self.function, self.resolver) else None
        return None

    def _is_passed_on(self, node: cst.BaseExpression) -> bool:
        """Whether an argument is None, at least where no caller of this function says otherwise."""
        if self.function is None or not isinstance(node, cst.Name):
            return False
        if is_none(node):
            return True
        defaults = (p.default for p in self.function.parameters if p.name.value == node.value)
        return any(default is not None and is_none(default) for default in defaults)

    def _is_unbound(self, spec: Connection, node: cst.Call) -> bool:
        """Whether a session is made of its class without a database, and nothing here gives it one later."""
        if not spec.bound_by or self.function is None:
            return False
        named = all(arg.keyword and arg.keyword.value not in spec.bound_by for arg in node.args)
        return named and self.function.words.isdisjoint(spec.bound_by)

    def is_cached(self, function: FunctionInfo) -> bool:
        """Whether a decorator keeps what the function gives."""
        return any("caches" in self._decorator_kinds(function, name) for name in function.decorators)

    def _decorator_kinds(self, function: FunctionInfo, name: str) -> frozenset[str]:
        qualified = self._decorator_name(function, name)
        return self.catalogue.function(qualified) | self.catalogue.function("*." + name.rpartition(".")[2])

    def _decorator_name(self, function: FunctionInfo, name: str) -> str:
        value = self.resolver.dotted(name, function.parent, function.module)
        return value.name if isinstance(value, Symbol) else ""

    def decorated_as_manager(self, function: FunctionInfo) -> bool:
        """Whether a decorator makes a context manager of it."""
        return function.is_generator and any(
            self._decorator_name(function, name) in _MANAGERS for name in function.decorators
        )

    def guess(self, callee: Value, node: cst.Call) -> Connection | None:
        """A call whose name alone says that it gives a connection, on a receiver nothing is known of."""
        name = terminal(node.func)
        if isinstance(callee, (Class, Instance, Symbol)) or not name:
            return None
        if isinstance(callee, Method):
            receiver = callee.receiver
            if isinstance(receiver, Instance) and isinstance(receiver.type, ClassInfo):
                against = any(isinstance(a, str) and self.catalogue.against(f"{a}.{name}")
                              for a in self.resolver.ancestors(receiver.type))  # fmt: skip
                if against:
                    return None
            elif receiver is not UNKNOWN and not isinstance(receiver, Method):
                return None
        owner = node.func.value if isinstance(node.func, cst.Attribute) else None
        receiver_name = terminal(owner.func if isinstance(owner, cst.Call) else owner) if owner is not None else ""
        return next((spec for spec in self.catalogue.by_name(receiver_name, name) if spec.tracked), None)

    def certainty(self, guessed: Connection) -> Confidence:
        """`engine.connect()`, `pool.getconn()`: likely in a module that imports a driver; other names prove nothing."""
        if guessed.library != GUESSED:
            return "high"  # somebody taught the name
        if guessed.kind != "checkout":
            return "low"
        imported = {part for name in self.module.imports.values() for part in name.split(".")[:2]}
        return "low" if imported.isdisjoint(self.catalogue.import_words) else "medium"

    def kinds(self, name: str | None, callee: Value, node: cst.Call) -> frozenset[str]:
        """What the catalogue's lists say of a callee outside the project."""
        return self.catalogue.function(name or "") | self._method_kinds(callee, name) | self._wrapped_kinds(node)

    def cannot_fail(self, name: str | None, node: cst.Call) -> bool:
        """`getattr(conn, "closed", None)`, `int(time.time())`: what often fails, but not with these arguments."""
        if name == "getattr":
            return len(node.args) > _WITHOUT_DEFAULT
        return name in _CONVERSIONS and len(node.args) == 1 and self._is_number(node.args[0].value)

    def may_be_missing(self, node: cst.Call) -> bool:
        """Whether the first argument may well be None: `int(request.args.get("limit"))`."""
        given = node.args[0].value if node.args else None
        values = [given]
        if isinstance(given, cst.Name) and self.function is not None:
            values += self.function.bindings.assigned.get(given.value, ())
            values += (p.default for p in self.function.parameters if p.name.value == given.value)
        return any(is_none(value) or _asks_for_key(value) for value in values if value is not None)

    def _is_number(self, node: cst.BaseExpression, depth: int = _DEPTH) -> bool:
        """Whether an expression surely gives one."""
        if isinstance(node, cst.UnaryOperation):
            return self._is_number(node.expression, depth)
        if isinstance(node, cst.BinaryOperation):
            return self._is_number(node.left, depth) and self._is_number(node.right, depth)
        if isinstance(node, cst.Call):
            callee = self.resolver.static(node.func, self.function, self.module)
            return "numbers" in self.kinds(self.resolver.callee_name(callee), callee, node)
        if isinstance(node, cst.Name) and self.function is not None and depth > 0:
            return self._is_numeric(node.value, self.function, depth - 1)
        return isinstance(node, (cst.Integer, cst.Float))

    def _is_numeric(self, name: str, function: FunctionInfo, depth: int) -> bool:
        """Whether a parameter is annotated as a number, or a variable given nothing else."""
        bindings, parameter = function.bindings, next((p for p in function.parameters if p.name.value == name), None)
        if parameter is not None:
            declared = code(parameter.annotation.annotation) if parameter.annotation else ""
            return declared in _CONVERSIONS and name not in bindings.assigned
        values = bindings.assigned.get(name, ())
        return bindings.is_assigned_only(name) and all(self._is_number(value, depth) for value in values)

    def _method_kinds(self, callee: Value, name: str | None) -> frozenset[str]:
        """By the method's name alone, where nothing is known of the class it is called on."""
        if isinstance(callee, Method) and (name is None or not self.catalogue.function(name)):
            return self.catalogue.function(f"*.{callee.name}")
        return frozenset()

    def _wrapped_kinds(self, node: cst.Call) -> frozenset[str]:
        """In what a decorator puts around a function, a call of that function: it uses what it is given."""
        outer = self.function.parent if self.function is not None else None
        if not isinstance(outer, FunctionInfo) or not isinstance(node.func, cst.Name) or self.function is None:
            return frozenset()
        first = next(iter(outer.parameters), None)
        wraps = first is not None and first.name.value == node.func.value and self.function.name in outer.returned_names
        return frozenset({"borrows"}) if wraps else frozenset()


def _has_value(spec: Connection, given: list[cst.Arg]) -> bool:
    """Whether the arguments have a string that the model asks for, if it asks for any."""
    return not spec.when_values or any(string_value(arg.value) in spec.when_values for arg in given)


def _asks_for_key(node: cst.BaseExpression) -> bool:
    """`options.get("limit")`, without a default."""
    return isinstance(node, cst.Call) and terminal(node.func) == "get" and len(node.args) == 1
