"""LK302: a commit for every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from leakcheck.checks.rows.alone import sends_inside
from leakcheck.checks.rows.besides import SENDING, Besides
from leakcheck.checks.rows.elsewhere import reads_elsewhere
from leakcheck.checks.rows.refusals import passed_over, told_apart
from leakcheck.checks.rows.rounds import Loop, acquired_in, always
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Step
from leakcheck.project.syntax.walk import code, dotted, same_scope, terminal, walk
from leakcheck.records import dataclass
from leakcheck.words import words

_COUNT = frozenset({"rowcount"})
_ONE = frozenset({"add", "delete", "merge"})  # of the methods by which a session is told of rows, those for one
_SESSION = "session"  # by its name; its block ends without a commit


@dataclass(frozen=True)
class Commit:
    """What commits in every round of a loop, and the object whose transaction ends."""

    node: cst.CSTNode
    owner: cst.BaseExpression
    certain: bool = True
    of_change: bool = False  # of what the row has become, not of one that is added, deleted or sent

    @property
    def message(self) -> str:
        if _is_commit(self.node):
            return f"{quoted(code(self.node))} after every row: each one waits for the disk; commit once per batch"
        block = quoted(f"with {code(self.node)}")
        return f"{block} commits every row: each one waits for the disk; put the loop into the block"


def commit_of(loop: Loop, sent: Sequence[cst.Call]) -> Commit | None:
    """A `commit()` that every round reaches, after it wrote one row, or a block that ends with one; or every round
    that writes a row at all: in the same branch."""
    commits = any(map(_is_commit, loop.body))
    for node in always(loop.node.body) if commits or sent else ():
        if found := _commits(node, loop, bool(sent), loop.body):
            return found
        if isinstance(node, cst.With) and any(part is call for call in sent for part in walk(node.body)):
            if found := next(filter(None, (_of_item(item, node, loop) for item in node.items)), None):
                return found
    for branch in _branches(loop) if commits else ():
        nodes = list(always(branch))
        writes = any(part is call for call in sent for part in nodes)
        if found := next(filter(None, (_commits(node, loop, writes, nodes) for node in nodes)), None):
            rare = loop.is_occasional(found.node) or loop.is_last(found.node)
            return None if rare else replace(found, certain=False)
    return None


def commit_of_own(loop: Loop, sent: Sequence[cst.Call]) -> Commit | None:
    """A block that takes a connection from its pool for one statement of the row, and commits it:
    `with engine.begin() as conn: conn.execute(…)`."""
    if any(isinstance(part, cst.Yield) for part in loop.body):
        return None  # one around the loop would last as long as the caller likes
    blocks = (node for node in always(loop.node.body) if isinstance(node, cst.With)) if sent else ()
    for block in blocks:
        for item in block.items:
            name = item.asname.name if item.asname else None
            if isinstance(name, cst.Name) and isinstance(item.item, cst.Call) and _takes_slot(item.item, loop):
                calls = (part for part in walk(block.body, same_scope) if isinstance(part, cst.Call))
                uses = [call for call in calls if mentions([call], name.value.__eq__)]
                if len(uses) == 1 and any(uses[0] is call for call in sent):
                    return Commit(item.item, name)
    return None


def _takes_slot(call: cst.Call, loop: Loop) -> bool:
    """Whether it takes a connection from a pool that was there before the loop, for a block that commits."""
    if mentions([call], loop.rows.__contains__) or acquired_in(loop.node.body, call.func):
        return False
    callee = loop.resolver.callee_name(loop.resolver.static(call.func, loop.function, loop.module)) or ""
    specs = loop.resolver.catalogue.by_acquire.get(callee, ())
    return any(spec.kind == "checkout" and spec.acquires_on_enter and spec.with_commits for spec in specs)


def _branches(loop: Loop) -> Iterator[cst.BaseSuite]:
    """What the rounds run under a test; not under one that is met once: `if user is None: user = User()`."""
    anew = set(_assigned(always(loop.node.body)))
    for node in (part for part in loop.body if isinstance(part, cst.If)):
        if mentions([node.test], {*_assigned(walk(node))}.difference(anew).__contains__):
            continue
        yield node.body
        if isinstance(node.orelse, cst.Else):
            yield node.orelse.body


def _assigned(nodes: Iterable[cst.CSTNode]) -> Iterator[str]:
    """The variables that some nodes are assignments to."""
    targets = (node.target for node in nodes if isinstance(node, cst.AssignTarget))
    return (target.value for target in targets if isinstance(target, cst.Name))


def _commits(node: cst.CSTNode, loop: Loop, writes: bool, beside: Sequence[cst.CSTNode]) -> Commit | None:
    """A `commit()` of what a round `writes`, or adds `beside` it."""
    if not isinstance(node, cst.Call) or not _is_commit(node):
        return None
    receiver = node.func.value if isinstance(node.func, cst.Attribute) else node.func
    if acquired_in(loop.node.body, receiver):
        return None
    if writes or _marks(loop, receiver, beside):
        return Commit(node, receiver)
    return Commit(node, receiver, certain=False, of_change=True) if _changes(loop, receiver, beside) else None


def finding(
    commit: Commit, sent: Sequence[cst.Call], loop: Loop, besides: Besides, once: bool, tell: Teller, steps: list[Step]
) -> Diagnostic:
    """What a commit after every row costs; of low confidence where a round is more than a row, or may fail alone: when
    it is `sent`, or committed."""
    body, node = loop.node.body, commit.node
    own = SENDING.union(terminal(call.func) for call in sent)
    meant = once or besides.waits or besides.does_more or besides.acts_beyond(own)
    meant = meant or (not commit.certain and any(isinstance(part, cst.Try) for part in loop.body))  # a piece of work
    meant = meant or (commit.of_change and besides.works_on_row(commit.owner))
    meant = meant or any(passed_over(each, body) or told_apart(each, body) for each in (node, *sent))
    meant = meant or loop.uses(_COUNT)  # whether it was this process that got the row, others see only then
    meant = meant or sends_inside(loop, commit.owner) or reads_elsewhere(loop, commit.owner)
    meant = meant or loop.calls(words().dispatches)  # work for others, who read what is committed
    confidence: Confidence = "low" if meant else "high" if commit.certain else "medium"
    return tell.at("LK302", confidence, commit.message, node, steps)


def _of_item(item: cst.WithItem, block: cst.With, loop: Loop) -> Commit | None:
    """`with conn:` on a connection from before the loop: what the next round still can use was not closed."""
    owner = item.item
    name = dotted(owner)
    if name is None or acquired_in(loop.node.body, owner) or name.partition(".")[0] in loop.rows:
        return None
    spec = loop.resolver.connection_type(loop.resolver.static(owner, loop.function, loop.module))
    if spec is not None:
        return Commit(owner, owner) if spec.with_effect == "transaction" and spec.with_commits else None
    calls = (part.func for part in walk(block, same_scope) if isinstance(part, cst.Call))
    used = any(dotted(func) in (f"{name}.execute", f"{name}.cursor") for func in calls)
    return Commit(owner, owner, certain=False) if used and not name.lower().endswith(_SESSION) else None


def _marks(loop: Loop, receiver: cst.BaseExpression, nodes: Sequence[cst.CSTNode]) -> bool:
    """`session.add(User(row))`, `session.delete(user)`."""
    for node in nodes:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _ONE:
            if code(node.func.value) == code(receiver) and mentions(node.args, loop.rows.__contains__):
                return True
    return False


def _changes(loop: Loop, receiver: cst.BaseExpression, nodes: Sequence[cst.CSTNode]) -> bool:
    """`user.name = name`, in a session."""
    if not terminal(receiver).lower().endswith(_SESSION) or sum(map(_is_commit, nodes)) > 1:
        return False  # what others have to see of a row between two steps is committed for them
    return any(_changes_row(node, loop) for node in nodes)


def _is_commit(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and terminal(node.func) == "commit" and not node.args


def _changes_row(node: cst.CSTNode, loop: Loop) -> bool:
    """`user.name = name`, of what the loop goes over: the session notices."""
    target = node.target if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)) else None
    owner = target.value if isinstance(target, cst.Attribute) else None
    return owner is not None and mentions([loop.node.target], terminal(owner).__eq__) and isinstance(owner, cst.Name)
