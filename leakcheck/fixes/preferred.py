"""The project's own context manager that stands beside an acquirer, or that the settings name for it."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.imports import Imports
from leakcheck.fixes.scene import Scene
from leakcheck.fixes.syntax import Function, bare, dotted, terminal
from leakcheck.fixes.text import Draft, Refused, line_end
from leakcheck.flow.outside import heirs
from leakcheck.flow.owning import subclasses
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.records import dataclass

_DECORATORS = frozenset({"contextmanager", "asynccontextmanager", "staticmethod", "classmethod"})  # do nothing else


@dataclass(frozen=True, slots=True)
class Preferred:
    """A context manager to enter instead of calling the acquirer."""

    scene: Scene
    name: str
    module: str  # where to import it from, if it stands elsewhere than the acquirer
    waits: bool
    doubt: str

    @property
    def _function(self) -> str:
        call = self.scene.call
        assert isinstance(call, ast.Call)
        if isinstance(call.func, ast.Attribute) and not self.module:
            return f"{self.scene.tree.text(call.func.value)}.{self.name}"
        return self.name

    def write(self, draft: Draft) -> str:
        """`conn = acquire()` becomes the header of a block; the call that stands there now."""
        scene, tree = self.scene, self.scene.tree
        call = scene.call
        assert isinstance(call, ast.Call)
        function = self._imported(draft)
        (line, start), (last, end) = tree.start(scene.statement), tree.end(call.func)
        if last != line:
            raise Refused("the acquire is laid out in an unusual way")
        header = f"{'async ' * self.waits}with {function}"
        draft.realign((line, end), tree.end(scene.value), start + len(header) - end)
        draft.replace(line, start, end, header)
        (last, end) = tree.end(scene.value)
        draft.replace(last, end, end, f" as {scene.name}:")
        return function + tree.text(call).removeprefix(tree.text(call.func))

    def _imported(self, draft: Draft) -> str:
        """How the manager is called here; the draft gets its import."""
        scene, (_, *levels) = self.scene, self.scene.site.wrappers[0].qualname.split(".")
        call, line = scene.call, scene.statement.lineno
        assert isinstance(call, ast.Call)
        if self.module:
            return Imports(scene.tree, line_end(scene.file.source), scene.file.style, self.module).use(
                draft, line, self.name
            )[0]
        if isinstance(call.func, ast.Name) and not levels and scene.site.wrappers[0].module is not scene.file.module:
            return scene.file.imports.beside(draft, call.func.id, self.name)
        if isinstance(call.func, ast.Name) and _bound_locally(scene, self.name):
            raise Refused(f"`{self.name}` means something else here")
        return self._function


def preferred(scene: Scene) -> Preferred | None:
    """What to enter instead of acquiring. One that nobody named must do nothing but acquire and release."""
    if not scene.site.wrappers or not isinstance(scene.call, ast.Call):
        return None
    acquirer = scene.site.wrappers[0]
    if terminal(scene.call.func) != acquirer.name:
        return None
    named = _named(scene, acquirer)
    if named:
        module, _, name = named.rpartition(".")
        same = module == _full_name(acquirer).rpartition(".")[0] or _full_name(acquirer).rpartition(".")[0].endswith(
            f".{module}"
        )
        manager = _sibling(scene, acquirer, name) if same else _elsewhere(scene, module, name)
        plain = manager is not None and _plain(manager, acquirer, scene)
        doubt = "" if plain else f"`{name}` may do more than acquire and release"
        waits = isinstance(manager, ast.AsyncFunctionDef) if manager else isinstance(scene.value, ast.Await)
        return Preferred(scene, name, "" if same else module, waits, doubt)
    for manager in _siblings(scene, acquirer):
        if _plain(manager, acquirer, scene) and not _is_overridden(manager.name, acquirer, scene):
            return Preferred(scene, manager.name, "", isinstance(manager, ast.AsyncFunctionDef), "")
    return None


# -- where it stands ---------------------------------------------------------------------------------------------------


def _full_name(function: FunctionInfo) -> str:
    return f"{function.module.name}.{function.qualname}"


def _named(scene: Scene, acquirer: FunctionInfo) -> str:
    """What the settings name for an acquirer, by its qualified name or the end of it."""
    full = _full_name(acquirer)
    wishes = scene.run.resolver.project.settings.prefer
    return next((manager for name, manager in wishes if full == name or full.endswith(f".{name}")), "")


def _siblings(scene: Scene, acquirer: FunctionInfo) -> list[Function]:
    """The context managers in the same module or class."""
    body = _body(scene, acquirer.module, acquirer.qualname.split(".")[:-1])
    found = [s for s in body if isinstance(s, Function)]
    return [f for f in found if any("contextmanager" in ast.unparse(d) for d in f.decorator_list)]


def _sibling(scene: Scene, acquirer: FunctionInfo, name: str) -> Function | None:
    return next((f for f in _siblings(scene, acquirer) if f.name == name), None)


def _elsewhere(scene: Scene, module: str, name: str) -> Function | None:
    found = scene.run.resolver.project.find(module, scene.file.module)
    body = _body(scene, found, []) if found else []
    return next((s for s in body if isinstance(s, Function) and s.name == name), None)


def _body(scene: Scene, module: Module, path: list[str]) -> list[ast.stmt]:
    """The statements of a module, or of a class in it."""
    if module is scene.file.module:
        body = scene.tree.module.body
    else:
        try:
            body = ast.parse(module.source).body
        except (SyntaxError, ValueError):
            return []
    for name in path:
        body = next((s.body for s in body if isinstance(s, ast.ClassDef) and s.name == name), [])
    return body


def _bound_locally(scene: Scene, name: str) -> bool:
    named = scene.tree.naming(scene.function, name)
    return any(isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load) for n in named)


# -- what it does ------------------------------------------------------------------------------------------------------


def _plain(manager: Function, acquirer: FunctionInfo, scene: Scene) -> bool:
    """`conn = acquire(…)`, `try: yield conn`, `finally: conn.close()`, or the same as a `with`; nothing more."""
    if not all(terminal(decorator) in _DECORATORS for decorator in manager.decorator_list):
        return False
    body = manager.body[1:] if ast.get_docstring(manager) is not None else manager.body
    match body:
        case [ast.Assign([ast.Name(name)], value), ast.Try(inside, [], [], [ast.Expr(release)])]:
            ends = any(releases.fits(form, release, name) for form in scene.spec.release)
        case [ast.With([ast.withitem(entered, ast.Name(name))], inside)]:
            value, ends = _closed(entered), releases.closes_plainly(scene)
        case _:
            return False
    return ends and _yields(inside, name) and _passes_on(manager, value, acquirer)


def _is_overridden(name: str, acquirer: FunctionInfo, scene: Scene) -> bool:
    """Whether objects of a class derived from the acquirer's have another method of the manager's name."""
    cls, resolver = acquirer.cls, scene.run.resolver
    derived = (*subclasses(cls), *heirs(cls, resolver)) if cls is not None else ()
    return cls is not None and any(resolver.method(each, name) is not cls.methods.get(name) for each in derived)


def _closed(value: ast.expr) -> ast.expr:
    """What `closing(…)` closes."""
    closing = isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] == "closing"
    return value.args[0] if closing and isinstance(value, ast.Call) and value.args else ast.Constant(None)


def _yields(body: list[ast.stmt], name: str) -> bool:
    value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    return isinstance(value, ast.Yield) and isinstance(value.value, ast.Name) and value.value.id == name


def _passes_on(manager: Function, value: ast.expr, acquirer: FunctionInfo) -> bool:
    """Whether the manager calls the acquirer with exactly its own parameters."""
    call = bare(value)
    if not isinstance(call, ast.Call) or terminal(call.func) != acquirer.name:
        return False
    arguments = manager.args
    own = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    own = own[1:] if acquirer.cls is not None and own else own
    if arguments.defaults or arguments.kw_defaults or arguments.kwonlyargs:
        return False
    given = [a.id if isinstance(a, ast.Name) else "" for a in call.args]
    starred = [dotted(a.value) for a in call.args if isinstance(a, ast.Starred)]
    keywords = [dotted(k.value) for k in call.keywords if k.arg is None]
    named = [k for k in call.keywords if k.arg is not None]
    mine = [[a.arg] if a else [] for a in (arguments.vararg, arguments.kwarg)]
    return [g for g in given if g] == own and [starred, keywords] == mine and not named
