"""Functions and classes of one module, and what their text says about them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.project.syntax.bindings import Bindings, bindings_of
from leakcheck.project.syntax.remembered import remembered
from leakcheck.project.syntax.walk import dotted, same_scope, string_value, walk

if TYPE_CHECKING:
    from leakcheck.project.syntax.module import Chunk

LAMBDA = "<lambda>"
GIVING = frozenset({"return", "yield", "lambda"})


class FunctionInfo:
    """A function or method definition; compared by identity. Without a node it is its chunk's: parsed when needed."""

    def __init__(self, node: cst.FunctionDef | None, chunk: Chunk, qualname: str, parent: Scope) -> None:
        self.chunk, self.module, self.qualname, self.parent = chunk, chunk.module, qualname, parent
        self.cls = parent if isinstance(parent, ClassInfo) else None
        self.name = qualname.rpartition(".")[2]
        if node is not None:
            self.node = node

    @cached_property
    def node(self) -> cst.FunctionDef:
        return self.chunk.head  # type: ignore[return-value]

    @cached_property
    def place(self) -> cst.CSTNode:
        """Where to point for it."""
        return self.node.name

    @cached_property
    def is_generator(self) -> bool:
        return "yield" in self.chunk.words and any(type(n) is cst.Yield for n in walk(self.node.body, same_scope))

    @cached_property
    def is_async(self) -> bool:
        return self.node.asynchronous is not None

    @cached_property
    def words(self) -> frozenset[str]:
        """Names and attributes it mentions, in nested functions too; types and keywords of calls do not count."""
        return _words(self.node)

    def mentions(self, words: frozenset[str]) -> bool:
        """Whether it mentions one of the words; most often its text says no, and need not be parsed."""
        return not words.isdisjoint(self.chunk.words) and not words.isdisjoint(self.words)

    @cached_property
    def strings(self) -> frozenset[str]:
        """Every string constant of one word in the body."""
        found = (string_value(n) for n in walk(self.node.body) if type(n) is cst.SimpleString)
        return frozenset(text for text in found if text and text.isidentifier())

    @cached_property
    def parameters(self) -> tuple[cst.Param, ...]:
        """All parameters in the order a call fills them: positional, then keyword-only; star ones last."""
        p = self.node.params
        stars = [s for s in (p.star_arg, p.star_kwarg) if isinstance(s, cst.Param)]
        return (*p.posonly_params, *p.params, *p.kwonly_params, *stars)

    @cached_property
    def decorators(self) -> tuple[str, ...]:
        """Dotted names of the decorators as written, innermost last; calls are reduced to their callee."""
        if self.chunk.info is self and "node" not in self.__dict__:  # not parsed yet, and perhaps never
            if not self.chunk.statement.text.lstrip().startswith("@"):
                return ()
            if head := self.chunk.sketch.head:
                return head.decorators
        return _decorators(self.node)

    @cached_property
    def bindings(self) -> Bindings:
        return bindings_of(self.node)

    @cached_property
    def returned_names(self) -> frozenset[str]:
        """The names returned as they are."""
        return frozenset(node.value for node in self.returned if isinstance(node, cst.Name))

    @cached_property
    def returned(self) -> tuple[cst.BaseExpression, ...]:
        """The expressions returned or yielded."""
        if self.chunk.words.isdisjoint(GIVING):
            return ()
        nodes = (n for n in walk(self.node.body, same_scope) if isinstance(n, (cst.Return, cst.Yield)))
        return tuple(n.value for n in nodes if isinstance(n.value, cst.BaseExpression))

    @cached_property
    def stores(self) -> tuple[tuple[str, cst.BaseExpression], ...]:
        """Each `self.x = expression`."""
        return tuple((name, value) for target, value in self._assignments if (name := _self_field(target)))

    @cached_property
    def shares(self) -> tuple[tuple[str, cst.BaseExpression], ...]:
        """Each `Store.x = expression` in a method of `Store`."""
        owner = self.cls.name if self.cls is not None else ""
        paths = (((dotted(target) or "").split("."), value) for target, value in self._assignments if owner)
        return tuple((path[1], value) for path, value in paths if path[:-1] == [owner])

    @property
    def _assignments(self) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
        """Each target in the function's own body, with the value."""
        for node in walk(self.node.body, same_scope):
            if type(node) is cst.Assign:
                yield from ((target.target, node.value) for target in node.targets)
            elif type(node) is cst.AnnAssign and node.value is not None:
                yield node.target, node.value

    @cached_property
    def declares(self) -> dict[str, cst.BaseExpression]:
        """The types of each `self.x: T`."""
        nodes = [node for node in walk(self.node.body, same_scope) if type(node) is cst.AnnAssign]
        return {name: n.annotation.annotation for n in reversed(nodes) if (name := _self_field(n.target))}

    @cached_property
    def local_classes_and_functions(self) -> dict[str, FunctionInfo | ClassInfo]:
        """Functions and classes defined in this function's own body, by name."""
        return {d.name: d for d in self.chunk.definitions if d.parent is self}

    def __repr__(self) -> str:
        return f"<function {self.module.name}:{self.qualname}>"


class ClassInfo:
    """A class definition with its methods; compared by identity. Without a node it is its chunk's."""

    def __init__(self, node: cst.ClassDef | None, chunk: Chunk, qualname: str, parent: Scope) -> None:
        self.chunk, self.module, self.qualname, self.parent = chunk, chunk.module, qualname, parent
        self.name = qualname.rpartition(".")[2]
        self._found: dict[str, FunctionInfo] = {}
        if node is not None:
            self.node = node

    @cached_property
    def node(self) -> cst.ClassDef:
        return self.chunk.head  # type: ignore[return-value]

    @cached_property
    def methods(self) -> dict[str, FunctionInfo]:
        """By name; of several the last one, or one that is defined under a condition."""
        if self.chunk.info is not self:
            return self._found
        if "def" in self.chunk.own_words:
            _ = self.chunk.definitions  # which finds them
        return self.chunk.methods | self._found

    def add_method(self, method: FunctionInfo) -> None:
        """A property's setter has the getter's name: the getter is the one that gives a value."""
        if not any(d.endswith((".setter", ".deleter")) for d in method.decorators):
            self._found[method.name] = method

    @property
    def decorators(self) -> tuple[str, ...]:
        """As those of a function."""
        return _decorators(self.node)

    @cached_property
    def bases(self) -> tuple[str, ...]:
        head = self.chunk.sketch.head if self.chunk.info is self and "node" not in self.__dict__ else None
        return head.bases if head else tuple(filter(None, (dotted(arg.value) for arg in self.node.bases)))

    def fields(self, mentioning: frozenset[str]) -> Iterator[tuple[str, FunctionInfo | None, cst.BaseExpression]]:
        """`self.x = expression` in the methods whose text has one of the words, and `x = expression` in the body."""
        for method in self.methods.values():
            if not mentioning.isdisjoint(method.chunk.words):
                yield from ((name, method, value) for name, value in method.stores)
        yield from ((name, None, value) for name, value in self._named)

    def assigned(self, field: str) -> Iterator[tuple[FunctionInfo | None, cst.BaseExpression]]:
        """What a field is assigned, of an object or by the name of the class, and in which method."""
        for method in self.methods.values():
            if field in method.chunk.fields:
                yield from ((method, value) for name, value in (*method.stores, *method.shares) if name == field)
        named = self._named if self._mentions(field) else ()
        yield from ((None, value) for name, value in named if name == field)

    def annotation(self, field: str) -> cst.BaseExpression | None:
        """The type of a field by `x: T` in the class body (dataclass fields too) or `self.x: T = …` in the methods."""
        for node in self._statements if self._mentions(field) else ():
            if type(node) is cst.AnnAssign and dotted(node.target) in (field, f"self.{field}", f"cls.{field}"):
                return node.annotation.annotation
        declared = (m.declares.get(field) for m in self.methods.values() if field in m.chunk.fields)
        return next(filter(None, declared), None)

    @cached_property
    def annotated(self) -> tuple[str, ...]:
        """The fields that the body says the types of, but for those of the class and those that are not asked for."""
        nodes = (node for node in self._statements if type(node) is cst.AnnAssign and isinstance(node.target, cst.Name))
        return tuple(node.target.value for node in nodes if not _is_no_argument(node))  # type: ignore[attr-defined]

    def _mentions(self, field: str) -> bool:
        """Whether the name stands in its text, outside of methods that have a statement of their own."""
        return self.chunk.info is not self or field in self.chunk.own_words

    @cached_property
    def _named(self) -> tuple[tuple[str, cst.BaseExpression], ...]:
        """Each `x = expression` in the body."""
        assigned = (node for node in self._statements if type(node) is cst.Assign)
        pairs = ((target.target, node.value) for node in assigned for target in node.targets)
        return tuple((target.value, value) for target, value in pairs if isinstance(target, cst.Name))

    @cached_property
    def _statements(self) -> tuple[cst.CSTNode, ...]:
        return tuple(walk(self.node.body, same_scope))

    def __repr__(self) -> str:
        return f"<class {self.module.name}:{self.qualname}>"


Scope = FunctionInfo | ClassInfo | None


def function_of(node: cst.Lambda, chunk: Chunk, parent: Scope) -> FunctionInfo:
    """A lambda as the function it abbreviates."""
    body = cst.IndentedBlock([cst.SimpleStatementLine([cst.Return(node.body)])])
    info = FunctionInfo(cst.FunctionDef(cst.Name("lambda_"), node.params, body), chunk, LAMBDA, parent)
    info.name, info.place = "lambda", node
    return info


def _is_no_argument(node: cst.AnnAssign) -> bool:
    """`x: ClassVar[int]`, `x: int = field(init=False)`."""
    asked = node.value.args if isinstance(node.value, cst.Call) else ()
    told = (arg for arg in asked if arg.keyword is not None and arg.keyword.value == "init")
    annotation = node.annotation.annotation
    outer = dotted(annotation.value if isinstance(annotation, cst.Subscript) else annotation) or ""
    return outer.rpartition(".")[2] == "ClassVar" or any(dotted(arg.value) == "False" for arg in told)


def _self_field(target: cst.CSTNode) -> str:
    """`x` of `self.x`, else ""."""
    if (
        isinstance(target, cst.Attribute)
        and isinstance(target.value, cst.Name)
        and target.value.value in ("self", "cls")
    ):
        return target.attr.value
    return ""


@remembered(1024)
def _words(node: cst.CSTNode) -> frozenset[str]:
    found, keywords = set(), set()
    for part in walk(node, _is_run):
        if type(part) is cst.Arg and part.keyword is not None:
            keywords.add(id(part.keyword))
        elif type(part) is cst.Name and id(part) not in keywords:
            found.add(part.value)
    return frozenset(found)


def _is_run(node: cst.CSTNode) -> bool:
    """Not what is only there to be read."""
    return type(node) is not cst.Annotation


def _decorators(node: cst.FunctionDef | cst.ClassDef) -> tuple[str, ...]:
    made = (d.decorator.func if isinstance(d.decorator, cst.Call) else d.decorator for d in node.decorators)
    return tuple(dotted(callee) or "?" for callee in made)
