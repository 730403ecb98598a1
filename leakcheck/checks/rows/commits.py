"""LK302: a commit for every row."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from leakcheck.checks.rows.alone import sends_inside
from leakcheck.checks.rows.besides import Besides
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
_SESSION = "session"  # by its name; its block ends without a commit


@dataclass(frozen=True)
class Commit:
    """What commits in every round of a loop, and the object whose transaction ends."""

    node: cst.CSTNode
    owner: cst.BaseExpression
    certain: bool = True

    @property
    def message(self) -> str:
        if isinstance(self.node, cst.Call):
            return f"{quoted(code(self.node))} after every row: each one waits for the disk; commit once per batch"
        block = quoted(f"with {code(self.owner)}")
        return f"{block} commits every row: each one waits for the disk; put the loop into the block"


def commit_of(loop: Loop, sent: Sequence[cst.Call]) -> Commit | None:
    """A `commit()` that every round reaches, after it wrote one row, or a block that ends with one."""
    for node in always(loop.node.body):
        if isinstance(node, cst.Call) and terminal(node.func) == "commit" and not node.args:
            receiver = node.func.value if isinstance(node.func, cst.Attribute) else node.func
            if not acquired_in(loop.node.body, receiver) and (sent or _adds(loop, receiver)):
                return Commit(node, receiver)
        if isinstance(node, cst.With) and any(part is call for call in sent for part in walk(node.body)):
            if found := next(filter(None, (_of_item(item, node, loop) for item in node.items)), None):
                return found
    return None


def finding(commit: Commit, loop: Loop, besides: Besides, once: bool, tell: Teller, steps: list[Step]) -> Diagnostic:
    """What a commit after every row costs; of low confidence where a round is more than a row, or may fail alone."""
    body, node = loop.node.body, commit.node
    meant = once or besides.waits or besides.does_more or besides.acts_beyond()
    meant = meant or passed_over(node, body) or told_apart(node, body)
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


def _adds(loop: Loop, receiver: cst.BaseExpression) -> bool:
    """`session.add(User(row))`."""
    for node in loop.body:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "add":
            if code(node.func.value) == code(receiver) and mentions(node.args, loop.rows.__contains__):
                return True
    return False
