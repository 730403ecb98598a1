"""What a name stands for, by the expressions it is assigned."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.project.project import Project
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.walk import code, dotted, same_scope, walk
from leakcheck.words import words

Value = tuple[cst.BaseExpression, FunctionInfo | None, Module]  # an expression, and where it stands


def assigned(node: cst.BaseExpression, function: FunctionInfo | None, module: Module) -> list[cst.BaseExpression]:
    """Everything that a name, or a field like `self.url`, is assigned in the function, its class or its module."""
    return [value for value, _, _ in _values(node, function, module)]


def bound(node: cst.BaseExpression, function: FunctionInfo | None, module: Module) -> Iterator[cst.BaseExpression]:
    """The same, and what a name is bound to by `with`."""
    yield from assigned(node, function, module)
    yield from entered(node, function)


def entered(node: cst.BaseExpression, function: FunctionInfo | None) -> Iterator[cst.BaseExpression]:
    """What a name is bound to by `with`."""
    for part in walk(function.node.body) if function and isinstance(node, cst.Name) else ():
        name = part.asname.name if isinstance(part, cst.WithItem) and part.asname else None
        if isinstance(part, cst.WithItem) and isinstance(name, cst.Name) and name.value == code(node):
            yield part.item


def followed(node: cst.BaseExpression, function: FunctionInfo | None, module: Module, project: Project) -> list[Value]:
    """The same with where each stands; what is imported is looked for in the project's module that it comes from."""
    imports = module.imports | (function.bindings.imports if function is not None else {})
    if isinstance(node, cst.Name) and node.value in imports:
        head, _, last = module.absolute(imports[node.value]).rpartition(".")
        owner = project.find(head, module)
        return list(_of_module(last, owner)) if owner is not None else []
    first, _, rest = (dotted(node) or "").partition(".")
    if rest and first in imports:
        head, _, last = f"{imports[first]}.{rest}".rpartition(".")
        found = project.lookup(module.absolute(head), module)
        if isinstance(found, Module):
            return list(_of_module(last, found))
        if isinstance(found, ClassInfo):
            return [(value, method, found.module) for method, value in found.assigned(last)]
    return list(_values(node, function, module))


def latest(node: cst.Name, at: cst.CSTNode, body: cst.BaseSuite) -> cst.BaseExpression:
    """What a name was assigned last before a place, by the blocks around that place; the name itself, if by none."""
    found: cst.BaseExpression = node
    for block in walk(body):
        if isinstance(block, cst.IndentedBlock):
            value: cst.BaseExpression = node
            for statement in block.body:
                if any(part is at for part in walk(statement)):
                    found = value if value is not node else found
                    break
                for part in walk(statement, same_scope):
                    if isinstance(part, cst.Assign) and any(code(t.target) == node.value for t in part.targets):
                        value = part.value if isinstance(statement, cst.SimpleStatementLine) else node
    return found


def is_filled(name: str, source: str) -> bool:
    """Whether something is put into a container after it was made: `options[key] = …`, `options.update(…)`."""
    filled = rf"\b{re.escape(name)}(?:\[[^\]]*\]\s*=[^=]|\.(?:{'|'.join(words().fills)})\()"
    return re.search(filled, source) is not None


def _values(node: cst.BaseExpression, function: FunctionInfo | None, module: Module) -> Iterator[Value]:
    path = dotted(node)
    owner, _, name = (path or "").rpartition(".")
    cls = function.cls if function else None
    if owner in ("self", "cls") and cls is not None:
        yield from ((value, method, module) for method, value in cls.assigned(name))
    elif name and not owner and function is not None and name in function.bindings.names:
        yield from ((value, function, module) for value in function.bindings.assigned.get(name, []))
    elif name and not owner:
        yield from _of_module(name, module)
    elif isinstance(named := module.definition(owner), ClassInfo):
        yield from ((value, method, module) for method, value in named.assigned(name))


def _of_module(name: str, module: Module) -> Iterator[Value]:
    """At its top level, and by the functions that declare the name global."""
    yield from ((value, None, module) for value in module.assigned(name))
    for function in module.setting(name):
        yield from ((value, function, module) for value in function.bindings.assigned.get(name, []))
