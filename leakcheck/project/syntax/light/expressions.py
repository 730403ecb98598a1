"""Expressions: for each kind of `ast` node the kind of LibCST node, with its parts in the order they are written."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import libcst as cst

from leakcheck.project.syntax.light import operators
from leakcheck.project.syntax.light.nodes import in_parentheses, maker
from leakcheck.project.syntax.light.strings import string
from leakcheck.project.syntax.light.text import Makers, Text, parsed

name = maker(cst.Name, "value")
attribute = maker(cst.Attribute, "value", "attr")
call = maker(cst.Call, "func", "args")
_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
annotation = maker(cst.Annotation, "annotation")

_arg = maker(cst.Arg, "value", "star")
_keyword = maker(cst.Arg, "value", "keyword", equal=_EQUAL)
_integer = maker(cst.Integer, "value")
_float = maker(cst.Float, "value")
_imaginary = maker(cst.Imaginary, "value")
_ellipsis = maker(cst.Ellipsis)
_element = maker(cst.Element, "value")
_starred = maker(cst.StarredElement, "value")
_tuple = maker(cst.Tuple, "elements")
_bare_tuple = maker(cst.Tuple, "elements", lpar=(), rpar=())
_list = maker(cst.List, "elements")
_set = maker(cst.Set, "elements")
_dict = maker(cst.Dict, "elements")
_item = maker(cst.DictElement, "key", "value")
_items = maker(cst.StarredDictElement, "value")
_subscript = maker(cst.Subscript, "value", "slice")
_part = maker(cst.SubscriptElement, "slice")
_index = maker(cst.Index, "value", "star")
_slice = maker(cst.Slice, "lower", "upper", "step")
_binary = maker(cst.BinaryOperation, "left", "operator", "right")
_logical = maker(cst.BooleanOperation, "left", "operator", "right")
_unary = maker(cst.UnaryOperation, "operator", "expression")
_comparison = maker(cst.Comparison, "left", "comparisons")
_compared = maker(cst.ComparisonTarget, "operator", "comparator")
_choice = maker(cst.IfExp, "test", "body", "orelse")
_walrus = maker(cst.NamedExpr, "target", "value")
_await = maker(cst.Await, "expression")
_yield = maker(cst.Yield, "value")
_from = maker(cst.From, "item")
_lambda = maker(cst.Lambda, "params", "body")
_list_comp = maker(cst.ListComp, "elt", "for_in")
_set_comp = maker(cst.SetComp, "elt", "for_in")
_dict_comp = maker(cst.DictComp, "key", "value", "for_in")
_generator = maker(cst.GeneratorExp, "elt", "for_in")
_bare_generator = maker(cst.GeneratorExp, "elt", "for_in", lpar=(), rpar=())
_for = maker(cst.CompFor, "target", "iter", "ifs", "inner_for_in", "asynchronous")
_if = maker(cst.CompIf, "test")
_param = maker(cst.Param, "name", "annotation", "default", "star")
_parameters = maker(
    cst.Parameters, "params", "star_arg", "kwonly_params", "star_kwarg", "posonly_params", "posonly_ind"
)

ASYNCHRONOUS = cst.Asynchronous()
_BARE_STAR, _SLASH, _NONE = cst.ParamStar(), cst.ParamSlash(), cst.MaybeSentinel.DEFAULT
_CONSTANTS = {int: _integer, float: _float, complex: _imaginary}


def expression(of: Text, node: ast.expr) -> cst.BaseExpression:
    return of.makers[type(node)](of, node)  # type: ignore[no-any-return]


def optional(of: Text, node: ast.expr | None) -> cst.BaseExpression | None:
    return None if node is None else of.makers[type(node)](of, node)


def operand(of: Text, node: ast.expr, tightness: int) -> cst.BaseExpression:
    """Part of an expression that binds that tightly: with the parentheses it needs."""
    made: cst.BaseExpression = of.makers[type(node)](of, node)
    kind = type(getattr(node, "op", node))
    if operators.TIGHTNESS.get(kind, tightness) < tightness:
        in_parentheses(made)
    return made


def plain(text: str) -> cst.BaseExpression:
    """An expression that stands in a string."""
    text = f"({text})"
    statement = tree.body[0] if (tree := parsed(text)) else None
    if not isinstance(statement, ast.Expr):
        raise SyntaxError(text)
    return expression(Text(text, MAKERS), statement.value)


def _written(of: Text, node: ast.expr) -> cst.BaseExpression:
    """Of kinds that are too rare, or too hard to tell apart."""
    return cst.parse_expression(f"({of.of(node)})")


def _constant(of: Text, node: ast.Constant) -> cst.BaseExpression:
    value = node.value
    if isinstance(value, (str, bytes)):
        return string(of.of(node), plain)
    if value is ...:
        return _ellipsis()
    make = _CONSTANTS.get(type(value))
    return make(of.of(node)) if make else name(str(value))


def _string(of: Text, node: ast.JoinedStr) -> cst.BaseExpression:
    return string(of.of(node), plain)


def _attribute(of: Text, node: ast.Attribute) -> cst.Attribute:
    return attribute(operand(of, node.value, operators.ATOM), name(node.attr))


def _call(of: Text, node: ast.Call) -> cst.Call:
    only = node.args[0] if len(node.args) == 1 and not node.keywords else None
    if type(only) is ast.GeneratorExp:
        given = [_arg(_bare_generator(expression(of, only.elt), _clauses(of, only.generators)), "")]
    else:
        given = arguments(of, node.args, node.keywords)
    return call(operand(of, node.func, operators.ATOM), given)


def arguments(of: Text, positional: list[ast.expr], keywords: list[ast.keyword]) -> list[cst.Arg]:
    """In the order they are written."""
    given: list[ast.expr | ast.keyword] = [*positional, *keywords]
    if positional and keywords and _start(keywords[0]) < _start(positional[-1]):
        given.sort(key=_start)
    return [_argument(of, node) for node in given]


def _argument(of: Text, node: ast.expr | ast.keyword) -> cst.Arg:
    if type(node) is ast.keyword:
        if node.arg is None:
            return _arg(expression(of, node.value), "**")
        return _keyword(expression(of, node.value), name(node.arg))
    if type(node) is ast.Starred:
        return _arg(expression(of, node.value), "*")
    return _arg(of.makers[type(node)](of, node), "")


def _start(node: ast.expr | ast.keyword) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _elements(of: Text, nodes: Iterable[ast.expr]) -> list[cst.BaseElement]:
    return [
        _starred(expression(of, node.value)) if type(node) is ast.Starred else _element(expression(of, node))
        for node in nodes
    ]


def _as_tuple(of: Text, node: ast.Tuple) -> cst.Tuple:
    make = _bare_tuple if node.elts and _start(node) == _start(node.elts[0]) else _tuple
    return make(_elements(of, node.elts))


def bare_tuple(of: Text, nodes: list[ast.expr]) -> cst.Tuple:
    return _bare_tuple(_elements(of, nodes))


def _as_dict(of: Text, node: ast.Dict) -> cst.Dict:
    return _dict(
        [
            _items(expression(of, value)) if key is None else _item(expression(of, key), expression(of, value))
            for key, value in zip(node.keys, node.values, strict=True)
        ]
    )


def _as_subscript(of: Text, node: ast.Subscript) -> cst.BaseExpression:
    within = node.slice
    if type(within) is not ast.Tuple or not within.elts:
        parts = [within]
    elif _start(within) == _start(within.elts[0]):
        parts = within.elts
    else:  # with parentheses around all of it, or around its first part
        return _written(of, node)
    return _subscript(operand(of, node.value, operators.ATOM), [_part(_subscripted(of, part)) for part in parts])


def _subscripted(of: Text, node: ast.expr) -> cst.BaseSlice:
    if type(node) is ast.Slice:
        return _slice(optional(of, node.lower), optional(of, node.upper), optional(of, node.step))
    if type(node) is ast.Starred:
        return _index(expression(of, node.value), "*")
    return _index(expression(of, node), None)


def _as_binary(of: Text, node: ast.BinOp) -> cst.BinaryOperation:
    tight = operators.TIGHTNESS[type(node.op)]
    left, right = (tight + 1, operators.FACTOR) if type(node.op) is ast.Pow else (tight, tight + 1)
    return _binary(
        operand(of, node.left, left), operators.shared(operators.BINARY[type(node.op)]), operand(of, node.right, right)
    )


def _as_logical(of: Text, node: ast.BoolOp) -> cst.BaseExpression:
    operator, tight = operators.shared(operators.LOGICAL[type(node.op)]), operators.TIGHTNESS[type(node.op)] + 1
    whole = operand(of, node.values[0], tight)
    for value in node.values[1:]:
        whole = _logical(whole, operator, operand(of, value, tight))
    return whole


def _as_unary(of: Text, node: ast.UnaryOp) -> cst.UnaryOperation:
    tight = operators.TIGHTNESS[type(node.op)]
    return _unary(operators.shared(operators.UNARY[type(node.op)]), operand(of, node.operand, tight))


def _as_comparison(of: Text, node: ast.Compare) -> cst.Comparison:
    targets = [
        _compared(operators.shared(operators.COMPARING[type(operator)]), operand(of, value, operators.BIT_OR))
        for operator, value in zip(node.ops, node.comparators, strict=True)
    ]
    return _comparison(operand(of, node.left, operators.BIT_OR), targets)


def _as_choice(of: Text, node: ast.IfExp) -> cst.IfExp:
    test, body = operand(of, node.test, operators.OR), operand(of, node.body, operators.OR)
    return _choice(test, body, operand(of, node.orelse, operators.TEST))


def _clauses(of: Text, nodes: list[ast.comprehension]) -> cst.CompFor:
    inner = None
    for node in reversed(nodes):
        ifs = [_if(operand(of, test, operators.OR)) for test in node.ifs]
        target, values = expression(of, node.target), operand(of, node.iter, operators.OR)
        inner = _for(target, values, ifs, inner, ASYNCHRONOUS if node.is_async else None)
    assert inner is not None
    return inner


def parameters(of: Text, node: ast.arguments) -> cst.Parameters:
    without = len(node.posonlyargs) + len(node.args) - len(node.defaults)
    defaults: list[ast.expr | None] = [None] * without + node.defaults
    positional = [_parameter(of, *both) for both in zip((*node.posonlyargs, *node.args), defaults, strict=True)]
    keyword_only = [_parameter(of, *both) for both in zip(node.kwonlyargs, node.kw_defaults, strict=True)]
    count = len(node.posonlyargs)
    return _parameters(
        positional[count:],
        _parameter(of, node.vararg, None, "*") if node.vararg else _BARE_STAR if keyword_only else _NONE,
        keyword_only,
        _parameter(of, node.kwarg, None, "**") if node.kwarg else None,
        positional[:count],
        _SLASH if count else _NONE,
    )


def _parameter(of: Text, node: ast.arg, default: ast.expr | None, star: str = "") -> cst.Param:
    return _param(name(node.arg), annotated(of, node.annotation), optional(of, default), star)


def annotated(of: Text, node: ast.expr | None) -> cst.Annotation | None:
    if type(node) is ast.Starred:
        return annotation(_starred(expression(of, node.value)))
    return None if node is None else annotation(expression(of, node))


MAKERS: Makers = {
    ast.Name: lambda of, node: name(node.id),
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Constant: _constant,
    ast.JoinedStr: _string,
    ast.Tuple: _as_tuple,
    ast.List: lambda of, node: _list(_elements(of, node.elts)),
    ast.Set: lambda of, node: _set(_elements(of, node.elts)),
    ast.Dict: _as_dict,
    ast.Subscript: _as_subscript,
    ast.BinOp: _as_binary,
    ast.BoolOp: _as_logical,
    ast.UnaryOp: _as_unary,
    ast.Compare: _as_comparison,
    ast.IfExp: _as_choice,
    ast.NamedExpr: lambda of, node: _walrus(expression(of, node.target), operand(of, node.value, operators.TEST)),
    ast.Await: lambda of, node: _await(operand(of, node.value, operators.ATOM)),
    ast.Yield: lambda of, node: _yield(optional(of, node.value)),
    ast.YieldFrom: lambda of, node: _yield(_from(expression(of, node.value))),
    ast.Lambda: lambda of, node: _lambda(parameters(of, node.args), operand(of, node.body, operators.TEST)),
    ast.ListComp: lambda of, node: _list_comp(expression(of, node.elt), _clauses(of, node.generators)),
    ast.SetComp: lambda of, node: _set_comp(expression(of, node.elt), _clauses(of, node.generators)),
    ast.GeneratorExp: lambda of, node: _generator(expression(of, node.elt), _clauses(of, node.generators)),
    ast.DictComp: lambda of, node: _dict_comp(
        expression(of, node.key), expression(of, node.value), _clauses(of, node.generators)
    ),
    ast.Starred: lambda of, node: _starred(expression(of, node.value)),
}
if hasattr(ast, "TemplateStr"):
    MAKERS[ast.TemplateStr] = _written
