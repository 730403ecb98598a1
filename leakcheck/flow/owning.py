"""Which class takes care of what its fields hold: who releases a field, and where a constructor's argument goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import libcst as cst

from leakcheck.flow.byname import is_named_way, may_release_by_name
from leakcheck.flow.helpers import calls_of_base, only_uses, sounds_like_release
from leakcheck.flow.outside import around, heirs, takers_release, users_release
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function, Value
from leakcheck.models import Connection, Release
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.walk import children, dotted, string_value, terminal, walk
from leakcheck.records import dataclass
from leakcheck.words import words as the_words

ITSELF = frozenset({"__del__", "__init__", "__new__", "__post_init__"})  # run for an object, not by its user
REGISTERS = frozenset({"atexit", "finalize", "register", "signal"})  # somebody else may release the object at the end


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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A field, and how what it holds is told from what is obtained from that."""

    name: str
    methods: frozenset[str]  # release it
    rests: frozenset[str]  # give back what it has, until it is used again
    gives_others: frozenset[str]  # give cursors and results: to close one of these closes nothing else
    with_closes: bool


def _wanted(field: str, spec: Connection) -> _Wanted:
    methods = frozenset({form.method for form in (*spec.release, *spec.wrong_release)} | {"close"})
    gives_others = frozenset() if spec.cursor_closes else frozenset(the_words().connections) - methods
    rests = frozenset(form.method for form in spec.soft_release)
    with_closes = spec.with_effect in ("closes", "returns", "unknown") or is_manager(spec.release)
    return _Wanted(field, methods, rests, gives_others, with_closes)


def is_manager(ways: Iterable[Release]) -> bool:
    """Whether leaving a `with` block on an object that is released in these ways releases it."""
    return any(way.method in ("__exit__", "__aexit__") for way in ways)


def field_released(cls: ClassInfo, field: str, spec: Connection, resolver: Resolver) -> bool:
    """Whether the class, its bases or subclasses, or code that uses it, releases what the field holds."""
    wanted = _wanted(field, spec)
    known, key = resolver.project.memo, (field_released, cls, wanted)
    if key not in known:  # an object may be made in many states, and all the files around are searched
        known[key] = _is_released(cls, wanted, resolver)
    return known[key]  # type: ignore[return-value]


def _is_released(cls: ClassInfo, wanted: _Wanted, resolver: Resolver) -> bool:
    family = [*resolver.family(cls), *subclasses(cls)]
    getters = {m.name for owner in family for m in owner.methods.values() if _gives_field(m, wanted)}
    methods = [method for owner in family for method in owner.methods.values()]
    if any(_method_releases(method, wanted, getters, resolver) for method in methods):
        return True
    if may_release_by_name(methods, wanted.name, wanted.methods, sounds_like_release):
        return True
    if any(_asks_foreign_base(method, resolver) for method in methods):
        return True
    texts = around(cls, resolver)
    named = {wanted.name, *getters}
    if users_release(named, wanted.methods, family, texts) or takers_release(getters, wanted.methods, family, texts):
        return True
    elsewhere = (method for heir in heirs(cls, resolver) for method in heir.methods.values())
    return any(_method_releases(method, wanted, getters, resolver) for method in elsewhere)


def _asks_foreign_base(method: FunctionInfo, resolver: Resolver) -> bool:
    """Whether it has its object release something by a method that no class here has: a base out of sight has it."""
    cls = method.cls
    if cls is None or not cls.bases:
        return False
    calls = (node.func for node in walk(method.node.body) if isinstance(node, cst.Call) and not node.args)
    asked = (func.attr.value for func in calls if isinstance(func, cst.Attribute) and dotted(func.value) == "self")
    return any(sounds_like_release(name) and resolver.method(cls, name) is None for name in asked)


def field_released_outside(
    cls: ClassInfo, field: str, spec: Connection, resolver: Resolver, asker: Module | None = None
) -> bool:
    """Whether code that uses the class releases what the field holds: `repository.conn.close()`. Only the text of
    `asker` is searched, if there is one, else those around the class."""
    wanted = _wanted(field, spec)
    family = resolver.family(cls)
    getters = {m.name for owner in family for m in owner.methods.values() if _gives_field(m, wanted)}
    texts = {asker.source} if asker is not None else around(cls, resolver)
    return users_release({field, *getters}, wanted.methods, family, texts)


def releases_field(method: FunctionInfo, field: str, spec: Connection, resolver: Resolver) -> bool:
    """Whether a method itself releases what a field of its object holds."""
    return _method_releases(method, _wanted(field, spec), set(), resolver)


def gives_field(method: FunctionInfo, field: str, spec: Connection) -> bool:
    """Whether a method may return what a field of its object holds."""
    return _gives_field(method, _wanted(field, spec))


def field_given_out(cls: ClassInfo, field: str, spec: Connection, resolver: Resolver) -> bool:
    """Whether a method returns what the field holds, or passes it on to what may release it."""
    path, ways = f"self.{field}", _wanted(field, spec).methods
    methods = [m for owner in resolver.family(cls) for m in owner.methods.values() if m.mentions(frozenset({field}))]
    if any(dotted(value) == path for method in methods for value in method.returned):
        return True
    calls = ((method, node) for method in methods for node in walk(method.node.body) if isinstance(node, cst.Call))
    given = ((method, call) for method, call in calls if any(dotted(arg.value) == path for arg in call.args))
    return any(not _only_uses(resolver.static(call.func, method, method.module), ways) for method, call in given)


def _only_uses(callee: Value, ways: frozenset[str]) -> bool:
    """Whether it is a function of the project without a word for releasing what it is given."""
    return isinstance(callee, Function) and ways.isdisjoint(callee.info.words)


def releasing_methods(
    cls: ClassInfo, field: str, spec: Connection, resolver: Resolver, surely: bool = False
) -> list[FunctionInfo]:
    """The methods that release what the field holds, themselves or through another one; `surely` for those where
    that is more than the name of a helper."""
    wanted = _wanted(field, spec)
    family = resolver.family(cls)
    own = {m.name: m for owner in reversed(family) for m in owner.methods.values()}
    getters = {m.name for m in own.values() if _gives_field(m, wanted)}
    hidden = [m for owner in family for m in owner.methods.values() if own[m.name] is not m]
    overridden = {m.name for m in hidden if _method_releases(m, wanted, getters, resolver, surely)}
    found = {n: m for n, m in own.items() if _method_releases(m, wanted, getters, resolver, surely)}
    found |= {n: m for n, m in own.items() if n not in found and calls_of_base(m, overridden)}
    while more := {n: m for n, m in own.items() if n not in found and _calls_own(m, found)}:
        found |= more
    return list(found.values())


def made(cls: ClassInfo, spec: Connection, released: list[FunctionInfo]) -> Connection:
    """The model of an object that keeps a connection."""
    release = (*in_order(map(release_by, released)), *spec.release)  # what it keeps may be released itself
    names = (cls.name, *spec.acquire)
    return Connection(
        spec.library, names, "connection", release=release, gc=spec.gc, alive=spec.alive, closed=spec.closed,
        embedded=spec.embedded
    )  # fmt: skip


def in_order(ways: Iterable[Release]) -> list[Release]:
    """The one to recommend first."""
    return sorted(ways, key=lambda form: (form.method != "close", form.method.startswith("_")))


def release_by(method: FunctionInfo) -> Release:
    """The release of an object by one of its methods."""
    return Release("conn", method.name, method.is_async)


def _calls_own(method: FunctionInfo, names: Collection[str]) -> bool:
    """Whether a method calls one of the object's own methods, or has somebody call it: `run_in_executor(None,
    self.close)`. What a constructor passes on is called at some later time."""
    if not method.mentions(frozenset(names)):
        return False
    paths = {f"self.{name}" for name in names}
    kinds = cst.Call if method.name == "__init__" else (cst.Call, cst.Arg)
    nodes = (node for node in walk(method.node.body) if isinstance(node, kinds))
    return any(dotted(node.func if isinstance(node, cst.Call) else node.value) in paths for node in nodes)


def subclasses(cls: ClassInfo) -> Iterator[ClassInfo]:
    """Classes of the same module that name this one as a base."""
    return (other for other in cls.module.classes(frozenset({cls.name})) if cls.name in other.bases)


def _gives_field(method: FunctionInfo, wanted: _Wanted) -> bool:
    return wanted.name in method.chunk.words and any(_may_give(value, wanted, set()) for value in method.returned)


def _may_give(node: cst.CSTNode, wanted: _Wanted, getters: set[str]) -> bool:
    """Whether an expression may give what the field holds: by its path, a getter or `getattr(self, "field")`."""
    if _calls(node, getters) or _gets(node, wanted.name):
        return True
    if isinstance(node, cst.Attribute) and dotted(node) in (f"self.{wanted.name}", f"cls.{wanted.name}"):
        return True
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        if node.func.attr.value in wanted.gives_others:
            return any(_may_give(arg.value, wanted, getters) for arg in node.args)
    return any(_may_give(part, wanted, getters) for part in children(node))


def _method_releases(
    method: FunctionInfo, wanted: _Wanted, getters: set[str], resolver: Resolver, surely: bool = False
) -> bool:
    """Whether a method calls, registers or passes on a release of the field, by its path or by a local name for it."""
    fields = {wanted.name, *getters}  # a getter may be a property
    if not method.mentions(frozenset(fields)) and not _by_string(method, wanted.name):
        return False
    paths = {f"{owner}.{name}" for owner in ("self", "cls") for name in fields} | {*_aliases(method, wanted, getters)}
    ends = not surely and sounds_like_release(method.name)  # what such a method passes on is to be released
    ways = wanted.methods | wanted.rests if ends else wanted.methods
    for node in walk(method.node.body):
        if isinstance(node, cst.Attribute) and node.attr.value in ways:
            owner = node.value
            if dotted(owner) in paths or _calls(owner, getters) or _gets(owner, wanted.name):
                return True
        elif isinstance(node, cst.Call) and any(dotted(value) in paths for arg in node.args for value in _items(arg)):
            if _is_way(node, wanted):
                return True
            doubtful = (ends and not _tells(node)) or (not surely and sounds_like_release(terminal(node.func)))
            if doubtful and not only_uses(node, paths, method, wanted.methods, resolver):
                return True
        elif isinstance(node, cst.With) and wanted.with_closes:
            entered = getters - _managers(method, getters, resolver)
            if any(dotted(item.item) in paths or _calls(item.item, entered) for item in node.items):
                return True
    return False


def _items(argument: cst.Arg) -> Iterator[cst.BaseExpression]:
    """An argument, or what is in it where it is written as a list: `close_all([self.cursor, self.conn])`."""
    listed = isinstance(argument.value, (cst.List, cst.Tuple, cst.Set))
    return (part.value for part in argument.value.elements) if listed else iter((argument.value,))  # type: ignore


def _managers(method: FunctionInfo, getters: set[str], resolver: Resolver) -> set[str]:
    """Those of an object's getters that are entered themselves, not what they give: `@contextmanager`."""
    found = ((name, resolver.method(method.cls, name)) for name in getters) if method.cls is not None else ()
    return {name for name, getter in found if getter is not None and getter.is_generator}


def _tells(node: cst.Call) -> bool:
    """Whether a call only looks at what it is given."""
    return terminal(node.func) in the_words().tells


def _is_way(node: cst.Call, wanted: _Wanted) -> bool:
    """Whether a call surely releases its argument, by its name."""
    return terminal(node.func) in wanted.methods or is_named_way(node, wanted.methods)


def _calls(node: cst.CSTNode, names: set[str]) -> bool:
    return isinstance(node, cst.Call) and terminal(node.func) in names


def _aliases(method: FunctionInfo, wanted: _Wanted, getters: set[str]) -> Iterator[str]:
    """Local names that may hold what the field holds."""
    for name, values in method.bindings.assigned.items():
        if any(_may_give(value, wanted, getters) for value in values):
            yield name
    for node in walk(method.node.body):
        if isinstance(node, (cst.For, cst.NamedExpr)) and isinstance(node.target, cst.Name):
            value = node.iter if isinstance(node, cst.For) else node.value
            if _may_give(value, wanted, getters):
                yield node.target.value


def _gets(node: cst.CSTNode, field: str) -> bool:
    if not isinstance(node, cst.Call) or terminal(node.func) != "getattr" or len(node.args) < 2:
        return False
    return string_value(node.args[1].value) == field


def _by_string(method: FunctionInfo, field: str) -> bool:
    return method.mentions(frozenset({"getattr"})) and f'"{field}"' in method.chunk.statement.text.replace("'", '"')
