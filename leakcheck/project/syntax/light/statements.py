"""Statements: for each kind of `ast` node the kind of LibCST node, with its parts in the order they are written."""

from __future__ import annotations

import ast
from collections.abc import Callable

import libcst as cst

from leakcheck.project.syntax.light import operators
from leakcheck.project.syntax.light.expressions import (
    ASYNCHRONOUS,
    annotated,
    arguments,
    attribute,
    bare_tuple,
    expression,
    name,
    optional,
    parameters,
)
from leakcheck.project.syntax.light.generics import type_alias, type_parameters
from leakcheck.project.syntax.light.nodes import maker
from leakcheck.project.syntax.light.text import Makers, Text

module = maker(cst.Module, "body")
_line = maker(cst.SimpleStatementLine, "body")
_block = maker(cst.IndentedBlock, "body")
_suite = maker(cst.SimpleStatementSuite, "body")
_expr = maker(cst.Expr, "value")
_assign = maker(cst.Assign, "targets", "value")
_target = maker(cst.AssignTarget, "target")
_ann_assign = maker(cst.AnnAssign, "target", "annotation", "value")
_aug_assign = maker(cst.AugAssign, "target", "operator", "value")
_return = maker(cst.Return, "value")
_raise = maker(cst.Raise, "exc", "cause")
_cause = maker(cst.From, "item")
_del = maker(cst.Del, "target")
_assert = maker(cst.Assert, "test", "msg")
_global = maker(cst.Global, "names")
_nonlocal = maker(cst.Nonlocal, "names")
_name_item = maker(cst.NameItem, "name")
_pass, _break, _continue = maker(cst.Pass), maker(cst.Break), maker(cst.Continue)
_import = maker(cst.Import, "names")
_import_from = maker(cst.ImportFrom, "module", "names", "relative")
_alias = maker(cst.ImportAlias, "name", "asname")
_star = maker(cst.ImportStar)
_as = maker(cst.AsName, "name")
_if = maker(cst.If, "test", "body", "orelse")
_else = maker(cst.Else, "body")
_while = maker(cst.While, "test", "body", "orelse")
_for = maker(cst.For, "target", "iter", "body", "orelse", "asynchronous")
_with = maker(cst.With, "items", "body", "asynchronous")
_item = maker(cst.WithItem, "item", "asname")
_try = maker(cst.Try, "body", "handlers", "orelse", "finalbody")
_try_star = maker(cst.TryStar, "body", "handlers", "orelse", "finalbody")
_handler = maker(cst.ExceptHandler, "body", "type", "name")
_star_handler = maker(cst.ExceptStarHandler, "body", "type", "name")
_finally = maker(cst.Finally, "body")
_function = maker(cst.FunctionDef, "name", "params", "body", "decorators", "returns", "asynchronous", "type_parameters")
_class = maker(cst.ClassDef, "name", "body", "bases", "keywords", "decorators", "type_parameters")
_decorator = maker(cst.Decorator, "decorator")

_DOT = cst.Dot()


def body(of: Text, nodes: list[ast.stmt]) -> list[cst.BaseStatement]:
    """Statements of a block: small ones on one line are one statement."""
    found: list[cst.BaseStatement] = []
    line, last = [], 0
    for node in nodes:
        made = of.makers[type(node)](of, node)
        if type(node) not in SMALL:
            found.append(made)
        elif node.lineno == last:
            line.append(made)
        else:
            line = [made]
            found.append(_line(line))
        last = node.end_lineno or 0
    return found


def block(of: Text, nodes: list[ast.stmt], owner: int) -> cst.BaseSuite:
    """The statements below a head whose first line is given."""
    first = nodes[0]
    if first.lineno == owner or (type(first) in SMALL and of.before(first).strip(" \t\f")):
        return _suite([of.makers[type(node)](of, node) for node in nodes])
    return _block(body(of, nodes))


def _orelse(of: Text, nodes: list[ast.stmt]) -> cst.Else | None:
    return _else(block(of, nodes, 0)) if nodes else None


def _named(word: str | None) -> cst.AsName | None:
    return _as(name(word)) if word else None


def _dotted(path: str) -> cst.Attribute | cst.Name:
    owner, _, last = path.rpartition(".")
    return attribute(_dotted(owner), name(last)) if owner else name(last)


def _aliases(nodes: list[ast.alias]) -> list[cst.ImportAlias]:
    return [_alias(_dotted(node.name), _named(node.asname)) for node in nodes]


def _as_import_from(of: Text, node: ast.ImportFrom) -> cst.ImportFrom:
    names = _star() if node.names[0].name == "*" else _aliases(node.names)
    return _import_from(node.module and _dotted(node.module), names, [_DOT] * node.level)


def _as_assign(of: Text, node: ast.Assign) -> cst.Assign:
    return _assign([_target(expression(of, target)) for target in node.targets], expression(of, node.value))


def _as_del(of: Text, node: ast.Delete) -> cst.Del:
    if len(node.targets) == 1 and not of.of(node).endswith(","):
        return _del(expression(of, node.targets[0]))
    return _del(bare_tuple(of, node.targets))


def _as_raise(of: Text, node: ast.Raise) -> cst.Raise:
    return _raise(optional(of, node.exc), _cause(expression(of, node.cause)) if node.cause else None)


def _as_if(of: Text, node: ast.If) -> cst.If:
    other = node.orelse
    if len(other) == 1 and isinstance(other[0], ast.If) and of.begins(other[0], "elif"):
        orelse: cst.If | cst.Else | None = of.makers[ast.If](of, other[0])
    else:
        orelse = _orelse(of, other)
    return _if(expression(of, node.test), block(of, node.body, node.lineno), orelse)


def _as_while(of: Text, node: ast.While) -> cst.While:
    return _while(expression(of, node.test), block(of, node.body, node.lineno), _orelse(of, node.orelse))


def _as_for(of: Text, node: ast.For | ast.AsyncFor) -> cst.For:
    head = expression(of, node.target), expression(of, node.iter), block(of, node.body, node.lineno)
    return _for(*head, _orelse(of, node.orelse), _asynchronous(node))


def _as_with(of: Text, node: ast.With | ast.AsyncWith) -> cst.With:
    return _with([_entered(of, item) for item in node.items], block(of, node.body, node.lineno), _asynchronous(node))


def _entered(of: Text, node: ast.withitem) -> cst.WithItem:
    target = _as(expression(of, node.optional_vars)) if node.optional_vars else None
    return _item(expression(of, node.context_expr), target)


def _asynchronous(node: ast.stmt) -> cst.Asynchronous | None:
    return ASYNCHRONOUS if type(node).__name__.startswith("Async") else None


def _as_try(of: Text, node: ast.Try) -> cst.Try | cst.TryStar:
    star = type(node) is not ast.Try
    handlers = [_handled(of, handler, _star_handler if star else _handler) for handler in node.handlers]
    final = _finally(block(of, node.finalbody, 0)) if node.finalbody else None
    make = _try_star if star else _try
    return make(block(of, node.body, node.lineno), handlers, _orelse(of, node.orelse), final)


def _handled(of: Text, node: ast.ExceptHandler, make: Callable[..., cst.CSTNode]) -> cst.CSTNode:
    caught = optional(of, node.type)
    return make(block(of, node.body, node.lineno), caught, _named(node.name))


def _as_function(of: Text, node: ast.FunctionDef | ast.AsyncFunctionDef) -> cst.FunctionDef:
    head = name(node.name), parameters(of, node.args), block(of, node.body, node.lineno), _decorators(of, node)
    return _function(*head, annotated(of, node.returns), _asynchronous(node), type_parameters(of, node))


def _as_class(of: Text, node: ast.ClassDef) -> cst.ClassDef:
    given = arguments(of, node.bases, node.keywords)
    count = next((i for i, a in enumerate(given) if a.keyword or a.star == "**"), len(given))
    head = name(node.name), block(of, node.body, node.lineno)
    return _class(*head, given[:count], given[count:], _decorators(of, node), type_parameters(of, node))


def _decorators(of: Text, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[cst.Decorator]:
    return [_decorator(expression(of, decorator)) for decorator in node.decorator_list]


def _as_match(of: Text, node: ast.Match) -> cst.BaseCompoundStatement:
    """Has many kinds of its own, and is rare: in its text, the head is at column 0 and the lines below are deeper."""
    made = cst.parse_statement(of.of(node))
    assert isinstance(made, cst.BaseCompoundStatement)
    return made


SMALL: Makers = {
    ast.Expr: lambda of, node: _expr(expression(of, node.value)),
    ast.Assign: _as_assign,
    ast.AnnAssign: lambda of, node: _ann_assign(
        expression(of, node.target), annotated(of, node.annotation), optional(of, node.value)
    ),
    ast.AugAssign: lambda of, node: _aug_assign(
        expression(of, node.target), operators.shared(operators.ASSIGNING[type(node.op)]), expression(of, node.value)
    ),
    ast.Return: lambda of, node: _return(optional(of, node.value)),
    ast.Raise: _as_raise,
    ast.Delete: _as_del,
    ast.Assert: lambda of, node: _assert(expression(of, node.test), optional(of, node.msg)),
    ast.Global: lambda of, node: _global([_name_item(name(n)) for n in node.names]),
    ast.Nonlocal: lambda of, node: _nonlocal([_name_item(name(n)) for n in node.names]),
    ast.Pass: lambda of, node: _pass(),
    ast.Break: lambda of, node: _break(),
    ast.Continue: lambda of, node: _continue(),
    ast.Import: lambda of, node: _import(_aliases(node.names)),
    ast.ImportFrom: _as_import_from,
}
COMPOUND: Makers = {
    ast.If: _as_if,
    ast.While: _as_while,
    ast.For: _as_for,
    ast.AsyncFor: _as_for,
    ast.With: _as_with,
    ast.AsyncWith: _as_with,
    ast.Try: _as_try,
    ast.FunctionDef: _as_function,
    ast.AsyncFunctionDef: _as_function,
    ast.ClassDef: _as_class,
    ast.Match: _as_match,
}
if hasattr(ast, "TryStar"):
    COMPOUND[ast.TryStar] = _as_try
if hasattr(ast, "TypeAlias"):
    SMALL[ast.TypeAlias] = type_alias
