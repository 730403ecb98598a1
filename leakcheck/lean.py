"""LibCST, imported in a third of the time, with classes whose instances are told in half the time."""

from __future__ import annotations

import dataclasses
import sys
from abc import ABCMeta
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from leakcheck.records import late

_SPARED: dict[str, Any] = {"init": False, "repr": False, "eq": False, "frozen": False}
_DETECTING = "libcst._parser.detect_config"
_TYPED = "libcst._typed_visitor"


def import_libcst() -> None:
    """Without the methods that `dataclass` makes for each class of nodes and that nobody here needs, or few: nodes
    bring their own representation and comparison, and all that is lost is that they refuse to be changed. Only for a
    process that is ours alone: others may rely on it."""
    made: Any = dataclasses.dataclass

    def lean(cls: Any = None, /, **options: Any) -> Any:
        if cls is None:
            return partial(lean, **options)
        if not any(base.__name__ == "CSTNode" for base in cls.__mro__):
            return made(cls, **options)
        cls.__init__ = late("__init__")
        return made(cls, **(options | _SPARED))

    _put_off()
    dataclasses.dataclass = lean
    try:
        import libcst
    finally:
        dataclasses.dataclass = made
    vars(libcst)["metadata"] = sys.modules["libcst.metadata"]
    for kind in set(_below(libcst.CSTNode)):
        kind.__class__ = _Plain


def _put_off() -> None:
    """Have what few runs need imported when they do: the providers of metadata, and what finds an encoding."""
    root = find_spec("libcst")
    spec = PathFinder.find_spec("libcst.metadata", root.submodule_search_locations) if root else None
    if spec is None or "libcst" in sys.modules:
        return
    package = sys.modules[spec.name] = module_from_spec(spec)
    package.__dict__["__getattr__"] = partial(_filled, package)
    detecting = sys.modules[_DETECTING] = ModuleType(_DETECTING)
    detecting.__dict__["convert_to_utf8"] = _decoded
    typed = sys.modules[_TYPED] = ModuleType(_TYPED)  # only for type checkers: visitors' methods are looked up by name
    typed.__dict__["__getattr__"] = lambda name: type(name, (), {})


def _filled(package: ModuleType, name: str) -> object:
    """What a package has when its own code has run, not only that of its modules."""
    del package.__dict__["__getattr__"]
    if package.__spec__ and package.__spec__.loader:
        package.__spec__.loader.exec_module(package)
    return getattr(package, name)


def _decoded(source: str | bytes, *, partial: Any) -> tuple[str, str]:
    """The encoding of what is to be parsed, and its text: only for bytes LibCST's own tokenizer is needed."""
    if isinstance(source, str):
        return partial.encoding if isinstance(partial.encoding, str) else "utf-8", source
    sys.modules.pop(_DETECTING, None)
    return import_module(_DETECTING).convert_to_utf8(source, partial=partial)  # type: ignore[no-any-return]


class _Plain(ABCMeta):
    """Of classes that nobody registers others with: whether something is an instance need not be looked up for them."""

    __instancecheck__ = type.__instancecheck__


def _below(kind: Any) -> Iterator[Any]:
    yield kind
    for other in kind.__subclasses__():
        yield from _below(other)
