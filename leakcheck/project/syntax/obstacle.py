"""Text that cannot be checked: it would take a parser minutes, overflow the C stack, or is no Python 3."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

from leakcheck.patterns import pattern

# People's code is nowhere near.
_SUSPICIOUS_LINE, _SUSPICIOUS_INDENT = 5_000, 400
_MOST_NODES, _DEEPEST = 100_000, 1_000

_PYTHON_2 = pattern(
    r"^\s*(?:print\s+[\"'\w%]|exec\s+[\"'\w]|except\s+[\w., ()]+,\s*\w+\s*:|raise\s+[\w.]+\s*,)", re.MULTILINE
)


def obstacle(text: str, lines: Sequence[str]) -> str | None:
    """Why text is too large or too deeply nested to be parsed in reasonable time, or None."""
    longest = max(map(len, lines), default=0)
    if longest < _SUSPICIOUS_INDENT:
        return None
    indent = max(len(line) - len(line.lstrip()) for line in lines)
    if longest < _SUSPICIOUS_LINE and indent < _SUSPICIOUS_INDENT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (RecursionError, MemoryError):
        return "too deeply nested"
    except (SyntaxError, ValueError) as error:
        # newer syntax than ours is the parser's business; "too many ..." is a limit of every Python
        return str(error) if "too many" in str(error) else None
    return _oversize(tree)


def _oversize(tree: ast.AST) -> str | None:
    count, depth, level = 0, 0, [tree]
    while level:
        count, depth = count + len(level), depth + 1
        if depth > _DEEPEST:
            return "too deeply nested"
        if count > _MOST_NODES:
            return "too large: more data than code"
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return None


def syntax_problem(text: str) -> str | None:
    """What Python itself says is wrong, clearer than a parser's list of expected tokens; None if nothing is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        hint = " (Python 2?)" if _PYTHON_2.search(text) else ""
        return f"line {error.lineno}: {error.msg}{hint}"
    except (ValueError, RecursionError, MemoryError):
        pass
    return None
