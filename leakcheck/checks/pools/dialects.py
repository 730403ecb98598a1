"""Which kind of database a branch is for, by the tests around it: `if url.startswith("sqlite"):`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.patterns import pattern
from leakcheck.project.syntax.walk import string_value, terminal, walk

SERVERS = pattern(r"postgres|mysql|mariadb|oracle|mssql|psycopg", re.IGNORECASE)
_UNEQUAL = (cst.NotEqual, cst.NotIn)
_COMPARED = (cst.Equal, cst.In, *_UNEQUAL)


def is_told_embedded(node: cst.Call, body: cst.CSTNode, urls: tuple[str, ...]) -> bool | None:
    """Whether the place is reached for databases in the process only, or for others only; None if no test says."""
    told = {_means(test, outcome, urls) for test, outcome in _tests(node, body)} - {None}
    return True in told if told else None  # `if url == "sqlite://":` in there tells files from memory


def names_server(node: cst.BaseExpression) -> bool:
    """Whether what makes a URL says that it is one of a server: `url.replace("postgres://", "postgresql://")`."""
    texts = (n.value if isinstance(n, cst.FormattedStringText) else string_value(n) for n in walk(node))
    return any(SERVERS.search(text) for text in texts if text)


def _tests(node: cst.Call, body: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, bool]]:
    """Those that decide whether a place is reached, with how they have to come out."""
    for test in walk(body):
        if isinstance(test, (cst.If, cst.IfExp)):
            for outcome, branch in ((True, test.body), (False, test.orelse)):
                if branch is not None and any(part is node for part in walk(branch)):
                    yield test.test, outcome


def _means(test: cst.BaseExpression, outcome: bool, urls: tuple[str, ...]) -> bool | None:
    """What it says of the database that a test comes out so."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return _means(test.expression, not outcome, urls)
    if isinstance(test, cst.BooleanOperation):
        left, right = _means(test.left, outcome, urls), _means(test.right, outcome, urls)
        if isinstance(test.operator, cst.And) == outcome:  # both came out so
            return right if left is None else left
        return left if left == right else None
    if isinstance(test, cst.Comparison):
        (compared, *more) = test.comparisons
        sides = (test.left, compared.comparator)
        if more or not isinstance(compared.operator, _COMPARED) or not any(_names(side, urls) for side in sides):
            return None
        return outcome != isinstance(compared.operator, _UNEQUAL)
    if isinstance(test, cst.Call) and terminal(test.func) == "startswith":
        return outcome if test.args and _names(test.args[0].value, urls) else None
    named = test.func if isinstance(test, cst.Call) else test
    return outcome if "sqlite" in terminal(named).lower() else None  # `if is_sqlite(url):`


def _names(node: cst.BaseExpression, urls: tuple[str, ...]) -> bool:
    """Whether it is the beginning of such URLs, or several."""
    if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return bool(node.elements) and all(_names(element.value, urls) for element in node.elements)
    text = string_value(node)
    return text is not None and text.startswith(urls)
