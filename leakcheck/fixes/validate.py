"""Holds a rewrite against its original: but for the releases it must do the same work."""

from __future__ import annotations

import ast
import re
from collections import Counter

from leakcheck.fixes.releases import asks_for_method
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import bare, terminal
from leakcheck.fixes.text import Refused, indentation


def same_work(scene: Scene, proposal: Proposal) -> None:
    """Raises Refused unless the function makes the same calls and binds the same names as before, but for releases."""
    tree, draft, old = scene.tree, proposal.draft, scene.function or scene.tree.module
    first, last = (tree.first_line(scene.function), tree.last_line(scene.function)) if scene.function else (1, 0)
    last = last or len(tree.lines)
    header = int(indentation(tree.lines[first - 1]) != "" and scene.function is not None)
    new = _parsed("if 1:\n" * header + draft.text(first, last))
    low, high, grown = draft.stretch(first, last)
    shift = header + 1 - first
    before, after = _within(old, low, high), _within(new, low + shift, high + grown + shift)
    _same_calls(scene, _calls(scene, before), _calls(scene, after), proposal)
    if scene.name and _names(after) - _names(before) - {*_OURS, "contextlib", scene.name, proposal.alias}:
        raise Refused("the rewrite would bind other names")


def _same_calls(scene: Scene, before: Counter[str], after: Counter[str], proposal: Proposal) -> None:
    acquire, alias = ast.unparse(scene.call), proposal.alias
    if proposal.instead:
        before += Counter({ast.unparse(ast.parse(proposal.instead)): before.pop(acquire)})
    if alias:
        before = Counter({call.replace(acquire, alias) if call != acquire else call: n for call, n in before.items()})
    for call in (before - after) + (after - before):
        if not _about_release(scene, call):
            raise Refused(f"the rewrite would change the calls made ({call})")


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        raise Refused("the rewrite would not parse") from None


def _within(tree: ast.AST, first: int, last: int) -> list[ast.AST]:
    """The nodes that begin in some lines; statements that lie elsewhere are not even looked into."""
    found: list[ast.AST] = []
    pending = [tree]
    while pending:
        node = pending.pop()
        start, end = getattr(node, "lineno", first), getattr(node, "end_lineno", last)
        if start <= last and end >= first:
            found += [node] * (start >= first)
            pending.extend(ast.iter_child_nodes(node))
    return found


def _calls(scene: Scene, nodes: list[ast.AST]) -> Counter[str]:
    """Every call by its text; what `closing` is called with counts, `closing` itself does not."""
    renamed = (name for name, target in scene.file.module.imports.items() if target in _MANAGERS)
    ours = _OURS.union(renamed)
    return Counter(ast.unparse(n) for n in nodes if isinstance(n, ast.Call) and terminal(n.func) not in ours)


_MANAGERS = frozenset({"contextlib.closing", "contextlib.ExitStack"})
_OURS = frozenset({"closing", "ExitStack", "enter_context"})


def _about_release(scene: Scene, call: str) -> bool:
    spec = scene.spec
    methods = {f.method.rpartition(".")[2] for f in (*spec.release, *spec.wrong_release)}
    methods |= spec.predicates
    node = bare(ast.parse(call, mode="eval").body)
    name = terminal(node.func) if isinstance(node, ast.Call) else ""
    helpers = {_helper(ast.unparse(ast.parse(text, mode="eval").body)) for text in _helpers(scene)}
    return name in methods or name in helpers or asks_for_method(node, scene)


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


def _names(nodes: list[ast.AST]) -> set[str]:
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    imports = (n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)))
    return bound | {(alias.asname or alias.name) for n in imports for alias in n.names}
