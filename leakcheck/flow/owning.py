"""Which class takes care of what its fields hold: who releases a field, and where a constructor's argument goes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import libcst as cst

from leakcheck.flow.resolve import Resolver
from leakcheck.models import Connection
from leakcheck.project.module import ClassInfo, FunctionInfo
from leakcheck.project.walk import dotted, string_value, terminal, walk

# A helper that is given the field and has one of these in its name is believed to release it.
_RELEASING = re.compile(
    r"clos|releas|put|free|dispos|shut|disconn|return|final|clean|stop|kill|teardown", re.IGNORECASE
)


def field_of_parameter(cls: ClassInfo, parameter: str, resolver: Resolver) -> str:
    """The field in which `__init__` keeps a parameter and does nothing else with it; "" if it is not as simple."""
    init = resolver.method(cls, "__init__")
    if init is None:
        return ""
    kept = ""
    for node in walk(init.node.body):
        if isinstance(node, cst.Assign) and isinstance(node.value, cst.Name) and node.value.value == parameter:
            path = dotted(node.targets[0].target) or ""
            kept = path.partition(".")[2] if path.startswith("self.") else kept
        elif isinstance(node, cst.Arg) and isinstance(node.value, cst.Name) and node.value.value == parameter:
            return ""  # passed on: who knows
    return kept


def field_released(cls: ClassInfo, field: str, spec: Connection, resolver: Resolver) -> bool:
    """Whether the class, its bases or subclasses, or code that uses it, releases what the field holds."""
    methods = {form.method for form in (*spec.release, *spec.wrong_release)} | {"close"}
    family = [owner for owner in (*resolver.ancestors(cls), *_subclasses(cls)) if isinstance(owner, ClassInfo)]
    getters = {m.name for owner in family for m in owner.methods.values() if _gives_field(m, field)}
    with_closes = spec.with_effect in ("closes", "returns")
    for method in (m for owner in family for m in owner.methods.values()):
        if _method_releases(method, field, methods, getters, with_closes):
            return True
    return _users_release({field, *getters}, methods, family, resolver)


def releasing_methods(cls: ClassInfo, field: str, spec: Connection, resolver: Resolver) -> list[FunctionInfo]:
    """The methods that release what the field holds, themselves or through another one."""
    methods = {form.method for form in (*spec.release, *spec.wrong_release)} | {"close"}
    family = [owner for owner in resolver.ancestors(cls) if isinstance(owner, ClassInfo)]
    own = {m.name: m for owner in reversed(family) for m in owner.methods.values()}
    getters = {m.name for m in own.values() if _gives_field(m, field)}
    with_closes = spec.with_effect in ("closes", "returns")
    found = {n: m for n, m in own.items() if _method_releases(m, field, methods, getters, with_closes)}
    while more := {n: m for n, m in own.items() if n not in found and _calls_own(m, found)}:
        found |= more
    return list(found.values())


def _calls_own(method: FunctionInfo, names: Collection[str]) -> bool:
    """Whether a method calls one of the object's own methods."""
    if not method.mentions(frozenset(names)):
        return False
    paths = {f"self.{name}" for name in names}
    return any(isinstance(node, cst.Call) and dotted(node.func) in paths for node in walk(method.node.body))


def _subclasses(cls: ClassInfo) -> Iterator[ClassInfo]:
    """Classes of the same module that name this one as a base."""
    return (other for other in cls.module.classes(frozenset({cls.name})) if cls.name in other.bases)


def _gives_field(method: FunctionInfo, field: str) -> bool:
    return field in method.chunk.words and any(_mentions(value, field) for value in method.returned)


def _mentions(node: cst.CSTNode, field: str) -> bool:
    return any(dotted(part) in (f"self.{field}", f"cls.{field}") for part in walk(node) if type(part) is cst.Attribute)


def _method_releases(method: FunctionInfo, field: str, methods: set[str], getters: set[str], with_closes: bool) -> bool:
    """Whether a method calls, registers or passes on a release of the field, by its path or by a local name for it."""
    if not method.mentions(frozenset({field, *getters})) and not _by_string(method, field):
        return False
    fields = {field, *getters}  # a getter may be a property
    paths = {f"{owner}.{name}" for owner in ("self", "cls") for name in fields} | {*_aliases(method, field, getters)}
    for node in walk(method.node.body):
        if isinstance(node, cst.Attribute) and node.attr.value in methods:
            owner = node.value
            if dotted(owner) in paths or _calls(owner, getters) or _gets(owner, field):
                return True
        elif isinstance(node, cst.Call) and (_RELEASING.search(terminal(node.func)) or terminal(node.func) in methods):
            if any(dotted(arg.value) in paths for arg in node.args):
                return True
        elif isinstance(node, cst.With) and with_closes:
            if any(dotted(item.item) in paths or _calls(item.item, getters) for item in node.items):
                return True
    return False


def _calls(node: cst.CSTNode, names: set[str]) -> bool:
    return isinstance(node, cst.Call) and terminal(node.func) in names


def _aliases(method: FunctionInfo, field: str, getters: set[str]) -> Iterator[str]:
    """Local names that may hold the field: assigned from it, from a getter, or by `getattr(self, "field")`."""
    for name, values in method.bindings.assigned.items():
        for value in values:
            if _mentions(value, field) or any(_calls(part, getters) for part in walk(value)) or _gets(value, field):
                yield name
    for node in walk(method.node.body):
        if (isinstance(node, cst.For) and isinstance(node.target, cst.Name) and _mentions(node.iter, field)) or (
            isinstance(node, cst.NamedExpr) and isinstance(node.target, cst.Name) and _mentions(node.value, field)
        ):
            yield node.target.value


def _gets(node: cst.CSTNode, field: str) -> bool:
    return any(
        isinstance(part, cst.Call) and terminal(part.func) == "getattr" and string_value(part.args[1].value) == field
        for part in walk(node)
        if isinstance(part, cst.Call) and len(part.args) > 1
    )


def _by_string(method: FunctionInfo, field: str) -> bool:
    return method.mentions(frozenset({"getattr"})) and f'"{field}"' in method.chunk.statement.text.replace("'", '"')


def _users_release(fields: set[str], methods: set[str], family: list[ClassInfo], resolver: Resolver) -> bool:
    """Whether some code beside the class closes the field, or what a getter of it gives, from outside."""
    release, names = "|".join(sorted(methods)), "|".join(sorted(map(re.escape, fields)))
    field = rf"\b(\w+)(?:\(\))?\.(?:{names})"
    patterns = [re.compile(rf"{field}(?:\(\))?\.(?:{release})\b"), re.compile(rf"\b(?:{release})\(\s*{field}\b")]
    classes = {cls.name for cls in family}
    module = family[0].module
    texts = {module.source, *resolver.project.texts_around(module)}
    for text in (text for text in texts if any(f".{name}" in text for name in fields)):
        for owner in {name for pattern in patterns for name in pattern.findall(text)} - {"self", "cls"}:
            if _may_be(owner, classes, text):
                return True
    return False


def _may_be(name: str, classes: set[str], text: str) -> bool:
    """Whether a variable may hold an object of one of the classes: unless the text builds it from others only."""
    built = set(re.findall(rf"\b{name}\b[^=\n]*=\s*(?:await\s+)?(?:\w+\.)*(\w+)\(", text))
    built |= set(re.findall(rf"\b(\w+)\([^\n]*\)\s+as\s+{name}\b", text))
    return not built or not built.isdisjoint(classes) or not any(word[:1].isupper() for word in built)
