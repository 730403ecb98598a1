"""LK205: a connection that a web framework injects is held as long as the endpoint runs, and longer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import libcst as cst

from leakcheck.checks.held.behind import Behind
from leakcheck.checks.held.blocking import Blocking, Pause
from leakcheck.checks.held.injected import nested_in_endpoint
from leakcheck.checks.held.lending import Lending
from leakcheck.checks.held.markers import Marker, Markers, annotated_by
from leakcheck.checks.held.nested import Acquires
from leakcheck.checks.held.scoped import Scoped
from leakcheck.checks.held.streams import Streams, reads
from leakcheck.checks.held.through import places, purpose, short, steps_of
from leakcheck.checks.held.waiting import feasible
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Span, lowest
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.sites import Site
from leakcheck.flow.state import Status
from leakcheck.flow.summaries import Summaries
from leakcheck.flow.values import NONE, Class, Function, Loan
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import dotted, same_scope, terminal, walk

_DEPTH = 4  # of dependencies of dependencies
_MOST_PLACES = 6
_AGAIN = "used there, it takes a connection that nothing gives back"


class Dependencies:
    """The endpoints of a module, and what their dependencies hold for them."""

    def __init__(
        self, resolver: Resolver, summaries: Summaries, project: Project, lending: Lending, acquires: Acquires
    ) -> None:
        self.resolver, self.summaries = resolver, summaries
        self.lending, self.acquires = lending, acquires
        self.web = resolver.catalogue.web
        self.scoped, self.streams = Scoped(resolver, summaries), Streams(resolver, project)
        self.behind = Behind(lending)
        self.markers = Markers(resolver)
        self._endpoint = re.compile(rf"@(?<!\S@)(?:[\w.]+\.)?(?:{'|'.join(self.web.endpoints)})\(")

    def findings(self, module: Module, tell: Teller, blocking: Blocking) -> Iterable[Diagnostic]:
        """One for each injected connection that an endpoint holds through something slow."""
        endpoints = self._endpoints(module)
        for function in endpoints:
            yield from self._of_parameters(function, tell)
            yield from self.scoped.of_endpoint(function, tell, blocking)
        yield from self.scoped.elsewhere(module, endpoints, tell, blocking)

    def lent(self, module: Module) -> int:
        """How many connections its endpoints are given."""
        return sum(not loan.spec.embedded for function in self._endpoints(module) for _, loan in self._loans(function))

    def _endpoints(self, module: Module) -> list[FunctionInfo]:
        decorated = self._decorated(module)
        return [f for f in decorated if any(self._is_endpoint(name, module) for name in f.decorators)]

    def _is_endpoint(self, decorator: str, module: Module) -> bool:
        """`@router.get`, or `@get` where it is imported from a framework."""
        if "." in decorator:
            return decorator.rpartition(".")[2] in self.web.endpoints
        return module.imports.get(decorator) in self.web.handlers

    def _of_parameters(self, function: FunctionInfo, tell: Teller) -> Iterator[Diagnostic]:
        """One for each place: what several parameters share is held once."""
        told: set[tuple[str, Span]] = set()
        for parameter, loan in self._loans(function):
            for found in self._judge(function, parameter, loan, tell):
                if (found.code, found.span) not in told:
                    told.add((found.code, found.span))
                    yield found

    def _loans(self, function: FunctionInfo) -> Iterator[tuple[cst.Param, Loan]]:
        """What each dependency lends, once: the framework calls it once a request, whoever asks for it."""
        found: dict[object, list[tuple[cst.Param, Loan]]] = {}
        for parameter in function.parameters:
            if loan := self._injected(parameter, function, _DEPTH):
                found.setdefault(loan.through[:1] or parameter, []).append((parameter, loan))
        for shared in found.values():
            parameter, loan = min(shared, key=lambda each: each[1].inside)
            used = [(user.name.value, each) for user, each in shared if each.used]
            unless = used[0][0] if len(used) == 1 and used[0][1].unless else ""
            kept_by = tuple(user.name.value for user, each in shared if each.inside)
            yield parameter, replace(loan, used=used[0][1].used if used else "", unless=unless, kept_by=kept_by)

    def _decorated(self, module: Module) -> Iterator[FunctionInfo]:
        """Functions of chunks in whose text something like `@router.get(` stands: the rest need not be parsed."""
        for chunk in module.chunks if self._endpoint.search(module.source) else ():
            for part in chunk.parts if self._endpoint.search(chunk.statement.text) else ():
                if self._endpoint.search(part.text):
                    yield from (d for d in part.definitions if isinstance(d, FunctionInfo))

    # -- what is injected ------------------------------------------------------------------------------------------

    def _injected(self, parameter: cst.Param, function: FunctionInfo, depth: int, by_name: bool = False) -> Loan | None:
        """What the parameter's dependency has checked out while the endpoint runs."""
        marker = self.markers.of(parameter, function)
        loan = self._loan(parameter, function, marker, depth, by_name)
        early = loan is not None and not loan.inside and marker is not None and self.streams.is_ended_early(marker)
        return replace(loan, ends_early=True) if loan is not None and early else loan

    def _loan(
        self, parameter: cst.Param, function: FunctionInfo, marker: Marker | None, depth: int, by_name: bool
    ) -> Loan | None:
        if marker is None:  # Litestar gives by name what is provided anywhere above
            by_name |= any(function.module.imports.get(name) in self.web.handlers for name in function.decorators)
            return self._typed(parameter, function) if by_name else None
        given = next((a.value for a in marker.call.args if a.keyword is None), None)
        if given is None:  # `Depends()` on the annotated class
            annotated = annotated_by(parameter.annotation) if parameter.annotation else None
            return self._lent(annotated, marker.module, depth) if annotated else None
        if isinstance(self.resolver.static(given, None, marker.module), (Class, Function)):
            return self._lent(given, marker.module, depth, marker.by_name)
        return self._typed(parameter, function)

    def _typed(self, parameter: cst.Param, function: FunctionInfo) -> Loan | None:
        """What a dependency out of sight lends, by the parameter's annotation."""
        spec = self.resolver.connection_type(self.resolver.parameter(parameter, function))
        return Loan(spec, "medium", ()) if spec is not None and spec.kind != "engine" else None

    def _lent(self, node: cst.BaseExpression, module: Module, depth: int, by_name: bool = False) -> Loan | None:
        """What a dependency lends: itself, or through its own dependencies."""
        value = self.resolver.static(node, None, module)
        if isinstance(value, Class):
            method = self.resolver.method(value.info, "__init__")
            return self._deeper(method, depth - 1, by_name) if method else None
        if not isinstance(value, Function):
            return None
        function = value.info
        summary = self.summaries.of(function, None, ()) if function.is_generator else None
        if summary is not None and summary.lends is not None:
            return Loan(summary.lends.spec, summary.lends.certainty, (function, *summary.lends.through))
        return self._deeper(function, depth - 1, by_name)

    def _deeper(self, function: FunctionInfo, depth: int, by_name: bool) -> Loan | None:
        for parameter in function.parameters if depth > 0 else ():
            if loan := self._injected(parameter, function, depth, by_name):
                used = [] if loan.inside else self._uses(function, parameter, loan)
                unless = "what it gives" if None in used else ""
                return replace(loan, inside=True, used=loan.used or function.name * any(used), unless=unless)
        return None

    def _uses(self, function: FunctionInfo, parameter: cst.Param, loan: Loan) -> list[bool | None]:
        """Whether a dependency has worked with what it got itself, and has not let it rest again, at each of its ends;
        None where it has not and says so by giving None, as it does nowhere else."""
        run = Interpreter(function, function.module, self.summaries.names(function), self.resolver, self.summaries)
        site = run.run_lent(parameter, loan)
        returns = run.ended.returns if run.ended else ()
        ends = [(state.resources[site.index, 0].status is Status.LENT, state.result == NONE) for state in returns]
        tells = all(used is not gives_none for used, gives_none in ends)
        return [None if tells and not used else used for used, _ in ends]

    # -- what the endpoint does meanwhile --------------------------------------------------------------------------

    def _judge(self, function: FunctionInfo, parameter: cst.Param, loan: Loan, tell: Teller) -> Iterator[Diagnostic]:
        if loan.spec.embedded:
            return
        run = Interpreter(function, function.module, self.summaries.names(function), self.resolver, self.summaries)
        site = run.run_lent(parameter, loan)
        for found in self._found(run, parameter, function, site, loan, tell):
            is_file = self.acquires.engines.is_file(site, function, function.module)
            yield replace(found, confidence="low") if is_file else found
        yield from nested_in_endpoint(run, site, loan, _subject(site, loan), tell, self.acquires)

    def _found(
        self, run: Interpreter, parameter: cst.Param, function: FunctionInfo, site: Site, loan: Loan, tell: Teller
    ) -> Iterator[Diagnostic]:
        told = self._acquired_from(parameter, function)
        waits = [each for each in self.lending.waits(run) if each[0].site is site and id(each[0].node) not in told]
        streams = [record for record in feasible(run) if record.site is site and self.streams.is_one(record, function)]
        if waits:
            yield _held(site, loan, places(waits, tell), tell)
        elif streams:
            yield from self._streamed(streams, parameter, function, site, loan, tell)
        else:
            yield from self._left_behind(run, parameter, function, site, loan, tell)

    def _acquired_from(self, parameter: cst.Param, function: FunctionInfo) -> set[int]:
        """The ids of what stands in `async with db.transaction():`, where its type says that this acquires: a wait in
        there is told of as LK201 or LK202."""
        blocks = (node for node in walk(function.node.body, same_scope) if isinstance(node, cst.With))
        inside = (
            block.body for block in blocks if any(self._acquires(i.item, parameter, function) for i in block.items)
        )
        return {id(node) for body in inside for node in walk(body)}

    def _acquires(self, node: cst.BaseExpression, parameter: cst.Param, function: FunctionInfo) -> bool:
        func = node.func if isinstance(node, cst.Call) else None
        if not isinstance(func, cst.Attribute) or dotted(func.value) != parameter.name.value:
            return False
        callee = self.resolver.static(func, function, function.module)
        return self.resolver.callee_name(callee) in self.resolver.catalogue.by_acquire

    def _ends_before(self, parameter: cst.Param, function: FunctionInfo, loan: Loan) -> bool:
        """Whether it is taken back before the response is sent: always by a framework that gives by name."""
        marker = self.markers.of(parameter, function)
        return marker is None or self.streams.ends_before(loan, marker, function.module)

    def _opens_again(self, parameter: cst.Param, function: FunctionInfo, loan: Loan) -> bool:
        """Whether what is given may be used after it was taken back: not what a dependency has only made with it."""
        kept = not loan.inside or self.lending.keeps_one(self.resolver.parameter(parameter, function))
        return loan.spec.reusable and kept

    def _left_behind(
        self, run: Interpreter, parameter: cst.Param, function: FunctionInfo, site: Site, loan: Loan, tell: Teller
    ) -> Iterator[Diagnostic]:
        """What tasks that run behind the response hold it through, or take again after it was given back."""
        if not any(True for _ in self.behind.tasks(function)):
            return
        if self._ends_before(parameter, function, loan):
            what = f"{_subject(site, loan)} is closed before this task runs: {_AGAIN}"
            again = self._opens_again(parameter, function, loan)
            for node in islice(self.behind.uses(function, parameter.name.value) if again else (), 1):
                yield tell.at("LK205", _confidence(site, None), what, node, tell.acquired(site))
        elif waits := places(self.behind.waits(run, site), tell):
            record, pause = waits[0]
            until = f"is held until this task behind the response is done, which {purpose(pause)}"
            steps = [*tell.acquired(site), *(step for wait in waits[:_MOST_PLACES] for step in steps_of(*wait, tell))]
            yield tell.at("LK205", _confidence(site, pause), f"{_subject(site, loan)} {until}", record.node, steps)

    def _streamed(
        self, streams: list[Held], parameter: cst.Param, function: FunctionInfo, site: Site, loan: Loan, tell: Teller
    ) -> Iterator[Diagnostic]:
        what, why = f"{_subject(site, loan)} is held until the last byte of this", ""
        if self._ends_before(parameter, function, loan):
            name, again = parameter.name.value, self._opens_again(parameter, function, loan)
            streams = [record for record in streams if again and reads(record, name, function)]
            what, why = f"{_subject(site, loan)} is closed before the body of this", f": {_AGAIN}"
        for record in streams[:1]:
            kind = quoted(terminal(record.node.func) if isinstance(record.node, cst.Call) else f"{function.name}()")
            message = f"{what} {kind} is sent{why}"
            yield tell.at("LK205", _confidence(site, None), message, record.node, tell.acquired(site))


def _subject(site: Site, loan: Loan) -> str:
    if not loan.through:
        return quoted(site.name)
    if loan.inside:
        what = "session" if loan.spec.kind in ("session", "managed") else "connection"
        return f"the {what} that {quoted(site.callee)} opened for {quoted(site.name)}"
    return f"{quoted(site.name)} from {quoted(site.callee)}"


def _held(site: Site, loan: Loan, waits: list[tuple[Held, Pause]], tell: Teller) -> Diagnostic:
    record, pause = waits[0]
    message = (
        f"{_subject(site, loan)} is held for the whole endpoint, "
        f"also while {quoted(short(record.node))} {purpose(pause)}"
    )
    steps = [*tell.acquired(site)]
    if loan.used:
        steps.append(tell.step("note", site.node, f"{quoted(loan.used)} has used it, so that it has a connection"))
    steps += [step for wait in waits[:_MOST_PLACES] for step in steps_of(*wait, tell)]
    return tell.at("LK205", _confidence(site, pause), message, record.node, steps)


def _confidence(site: Site, pause: Pause | None) -> Confidence:
    return lowest(site.certainty, pause.confidence if pause else "high")
