"""Questions about a module's syntax tree: where a node stands, what it mentions, what runs after it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from leakcheck.diagnostics import Span
from leakcheck.fixes.text import Refused, indentation, inside_strings, lines_of
from leakcheck.records import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
BINDINGS = (
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.AsyncFor, ast.comprehension, ast.withitem,
)  # fmt: skip
Naming = ast.Name | ast.Global | ast.Nonlocal
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
FORMATTED = (ast.JoinedStr, getattr(ast, "TemplateStr", ast.JoinedStr))
LOOPS = (ast.For, ast.AsyncFor, ast.While)
Try = ast.Try if not hasattr(ast, "TryStar") else ast.Try | ast.TryStar
CROWDED = "several statements share a line"  # the reason for a refusal that parting them may overcome
Place = tuple[int, int]  # line from 1, column from 0 in characters


@dataclass(frozen=True, slots=True)
class Block:
    """A list of statements: the node and field that hold it."""

    owner: ast.AST
    field: str

    @property
    def body(self) -> list[ast.stmt]:
        body: list[ast.stmt] = getattr(self.owner, self.field)
        return body


class Tree:
    """A parsed file with the way up from every node."""

    def __init__(self, source: str) -> None:
        try:
            self.module = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            raise Refused("this Python cannot parse the file") from None
        self.lines = lines_of(source)
        self._up: dict[ast.AST, ast.AST] = {}
        self._expressions: dict[int, list[ast.expr]] = {}
        self._functions: dict[str, list[Function]] = {}
        self._naming: dict[ast.AST, dict[str, list[Naming]]] = {}
        self._yields: dict[Function, bool] = {}
        self._bindings: dict[int, list[ast.AST]] = {}
        self._inside: dict[int, list[ast.AST]] = {}
        self.nodes: list[ast.AST] = [self.module]  # from the outside in
        for node in self.nodes:
            inside = children(node)
            self.nodes += inside
            self._up.update(dict.fromkeys(inside, node))
            if isinstance(node, ast.expr):
                self._expressions.setdefault(node.lineno, []).append(node)
            elif isinstance(node, Function):
                self._functions.setdefault(node.name, []).append(node)

    @cached_property
    def inside_strings(self) -> frozenset[int]:
        """The lines that begin inside a string."""
        found: set[int] = set()
        for node in self.nodes:
            if isinstance(node, ast.expr) and node.end_lineno != node.lineno and self._is_string(node):
                found.update(node.lineno - 1 + line for line in inside_strings(f"({self.text(node)})"))
        return frozenset(found)

    def _is_string(self, node: ast.expr) -> bool:
        """Whether it is a whole one: of its parts some versions of Python do not know the places."""
        text = isinstance(node, FORMATTED) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))
        return text and not any(isinstance(up, FORMATTED) for up in self.parents(node))

    @cached_property
    def bound(self) -> Counter[str]:
        """How often anything in the module binds a name."""
        return Counter(bound_names(self.nodes))

    def at(self, span: Span) -> ast.expr:
        """The expression at a place."""
        wanted = ((span.line, span.column - 1), (span.end_line, span.end_column - 1))
        for node in self._expressions.get(span.line, ()):
            if (self.start(node), self.end(node)) == wanted:
                return node
        raise Refused("its place in the code was not found")

    def start(self, node: ast.expr | ast.stmt | ast.excepthandler) -> Place:
        return node.lineno, self._characters(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.excepthandler) -> Place:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return node.end_lineno, self._characters(node.end_lineno, node.end_col_offset)

    def _characters(self, line: int, offset: int) -> int:
        text = self.lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode())

    def text(self, node: ast.expr | ast.stmt) -> str:
        """The node as written."""
        (line, column), (last, stop) = self.start(node), self.end(node)
        if line == last:
            return self.lines[line - 1][column:stop]
        middle = self.lines[line : last - 1]
        return "".join([self.lines[line - 1][column:], *middle, self.lines[last - 1][:stop]])

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._up.get(node)

    def parents(self, node: ast.AST) -> Iterator[ast.AST]:
        """Innermost first."""
        while (up := self._up.get(node)) is not None:
            yield up
            node = up

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement around an expression."""
        return next(up for up in (node, *self.parents(node)) if isinstance(up, ast.stmt))

    def function(self, node: ast.AST) -> Function | None:
        """The innermost function around a node."""
        return next((up for up in self.parents(node) if isinstance(up, Function)), None)

    def function_named(self, name: str) -> Function | None:
        """The only function or method of that name in the file."""
        found = self._functions.get(name, [])
        return found[0] if len(found) == 1 else None

    def naming(self, function: Function | None, name: str) -> list[Naming]:
        """What mentions a name in a function, or in the whole file: declarations as global too."""
        scope = function or self.module
        if scope not in self._naming:
            index: dict[str, list[Naming]] = {}
            for node in self.nodes if scope is self.module else ast.walk(scope):
                if isinstance(node, Naming):
                    for each in [node.id] if isinstance(node, ast.Name) else node.names:
                        index.setdefault(each, []).append(node)
            self._naming[scope] = index
        return self._naming[scope].get(name, [])

    def inside(self, body: list[ast.stmt]) -> list[ast.AST]:
        """What runs in the body of a function of this tree: asked for each of the connections that it opens."""
        if id(body) not in self._inside:
            self._inside[id(body)] = [n for s in body for n in inner(s)]
        return self._inside[id(body)]

    def bindings(self, body: list[ast.stmt]) -> list[ast.AST]:
        """What gives names values there."""
        if id(body) not in self._bindings:
            self._bindings[id(body)] = [n for n in self.inside(body) if isinstance(n, BINDINGS)]
        return self._bindings[id(body)]

    def yields(self, function: Function) -> bool:
        """Whether it is a generator."""
        if function not in self._yields:
            self._yields[function] = any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in inner(function))
        return self._yields[function]

    def block(self, statement: ast.AST) -> Block:
        """The list of statements that holds one."""
        owner = self._up[statement]
        for field in ("body", "orelse", "finalbody", "handlers"):
            if any(each is statement for each in getattr(owner, field, ()) or ()):
                return Block(owner, field)
        raise Refused("its place in the code was not found")

    def first_line(self, statement: ast.stmt) -> int:
        """Where a statement starts, decorators included."""
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        return min([statement.lineno, *(decorator.lineno for decorator in decorators)])

    def unit(self, statement: ast.stmt) -> str:
        """What one level of indentation looks like around a statement: in its block, further out, in the file."""
        for outer in (*self.block(statement).body, *self.parents(statement), *self.nodes):
            first = next(iter(getattr(outer, "body", ())), None) if isinstance(outer, ast.stmt) else None
            if isinstance(outer, ast.stmt) and first is not None:
                low, deep = (indentation(self.lines[each.lineno - 1]) for each in (outer, first))
                if len(deep) == self.start(first)[1] and deep.startswith(low) and deep != low:
                    return deep[len(low) :]
        return "    "

    def last_line(self, statement: ast.stmt) -> int:
        """Where a statement ends, with the comments behind it that stand deeper than it does."""
        last = statement.end_lineno or 0
        base = indentation(self.lines[statement.lineno - 1])
        for number, text in enumerate(self.lines[last:], last + 1):
            indent = indentation(text)
            if text.strip() and not (text.lstrip().startswith("#") and indent.startswith(base) and indent != base):
                break
            last = number if text.strip() else last
        return last

    def alone(self, statement: ast.stmt, but: Sequence[ast.stmt] = ()) -> bool:
        """Whether it shares no line with another statement, or only with those of `but` behind it."""
        before = self.lines[statement.lineno - 1][: self.start(statement)[1]]
        last = statement
        for other in but:
            if other.lineno == last.end_lineno and self.start(other) > self.end(last):
                last = other
        line, column = self.end(last)
        rest = self.lines[line - 1][column:].strip().lstrip(";").strip()
        return not before.strip() and (not rest or rest.startswith("#"))

    def in_loop(self, node: ast.AST, other: ast.AST | None = None) -> bool:
        """Whether it runs more than once in one call of its function, in turn with the other one if there is one."""
        for up in self.parents(node):
            if isinstance(up, LOOPS) and (other is None or up in self.parents(other)):
                return True
            if isinstance(up, SCOPES):
                return False
        return False


def children(node: ast.AST) -> list[ast.AST]:
    """What stands right below a node; faster than the standard library's, and without the contexts, which all share."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if type(value) is list:
            found += (each for each in value if isinstance(each, ast.AST))
        elif isinstance(value, ast.AST) and name != "ctx":
            found.append(value)
    return found


def inner(node: ast.AST) -> Iterator[ast.AST]:
    """Everything below a node that runs when it runs: nothing of nested functions."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        if current is node or not isinstance(current, SCOPES):
            pending.extend(reversed(children(current)))


def mentions(node: ast.AST, name: str) -> bool:
    pending = [node]
    while pending:  # asked too often for ast.walk
        current = pending.pop()
        if type(current) is ast.Name and current.id == name:
            return True
        pending += children(current)
    return False


def rebinds(statement: ast.stmt, name: str) -> bool:
    """`name = …` that does not use the old value."""
    if not isinstance(statement, ast.Assign) or mentions(statement.value, name):
        return False
    return any(isinstance(target, ast.Name) and target.id == name for target in statement.targets)


def dotted(node: ast.AST) -> str:
    """`a.b.c`, or nothing."""
    if isinstance(node, ast.Name):
        return node.id
    owner = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{owner}.{node.attr}" if owner and isinstance(node, ast.Attribute) else ""


def terminal(node: ast.AST) -> str:
    """The last name of a callee, whatever stands before it."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def bare(node: ast.AST | None) -> ast.AST | None:
    """Without `await`."""
    return node.value if isinstance(node, ast.Await) else node


def leaves(body: list[ast.stmt]) -> bool:
    """Whether a block never reaches its end."""
    return bool(body) and isinstance(body[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))


def is_none(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def bound_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
