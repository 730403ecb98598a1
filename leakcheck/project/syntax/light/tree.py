"""A module's tree without its layout, in a quarter of the time that LibCST takes for the whole of it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import libcst as cst
from libcst._position import CodeRange  # its public place imports much else

from leakcheck.patterns import pattern
from leakcheck.project.syntax.light import expressions, statements
from leakcheck.project.syntax.light.text import Makers, Text
from leakcheck.project.syntax.outline import without_texts
from leakcheck.project.syntax.walk import children

# A line that goes on after a colon or semicolon, or that ends in nothing but a carriage return.
_ODD = pattern(r"[:;][ \t]*\\\r?\n|\r(?!\n)")
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IN_PARENTHESES = (cst.Tuple, cst.GeneratorExp)  # which LibCST leaves out


def light_module(text: str, parsed: ast.Module | None) -> cst.Module | None:
    """What the standard library's parser made of a text, as LibCST's nodes; None if LibCST is to parse it.

    Of each node the kind and the fields that `children` gives are those of LibCST's own tree, and so is how it writes
    names, numbers and strings. White space, comments and needless parentheses are not there.
    """
    odd = ("\\" in text or "\r" in text) and _ODD.search(text)
    if parsed is None or odd or not (text.isascii() or without_texts(text).isascii()):
        return None  # Python reads other letters in names as their plainest form
    try:
        return statements.module(statements.body(Text(text, _MAKERS), parsed.body))
    except (SyntaxError, RecursionError, cst.ParserSyntaxError):
        return None


def light_places(text: str, parsed: ast.Module, tree: cst.Module) -> dict[cst.CSTNode, CodeRange]:
    """Where most statements and expressions of such a tree stand, as LibCST has it. It is made once more for that."""
    noted: dict[cst.CSTNode, ast.AST] = {}
    of = Text(text, {kind: _noting(make, noted) for kind, make in _MAKERS.items()})
    pairs: list[tuple[cst.CSTNode, cst.CSTNode]] = [(statements.module(statements.body(of, parsed.body)), tree)]
    places: dict[cst.CSTNode, CodeRange] = {}
    for again, node in pairs:
        known = noted.get(again)
        if known is not None and not (type(again) in _IN_PARENTHESES and again.lpar):  # type: ignore[attr-defined]
            places[node] = of.place(known)
            if isinstance(known, _DEFINING) and (name := of.name(known)):
                places[node.name] = name  # type: ignore[attr-defined]
        pairs += zip(children(again), children(node), strict=True)
    return places


def _noting(make: Callable[[Text, Any], Any], noted: dict[cst.CSTNode, ast.AST]) -> Callable[[Text, Any], Any]:
    def made(of: Text, node: ast.AST) -> Any:
        noted[result := make(of, node)] = node
        return result

    return made


_MAKERS: Makers = {**expressions.MAKERS, **statements.SMALL, **statements.COMPOUND}
