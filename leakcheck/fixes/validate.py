"""Tries a rewrite out before anybody sees it: the result must parse, be clean, and do the same."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable

from leakcheck.diagnostics import Diagnostic
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import bare, terminal
from leakcheck.fixes.text import Draft, Refused

Examine = Callable[[str, Scene], list[Diagnostic]]  # the findings of the scene's function in a changed text


def validate(scene: Scene, proposal: Proposal, examine: Examine, before: list[Diagnostic]) -> None:
    """Raises Refused with what is wrong."""
    text = proposal.draft.text()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        raise Refused("the rewrite would not parse") from None
    if text == scene.file.source:
        raise Refused("the rewrite would change nothing")
    _same_work(scene, tree, proposal.alias)
    _clean(scene, proposal.draft, examine(text, scene), before)


def _clean(scene: Scene, draft: Draft, found: list[Diagnostic], before: list[Diagnostic]) -> None:
    """The finding is gone and no new one came."""
    origins = draft.came_from()
    here = scene.file.module.span(scene.site.node).line
    known = Counter(d.span.line for d in before)
    for finding in found:
        if finding.confidence == "low":
            continue
        line = origins.get(finding.span.line, 0)
        if not known[line]:
            raise Refused(f"the rewrite would lead to another finding ({finding.code})")
        known[line] -= 1
    if not known[here] or known[here] < 1:
        raise Refused("the rewrite would not be enough")


def _same_work(scene: Scene, tree: ast.Module, alias: str) -> None:
    """The same calls are made and the same names bound, but for the releases."""
    acquire = ast.unparse(scene.call)
    old, new = _calls(scene.tree.module), _calls(tree)
    if alias:
        old = Counter({call.replace(acquire, alias) if call != acquire else call: n for call, n in old.items()})
    for call in (old - new) + (new - old):
        if not _about_release(scene, call):
            raise Refused(f"the rewrite would change the calls made ({call})")
    if _names(tree) - _names(scene.tree.module) - {*_OURS, "contextlib", scene.name, alias} and scene.name:
        raise Refused("the rewrite would bind other names")


def _calls(tree: ast.AST) -> Counter[str]:
    """Every call by its text; what `closing` is called with counts, `closing` itself does not."""
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call))
    return Counter(ast.unparse(n) for n in calls if terminal(n.func) not in _OURS)


_OURS = frozenset({"closing", "ExitStack", "enter_context"})


def _about_release(scene: Scene, call: str) -> bool:
    spec = scene.spec
    methods = {f.method.rpartition(".")[2] for f in (*spec.release, *spec.wrong_release)}
    methods |= {form.removesuffix("()") for form in (*spec.alive, *spec.closed)}
    node = bare(ast.parse(call, mode="eval").body)
    name = terminal(node.func) if isinstance(node, ast.Call) else ""
    helpers = {_helper(ast.unparse(ast.parse(text, mode="eval").body)) for text in _helpers(scene)}
    return name in methods or name in helpers


def _helpers(scene: Scene) -> list[str]:
    found = []
    for node in scene.site.releases:
        try:
            found.append(scene.tree.text(scene.tree.at(scene.file.module.span(node))))
        except Refused:
            continue  # the end of a `with` block
    return found


def _helper(text: str) -> str:
    return re.sub(r"\(.*", "", text, flags=re.DOTALL).rpartition(".")[2]


def _names(tree: ast.AST) -> set[str]:
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return bound | {
        (a.asname or a.name) for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names
    }
