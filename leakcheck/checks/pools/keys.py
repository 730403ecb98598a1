"""Which pool a connection comes from, as far as the text tells: two with the same key share one."""

from __future__ import annotations

from collections.abc import Hashable

import libcst as cst

from leakcheck.checks.assigned import latest
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.sites import Site
from leakcheck.flow.values import Class
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, dotted

Key = tuple[Hashable, ...]


def pool_key(site: Site, function: FunctionInfo | None, module: Module, resolver: Resolver) -> Key | None:
    """By the object it is acquired from, or by the function of the project that acquires it and its arguments."""
    if site.wrappers:
        owner = (
            site.node.func.value
            if isinstance(site.node, cst.Call) and isinstance(site.node.func, cst.Attribute)
            else None
        )
        arguments = tuple(code(a.value) for a in site.node.args) if isinstance(site.node, cst.Call) else ()
        if isinstance(owner, cst.Call) and has_pool_of_its_own(owner, function, module, resolver):
            return None  # as many pools as calls
        path = path_key(owner, site.node, function, module) if owner is not None else None
        return ("wrapper", site.wrappers[-1], arguments, path)
    pool = receiver(site)
    return path_key(pool, site.node, function, module) if pool is not None else None


def receiver(site: Site) -> cst.BaseExpression | None:
    """`pool` of `pool.getconn()`, `engine` of `Session(engine)`, `SessionLocal` of `SessionLocal()`."""
    node = site.node
    if not isinstance(node, cst.Call):
        return None
    if site.spec.kind == "session":
        bound = [a.value for a in node.args if a.keyword is None or a.keyword.value == "bind"]
        if bound:
            return bound[0]
        is_begin = isinstance(node.func, cst.Attribute) and node.func.attr.value == "begin"
        return node.func.value if is_begin and isinstance(node.func, cst.Attribute) else node.func
    return node.func.value if isinstance(node.func, cst.Attribute) else None


def has_pool_of_its_own(node: cst.Call, function: FunctionInfo | None, module: Module, resolver: Resolver) -> bool:
    """Whether a call makes an object that builds its pool itself: `Database(url).connection()`."""
    made = resolver.static(node.func, function, module)
    init = resolver.method(made.info, "__init__") if isinstance(made, Class) else None
    return init is not None and init.mentions(resolver.catalogue.pool_words)


def path_key(node: cst.BaseExpression, at: cst.CSTNode, function: FunctionInfo | None, module: Module) -> Key | None:
    """A dotted path, by where its first name is bound, and to what at a place; an unbound one is nobody's."""
    path = dotted(node)
    if path is None:
        return None
    first, _, rest = path.partition(".")
    if first in ("self", "cls") and function is not None:
        scope = function
        while scope is not None and not scope.cls:
            scope = scope.parent if isinstance(scope.parent, FunctionInfo) else None  # type: ignore[assignment]
        return ("field", scope.cls if scope else None, rest)
    if function is not None and first in function.bindings.names and first not in function.bindings.imports:
        several = len(function.bindings.assigned.get(first, ())) > 1
        value = latest(cst.Name(first), at, function.node.body) if several else None
        return ("local", function, path, value if isinstance(value, cst.Call) else None)  # each call makes another
    imports = module.imports | (function.bindings.imports if function is not None else {})
    qualified = module.absolute(imports[first]) if first in imports else f"{module.name}.{first}"
    return ("global", qualified, rest)
