"""A `for` statement as a check sees it: its rounds, and what changes from one to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import libcst as cst

from leakcheck.catalogue import Catalogue
from leakcheck.checks.rows.sizes import Sizes, counted, in_step
from leakcheck.checks.sql import mentions
from leakcheck.flow.beginning import elements
from leakcheck.flow.resolve import Resolver
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import children, code, dotted, same_scope, string_value, terminal, unawaited, walk
from leakcheck.records import dataclass
from leakcheck.words import words

_SHORT = 24  # rounds written out as a number: the hours of a day, or levels
_BINDING = frozenset(
    {cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.AugAssign, cst.For, cst.CompFor, cst.WithItem, cst.Call}
)


@dataclass(frozen=True)
class Loop:
    """A `for` statement and the names that change with it."""

    node: cst.For
    function: FunctionInfo | None
    module: Module
    resolver: Resolver
    origin: cst.CSTNode | None = None  # what is written, where that is no `for` statement

    @property
    def place(self) -> cst.CSTNode:
        """What stands in the module's tree."""
        return self.origin or self.node

    @cached_property
    def body(self) -> list[cst.CSTNode]:
        """What runs once a round, loops inside it left out."""
        return list(walk(self.node.body, lambda n: same_scope(n) and not isinstance(n, cst.For)))

    @cached_property
    def tested(self) -> frozenset[int]:
        """The ids of the nodes in `if` statements."""
        return conditional(self.node.body)

    @cached_property
    def rows(self) -> frozenset[str]:
        """The loop's variables, and what is computed from them in its body."""
        known = {n.value for n in walk(self.node.target) if isinstance(n, cst.Name)}
        size = 0
        binding = [node for node in walk(self.node.body, same_scope) if type(node) in _BINDING]
        while size != len(known):
            size = len(known)
            for node in binding:
                known.update(_bound(node, known))
        return frozenset(known - self._filled_outside)

    @cached_property
    def _filled_outside(self) -> set[str]:
        """Containers that grow from round to round: not a row, what is collected for a batch."""
        targets = (
            n.target for n in walk(self.node, same_scope) if isinstance(n, (cst.AssignTarget, cst.For, cst.AnnAssign))
        )
        return set(self._filled) - {n.value for target in targets for n in walk(target) if isinstance(n, cst.Name)}

    @cached_property
    def _filled(self) -> frozenset[str]:
        """Containers into which the rounds put something."""
        calls = [n.func for n in walk(self.node.body, same_scope) if isinstance(n, cst.Call)]
        methods = (f for f in calls if isinstance(f, cst.Attribute) and f.attr.value in words().fills)
        return frozenset(f.value.value for f in methods if isinstance(f.value, cst.Name))

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes(self.function, self.module, self.resolver)

    @property
    def is_small(self) -> bool:
        """Over a literal of a few elements, or a name for one, or `range(3)`, `rows[:3]`, or the members of an enum."""
        return any(self._sizes.is_few(node) for node in in_step(self.node.iter))

    @property
    def is_short(self) -> bool:
        """The same, or counted out to as many rounds as send rows quickly enough: `zip(sizes, range(20))`."""
        return self.is_small or any(counted(node) <= _SHORT for node in in_step(self.node.iter))

    @property
    def is_over_field(self) -> bool:
        """Over what one record may have: as many as belong to it."""
        return self._sizes.is_field(self.node.iter)

    @property
    def is_written_down(self) -> bool:
        """Over a literal with everything that is in it."""
        literals = [self._sizes.literal(elements(node)) for node in in_step(self.node.iter)]
        made = (cst.Name, cst.Call, cst.Attribute, cst.BaseComp)
        displays = all(isinstance(literal, (cst.List, cst.Tuple, cst.Set, cst.Dict)) for literal in literals)
        return displays and not any(isinstance(part, made) for literal in literals for part in walk(literal))

    def is_over_part_of(self, outer: Loop) -> bool:
        """Over something of another loop's variable: `config` of `config["rows"].items()`."""
        node = elements(self.node.iter)
        while isinstance(node, cst.Subscript):
            node = node.value
        return isinstance(node, cst.Name) and mentions([outer.node.target], node.value.__eq__)

    def is_occasional(self, node: cst.CSTNode) -> bool:
        """Whether a node runs only when enough has been collected: under a test of a count."""
        tests = (n for n in self.body if isinstance(n, cst.If) and any(part is node for part in walk(n.body)))
        return any(self._counts(part) for test in tests for part in walk(test.test))

    def _counts(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Call) and terminal(node.func) == "len":
            return not mentions(node.args, (self.rows - self._filled).__contains__)
        return isinstance(node, cst.Name) and node.value in self._counters

    @cached_property
    def _counters(self) -> set[str]:
        """Names that grow from round to round, and what is computed from them."""
        body = list(walk(self.node.body, same_scope))
        known = {n.target.value for n in body if isinstance(n, cst.AugAssign) and isinstance(n.target, cst.Name)}
        for node in body:
            if isinstance(node, cst.Assign) and mentions([node.value], known.__contains__):
                known |= {t.target.value for t in node.targets if isinstance(t.target, cst.Name)}
        return known

    def is_last(self, node: cst.CSTNode) -> bool:
        """Whether the round that runs a node is the last one: a `return` or `break` ends its block."""
        blocks = (n for n in walk(self.node.body, same_scope) if isinstance(n, cst.IndentedBlock) and _leaves(n))
        return any(part is node for block in blocks for part in walk(block, same_scope))

    @property
    def is_counted(self) -> bool:
        """Over numbers that no sequence has a length of: `range(1, depth)`."""
        call = self.node.iter
        return isinstance(call, cst.Call) and terminal(call.func) == "range" and "len" not in code(call)

    @property
    def is_batched(self) -> bool:
        """A round already is a batch: by its names or its step."""
        call, rows = self.node.iter, elements(self.node.iter)
        if words().of_batches.search(code(self.node.target)):
            return True
        is_one = isinstance(rows, (cst.Name, cst.Attribute)) and words().of_one_batch.search(terminal(rows))
        if words().of_batches.search(code(call)) and not is_one:  # the rows of which go one by one
            return True
        return isinstance(call, cst.Call) and terminal(call.func) == "range" and len(call.args) == 3

    def answers(self, catalogue: Catalogue) -> frozenset[str]:
        """The attributes by which a round reads what a statement answered."""
        methods = catalogue.methods("answers")
        is_bound = self.function is not None and self.function.mentions(frozenset(words().out_variables))
        return methods.union(words().out_values) if is_bound else methods

    def needs(self, methods: frozenset[str]) -> bool:
        """Whether a round reads one of these attributes, other than under a test that is the same in all rounds."""
        tests = (node for node in self.body if isinstance(node, cst.If))
        optional = (t for t in tests if not (mentions([t.test], self._changing.__contains__) or _sends(t.body)))
        spared = {id(part) for test in optional for part in walk(test.body)}
        spared |= {id(part) for part in walk(self.node.iter)}  # `row = cursor.fetchone()` at the end of a round
        return any(id(n) not in spared and not methods.isdisjoint(_attribute_read(n)) for n in self.body)

    def uses_result(self, node: cst.Call) -> bool:
        """Whether a round does something with what the call gives, awaited or not."""
        plain = {id(unawaited(n.value))
                 for n in self.body if isinstance(n, cst.Expr)}  # fmt: skip
        return id(node) not in plain

    @cached_property
    def _changing(self) -> set[str]:
        """Every name that a round binds."""
        found = {n.value for n in walk(self.node.target) if isinstance(n, cst.Name)}
        for node in walk(self.node.body, same_scope):
            if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.NamedExpr, cst.AnnAssign, cst.For, cst.CompFor)):
                found |= {n.value for n in walk(node.target) if isinstance(n, cst.Name)}
        return found

    def uses(self, methods: frozenset[str]) -> bool:
        """Whether a round reads or calls an attribute of one of these names."""
        return any(isinstance(n, cst.Attribute) and n.attr.value in methods for n in self.body)

    def calls(self, methods: Collection[str]) -> bool:
        """Whether a round calls a method of one of these names."""
        called = (n.func for n in self.body if isinstance(n, cst.Call))
        return any(isinstance(func, cst.Attribute) and func.attr.value in methods for func in called)


def around(loop: Loop, root: cst.CSTNode) -> list[Loop]:
    """The loops around one, in the same function."""
    loops = (n for n in walk(root, same_scope) if isinstance(n, cst.For) and n is not loop.place)
    inside = (n for n in loops if any(part is loop.place for part in walk(n.body, same_scope)))
    return [replace(loop, node=n, origin=n) for n in inside]


def is_part(loop: Loop, root: cst.CSTNode) -> bool:
    """Whether a loop goes over a part of what another one around it has in a literal."""
    return any(loop.is_over_part_of(outer) and outer.is_written_down for outer in around(loop, root))


def _sends(block: cst.BaseSuite) -> bool:
    """Whether a row is sent there, so that what reads its answer stands under no other test than it does."""
    calls = (
        node for node in walk(block, same_scope) if isinstance(node, cst.Call) and terminal(node.func) == "execute"
    )
    return any(not _only_asks(call) for call in calls)


def _only_asks(call: cst.Call) -> bool:
    """`cursor.execute("SELECT last_insert_id()")`."""
    text = string_value(call.args[0].value) if call.args else None
    return text is not None and text.lstrip().upper().startswith("SELECT")


def _leaves(block: cst.IndentedBlock) -> bool:
    """Whether what follows a block is not another round."""
    last = block.body[-1] if block.body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], (cst.Return, cst.Break, cst.Raise))


def _bound(node: cst.CSTNode, known: set[str]) -> Iterator[str]:
    """Names a statement binds to something that depends on the known ones."""
    targets: Sequence[cst.CSTNode] = ()
    source: cst.CSTNode | None = None
    if isinstance(node, cst.Assign):
        targets, source = [t.target for t in node.targets], node.value
    elif isinstance(node, (cst.AnnAssign, cst.NamedExpr, cst.AugAssign)):
        targets, source = [node.target], node.value
    elif isinstance(node, (cst.For, cst.CompFor)):
        targets, source = [node.target], node.iter
    elif isinstance(node, cst.WithItem) and node.asname is not None:
        targets, source = [node.asname.name], node.item
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in words().fills:
        if isinstance(node.func.value, cst.Name) and mentions(node.args, known.__contains__):
            yield node.func.value.value
    if source is not None and mentions([source], known.__contains__):
        yield from (n.value for target in targets for n in walk(target) if isinstance(n, cst.Name))


def _attribute_read(node: cst.CSTNode) -> tuple[str, ...]:
    """The name of the attribute that a node reads: `result.rowcount`, `getattr(result, "rowcount", 0)`."""
    if isinstance(node, cst.Attribute):
        return (node.attr.value,)
    if isinstance(node, cst.Call) and terminal(node.func) == "getattr" and len(node.args) > 1:
        return (string_value(node.args[1].value) or "",)
    return ()


def always(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What every round runs: not under a test, in a handler or in an inner loop."""
    for child in children(node):
        if isinstance(child, (cst.If, cst.ExceptHandler, cst.ExceptStarHandler, cst.For, cst.While, cst.Match)):
            continue
        if same_scope(child):
            yield child
            yield from always(child)


def first_binding(node: cst.CSTNode) -> tuple[cst.CSTNode | None, cst.CSTNode | None]:
    """`with value as target`, `target = value`."""
    if isinstance(node, cst.WithItem) and node.asname is not None:
        return node.asname.name, node.item
    return (node.targets[0].target, node.value) if isinstance(node, cst.Assign) else (None, None)


def acquired_in(body: cst.CSTNode, receiver: cst.BaseExpression, seen: frozenset[str] = frozenset()) -> bool:
    """Whether code takes a connection of its own; a cursor of its own on an outer connection is none."""
    name = (dotted(receiver) or "").partition(".")[0]
    if name in seen:  # `db = db.cursor()`
        return False
    for node in walk(body, same_scope):
        bound, value = first_binding(node)
        if bound is not None and any(isinstance(n, cst.Name) and n.value == name for n in walk(bound)):
            func = value.func if isinstance(value, cst.Call) else None
            owner = func.value if isinstance(func, cst.Attribute) and func.attr.value == "cursor" else None
            return owner is None or acquired_in(body, owner, seen | {name})
    return False


def conditional(body: cst.CSTNode) -> frozenset[int]:
    """The ids of the nodes of a body that stand in an `if`: in its test or what depends on it."""
    tests = (node for node in walk(body, same_scope) if type(node) is cst.If)
    return frozenset(id(part) for test in tests for part in walk(test, same_scope))
