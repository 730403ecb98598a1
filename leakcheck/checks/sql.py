"""What a statement given to `execute` does, as far as its text is in sight."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import libcst as cst

from leakcheck.checks.assigned import assigned, latest
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, same_scope, string_value, terminal, walk
from leakcheck.records import dataclass
from leakcheck.words import words

_VERB = pattern(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(\w+)", re.DOTALL)
_BEFORE_DATA = pattern(r"\b(VALUES|SET|WHERE)\b|=", re.IGNORECASE)  # what follows is no name of a table
_PERCENT, _BRACES = pattern(r"%[sdr]"), pattern(r"\{\}")
_COPIES = pattern(r"\s*(?:INSERT|REPLACE|UPSERT)\b(?!.*\bVALUES\b).*\bSELECT\b.*\bFROM\b", re.IGNORECASE | re.DOTALL)
_RETURNS = pattern(r"\bRETURNING\b", re.IGNORECASE)
_MANY = pattern(r"\bANY\s*\(|\bIN\s*(?:\(\s*(?:SELECT\b|unnest\b|\{)|%s|:\w+|\?)", re.IGNORECASE)
_RANGE = pattern(r"\bWHERE\b.*(?:[<>]|\bBETWEEN\b|\bLIKE\b)", re.IGNORECASE | re.DOTALL)
_KEYED = pattern(r"\bWHERE\b.*\b(?:id|pk|key|uuid|rowid)[\"`\]]?\s*=(?!=)", re.IGNORECASE | re.DOTALL)
_ROWS = pattern(r"\bVALUES\s*(?:$|;|ON\b|AS\b|RETURNING\b)", re.IGNORECASE)  # no row is written there
_ASKING = pattern(r"\bVALUES\b.*\(\s*SELECT\b", re.IGNORECASE | re.DOTALL)
_SHAPED = pattern(r"\bIN\s*\(\s*\)|\bSET\s*(?:WHERE\b|;|$)", re.IGNORECASE)  # nothing where the data belong
_OTHER = pattern(  # languages of graphs: `MERGE (n:Person)`, `DELETE X knows Y`, `INSERT Person X: …`
    r"\s*(?:(?:MERGE|DELETE|CREATE)\s*\(|DELETE\s+(?!FROM\b)\w+\s+(?!WHERE\b|FROM\b|USING\b|OUTPUT\b)\S|INSERT\s+\w+\s+\w+\s*:)"
)
_COMPARED = pattern(r"[\"`\]]?\s*(?:[=<>]|!=|(?:IS|LIKE|IN)\b)", re.IGNORECASE)  # what follows the name of a column
_DEPTH = 3  # of names followed to the text they were assigned


@dataclass(frozen=True)
class Statement:
    """Its first word, its text where that is constant, and the expressions put into the text as data."""

    verb: str
    text: str = ""
    data: tuple[cst.BaseExpression, ...] = ()
    names: tuple[cst.BaseExpression, ...] = ()  # put where a table or column is named

    @property
    def copies(self) -> bool:
        """`INSERT INTO … SELECT … FROM …`: many rows at a time, from a source of its own."""
        queries = (terminal(node).lower() for node in self.data if isinstance(node, (cst.Name, cst.Attribute)))
        made = not self.text and self.verb == "INSERT" and any(words().of_queries.search(name) for name in queries)
        return made or _COPIES.match(self.text) is not None

    @property
    def returns(self) -> bool:
        """`… RETURNING id`: each row answers."""
        return _RETURNS.search(self.text) is not None

    @property
    def is_of_many(self) -> bool:
        """`UPDATE … WHERE id = ANY(%s)`, `delete(T).where(T.id.in_(ids))`: many rows at a time."""
        calls = (part for node in self.data for part in walk(node) if isinstance(part, cst.Call))
        chosen = any(map(_chooses, calls)) or _MANY.search(self.text)
        return self.verb in ("UPDATE", "DELETE") and bool(chosen or self._is_of_range)

    @property
    def _is_of_range(self) -> bool:
        """`DELETE … WHERE user_id = %s AND created <= %s`: what is compared with, and no row by its key."""
        if self.text:
            return _RANGE.search(self.text) is not None and not _KEYED.search(self.text)
        tests = [part for node in self.data for part in walk(node) if isinstance(part, cst.Comparison)]
        keyed = any(isinstance(test.left, cst.Attribute) and test.left.attr.value == "id" for test in tests)
        return not keyed and any(isinstance(c.operator, _ORDERS) for test in tests for c in test.comparisons)

    @property
    def is_open(self) -> bool:
        """`INSERT INTO words VALUES `: the rows are put behind it."""
        return self.verb in ("INSERT", "REPLACE") and _ROWS.search(self.text) is not None

    @property
    def asks(self) -> bool:
        """`VALUES ((SELECT id FROM …), %s)`: a row has to be looked up first."""
        return _ASKING.search(self.text) is not None

    @property
    def varies(self) -> bool:
        """Which columns it sets, or how many keys it names, is put into its text."""
        return bool(self.data) and _SHAPED.search(self.text) is not None


def _chooses(call: cst.Call) -> bool:
    """`in_(keys)`, `not_in(select(…))`: `not_in(["new", "old"])` only says more of a row."""
    name, given = terminal(call.func), call.args[0].value if call.args else None
    excludes = name in words().non_members and not isinstance(given, (cst.List, cst.Tuple, cst.Set))
    return name in words().members or excludes


_ORDERS = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)

Segments = list["str | cst.BaseExpression"]


class Reader:
    """For one function (or a module's top level)."""

    def __init__(self, function: FunctionInfo | None, module: Module) -> None:
        self.function, self.module = function, module

    def read(self, node: cst.BaseExpression) -> Statement | None:
        """The statement an expression stands for, or None if that cannot be told."""
        if built := _built(node):
            return built
        segments = self._segments(node, _DEPTH)
        if not segments and (made := self._made(node)):
            return made
        first = segments[0] if segments else None
        match = _VERB.match(first) if isinstance(first, str) else None
        if match is None or _OTHER.match("".join(s if isinstance(s, str) else "?" for s in segments)):
            return None
        data: list[cst.BaseExpression] = []
        names: list[cst.BaseExpression] = []
        text = ""
        for segment, after in zip(segments, [*segments[1:], ""], strict=True):
            if isinstance(segment, str):
                text += segment
            else:
                named = _is_name(segment) or not _BEFORE_DATA.search(text) or _is_column(text, after)
                (names if named else data).append(segment)
        return Statement(match[1].upper(), text, tuple(data), tuple(names))

    def _made(self, node: cst.BaseExpression) -> Statement | None:
        """`dialect.insert("tickets")`, `self._insert_sql(row)`: what makes a statement says which."""
        values = [node] if isinstance(node, cst.Call) else assigned(node, self.function, self.module)
        calls = [value for value in values if code(value) not in ("None", '""', "''")]
        if not calls or not all(isinstance(c, cst.Call) and words().of_inserts.search(terminal(c.func)) for c in calls):
            return None
        arguments = (a.value for call in calls if isinstance(call, cst.Call) for a in call.args)
        return Statement("INSERT", "", tuple(arguments))

    def joins(self, node: cst.BaseExpression, statement: Statement) -> bool:
        """Whether many rows are put behind `… VALUES `: joined ones, or what is added to the text before it is sent."""
        data = list(statement.data)
        data += [v for name in statement.data for v in assigned(name, self.function, self.module)]
        calls = [part for value in data for part in walk(value) if isinstance(part, cst.Call)]
        return not data or any(isinstance(c.func, cst.Attribute) and c.func.attr.value == "join" for c in calls)

    def beginning(self, node: cst.BaseExpression) -> str | None:
        """The constant text an expression begins with, if it does."""
        segments = self._segments(node, _DEPTH) or [
            t for v in assigned(node, self.function, self.module) for t in self._segments(v, _DEPTH)
        ]
        return segments[0] if segments and isinstance(segments[0], str) else None

    def _segments(self, node: cst.BaseExpression, depth: int) -> Segments:
        """Constant text and what is put between; empty if it does not begin with text."""
        if (text := string_value(node)) is not None:
            return [text]
        if isinstance(node, cst.FormattedString):
            parts = (p.value if isinstance(p, cst.FormattedStringText) else p.expression for p in node.parts)  # type: ignore[attr-defined]
            return list(parts)
        if isinstance(node, cst.ConcatenatedString):
            return self._segments(node.left, depth) + self._segments(node.right, depth)
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            left, right = self._segments(node.left, depth), self._segments(node.right, depth)
            return left + (right or [node.right]) if left else []
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo):
            left = self._segments(node.left, depth)
            put = [e.value for e in node.right.elements] if isinstance(node.right, cst.Tuple) else [node.right]
            return _interleaved(left, _PERCENT, put) if left else []
        if isinstance(node, cst.Call):
            return self._called(node, depth)
        return self._named(node, depth) if depth > 0 else []

    def _called(self, node: cst.Call, depth: int) -> Segments:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
            left = self._segments(node.func.value, depth)
            return _interleaved(left, _BRACES, [a.value for a in node.args]) if left else []
        if terminal(node.func) in words().texts:
            inner = node.args[0].value if node.args else node.func
            if isinstance(inner, cst.Attribute) and not node.args:  # `"…".strip()`
                inner = inner.value
            return self._segments(inner, depth)
        return []

    def _named(self, node: cst.BaseExpression, depth: int) -> Segments:
        """A name or `self.SQL` whose assignments all begin the same way: the last one stands for them."""
        values = [
            v
            for v in assigned(node, self.function, self.module)
            if not (string_value(v) == "" or _mentions_itself(v, node))
        ]
        found = [self._segments(value, depth - 1) for value in values]
        verbs = {m[1].upper() if s and isinstance(s[0], str) and (m := _VERB.match(s[0])) else "" for s in found}
        if len(verbs) == 1 and "" not in verbs:
            return found[-1]
        value = self._last(node)
        return self._segments(value, depth - 1) if value is not None else []

    def _last(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        """What a name of the function has just been assigned, whatever it stood for before: no round may come back to
        it with another one."""
        if self.function is None or not isinstance(node, cst.Name):
            return None
        body, name = self.function.node.body, node.value
        value = latest(node, node, body)
        for loop in (part for part in walk(body, same_scope) if isinstance(part, (cst.For, cst.While))):
            inside = list(walk(loop, same_scope))
            given = [
                n.value for n in inside if isinstance(n, cst.Assign) and any(code(t.target) == name for t in n.targets)
            ]
            if given and any(part is node for part in inside) and not any(each is value for each in given):
                return None
        return None if value is node else value


def _interleaved(segments: Segments, place: re.Pattern[str], put: list[cst.BaseExpression]) -> Segments:
    """A format with its values where they belong; behind it, where that cannot be told."""
    if len(segments) != 1 or not isinstance(segments[0], str):
        return [*segments, *put]
    parts = place.split(segments[0])
    if len(parts) != len(put) + 1:
        return [*segments, *put]
    return [parts[0], *(piece for pair in zip(put, parts[1:], strict=True) for piece in pair)]


def _is_name(node: cst.BaseExpression) -> bool:
    """`sql.Identifier(table)`: no data, wherever it stands."""
    return isinstance(node, cst.Call) and terminal(node.func) in words().identifiers


def _is_column(before: str, after: str | cst.BaseExpression) -> bool:
    """`SET {column} = ?`: what stands to the left of a comparison or an assignment, unless in quotes for text."""
    return isinstance(after, str) and _COMPARED.match(after) is not None and not before.endswith("'")


def _mentions_itself(value: cst.BaseExpression, name: cst.BaseExpression) -> bool:
    """`query = query.replace(…)`: more of the same statement."""
    return isinstance(name, cst.Name) and mentions([value], name.value.__eq__)


def _built(node: cst.BaseExpression) -> Statement | None:
    """SQLAlchemy's `insert(T).values(…)` and `T.update().where(…)`: T is its table, the rest of the chain its data."""
    data: list[cst.BaseExpression] = []
    current: cst.BaseExpression = node
    while isinstance(current, cst.Call):
        name, func = terminal(current.func), current.func
        if name in words().builders and (isinstance(func, cst.Name) or not current.args):
            table = current.args[0].value if current.args else func.value if isinstance(func, cst.Attribute) else func
            return Statement(words().builders[name], "", tuple(data), (table,))
        data += [argument.value for argument in current.args]
        if not isinstance(func, cst.Attribute):
            return None
        current = func.value
    return None


def mentions(nodes: Iterable[cst.CSTNode], names: Callable[[str], bool]) -> bool:
    """Whether any of the expressions reads one of the names."""
    return any(isinstance(part, cst.Name) and names(part.value) for node in nodes for part in walk(node))
