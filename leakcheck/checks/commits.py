"""LK302: a commit for every row."""

from __future__ import annotations

import libcst as cst

from leakcheck.checks.alone import sends_inside
from leakcheck.checks.besides import Besides
from leakcheck.checks.elsewhere import reads_elsewhere
from leakcheck.checks.refusals import passed_over, told_apart
from leakcheck.checks.rounds import Loop, acquired_in, always
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Step
from leakcheck.project.walk import code, terminal
from leakcheck.words import words


def commit_of(loop: Loop, writes: bool) -> cst.Call | None:
    """A `commit()` that every round reaches, after it wrote one row."""
    for node in always(loop.node.body):
        if isinstance(node, cst.Call) and terminal(node.func) == "commit" and not node.args:
            receiver = node.func.value if isinstance(node.func, cst.Attribute) else node.func
            if not acquired_in(loop.node.body, receiver) and (writes or _adds(loop, receiver)):
                return node
    return None


def finding(commit: cst.Call, loop: Loop, besides: Besides, once: bool, tell: Teller, steps: list[Step]) -> Diagnostic:
    """What a commit after every row costs; of low confidence where a round is more than a row, or may fail alone."""
    body = loop.node.body
    meant = once or besides.waits or besides.does_more or besides.acts
    meant = meant or passed_over(commit, body) or told_apart(commit, body)
    meant = meant or sends_inside(loop) or reads_elsewhere(loop, commit)
    meant = meant or loop.calls(words().dispatches)  # work for others, who read what is committed
    confidence: Confidence = "low" if meant else "high"
    message = f"{quoted(code(commit))} after every row: each one waits for the disk; commit once per batch"
    return tell.at("LK302", confidence, message, commit, steps)


def _adds(loop: Loop, receiver: cst.BaseExpression) -> bool:
    """`session.add(User(row))`."""
    for node in loop.body:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "add":
            if code(node.func.value) == code(receiver) and mentions(node.args, loop.rows.__contains__):
                return True
    return False
