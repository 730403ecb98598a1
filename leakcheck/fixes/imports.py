"""Makes a name of the standard library usable in a file: finds its import, or adds one where isort would put it."""

from __future__ import annotations

import ast
import re
import sys

from leakcheck.fixes.style import Style
from leakcheck.fixes.syntax import Tree
from leakcheck.fixes.text import Draft, Refused

Statement = ast.Import | ast.ImportFrom


class Imports:
    """The module-level imports of one file, those under conditions left out."""

    def __init__(self, tree: Tree, end: str, style: Style, module: str = "contextlib") -> None:
        self.tree, self.end, self.style, self.module = tree, end, style, module
        body = tree.module.body
        self._imports = [s for s in body if isinstance(s, Statement)]

    def use(self, draft: Draft, line: int, *names: str) -> list[str]:
        """How to write these names of the module at a line; the draft gets the import of those that have none."""
        known = {name: self._known(name, line) for name in names}
        missing = [name for name in names if not known[name]]
        if missing:
            known.update(self._added(missing, draft))
        return [known[name] for name in names]

    def _known(self, name: str, line: int) -> str:
        """How a name can be written already, or nothing."""
        for statement in self._imports:
            if statement.lineno > line:
                break
            if self._from_here(statement):
                for alias in statement.names:
                    if alias.name == name and self.tree.bound[alias.asname or name] == 1:
                        return alias.asname or name
            elif isinstance(statement, ast.Import):
                for alias in statement.names:
                    if alias.name == self.module and self.tree.bound[alias.asname or self.module] == 1:
                        return f"{alias.asname or self.module}.{name}"
        return ""

    def _added(self, names: list[str], draft: Draft) -> dict[str, str]:
        if self.tree.bound.keys().isdisjoint(names):
            for statement in self._imports:
                if isinstance(statement, ast.ImportFrom) and self._from_here(statement) and self._can_extend(statement):
                    self._extend_by(statement, names, draft)
                    return {name: name for name in names}
            self._insert(f"from {self.module} import {', '.join(sorted(names, key=_rank))}", draft)
            return {name: name for name in names}
        if self.module not in self.tree.bound:
            self._insert(f"import {self.module}", draft)
            return {name: f"{self.module}.{name}" for name in names}
        raise Refused(f"both `{names[0]}` and `{self.module}` mean something else here")

    def _from_here(self, statement: Statement) -> bool:
        return isinstance(statement, ast.ImportFrom) and statement.module == self.module and not statement.level

    def beside(self, draft: Draft, known: str, name: str) -> str:
        """How to write a name from where a known one is imported; the import gets it if it has not."""
        for statement in self._imports:
            if isinstance(statement, ast.ImportFrom) and any(known == (a.asname or a.name) for a in statement.names):
                there = next((a.asname or a.name for a in statement.names if a.name == name), "")
                if there:
                    return there
                if name not in self.tree.bound and self._can_extend(statement):
                    self._extend_by(statement, [name], draft)
                    return name
        raise Refused(f"`{name}` cannot be imported here")

    # -- an import that is there -------------------------------------------------------------------------------------

    def _can_extend(self, statement: ast.ImportFrom) -> bool:
        star = any(alias.name == "*" for alias in statement.names)
        return not star and "\\" not in self.tree.text(statement)

    def _extend_by(self, statement: ast.ImportFrom, names: list[str], draft: Draft) -> None:
        """Add names; the line is broken up if it gets too long."""
        line = self.tree.lines[statement.lineno - 1].rstrip("\r\n")
        if statement.end_lineno != statement.lineno or self.style.fits(", ".join([line, *names])):
            for name in names:
                self._extend(statement, name, draft)
            return
        written = [alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in statement.names]
        every = sorted([*written, *names], key=_rank)
        (_, start), (_, end) = self.tree.start(statement), self.tree.end(statement)
        body = "".join(f"    {each},{self.end}" for each in every)
        module = "." * statement.level + (statement.module or "")
        draft.replace(statement.lineno, start, end, f"from {module} import ({self.end}{body})")

    def _extend(self, statement: ast.ImportFrom, name: str, draft: Draft) -> None:
        """Add a name to `from … import …`, in order."""
        following = next((a for a in statement.names if _rank(a.name) > _rank(name)), None)
        if following is not None:
            line, column = following.lineno, following.col_offset
            before = self.tree.lines[line - 1][:column]
            draft.replace(line, column, column, f"{name}, " if before.strip() else f"{name},{self.end}{before}")
            return
        last = statement.names[-1]
        line, column = last.end_lineno or last.lineno, last.end_col_offset or 0
        before = self.tree.lines[line - 1][: last.col_offset]
        draft.replace(line, column, column, f", {name}" if before.strip() else f",{self.end}{before}{name}")

    # -- a new one ---------------------------------------------------------------------------------------------------

    def _insert(self, text: str, draft: Draft) -> None:
        leading = self._leading()
        plain = text.startswith("import")
        if _section_of(self.module) > 1 and leading:
            self._insert_own(text, [s for s in leading if _section(s) > 1], leading[-1], draft)
            return
        standard = [s for s in leading if _section(s) == 1]
        if standard:
            later = (s for s in standard if _order(s) > (not plain, self.module))
            following = next(later, None)
            if following is not None:
                draft.insert(following.lineno, text)
            else:
                draft.insert((standard[-1].end_lineno or 0) + 1, text)
        elif leading:
            following = next((s for s in leading if _section(s) > 1), None)
            if following is not None:
                draft.insert(self._above(following.lineno), text, "")
            else:
                draft.insert((leading[-1].end_lineno or 0) + 1, "", text)
        else:
            self._insert_first(text, draft)

    def _insert_own(self, text: str, own: list[Statement], last: Statement, draft: Draft) -> None:
        """One that is not of the standard library: among its like."""
        order = (not text.startswith("import"), self.module)
        following = next((s for s in own if _order(s) > order or _relative(s)), None)
        if following is not None:
            draft.insert(following.lineno, text)
        else:
            draft.insert((last.end_lineno or 0) + 1, *([] if own else [""]), text)

    def _leading(self) -> list[Statement]:
        """The imports above the first definition."""
        found: list[Statement] = []
        for statement in self.tree.module.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                found.append(statement)
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                break
        return found

    def _above(self, line: int) -> int:
        """The first of the comment lines directly over a line, but not of those the file starts with."""
        start = line
        while start > 1 and self.tree.lines[start - 2].startswith("#"):
            start -= 1
        return line if start == 1 else start

    def _insert_first(self, text: str, draft: Draft) -> None:
        body = self.tree.module.body
        if body and _is_docstring(body[0]):
            draft.insert((body[0].end_lineno or 0) + 1, "", text)
            return
        line = 1
        while line <= len(self.tree.lines) and self.tree.lines[line - 1].startswith("#"):
            line += 1
        draft.insert(line, text, "", *([""] if self._opens_definition(line) else []))

    def _opens_definition(self, line: int) -> bool:
        return line <= len(self.tree.lines) and bool(re.match(r"(?:async )?def |class |@", self.tree.lines[line - 1]))


def _rank(name: str) -> tuple[int, str]:
    """isort's order: constants, classes, then the rest."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name.lower())


def _section(statement: Statement) -> int:
    name = (statement.module or "") if isinstance(statement, ast.ImportFrom) else statement.names[0].name
    return 2 if _relative(statement) else _section_of(name)


def _section_of(module: str) -> int:
    """`__future__`, standard library, everything else."""
    return 0 if module == "__future__" else 1 if module.partition(".")[0] in sys.stdlib_module_names else 2


def _relative(statement: Statement) -> bool:
    return isinstance(statement, ast.ImportFrom) and bool(statement.level)


def _order(statement: Statement) -> tuple[bool, str]:
    """Plain imports before `from` imports, each by name."""
    if isinstance(statement, ast.ImportFrom):
        return True, statement.module or ""
    return False, statement.names[0].name


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
