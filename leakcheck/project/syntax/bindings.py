"""The names that a text binds: a function's body, an import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import libcst as cst

from leakcheck.project.syntax.remembered import remembered
from leakcheck.project.syntax.walk import code, same_scope, terminal, walk

_ASSIGNING = (cst.AssignTarget, cst.AugAssign, cst.NamedExpr, cst.Assign, cst.AnnAssign, cst.AsName)
_DECLARING = (cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal, cst.FunctionDef, cst.ClassDef)
_BINDING = frozenset((*_ASSIGNING, *_DECLARING, cst.CompFor, cst.For, cst.MatchAs, cst.MatchStar))


class Bindings:
    """The names a function's own body binds, with the expressions they are assigned where those are plain."""

    def __init__(self, node: cst.FunctionDef) -> None:
        self.assigned: dict[str, list[cst.BaseExpression]] = {}
        self.imports: dict[str, str] = {}
        self.outer: set[str] = set()  # global and nonlocal
        self.names: set[str] = set()
        self._targets: Counter[str] = Counter()
        for part in walk(node.params):
            if type(part) is cst.Param:
                self.names.add(part.name.value)  # a default's lambda may add names: harmless
        for part in walk(node.body, same_scope):
            self._collect(part)
        self.names -= self.outer

    def is_assigned_only(self, name: str) -> bool:
        """Whether nothing but plain assignments bind a variable: no loop, no `with`, no `+=`."""
        return self._targets[name] == len(self.assigned.get(name, ())) > 0

    def _collect(self, node: cst.CSTNode) -> None:
        if type(node) not in _BINDING:
            return
        if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.CompFor, cst.For, cst.NamedExpr)):
            self._bind(node.target)
        elif isinstance(node, cst.Assign):
            for assigned in node.targets:
                for target, value in pairs(assigned.target, node.value):
                    if isinstance(target, cst.Name):
                        self.assigned.setdefault(target.value, []).append(value)
        elif isinstance(node, cst.AnnAssign):
            self._bind(node.target)
            if isinstance(node.target, cst.Name) and node.value is not None:
                self.assigned.setdefault(node.target.value, []).append(node.value)
        elif isinstance(node, cst.AsName):
            self._bind(node.name)
        elif isinstance(node, (cst.Import, cst.ImportFrom)):
            self.imports.update(imported_names(node))
            self.names.update(self.imports)
        elif isinstance(node, (cst.Global, cst.Nonlocal)):
            self.outer.update(item.name.value for item in node.names)
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            self.names.add(node.name.value)
        elif isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
            self._bind(node.name)

    def _bind(self, target: cst.CSTNode) -> None:
        if isinstance(target, cst.Name):
            self.names.add(target.value)
            self._targets[target.value] += 1
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._bind(element.value)


@remembered(1024)
def bindings_of(node: cst.FunctionDef) -> Bindings:
    """The same as long as nobody changes the text."""
    return Bindings(node)


def pairs(target: cst.BaseExpression, value: cst.BaseExpression) -> Iterator[tuple[cst.BaseExpression, ...]]:
    """Which expression each target is assigned: `a, b = x, y` is two assignments."""
    if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        for left, right in zip(target.elements, value.elements, strict=True):
            yield from pairs(left.value, right.value)
    else:
        yield target, value


def imported_names(node: cst.Import | cst.ImportFrom, stars: list[str] | None = None) -> dict[str, str]:
    """What an import statement binds: name -> qualified name as written (`from .db import get` gives `.db.get`)."""
    bound: dict[str, str] = {}
    if isinstance(node, cst.Import):
        for alias in node.names:
            name = code(alias.name)
            if alias.asname is not None:
                bound[terminal(alias.asname.name)] = name
            else:
                top = name.split(".")[0]
                bound[top] = top
        return bound
    base = "." * len(node.relative) + (code(node.module) if node.module else "")
    if isinstance(node.names, cst.ImportStar):
        if stars is not None:
            stars.append(base)
        return bound
    for alias in node.names:
        name = code(alias.name)
        target = terminal(alias.asname.name) if alias.asname else name
        bound[target] = f"{base}{name}" if base.endswith(".") else f"{base}.{name}"
    return bound
