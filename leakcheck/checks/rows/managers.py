"""LK301: objects that write their rows one by one, where their model's manager writes many: Django."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.assigned import assigned
from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.purpose import is_migration
from leakcheck.checks.rows.alone import goes_alone
from leakcheck.checks.rows.besides import Besides
from leakcheck.checks.rows.handful import is_handful
from leakcheck.checks.rows.refusals import is_afterwards, may_fail, told_apart
from leakcheck.checks.rows.repeated import arrives, repeated
from leakcheck.checks.rows.rounds import Loop, is_part
from leakcheck.checks.sql import Reader, mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.beginning import elements
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Class
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.sketch import LOOP
from leakcheck.project.syntax.walk import code, same_scope, terminal, unawaited, walk
from leakcheck.records import dataclass
from leakcheck.words import words

_DEPTH = 3  # of names for a query
_ABSTRACT = pattern(r"^[ \t]+abstract\s*=\s*True", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """A call that writes one row, its verb, and what writes many."""

    call: cst.Call
    verb: str
    instead: str

    def message(self, batch: int) -> str:
        return f"{quoted(code(self.call.func))} sends one {self.verb} per row: use {self.instead.format(batch=batch)}"


def managed(module: Module, tell: Teller, blocking: Blocking, batch: int) -> Iterator[Diagnostic]:
    """Loops over rows that `Model.objects.create` or `row.save` writes one by one."""
    if not any(f".{name}" in module.source for name in words().managers):
        return
    for function in module.scopes(frozenset(words().creates + words().savers), LOOP):
        root = function.node.body
        for loop in repeated(root, function, module, blocking.resolver):
            written = next(_written(loop, function, blocking.resolver), None)
            if written and not (loop.is_small or is_part(loop, root) or _is_meant(written, loop, root, tell, blocking)):
                steps = [tell.step("note", loop.node.target, "for every one of these")]
                yield tell.at("LK301", "medium", written.message(batch), written.call, steps)


def _written(loop: Loop, function: FunctionInfo, resolver: Resolver) -> Iterator[Written]:
    """What a round writes, where nothing is done with the answer and the class leaves it to Django."""
    for node in loop.body:
        call = unawaited(node.value) if isinstance(node, cst.Expr) else None
        func = call.func if isinstance(call, cst.Call) else None
        if not isinstance(call, cst.Call) or not isinstance(func, cst.Attribute):
            continue
        if func.attr.value in words().creates and mentions(call.args, loop.rows.__contains__):
            model = _manager(func.value, function, resolver)
            if model is not None and _is_plain(model, resolver):
                yield Written(call, "INSERT", "`bulk_create`, {batch} rows at a time")
        elif func.attr.value in words().savers and code(func.value) == code(loop.node.target):
            model = _model(elements(loop.node.iter), function, resolver)
            if model is not None and _is_plain(model, resolver) and (values := _set(loop)):
                yield Written(call, "UPDATE", _instead(loop, values))


def _is_meant(written: Written, loop: Loop, root: cst.CSTNode, tell: Teller, blocking: Blocking) -> bool:
    """Whether the rows are few, or go alone for a reason."""
    besides = Besides(loop, Reader(loop.function, loop.module), tell, blocking)
    rounds = loop.node.body
    if loop.is_batched or loop.is_over_field or is_handful(loop, root) or is_migration(loop.function, loop.module):
        return True
    if (
        arrives(loop)
        or is_afterwards(loop.place, root)
        or loop.is_occasional(written.call)
        or loop.is_last(written.call)
    ):
        return True
    if may_fail(written.call, rounds) or told_apart(written.call, rounds) or goes_alone(loop, written.call):
        return True
    return besides.waits or besides.acts_beyond({terminal(written.call.func)}) or _works(written, loop)


def _works(written: Written, loop: Loop) -> bool:
    """Whether a round asks or changes more of the database: other queries, a transaction of its own."""
    for node in walk(loop.node.body, same_scope):
        if isinstance(node, (cst.With, cst.For, cst.While)):
            return True
        if isinstance(node, cst.Attribute) and node.attr.value in words().managers:
            if not any(part is node for part in walk(written.call.func)):
                return True
    return False


def _manager(node: cst.BaseExpression, function: FunctionInfo, resolver: Resolver) -> ClassInfo | None:
    """`Ticket` of `Ticket.objects`."""
    if not isinstance(node, cst.Attribute) or node.attr.value not in words().managers:
        return None
    value = resolver.static(node.value, function, function.module)
    return value.info if isinstance(value, Class) else None


def _model(
    node: cst.BaseExpression, function: FunctionInfo, resolver: Resolver, depth: int = _DEPTH
) -> ClassInfo | None:
    """Of which model a query gives the objects: `Ticket.objects.filter(…).order_by("id")[:100]`, also by a name."""
    while isinstance(node, (cst.Call, cst.Subscript, cst.Attribute)):
        if model := _manager(node, function, resolver):
            return model
        if isinstance(node, cst.Call) and terminal(node.func) in words().not_objects:
            return None
        node = node.func if isinstance(node, cst.Call) else node.value
    if typed := _annotated(node, function, resolver):
        return typed
    values = assigned(node, function, function.module) if depth else []
    return _model(elements(values[0]), function, resolver, depth - 1) if len(values) == 1 else None


def _annotated(node: cst.BaseExpression, function: FunctionInfo, resolver: Resolver) -> ClassInfo | None:
    """`Ticket` of a parameter `tickets: QuerySet[Ticket]`."""
    given = next((p for p in function.parameters if code(p.name) == code(node)), None)
    declared = given.annotation.annotation if given is not None and given.annotation else None
    part = declared.slice[-1].slice if isinstance(declared, cst.Subscript) else None
    value = resolver.static(part.value, function, function.module) if isinstance(part, cst.Index) else None
    return value.info if isinstance(value, Class) else None


def _is_plain(model: ClassInfo, resolver: Resolver) -> bool:
    """Whether a class has nothing of its own done when a row is written, and one table for its rows."""
    ancestors = resolver.ancestors(model)
    ours = [cls for cls in ancestors if isinstance(cls, ClassInfo)]
    theirs = [name for name in ancestors if isinstance(name, str)]
    if not theirs or not all(name.startswith(words().managing) for name in theirs):
        return False
    if any("save" in cls.methods for cls in ours) or not all(map(_has_no_table, ours[1:])):
        return False
    return not _has_signals(model, resolver)


def _has_no_table(base: ClassInfo) -> bool:
    """Whether a base only lends its fields: it is abstract, or no model."""
    return _ABSTRACT.search(base.chunk.statement.text) is not None or not base.bases


def _has_signals(model: ClassInfo, resolver: Resolver) -> bool:
    """Whether somebody in sight wants to hear of each row: a file that speaks of that names the model too."""
    texts = (text for text in resolver.project.texts_around(model.module) if model.name in text)
    return any(listener in text for text in texts for listener in words().listeners)


def _set(loop: Loop) -> list[cst.BaseExpression]:
    """What a round assigns to the fields of its object."""
    name = code(loop.node.target)
    pairs = [(t.target, n.value) for n in loop.body if isinstance(n, cst.Assign) for t in n.targets]
    return [value for target, value in pairs if isinstance(target, cst.Attribute) and code(target.value) == name]


def _instead(loop: Loop, values: list[cst.BaseExpression]) -> str:
    if mentions(values, loop.rows.__contains__):
        return "`bulk_update`, {batch} rows at a time"
    return "`update` on the query, one statement for all rows"
