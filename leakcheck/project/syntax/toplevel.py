"""What the column-0 statements of a file bind: imports and definitions at once, assignments when they are asked for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

import libcst as cst

from leakcheck.patterns import pattern
from leakcheck.project.syntax.bindings import imported_names
from leakcheck.project.syntax.chunk import Chunk, blocks
from leakcheck.project.syntax.nodes import imported

_BINDING = pattern(r"[\s\\)]*(?:=(?!=)|:)")  # what follows the name then
_IMPORTING = pattern(r";[ \t]*(?:import|from)\b")  # behind another statement


class TopLevel:
    """Of one module."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self.imports: dict[str, str] = {}
        self.star_imports: list[str] = []
        self.defined: dict[str, Chunk] = {}
        self._assigned: dict[str, list[cst.BaseExpression]] = {}
        self._annotated: dict[str, cst.BaseExpression] = {}
        self._pending: list[Chunk] = []
        self._index(chunks)

    def assigned(self, name: str) -> list[cst.BaseExpression]:
        """What a name is assigned."""
        self._index_pending(name)
        return self._assigned.get(name, [])

    def annotation(self, name: str) -> cst.BaseExpression | None:
        """The annotation of a name."""
        self._index_pending(name)
        return self._annotated.get(name)

    def _index(self, chunks: Iterable[Chunk]) -> None:
        imports: list[Chunk] = []
        for chunk in chunks:
            if chunk.name:
                self.defined[chunk.name] = chunk
            elif chunk.kind == "import":
                imports.append(chunk)
            elif chunk.kind == "compound" and not chunk.words.isdisjoint({"import", "def", "class"}):
                self._index_compound(chunk)
            elif _IMPORTING.search(chunk.statement.text):
                self._index_body(chunk.tree.body)
            else:
                self._pending.append(chunk)
        self._index_imports(imports)

    def _index_imports(self, statements: list[Chunk]) -> None:
        """Import statements read the same in every Python 3, so the standard library's faster parser serves."""
        try:
            parsed = ast.parse("\n".join(chunk.statement.text for chunk in statements)).body
        except (SyntaxError, ValueError):  # perhaps one is cut wrongly
            return self._index_body([node for chunk in statements for node in chunk.tree.body])
        for node in parsed:
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                self.star_imports.append("." * node.level + (node.module or ""))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self.imports.update(imported(node))
        return None

    def _index_compound(self, chunk: Chunk) -> None:
        self._index_body(chunk.tree.body)
        for definition in chunk.definitions:
            if definition.parent is None:
                self.defined.setdefault(definition.name, chunk)

    def _index_body(self, body: Sequence[cst.CSTNode]) -> None:
        for node in body:
            if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                continue
            if isinstance(node, cst.SimpleStatementLine):
                self._index_body(node.body)
            elif isinstance(node, cst.BaseSmallStatement):
                self._index_small(node)
            else:
                for block in blocks(node):
                    self._index_body(block.body)

    def _index_small(self, node: cst.BaseSmallStatement) -> None:
        if isinstance(node, (cst.Import, cst.ImportFrom)):
            self.imports.update(imported_names(node, self.star_imports))
        elif isinstance(node, cst.Assign):
            for target in node.targets:
                if isinstance(target.target, cst.Name):
                    self._assigned.setdefault(target.target.value, []).append(node.value)
        elif isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name):
            self._annotated[node.target.value] = node.annotation.annotation
            if node.value is not None:
                self._assigned.setdefault(node.target.value, []).append(node.value)

    def _index_pending(self, name: str) -> None:
        rest = []
        for chunk in self._pending:
            if name in chunk.words and _may_bind(name, chunk.statement.text):
                self._index_body(chunk.tree.body)
            else:
                rest.append(chunk)
        self._pending = rest


def _may_bind(name: str, text: str) -> bool:
    """Whether the name may be assigned in a text, or given a type: most texts only mention it."""
    at = text.find(name)
    while at >= 0:
        if _BINDING.match(text, at + len(name)):
            return True
        at = text.find(name, at + 1)
    return False
