"""What a rewrite knows: the finding's acquire in the syntax tree, and what becomes of the connection on every path."""

from __future__ import annotations

import ast
from functools import cached_property, lru_cache

from leakcheck.checks.leaks.exits import Verdict
from leakcheck.fixes.elsewhere import Elsewhere
from leakcheck.fixes.imports import Imports
from leakcheck.fixes.lazy import Lazy, Need
from leakcheck.fixes.reads import Beside, is_anothers, touches
from leakcheck.fixes.style import Style
from leakcheck.fixes.syntax import SCOPES, Block, Function, Tree, is_none
from leakcheck.fixes.text import Draft, Refused, line_end
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.state import Resource, Status
from leakcheck.flow.values import resources_in
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, Module
from leakcheck.records import dataclass

_LATER = (ast.Lambda, ast.GeneratorExp)  # what stands in them runs when somebody asks for it


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rewrite, before it is tried out. `doubt` says why it is not safe, if it is not."""

    title: str
    draft: Draft
    doubt: str = ""
    alias: str = ""  # the name by which the rewrite calls what the acquire gives
    instead: str = ""  # the call that is made instead of the acquire
    longer: bool = False  # the connection is kept past something that ran without it
    anyway: bool = False  # what the acquire gives was released before, on every way out, whatever it is


class File:
    """What the rewrites of one file share."""

    def __init__(self, module: Module, style: Style) -> None:
        self.source, self.filename, self.module, self.style = module.source, module.filename, module, style
        self.tree = Tree(module.source)
        self.imports = Imports(self.tree, line_end(module.source), style)

    @cached_property
    def strings(self) -> frozenset[int]:
        try:
            return self.tree.inside_strings
        except Exception:  # a tokenizer's many ways to fail
            raise Refused("this Python cannot tokenize the file") from None


@lru_cache(maxsize=1)
def file_of(module: Module, style: Style) -> File:
    """One for all the findings of a module."""
    return File(module, style)


def _else_none(given: ast.expr, value: ast.expr) -> bool:
    """`acquire() if wanted else None`"""
    branches = [given.body, given.orelse] if isinstance(given, ast.IfExp) else []
    return value in branches and any(is_none(branch) for branch in branches)


class Scene:
    """One finding. `name` is what the connection is first bound to, if that is a plain variable."""

    def __init__(self, file: File, verdict: Verdict, run: Interpreter) -> None:
        self.file, self.tree, self.verdict, self.run = file, file.tree, verdict, run
        self.site: Site = verdict.leak.site
        self.spec: Connection = self.site.spec
        self.code = verdict.code
        self.call = self.tree.at(file.module.span(self.site.node))
        up = self.tree.parent(self.call)
        self.value: ast.expr = up if isinstance(up, ast.Await) else self.call
        self.statement = self.tree.statement(self.call)
        self.function = self.tree.function(self.call)
        self.block = self.tree.block(self.statement)
        self.index = self.block.body.index(self.statement)
        self.name = self._bound_name()
        self.twins: list[ast.stmt] = []  # acquires of the same name on other branches that share the rewrite

    def _bound_name(self) -> str:
        """The variable that gets what the acquire gives, and nothing else ever: no `conn or acquire()`."""
        statement, value = self.statement, self.value
        if isinstance(statement, ast.AnnAssign):
            return statement.target.id if value is statement.value and isinstance(statement.target, ast.Name) else ""
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            return ""
        target, given = statement.targets[0], statement.value
        if isinstance(target, ast.Name) and (value is given or _else_none(given, value)):
            return target.id if not self.site.is_part else ""
        names = [e.id if isinstance(e, ast.Name) else "" for e in getattr(target, "elts", ())]
        if value is given and self.site.name in names:
            return self.site.name
        parts = given.elts if isinstance(given, ast.Tuple) else []
        return next((name for name, part in zip(names, parts, strict=False) if part is value), "")

    @property
    def nameless(self) -> str:
        """Why there is no name."""
        value, up = getattr(self.statement, "value", None), self.tree.parent(self.value)
        targets = getattr(self.statement, "targets", [getattr(self.statement, "target", None)])
        if isinstance(value, (ast.IfExp, ast.BoolOp)):
            return "the variable may hold somebody else's connection"
        if isinstance(self.statement, ast.Assign) and len(targets) > 1:
            return "the connection goes by several names"
        if value is self.value and isinstance(targets[0], (ast.Attribute, ast.Subscript)):
            return f"the connection is kept in `{ast.unparse(targets[0])}`"
        if isinstance(up, ast.keyword) or (isinstance(up, ast.Call) and up.func is not self.value):
            return "the connection is passed on where it is opened"
        return "the connection has no name of its own"

    @property
    def body(self) -> list[ast.stmt]:
        """The statements of the function, or of the module."""
        return self.function.body if self.function else self.tree.module.body

    @property
    def bound_directly(self) -> bool:
        """`conn = acquire()` and nothing more."""
        return isinstance(self.statement, ast.Assign) and self.value is self.statement.value and bool(self.name)

    @cached_property
    def fates(self) -> list[tuple[Resource, bool]]:
        """How the connection stands at each normal end of the function, and whether the caller gets it."""
        found = []
        for state in self.run.ended.returns if self.run.ended else ():
            handed = resources_in(state.result) if state.result is not None else ()
            found += [(r, rid in handed) for rid, r in state.resources.items() if rid[0] == self.site.index]
        return found

    @property
    def handed_over(self) -> list[Resource]:
        """Where somebody else becomes responsible for it."""
        gone = (Status.ESCAPED, Status.FIELD)
        return [r for r, given in self.fates if (given or r.status in gone) and r.how not in ("left", "with")]

    @property
    def forgotten(self) -> bool:
        """Whether some path that needs no exception leaves it open, or there is none that would give it back."""
        return self.code != "LK102" or not self.site.releases

    @cached_property
    def owner(self) -> ClassInfo | None:
        """The class of the object that keeps the connection, or is one; None for a driver's own."""
        return self.run.summaries.owners.class_of(self.spec)

    @property
    def objects(self) -> bool:
        """Whether queries give objects that may load more later."""
        return self.spec.kind == "session"

    @cached_property
    def manager(self) -> bool:
        """Whether the function is a context manager or a fixture: its `yield` is a block of its user."""
        names = [ast.unparse(d) for d in self.function.decorator_list] if self.function else []
        return any("contextmanager" in name or "fixture" in name for name in names)

    @property
    def generator(self) -> bool:
        """Whether it may be left suspended for ever."""
        return self.function is not None and self.tree.yields(self.function) and not self.manager

    def lazy(self, seeds: dict[str, Need]) -> Lazy:
        lazy = Lazy(self.tree, self.body, seeds, self.objects)
        lazy.sources.add(self.call)
        lazy.takes = frozenset(self.spec.pending)
        lazy.kept, lazy.keeper = self.run.summaries.owners.fields_of(self.spec), self.spec.acquire[0]
        lazy.elsewhere = Elsewhere(self.run.resolver, self.file.module, self.run.function)
        return lazy.settle()

    # -- text --------------------------------------------------------------------------------------------------------

    def draft(self) -> Draft:
        return Draft(self.tree.lines, self.file.strings, self.unit)

    @cached_property
    def unit(self) -> str:
        """What one level of indentation looks like here."""
        return self.tree.unit(self.statement)

    def fresh_name(self) -> str:
        """A name for a connection that has none."""
        scope = self.function or self.tree.module
        taken = {n.id for n in ast.walk(scope) if isinstance(n, ast.Name)} | set(self.file.module.imports)
        taken |= {n.arg for n in ast.walk(scope) if isinstance(n, ast.arg)}
        taken |= {n.id for s in self.tree.module.body if not isinstance(s, SCOPES) for n in ast.walk(s)
                  if isinstance(n, ast.Name)}  # fmt: skip
        noun = "session" if self.spec.kind == "session" else "connection"
        return next(
            name for name in (noun, "conn", "db_connection", "opened_connection", f"{noun}_") if name not in taken
        )

    # -- questions several rewrites ask ------------------------------------------------------------------------------

    def uses_elsewhere(self, inside: list[ast.stmt]) -> list[ast.AST]:
        """Mentions of the name outside these statements and the acquire that may run after it."""
        skip = {id(n) for s in (*inside, self.statement, *self.twins) for n in ast.walk(s)}
        named = self.tree.naming(self.function, self.name)
        later = (
            n
            for n in named
            if id(n) not in skip and not self._before(n) and not is_anothers(n, self.name, self.function, self.tree)
        )
        return [n for n in later if not self.beside.is_apart(n, self.name)]

    @cached_property
    def beside(self) -> Beside:
        """Which mentions of a name are for another value than the acquire gives."""
        return Beside(self.tree, self.statement)

    def needed_outside(self, inside: list[ast.stmt], names: set[str]) -> bool:
        """Whether one of these names, which need the connection, is read outside of some statements, and later."""
        skip = {id(n) for s in (*inside, self.statement) for n in ast.walk(s)}
        again = self.tree.in_loop(self.statement)
        return any(
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and id(node) not in skip
            and (again or node.lineno > self.statement.lineno)
            and not self.beside.runs_instead(node, name)
            for name in names
            for node in self.tree.naming(self.function, name)
        )

    def _before(self, node: ast.Name | ast.Global | ast.Nonlocal) -> bool:
        """Whether it has run when the connection is acquired, and does not run again."""
        if not isinstance(node, ast.Name) or self.tree.function(node) is not self.function:
            return False
        if node.lineno > self.statement.lineno or any(isinstance(up, _LATER) for up in self.tree.parents(node)):
            return False
        up = self.tree.parent(node)
        return not self.tree.in_loop(self.statement, node) or (
            isinstance(up, (ast.Assign, ast.AnnAssign)) and is_none(up.value)
        )

    def deletes(self, region: list[ast.stmt]) -> bool:
        """Whether one of these unbinds the name."""
        nodes = (n for s in region for n in ast.walk(s))
        return any(isinstance(n, ast.Name) and n.id == self.name and isinstance(n.ctx, ast.Del) for n in nodes)

    def line_of(self, resource: Resource) -> int:
        """Where a resource got the way it is; 0 if that is in another file."""
        try:
            return self.file.module.span(resource.where).line if resource.where is not None else 0
        except (StopIteration, KeyError):
            return 0

    def escape(self) -> str:
        """Where the connection goes, for a refusal."""
        name = self.name or "the connection"
        for resource in self.handed_over:
            line = self.line_of(resource)
            if resource.status is Status.ESCAPED and line:
                word = (
                    f"to {resource.how}"
                    if resource.how.startswith("self.")
                    else f"({resource.how})"
                    if resource.how
                    else ""
                )
                return f"{name} escapes {word} at line {line}".replace("  ", " ")
        return f"{name} is handed to the caller" if self.handed_over else ""

    def captured(self, statements: list[ast.stmt]) -> bool:
        """Whether a nested function or lambda of these mentions the connection."""
        scopes = (n for s in statements for n in ast.walk(s) if isinstance(n, SCOPES))
        return any(touches(scope, self.name) for scope in scopes)


__all__ = ["Block", "File", "Function", "Proposal", "Scene"]
