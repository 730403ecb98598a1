"""What still needs the connection after it was obtained: cursors, results, generators; and what does not: rows."""

from __future__ import annotations

import ast
from enum import IntEnum

from leakcheck.fixes.elsewhere import Elsewhere, is_plain
from leakcheck.fixes.endless import never_ends
from leakcheck.fixes.reads import own_names, touches
from leakcheck.fixes.syntax import Function, Tree, dotted, inner, terminal
from leakcheck.fixes.text import Refused
from leakcheck.words import words

_READ = frozenset({
    "fetchone", "fetchall", "fetchmany", "fetchval", "fetchrow", "fetch", "scalar", "scalar_one",
    "scalar_one_or_none", "all", "first", "one", "one_or_none", "fetch_all", "fetch_one", "fetch_val", "fetchdf",
    "fetch_df", "df", "fetchnumpy", "fetch_arrow_table", "to_list", "to_dict", "commit", "rollback", "close",
    "get_server_info", "server_version", "ping", "tables",
})  # fmt: skip
_OBJECTS = frozenset({
    "all", "first", "one", "one_or_none", "fetchall", "fetchone", "fetchmany", "scalar_one", "scalar_one_or_none",
})  # fmt: skip
_PLAIN_FIELDS = frozenset({
    "rowcount", "lastrowid", "description", "total_changes", "in_transaction", "closed", "open", "autocommit",
    "isolation_level",
})  # fmt: skip
_LAZY = frozenset({
    "cursor", "execute", "executemany", "executescript", "query", "mappings", "scalars", "stream", "iterdump",
    "backup",
})  # fmt: skip
_EATS = frozenset({
    "list", "tuple", "dict", "set", "frozenset", "sorted", "len", "sum", "any", "all", "min", "max", "int", "str",
    "float", "bool", "bytes", "repr", "isinstance", "print", "next", "type", "id", "format", "abs", "round",
    "hasattr",
})  # fmt: skip
_KEEPS = frozenset({
    "append", "add", "put", "push", "register", "callback", "setdefault", "insert", "submit", "Thread", "partial",
    "extend", "update", "create_task", "ensure_future",
})  # fmt: skip
_NEW = (ast.List, ast.Dict, ast.Set)
_SINGLE = frozenset({"str", "int", "float", "bool", "bytes", "None", "Optional", "Union"})
_PLAIN = _SINGLE | {
    "list", "dict", "tuple", "set", "frozenset", "List", "Dict", "Tuple", "Set", "FrozenSet", "Any",
}  # fmt: skip
_FRAMES = frozenset({"read_sql", "read_sql_query", "read_sql_table"})


class Need(IntEnum):
    """How much a value needs its connection."""

    NONE = 0
    PERHAPS = 1
    CERTAIN = 2


class Lazy:
    """For one function and the names that hold a connection in it."""

    def __init__(
        self, tree: Tree, body: list[ast.stmt], seeds: dict[str, Need], objects: bool = False, depth: int = 2
    ) -> None:
        self._tree, self._body, self._objects, self._depth = tree, body, objects, depth
        self.names = dict(seeds)
        self.takes: frozenset[str] = frozenset()  # methods by which a session takes an object on
        self.sources: set[ast.expr] = set()  # expressions that are connections themselves
        self.kept: frozenset[str] = frozenset()  # the fields in which an object has its connection
        self.keeper = ""  # the class of such objects
        self.elsewhere: Elsewhere | None = None  # the project's functions in other files
        self._fixed = frozenset(seeds)
        made = [n for n in tree.inside(body) if isinstance(n, (Function, ast.ClassDef))]
        self._made = {n.name: n for n in made}  # functions and classes that may use what is around them

    def settle(self) -> Lazy:
        """Follow assignments until nothing changes."""
        bindings = self._tree.bindings(self._body)
        fills = {*words().fills, *self.takes}
        calls = [n for n in self._tree.inside(self._body) if isinstance(n, ast.Call) and terminal(n.func) in fills]
        for _ in range(6):
            before = dict(self.names)
            for node in (*bindings, *calls):
                self._follow(node)
            for name, made in self._made.items():
                self._bind(ast.Name(name, ast.Store()), self.within(made))
            if before == self.names:
                break
        return self

    def _follow(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
            self._bind(node.target, self.of(node.value))
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            self._bind(node.target, self._row(node.iter))
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._bind(node.optional_vars, self.of(node.context_expr))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            self._fill(node, node.func)

    def _fill(self, node: ast.Call, method: ast.Attribute) -> None:
        """`session.add(user)` and `found.append(user)`: what one takes on, or what fills the other, may need it."""
        if self.of(method.value) and method.attr in self.takes:
            for given in node.args:
                self._bind(given, Need.PERHAPS)  # a commit forgets what it holds: it is read again when asked for
        elif isinstance(method.value, ast.Name) and method.attr in words().fills and self._is_new(method.value.id):
            need = max(map(self.of, node.args), default=Need.NONE)
            self._bind(method.value, min(need, Need.PERHAPS))

    def _is_new(self, name: str) -> bool:
        """Whether it is a container that the function makes: what others have keeps what is put into it for them."""
        made = (n for n in self._tree.bindings(self._body) if isinstance(n, ast.Assign) and isinstance(n.value, _NEW))
        return any(isinstance(t, ast.Name) and t.id == name for node in made for t in node.targets)

    def _row(self, iterated: ast.expr) -> Need:
        """What iterating gives: rows, or objects of a session that may load more."""
        need = self.of(iterated)
        return Need.NONE if need is Need.CERTAIN and not self._objects else min(need, Need.PERHAPS)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if (
            isinstance(target, (ast.Tuple, ast.List))
            and isinstance(value, (ast.Tuple, ast.List))
            and len(target.elts) == len(value.elts)
        ):
            for element, part in zip(target.elts, value.elts, strict=True):
                self._assign(element, part)
        else:
            self._bind(target, self.of(value))

    def _bind(self, target: ast.AST, need: Need) -> None:
        if isinstance(target, ast.Name) and target.id not in self._fixed:
            self.names[target.id] = max(self.names.get(target.id, Need.NONE), need)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._bind(element, min(need, Need.PERHAPS))
        elif isinstance(target, ast.Starred):
            self._bind(target.value, need)

    def within(self, node: ast.AST) -> Need:
        """The greatest need among the names that something mentions."""
        return max((need for name, need in self.names.items() if need and touches(node, name)), default=Need.NONE)

    def bounded(self, statements: list[ast.stmt]) -> None:
        """Raises Refused where a block would hold the connection for ever, for the sake of what may not need it."""
        if any(never_ends(s) and self.within(s) is not Need.CERTAIN for s in statements):
            raise Refused("the block would take in a loop that never ends")

    def gets_out(self, node: ast.AST, manager: bool) -> Need:
        """How much of the connection leaves the function, or stays in some object, by this node."""
        if isinstance(node, ast.Return) or (isinstance(node, ast.Yield) and not manager):
            return self.of(node.value)
        if isinstance(node, ast.Assign) and any(isinstance(t, (ast.Attribute, ast.Subscript)) for t in node.targets):
            settings = all(isinstance(t, ast.Attribute) and self.of(t.value) for t in node.targets)
            return Need.NONE if settings else self.of(node.value)
        if isinstance(node, Function) and node.decorator_list:
            return min(self.within(node), Need.PERHAPS)  # whoever decorates it may keep it
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _KEEPS and not self.of(getattr(node.func, "value", None)):
                return max((self.of(a) for a in (*node.args, *(k.value for k in node.keywords))), default=Need.NONE)
        return Need.NONE

    # -- expressions -------------------------------------------------------------------------------------------------

    def of(self, node: ast.AST | None) -> Need:
        """What the value of an expression needs."""
        if node is None or isinstance(node, (ast.Constant, ast.Compare, ast.JoinedStr)):
            return Need.NONE
        if node in self.sources:
            return Need.CERTAIN
        if isinstance(node, ast.Name):
            return self.names.get(node.id, Need.NONE)
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            return self._call(node.value, awaited=True)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Attribute) and node.attr in self.kept:
            return self.of(node.value)
        if isinstance(node, ast.Attribute):
            return Need.NONE if node.attr in _PLAIN_FIELDS else min(self.of(node.value), Need.PERHAPS)
        if isinstance(node, ast.Subscript):
            return min(self.of(node.value), Need.PERHAPS)
        if isinstance(node, (ast.ListComp, ast.SetComp)):
            return self.of(node.elt)
        if isinstance(node, ast.DictComp):
            return max(self.of(node.key), self.of(node.value))
        if isinstance(node, (ast.GeneratorExp, ast.Lambda)):
            return self.within(node)  # it runs later
        return max((self.of(child) for child in ast.iter_child_nodes(node)), default=Need.NONE)

    def _call(self, node: ast.Call, awaited: bool = False) -> Need:
        function = node.func
        given = max(
            (self.of(a.value if isinstance(a, ast.keyword) else a) for a in [*node.args, *node.keywords]),
            default=Need.NONE,
        )
        if isinstance(function, ast.Name) and function.id in _EATS:
            return (
                min(given, Need.PERHAPS)
                if self._objects and function.id in ("list", "tuple", "next", "sorted")
                else Need.NONE
            )
        if isinstance(function, ast.Attribute):
            owner = self.of(function.value)
            if owner and (method := self._kept_method(function)) is not None:
                sources: set[ast.expr] = {
                    n for n in ast.walk(method) if isinstance(n, ast.Attribute) and dotted(n) in self._fields
                }
                return self._of_returned(method, {}, sources)
            if owner:
                return self._method(function.attr, owner)
            if function.attr in _FRAMES:
                return Need.CERTAIN if any(k.arg == "chunksize" for k in node.keywords) else Need.NONE
        if isinstance(function, ast.Name) and self.names.get(function.id):
            return max(self._of_made(function.id, awaited), min(given, Need.PERHAPS))
        if not given:
            return Need.NONE
        answer = self._own(node, awaited)
        return Need.PERHAPS if answer is None else answer

    def _of_made(self, name: str, awaited: bool) -> Need:
        """What a call gives of something that needs the connection: a nested function or class, or another value."""
        made, need = self._made.get(name), self.names[name]
        if isinstance(made, ast.ClassDef):
            return need
        if made is None or not self._depth:
            return min(need, Need.PERHAPS)
        if self._tree.yields(made) or (isinstance(made, ast.AsyncFunctionDef) and not awaited):
            return need  # it has done nothing yet
        own = own_names(made)
        around = {each: known for each, known in self.names.items() if each not in own}
        return self._of_returned(made, around, self.sources)

    @property
    def _fields(self) -> set[str]:
        return {f"self.{field}" for field in self.kept}

    def _kept_method(self, called: ast.Attribute) -> Function | None:
        """The method of an object that keeps the connection, if the file has it, and it may give what needs that."""
        method = self._tree.function_named(called.attr) if self.kept and isinstance(called.value, ast.Name) else None
        if method is None or not self._depth or self._tree.yields(method) or method.decorator_list:
            return None
        cls = self._tree.parent(method)
        is_own = isinstance(cls, ast.ClassDef) and cls.name == self.keeper
        given = [n.value for n in inner(method) if isinstance(n, ast.Return) and n.value is not None]
        return method if is_own and any(dotted(n) in self._fields for v in given for n in ast.walk(v)) else None

    def _method(self, name: str, owner: Need) -> Need:
        if name in _READ:
            return Need.PERHAPS if self._objects and name in _OBJECTS else Need.NONE
        return owner if name in _LAZY else Need.PERHAPS

    def _own(self, node: ast.Call, awaited: bool) -> Need | None:
        """What a function of the project makes of its arguments; None if that is not to be seen."""
        path = dotted(node.func)
        function = self._tree.function_named(path.removeprefix("self.").removeprefix("cls."))
        tree, elsewhere = self._tree, self.elsewhere
        if function is None and path and elsewhere is not None and (found := elsewhere.find(path)):
            function, tree, elsewhere = found
        if function is None or not self._depth or any(isinstance(a, ast.Starred) for a in node.args):
            return None
        if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in inner(function)):
            return Need.CERTAIN
        if isinstance(function, ast.AsyncFunctionDef) and not awaited:
            return Need.CERTAIN  # it has done nothing yet
        if is_plain(function.returns, _SINGLE if self._objects else _PLAIN):
            return Need.NONE
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        if names[:1] in (["self"], ["cls"]):
            names = names[1:]
        seeds = {name: self.of(value) for name, value in zip(names, node.args, strict=False)}
        seeds |= {k.arg: self.of(k.value) for k in node.keywords if k.arg}
        return self._of_returned(function, seeds, set(), tree, elsewhere)

    def _of_returned(
        self,
        function: Function,
        seeds: dict[str, Need],
        sources: set[ast.expr],
        tree: Tree | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> Need:
        """What a function gives back, where some of its names need the connection, or some expressions are one."""
        lazy = Lazy(tree or self._tree, function.body, seeds, self._objects, self._depth - 1)
        lazy.takes, lazy.sources, lazy.elsewhere = self.takes, sources, elsewhere or self.elsewhere
        lazy.kept, lazy.keeper = self.kept, self.keeper
        lazy.settle()
        returns = [n.value for n in inner(function) if isinstance(n, ast.Return)]
        return max((lazy.of(value) for value in returns), default=Need.NONE)
