"""LibCST's parser at less cost: what it builds is valid, so its nodes need not check themselves.

Of a parse by LibCST 1.8, about a quarter goes into the nodes' checks of their own fields, and a sixth into the
initialisers of frozen data classes, which set each field by name. Both are done away with here, the second once enough
text has been parsed to pay for it. Trees are the same as `libcst.parse_module` makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass

import libcst as cst

_ENOUGH = 40_000  # characters, about a thousand lines; making the initialisers costs as much as reading these

_parsed = 0


def parse_module(text: str) -> cst.Module:
    """The tree of a text; raises `libcst.ParserSyntaxError`."""
    global _parsed
    _parsed += len(text)
    if 0 <= _parsed - _ENOUGH < len(text):
        _set_fields_by_slot()
    checks = cst.CSTNode.__post_init__
    cst.CSTNode.__post_init__ = staticmethod(_no_checks)  # type: ignore[assignment, method-assign]
    try:
        return cst.parse_module(text)
    finally:
        cst.CSTNode.__post_init__ = checks  # type: ignore[method-assign]


_no_checks = bool  # takes no argument, and is the quickest thing to call


def _set_fields_by_slot() -> None:
    """Give the kinds of nodes initialisers that set each field through its slot, with the same arguments."""
    for kind in set(_kinds(cst.CSTNode)):  # type: ignore[type-abstract]
        if is_dataclass(kind) and "__init__" in vars(kind) and kind.__init__.__code__.co_filename == "<string>":
            names = [field.name for field in fields(kind) if field.init]
            setters = {f"set_{name}": getattr(getattr(kind, name, None), "__set__", None) for name in names}
            if all(setters.values()):
                kind.__init__ = _initialiser(kind, setters)  # type: ignore[method-assign]


def _initialiser(kind: type[cst.CSTNode], known: dict[str, object]) -> Callable[..., None]:
    arguments, body = [], []
    for field in (field for field in fields(kind) if field.init):
        name = field.name
        if field.default_factory is not MISSING:
            known |= {"MISSING": MISSING, f"make_{name}": field.default_factory}
            arguments.append(f"{name}=MISSING")
            body.append(f"    if {name} is MISSING: {name} = make_{name}()")
        elif field.default is not MISSING:
            known[f"default_{name}"] = field.default
            arguments.append(f"{name}=default_{name}")
        else:
            arguments.append(name)
        body.append(f"    set_{name}(self, {name})")
    lines = [f"def __init__({', '.join(('self', *arguments))}):", *body, "    self.__post_init__()"]
    exec("\n".join(lines), known)
    return known["__init__"]  # type: ignore[return-value]


def _kinds(kind: type[cst.CSTNode]) -> Iterator[type[cst.CSTNode]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)
