"""How a block releases its connection: the `with` header, or the lines of a `finally`."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.nones import may_be_none
from leakcheck.fixes.preferred import Preferred, preferred
from leakcheck.fixes.releases import Releases
from leakcheck.fixes.scene import Scene
from leakcheck.fixes.syntax import Try
from leakcheck.fixes.text import Draft, Refused
from leakcheck.records import dataclass


@dataclass(slots=True)
class Ending:
    """How the block releases: a `with` header, or the lines of a `finally`."""

    scene: Scene
    title: str
    header: str = ""  # contextlib's function, or "own", or "enter"
    lines: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    preferred: Preferred | None = None
    instead: str = ""  # the call that is written instead of the acquire

    def write(self, draft: Draft, first: int, last: int, base: str, late: bool) -> None:
        scene = self.scene
        if self.preferred:
            self.instead = self.preferred.write(draft)
            return
        if not self.header:
            draft.insert(first, f"{base}try:")
            draft.insert(last + 1, f"{base}finally:", *(f"{base}{scene.unit}{line}" for line in self.lines))
            return
        opening, close = self._around(draft)
        if late or not scene.bound_directly or not _plain_value(scene) or not self._replaced(draft, opening, close):
            draft.insert(first, f"{base}{opening}{scene.name}{close}:")

    def join(self, draft: Draft, block: ast.stmt, late: bool) -> bool:
        """`with conn:`, if that is all of the body, becomes `with closing(acquire()) as conn, conn:`."""
        scene, tree = self.scene, self.scene.tree
        if self.header != "closing" or not isinstance(block, ast.With) or not _enters(block.items[0], scene.name):
            return False
        place = block.items[0].context_expr
        (line, column), (last, _) = tree.start(place), tree.end(scene.value)
        opening, close = (text.removeprefix("with ") for text in self._around(draft))
        text = f"{opening}{tree.text(scene.value)}{close} as {scene.name}, "
        alone = not late and scene.bound_directly and _plain_value(scene) and last == scene.statement.lineno
        if alone and scene.file.style.fits(draft.line(line).rstrip("\r\n") + text):
            draft.erase(tree.start(scene.statement), tree.end(scene.statement))
        else:
            text = f"{opening}{scene.name}{close}, "
        draft.replace(line, column, column, text)
        return True

    def _replaced(self, draft: Draft, opening: str, close: str) -> bool:
        """`conn = acquire()` becomes the header, if that is not too long."""
        scene, tree = self.scene, self.scene.tree
        value = scene.call if self.header == "enter" else scene.value
        (line, column), (last, stop) = tree.start(value), tree.end(value)
        start, close = tree.start(scene.statement)[1], f"{close} as {scene.name}:"
        head, tail = draft.line(line)[:start] + opening, close + draft.line(last)[stop:].rstrip("\r\n")
        texts = tree.text(value).splitlines()
        texts = [head + texts[0] + tail] if line == last else [head + texts[0], texts[-1] + tail]
        moved = len(head) - column
        under = (" " * moved + draft.line(n).rstrip() for n in draft.aligned((line, column), (last, stop)))
        if self.header != "enter" and not scene.file.style.fits(*texts, *under):
            return False
        draft.realign((line, column), (last, stop), moved)
        draft.replace(line, start, column, opening)
        draft.replace(last, stop, stop, close)
        return True

    def _around(self, draft: Draft) -> tuple[str, str]:
        """What stands in the header before and behind what is entered."""
        waits = self.header == "enter" or (self.header == "own" and isinstance(self.scene.value, ast.Await))
        opening = "async with " if waits else "with "
        if self.header != "closing":
            return opening, ""
        (closing,) = self.scene.file.imports.use(draft, self.scene.statement.lineno, "closing")
        return f"{opening}{closing}(", ")"


def _enters(item: ast.withitem, name: str) -> bool:
    return isinstance(item.context_expr, ast.Name) and item.context_expr.id == name and item.optional_vars is None


def _plain_value(scene: Scene) -> bool:
    """Nothing but `name = ` stands before the value on its line, and nothing after it."""
    tree = scene.tree
    (line, column), value_line = tree.start(scene.statement), tree.start(scene.value)
    between = tree.lines[line - 1][column : value_line[1]]
    return (
        line == value_line[0]
        and between.replace(" ", "") == f"{scene.name}="
        and tree.end(scene.value) == tree.end(scene.statement)
    )


def ending_for(scene: Scene, found: Releases, late: bool) -> Ending:
    """The block that does what the releases there did, or what the driver asks for."""
    doubts: tuple[str, ...] = ()
    if found.alive_guard and scene.spec.kind == "checkout":
        doubts = ("the release of a dead connection may raise",)
    if found.quiet:
        return _moved(scene, found, doubts)
    written = {ast.dump(_innermost(unit)) for unit in found.units}
    if len(written) > 1 and not found.ineffective:
        raise Refused(f"`{scene.name}` is released in different ways")
    if not found.units and scene.site.certainty != "high":
        doubts = ("the kind of the connection is a guess",)
    optional = may_be_none(scene)
    given = found.units and not found.ineffective
    if not late and not optional and not found.alive_guard and (manager := _preferred(scene)):
        doubts = (*doubts, manager.doubt) if manager.doubt else doubts
        return Ending(scene, f"let `{manager.name}` lend `{scene.name}`", "preferred", (), doubts, manager)
    text = scene.tree.text(_innermost(found.units[0])) if given else releases.written(scene, scene.name)
    if not optional and (header := _header(scene, text, late)):
        shown = {"closing": "`with closing(…)`", "own": "`with`", "enter": "`async with`"}[header]
        return Ending(scene, f"put the use of `{scene.name}` into {shown}", header, (), doubts)
    lines = (f"if {scene.name} is not None:", f"{scene.unit}{text}") if optional else (text,)
    if "\n" in text:
        raise Refused("the release spans lines")
    return Ending(scene, f"release `{scene.name}` in a `finally`", "", lines, doubts)


def _preferred(scene: Scene) -> Preferred | None:
    return preferred(scene) if scene.bound_directly and _plain_value(scene) else None


def _header(scene: Scene, text: str, late: bool) -> str:
    """The context manager that does the same as this release, if there is one."""
    spec = scene.spec
    same = any(text == form_text for form_text in _forms(scene))
    direct = (
        not late
        and scene.bound_directly
        and not scene.site.wrappers
        and scene.site.certainty == "high"
        and not spec.with_since
    )
    ends = ("closes", "returns") if spec.kind != "checkout" else ("returns",)
    if same and direct and not spec.with_commits and _plain_value(scene) and isinstance(scene.call, ast.Call):
        if isinstance(scene.value, ast.Await):
            return "enter" if spec.enter in ends else "own" if spec.with_effect in ends and spec.needs_await else ""
        if spec.with_effect in ends and not spec.needs_await:
            return "own"
    plain = text == f"{scene.name}.close()" and releases.closes_plainly(scene)
    return "closing" if plain and not isinstance(scene.value, ast.Await) else ""


def _forms(scene: Scene) -> list[str]:
    """The driver's releases as they would be written here."""
    found = []
    for form in scene.spec.release:
        text = releases._write(form, scene, scene.name)
        if text and form.method not in ("terminate", "shutdown", "stop"):
            found.append(text)
    return found


def _moved(scene: Scene, found: Releases, doubts: tuple[str, ...]) -> Ending:
    """A release that swallows its errors moves as it is."""
    if len({ast.dump(unit) for unit in found.units}) > 1:
        raise Refused(f"`{scene.name}` is released in different ways")
    unit = found.units[0]
    lines = scene.tree.text(unit).splitlines()
    margin = " " * scene.tree.start(unit)[1]
    if any(line.strip() and not line.startswith(margin) for line in lines[1:]):
        raise Refused("the release is laid out in an unusual way")
    moved = (lines[0], *(line.removeprefix(margin) for line in lines[1:]))
    return Ending(scene, f"release `{scene.name}` in a `finally`", "", moved, doubts)


def _innermost(unit: ast.stmt) -> ast.stmt:
    """The release itself, without the guards."""
    while isinstance(unit, (ast.If, ast.With, Try)):
        unit = unit.body[0]
    return unit
