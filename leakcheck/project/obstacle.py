"""Text that no parser should be given: it would take minutes, or overflow the C stack."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence

# People's code is nowhere near.
_SUSPICIOUS_LINE, _SUSPICIOUS_INDENT = 5_000, 400
_MOST_NODES, _DEEPEST = 100_000, 1_000

def obstacle(text: str, lines: Sequence[str]) -> str | None:
    """Why text is too large or too deeply nested to be parsed in reasonable time, or None."""
    indent = max((len(line) - len(line.lstrip()) for line in lines), default=0)
    if max(map(len, lines), default=0) < _SUSPICIOUS_LINE and indent < _SUSPICIOUS_INDENT:
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
