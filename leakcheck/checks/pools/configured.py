"""LK401, LK402 for pools that a framework builds from settings: `SQLALCHEMY_ENGINE_OPTIONS`, Django's `DATABASES`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.pools.room import ONE_BY_ONE, Room
from leakcheck.checks.pools.versions import fitting
from leakcheck.checks.purpose import is_test
from leakcheck.checks.sql import Reader
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic
from leakcheck.models import Options
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Module
from leakcheck.project.syntax.walk import code, string_value, terminal, walk
from leakcheck.records import dataclass

Entries = dict[str, cst.BaseExpression]


@dataclass(frozen=True)
class Configured:
    """A dictionary of options: the literal, what is in it, and what is known of its kind."""

    node: cst.CSTNode
    entries: Entries
    options: Options


def configured(module: Module, project: Project, tell: Teller) -> Iterable[Diagnostic]:
    """What is wrong with the options in a settings module."""
    settings = project.settings
    if is_test(module, settings):
        return
    for found in dictionaries(module, project):
        node, entries, options = found.node, found.entries, found.options
        if _is_exempt(entries, options, module):
            continue
        is_read = not options.readers or project.may_require(options.readers, module)
        size, more = _number(entries.get(options.size)), ""
        if size is not None and size > 0:
            extra = _number(entries.get(options.overflow))
            extra = options.default_overflow if extra is None else extra
            size, more = size + extra, plus(options.size, size, options.overflow, extra)
        if size is not None and size > 0 and (room := Room(size, options.size, more)).is_too_small(settings):
            sure, message = room.verdict(settings, ONE_BY_ONE if size == 1 else "")
            yield tell.at("LK401", sure if is_read else "low", message, node)
        if options.guards and not any(_is_on(entries.get(guard)) for guard in options.guards):
            missing = ", ".join(f'"{key}": {value}' for key, value in options.resilient.items() if key not in entries)
            what = " or ".join(quoted(guard) for guard in options.guards)
            confidence = _confidence(entries, options) if is_read else "low"
            yield tell.at("LK402", confidence, f"no {what}: {options.because} (add `{missing}`)", node)


def plus(size: str, first: int, overflow: str, second: int) -> str:
    """What the size of a pool is the sum of."""
    return f" (`{size}` {first} + `{overflow}` {second})"


def dictionaries(module: Module, project: Project) -> Iterator[Configured]:
    """Dictionaries of options: by the name they are assigned to, or by a key that says what they are."""
    for options in project.catalogue.options:
        is_known = not options.url or any(url is not None for url in _urls(options, module))
        for chunk in module.mentioning(frozenset({options.assigned or options.holds})):
            for node in walk(chunk.tree):
                values = _assigned(node, options.assigned) if options.assigned else [node]
                for value in values:
                    entries = _entries(value)
                    if entries is not None and (options.assigned or options.holds in entries):
                        yield Configured(value, entries, fitting(options, project, module, is_known))


def _assigned(node: cst.CSTNode, name: str) -> list[cst.BaseExpression]:
    """`NAME = {…}`, in a class too, and `app.config["NAME"] = {…}`."""
    if isinstance(node, cst.AnnAssign) and node.value is not None:
        return [node.value] if _is_named(node.target, name) else []
    if isinstance(node, cst.Assign) and any(_is_named(target.target, name) for target in node.targets):
        return [node.value]
    return []


def _is_named(target: cst.BaseExpression, name: str) -> bool:
    if isinstance(target, cst.Subscript):
        keys = (element.slice.value for element in target.slice if isinstance(element.slice, cst.Index))
        return any(string_value(key) == name for key in keys)
    return terminal(target) == name


def _entries(node: cst.CSTNode) -> Entries | None:
    """The keys and values of a literal; None if some are out of sight."""
    if isinstance(node, cst.Dict) and all(isinstance(e, cst.DictElement) for e in node.elements):
        pairs = [(string_value(e.key), e.value) for e in node.elements if isinstance(e, cst.DictElement)]
        return {key: value for key, value in pairs if key is not None}
    if isinstance(node, cst.Call) and terminal(node.func) == "dict" and node.args and all(a.keyword for a in node.args):
        return {a.keyword.value: a.value for a in node.args if a.keyword}
    return None


def _is_exempt(entries: Entries, options: Options, module: Module) -> bool:
    """Nothing is kept between uses, or it is a database in the process."""
    kept = entries.get(options.holds) if options.holds else None
    if kept is not None and code(kept) in options.nothing:
        return True
    chosen = entries.get("poolclass")
    if chosen is not None and terminal(chosen) in options.nothing:
        return True
    if options.engine:
        text = string_value(entries[options.engine]) if options.engine in entries else None
        return text is not None and any(word in text for word in options.embedded)
    urls = _urls(options, module)
    return bool(urls) and all(url is not None and url.startswith(options.embedded) for url in urls)


def _urls(options: Options, module: Module) -> list[str | None]:
    """The beginnings of all that its URL is assigned in a module; None for one that cannot be told."""
    parts = module.mentioning(frozenset({options.url})) if options.url else ()
    values = (value for chunk in parts for node in walk(chunk.tree) for value in _assigned(node, options.url))
    return [Reader(None, module).beginning(value) for value in values]


def _confidence(entries: Entries, options: Options) -> Confidence:
    """Which database it is, and whether connections are kept at all, may be settings themselves."""
    unknown = [key for key in (options.engine, options.holds) if key and _is_open(entries.get(key))]
    return ("high", "medium", "low")[len(unknown)]


def _is_open(node: cst.BaseExpression | None) -> bool:
    """Not written down here."""
    return node is not None and string_value(node) is None and not isinstance(node, (cst.Integer, cst.Name))


def _number(node: cst.BaseExpression | None) -> int | None:
    return node.evaluated_value if isinstance(node, cst.Integer) else None


def _is_on(node: cst.BaseExpression | None) -> bool:
    return node is not None and code(node) not in ("False", "None", "-1")
