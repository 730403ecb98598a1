"""Findings, fixes and rule documents as an editor wants them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lsprotocol import types as lsp

from leakcheck.diagnostics import Diagnostic, Edit, Span
from leakcheck.fixes.text import lines_of
from leakcheck.known.noqa import silencing
from leakcheck.lsp.positions import Positions
from leakcheck.patterns import pattern
from leakcheck.settings import Settings, rules

FIX_ALL = f"{lsp.CodeActionKind.SourceFixAll.value}.leakcheck"
UNUSED = "LK001"

_SEVERITIES = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}
_FENCE = pattern(r"^```(\w+)[^\n]*$", re.MULTILINE)

Elsewhere = Callable[[str], Positions]


def diagnostic(found: Diagnostic, here: Positions, uri: str, elsewhere: Elsewhere) -> lsp.Diagnostic:
    """A finding, its path as related information."""
    return lsp.Diagnostic(
        range=here.range(found.span),
        message=found.message,
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="leakcheck",
        tags=[lsp.DiagnosticTag.Unnecessary] if found.code == UNUSED else None,
        related_information=list(_path(found, here, uri, elsewhere)) or None,
    )


def _path(
    found: Diagnostic, here: Positions, uri: str, elsewhere: Elsewhere
) -> Iterator[lsp.DiagnosticRelatedInformation]:
    for number, step in enumerate(found.steps, 1):
        own = step.span.filename == found.span.filename
        place = (here if own else elsewhere(step.span.filename)).range(step.span)
        target = uri if own else Path(step.span.filename).absolute().as_uri()
        yield lsp.DiagnosticRelatedInformation(lsp.Location(target, place), f"{number}: {step.message}")


def document(code: str) -> str | None:
    """The rule's document, as editors render it."""
    rule = rules().get(code)
    if rule is None:
        return None
    text = _FENCE.sub(r"```\1", rule.text)  # some editors take all of "python fixed" for the name of a language
    return f"# {rule.code} {rule.name}\n\n{text}"


def quick_fixes(
    found: Diagnostic, shown: lsp.Diagnostic, here: Positions, uri: str, settings: Settings
) -> Iterator[lsp.CodeAction]:
    """Mend it, or silence it."""
    fix = found.fix
    if fix and fix.applicability != "display-only" and settings.fixes(found.code):
        safe = fix.applicability == "safe"
        title = fix.title if safe else f"{fix.title} (unsafe)"
        yield _quick(f"{found.code}: {title}", fix.edits, shown, here, uri, safe)
    if found.code != UNUSED:
        edits = silencing(here.lines, [found])
        yield _quick(f"{found.code}: ignore on this line", edits, shown, here, uri, False)


def _quick(
    title: str, edits: Sequence[Edit], shown: lsp.Diagnostic, here: Positions, uri: str, preferred: bool
) -> lsp.CodeAction:
    changes = [lsp.TextEdit(here.range(edit.span), edit.content) for edit in edits]
    return lsp.CodeAction(
        title=title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[shown],
        is_preferred=preferred or None,
        edit=lsp.WorkspaceEdit(changes={uri: changes}),
    )


def fix_all(before: str, after: str, here: Positions, uri: str) -> lsp.CodeAction:
    """All safe fixes at once, as the lines that change."""
    edits = [lsp.TextEdit(here.range(edit.span), edit.content) for edit in _differences(before, after)]
    return lsp.CodeAction(
        title="leakcheck: apply all safe fixes", kind=FIX_ALL, edit=lsp.WorkspaceEdit(changes={uri: edits})
    )


def _differences(before: str, after: str) -> Iterator[Edit]:
    old, new = lines_of(before), lines_of(after)
    last = (len(old), len(old[-1]) + 1) if old and not old[-1].endswith(("\n", "\r")) else (len(old) + 1, 1)
    for kind, first, stop, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            begin = (first + 1, 1) if first < len(old) else last
            finish = (stop + 1, 1) if stop < len(old) else last
            yield Edit(Span("", *begin, *finish), "".join(new[start:end]))
