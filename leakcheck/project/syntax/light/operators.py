"""Operators have no parts: one node of a kind serves all trees."""

from __future__ import annotations

import ast
from functools import cache
from typing import TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)

BINARY: dict[type[ast.operator], type[cst.BaseBinaryOp]] = {
    ast.Add: cst.Add,
    ast.Sub: cst.Subtract,
    ast.Mult: cst.Multiply,
    ast.Div: cst.Divide,
    ast.FloorDiv: cst.FloorDivide,
    ast.Mod: cst.Modulo,
    ast.Pow: cst.Power,
    ast.MatMult: cst.MatrixMultiply,
    ast.LShift: cst.LeftShift,
    ast.RShift: cst.RightShift,
    ast.BitAnd: cst.BitAnd,
    ast.BitOr: cst.BitOr,
    ast.BitXor: cst.BitXor,
}
ASSIGNING: dict[type[ast.operator], type[cst.BaseAugOp]] = {
    ast.Add: cst.AddAssign,
    ast.Sub: cst.SubtractAssign,
    ast.Mult: cst.MultiplyAssign,
    ast.Div: cst.DivideAssign,
    ast.FloorDiv: cst.FloorDivideAssign,
    ast.Mod: cst.ModuloAssign,
    ast.Pow: cst.PowerAssign,
    ast.MatMult: cst.MatrixMultiplyAssign,
    ast.LShift: cst.LeftShiftAssign,
    ast.RShift: cst.RightShiftAssign,
    ast.BitAnd: cst.BitAndAssign,
    ast.BitOr: cst.BitOrAssign,
    ast.BitXor: cst.BitXorAssign,
}
COMPARING: dict[type[ast.cmpop], type[cst.BaseCompOp]] = {
    ast.Eq: cst.Equal,
    ast.NotEq: cst.NotEqual,
    ast.Lt: cst.LessThan,
    ast.LtE: cst.LessThanEqual,
    ast.Gt: cst.GreaterThan,
    ast.GtE: cst.GreaterThanEqual,
    ast.Is: cst.Is,
    ast.IsNot: cst.IsNot,
    ast.In: cst.In,
    ast.NotIn: cst.NotIn,
}
UNARY: dict[type[ast.unaryop], type[cst.BaseUnaryOp]] = {
    ast.Not: cst.Not,
    ast.USub: cst.Minus,
    ast.UAdd: cst.Plus,
    ast.Invert: cst.BitInvert,
}
LOGICAL: dict[type[ast.boolop], type[cst.BaseBooleanOp]] = {ast.And: cst.And, ast.Or: cst.Or}

_LOOSEST_FIRST: tuple[tuple[type[ast.AST], ...], ...] = (
    (ast.NamedExpr,),
    (ast.Lambda, ast.IfExp),
    (ast.Or,),
    (ast.And,),
    (ast.Not,),
    (ast.Compare,),
    (ast.BitOr,),
    (ast.BitXor,),
    (ast.BitAnd,),
    (ast.LShift, ast.RShift),
    (ast.Add, ast.Sub),
    (ast.Mult, ast.MatMult, ast.Div, ast.Mod, ast.FloorDiv),
    (ast.UAdd, ast.USub, ast.Invert),
    (ast.Pow,),
    (ast.Await,),
)
# How tightly an expression binds; those that are not here need no parentheses anywhere.
TIGHTNESS: dict[type, int] = {kind: tight for tight, kinds in enumerate(_LOOSEST_FIRST) for kind in kinds}
TEST, OR, BIT_OR, FACTOR = (TIGHTNESS[kind] for kind in (ast.IfExp, ast.Or, ast.BitOr, ast.USub))
ATOM = len(_LOOSEST_FIRST)


@cache
def shared(kind: type[Node]) -> Node:
    """The one node of a kind."""
    return kind()
