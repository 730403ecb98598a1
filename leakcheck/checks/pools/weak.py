"""LK401, LK402: pools that are too small, and engines that hand out dead connections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.pools.callers import is_for_one_call
from leakcheck.checks.pools.configured import plus
from leakcheck.checks.pools.constructors import Built, Constructors
from leakcheck.checks.pools.emptied import is_emptied
from leakcheck.checks.pools.engines import only_sqlite
from leakcheck.checks.pools.fates import Fates
from leakcheck.checks.pools.lines import is_for_the_lines
from leakcheck.checks.pools.room import Room, reason
from leakcheck.checks.pools.single import keeps_one
from leakcheck.checks.pools.trails import Fate
from leakcheck.checks.pools.unguarded import skips_closing
from leakcheck.checks.purpose import is_test
from leakcheck.checks.scripts import (
    is_brief_script,
    is_for_the_block,
    is_for_the_file,
    is_part_of_a_script,
    is_run_in_processes,
    may_go_on,
)
from leakcheck.checks.telling import Teller, named, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, lowest
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, same_scope, walk
from leakcheck.settings import Settings
from leakcheck.words import words

_LIKELY: Confidence = "medium"  # the default size may be meant


def pools(
    module: Module, constructors: Constructors, fates: Fates, tell: Teller, settings: Settings
) -> Iterable[Diagnostic]:
    """What is wrong with the pools that a module builds."""
    if is_test(module, settings) or words().of_migrations.search(settings.relative(module.filename)):
        return
    serves: bool | None = None
    found = list(constructors.of(module))
    spare = _spare(found, module)
    files = {built.function for built in found if built.is_embedded}  # functions that open one: they may open no other
    for built in found:
        if (
            id(built.node) in spare
            or built.is_embedded
            or built.keeps_nothing
            or (built.url is None and built.told is None and built.function and built.function in files)
        ):
            continue
        serves = _serves(module, constructors) if serves is None else serves
        fate = fates.of(built)
        yield from _harmful(built, tell)
        if fate is Fate.LOST:
            yield _per_call(built, tell)
        elif fate is Fate.CLOSED:
            yield from _unguarded(built, tell, fates)
        else:
            yield from _too_small(built, tell, settings, serves)
            yield from _not_resilient(built, serves, tell, fates) if _is_kept(built, fate, fates) else ()
    yield from _from_factories(module, constructors, fates, tell)


def _spare(found: list[Built], module: Module) -> set[int]:
    """The calls in handlers that build another way what the block before could not: that one stands for both."""
    spare: set[int] = set()
    whole = [b for b in found if not (b.is_embedded or b.keeps_nothing)] if len(found) > 1 else []
    for body in {id(b): b for b in (_body(built, module) for built in whole)}.values():
        for tried in walk(body, same_scope):
            if isinstance(tried, cst.Try) and any(part is b.node for part in walk(tried.body) for b in whole):
                handled = {id(part) for handler in tried.handlers for part in walk(handler.body)}
                spare |= {id(built.node) for built in whole} & handled
    return spare


def _body(built: Built, module: Module) -> cst.CSTNode:
    return built.function.node.body if built.function else module.chunk_of(built.node).tree


def _too_small(built: Built, tell: Teller, settings: Settings, serves: bool) -> Iterator[Diagnostic]:
    pool, is_given = built.pool, True
    size = built.number(pool.size, pool.position) if pool.size else None
    if size is None and serves and built.keywords is not None and not built.gives(pool.size, pool.position):
        size, is_given = built.number(pool.default_from) or pool.default, False
    if size is None or size < 1:
        return
    more = ""
    if pool.overflow:
        extra = built.number(pool.overflow)
        if built.gives(pool.overflow) and extra is None:
            return
        extra = pool.default_overflow if extra is None else extra
        size, more = size + extra, plus(pool.size, size, pool.overflow, extra)
    room = Room(size, pool.size, more, pool.most)
    if room.is_too_small(settings):
        sure, message = room.verdict(settings, reason(built, room, is_given, serves))
        yield tell.at("LK401", sure if is_given else _LIKELY, message, built.node)


def _is_kept(built: Built, fate: Fate, fates: Fates) -> bool:
    """Whether somebody may have it for longer than a call."""
    if fate is Fate.RETURNED and built.function is not None:
        return not is_for_one_call(built.function, fates)
    return fate not in (Fate.GIVEN, Fate.CLOSED) and not is_emptied(built, fates.releases)


def _harmful(built: Built, tell: Teller) -> Iterator[Diagnostic]:
    """Keywords that are better left out."""
    for argument in built.node.args:
        text = code(argument).rstrip(", ").replace(" ", "")
        if argument.keyword is not None and text in built.pool.harmful:
            yield tell.at("LK402", "high", f"{quoted(text)} {built.pool.harmful[text]}", built.node)


def _serves(module: Module, constructors: Constructors) -> bool:
    """Whether this module, or one beside it or below, runs code for many callers at a time."""
    servers = constructors.resolver.catalogue.web.servers
    if _is_server(module, servers):
        return True
    imports = re.compile(rf"^\s*(?:import|from)\s+(?:{'|'.join(map(re.escape, servers))})\b", re.MULTILINE)
    return any(imports.search(text) for text in constructors.resolver.project.texts_around(module))


def _is_server(module: Module, servers: tuple[str, ...]) -> bool:
    return any(
        name == server or name.startswith(f"{server}.") for name in module.imports.values() for server in servers
    )


def _not_resilient(built: Built, serves: bool, tell: Teller, fates: Fates) -> Iterator[Diagnostic]:
    keywords = built.keywords
    if keywords is None or any(guard in keywords for guard in built.pool.guards):
        return
    pool = built.advised
    if not pool.guards:
        return
    missing = ", ".join(f"{key}={value}" for key, value in pool.resilient.items() if key not in keywords)
    what = " or ".join(quoted(guard) for guard in pool.guards)
    message = f"no {what}: after a restart or an idle night the engine hands out dead connections (add `{missing}`)"
    is_brief = built.function is None and not serves and is_brief_script(built.module)
    is_brief = is_brief or is_for_the_block(built) or keeps_one(built, fates) or (not serves and is_for_the_file(built))
    if not (is_brief or _is_server(built.module, built.resolver.catalogue.web.servers)):
        is_brief = is_for_the_lines(built, fates)
    yield tell.at("LK402", "low" if is_brief else _certainty(built), message, built.node)


def _per_call(built: Built, tell: Teller) -> Diagnostic:
    assert built.function is not None
    message = f"{quoted(built.callee)} builds a pool on every call of {named(built.function)} and nothing disposes it"
    sure = "low" if _ends_soon(built.function, built.resolver.project) else _certainty(built)
    return tell.at("LK403", sure, message, built.node)


def _unguarded(built: Built, tell: Teller, fates: Fates) -> Iterator[Diagnostic]:
    """A pool that is only closed if nothing raises before."""
    call = skips_closing(built.node, built.function, fates) if built.function is not None else None
    if call is not None and built.function is not None:
        message = (
            f"{quoted(built.callee)} builds a pool on every call of {named(built.function)}, "
            f"which nothing closes if {quoted(tell.callee(call))} raises"
        )
        is_low = built.is_collected or _ends_soon(built.function, built.resolver.project)
        sure = "low" if is_low else lowest(_certainty(built), "medium")
        yield tell.at(
            "LK403", sure, message, built.node, [tell.step("raise", call, "if this raises, what follows is skipped")]
        )


def _from_factories(module: Module, constructors: Constructors, fates: Fates, tell: Teller) -> Iterator[Diagnostic]:
    """A pool from a function of the project that builds a new one each time it is called."""
    for node, function, factory in fates.factory_calls(module):
        if fates.of_call(node, function) is Fate.LOST:
            message = f"{quoted(factory.name)} builds a pool on every call of {named(function)} and nothing disposes it"
            steps = [tell.step("via", factory.node.name, "builds and returns a new one", factory.module)]
            sure: Confidence = "low" if _ends_soon(function, fates.resolver.project) else "medium"
            yield tell.at("LK403", sure, message, node, steps)


def _ends_soon(function: FunctionInfo, project: Project) -> bool:
    """Whether processes of a pool run it, or one of its own for each task, which ends when the work is done."""
    if is_run_in_processes(function):
        return True
    return not may_go_on(function) and is_part_of_a_script(function, project, tasks=True)


def _certainty(built: Built) -> Confidence:
    """A URL from the settings is nearly always one of a server, unless what comes next is only for SQLite."""
    if built.function is not None and built.url is None and only_sqlite(built.function):
        return "low"
    return "medium" if built.url is None else "high"
