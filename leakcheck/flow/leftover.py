"""What a module's `with` block leaves behind in its names: nothing uses it any more, and the process keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import libcst as cst

from leakcheck.project.project import Project
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import walk

_MAIN = "__main__"


def is_left_behind(names: Collection[str], item: cst.CSTNode, module: Module, project: Project) -> bool:
    """Whether names are used only inside the `with` block that an expression is entered by, in a module for others:
    what a script leaves open ends with it."""
    chunk = module.chunk_of(item)
    if _MAIN in chunk.statement.text or not any(other.kind in ("function", "class") for other in module.chunks):
        return False
    blocks = (n for n in walk(chunk.tree) if isinstance(n, cst.With) and any(i.item is item for i in n.items))
    block = next(blocks, None)
    inside = {id(node) for node in walk(block)} if block is not None else set()
    if not inside or not all(id(node) in inside for node in _mentions(names, module)):
        return False
    stem = module.name.rpartition(".")[2]
    return not any(project.modules_around(module, frozenset({stem, name})) for name in names)


def _mentions(names: Collection[str], module: Module) -> Iterator[cst.CSTNode]:
    """The module's mentions of its global names."""
    for chunk in module.mentioning(frozenset(names)):
        others = {id(n) for f in chunk.definitions if isinstance(f, FunctionInfo) for n in _own(f)}
        others |= {id(n.attr) for n in walk(chunk.tree) if isinstance(n, cst.Attribute)}
        others |= {id(n.keyword) for n in walk(chunk.tree) if isinstance(n, cst.Arg)}
        yield from (n for n in walk(chunk.tree) if isinstance(n, cst.Name) and n.value in names and id(n) not in others)


def _own(function: FunctionInfo) -> Iterator[cst.CSTNode]:
    """The mentions that are of a function's own variables."""
    bound = {p.name.value for p in function.parameters} | function.bindings.names - set(function.bindings.outer)
    return (n for n in walk(function.node) if isinstance(n, cst.Name) and n.value in bound)
