"""The functions that a file calls and others define: read where their text tells what becomes of a connection."""

from __future__ import annotations

import ast
from functools import lru_cache

import libcst as cst

from leakcheck.fixes.syntax import Function, Tree, is_none, terminal
from leakcheck.fixes.text import Refused
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function as FunctionValue
from leakcheck.project.syntax.module import FunctionInfo, Module


class Elsewhere:
    """For what one file, or one function of it, calls."""

    def __init__(self, resolver: Resolver, module: Module, scope: FunctionInfo | None = None) -> None:
        self._resolver, self._module, self._scope = resolver, module, scope

    def find(self, path: str) -> tuple[Function, Tree, Elsewhere] | None:
        """The function that a dotted name stands for, with its own text and what that calls."""
        value = self._resolver.dotted(path, self._scope, self._module)
        if not isinstance(value, FunctionValue) or value.info.decorators:
            return None
        tree = _tree(value.info)
        function = tree.module.body[0] if tree is not None else None
        if tree is None or not isinstance(function, Function):
            return None
        return function, tree, Elsewhere(self._resolver, value.info.module, value.info)


@lru_cache(maxsize=64)
def _tree(info: FunctionInfo) -> Tree | None:
    """A function by itself; None if this Python cannot parse it."""
    try:
        return Tree(cst.Module([info.node]).code)
    except Refused:
        return None


def is_plain(annotation: ast.expr | None, types: frozenset[str]) -> bool:
    """Whether a function says that it gives nothing but values of such types, which need no connection."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return False
    if annotation is None or terminal(annotation) == "Any":
        return False
    if not (isinstance(annotation, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp)) or is_none(annotation)):
        return False
    parts = list(ast.walk(annotation))
    modules = {node.value for node in parts if isinstance(node, ast.Attribute)}  # `typing` of `typing.Any`
    named = [terminal(n) for n in parts if isinstance(n, (ast.Name, ast.Attribute)) and n not in modules]
    values = (node.value for node in parts if isinstance(node, ast.Constant))
    return all(name in types for name in named) and all(value is None or value is ... for value in values)
