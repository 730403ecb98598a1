"""How many connections, pools and batches one file has: what findings are counted against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leakcheck.diagnostics import Span
from leakcheck.health.lifelines import Lifelines, lifelines
from leakcheck.records import dataclass

if TYPE_CHECKING:
    import libcst as cst

    from leakcheck.checks.pools.constructors import Constructors
    from leakcheck.flow.interpreter import Interpreter
    from leakcheck.flow.sites import Site
    from leakcheck.project.syntax.module import Module


@dataclass(frozen=True, slots=True)
class Census:
    """The counts of one file."""

    acquires: int = 0  # connections that the code takes and has to give back
    lent: int = 0  # that a web framework gives to an endpoint
    outside: tuple[Span, ...] = ()  # of these, the ones that no `with` block gives back
    pools: int = 0
    engines: int = 0  # pools with options against connections that died
    batches: int = 0  # calls that send many rows at once
    checkouts: int = 0  # from pools that raise when they are empty
    functions: tuple[Lifelines, ...] = ()  # those that take connections

    @property
    def uses(self) -> int:
        """Everything that can be held for too long."""
        return self.acquires + self.lent


def count(module: Module, runs: Sequence[Interpreter], constructors: Constructors, lent: int) -> Census:
    """The census of a module whose functions have been run."""
    sites = [(site, inside) for run in runs for site, inside in _acquired(run)]
    built = [b for b in constructors.of(module) if not (b.is_embedded or b.keeps_nothing)]
    return Census(
        acquires=len(sites),
        lent=lent,
        outside=tuple(module.span(site.node) for site, inside in sites if not inside),
        pools=len(built),
        engines=sum(bool(b.pool.guards) for b in built),
        batches=_batches(module, constructors.resolver.catalogue.methods("bulk")),
        checkouts=sum(s.spec.kind == "checkout" and s.spec.exhaustion.startswith("raises") for s, _ in sites),
        functions=lifelines(module, runs),
    )


def _acquired(run: Interpreter) -> Iterator[tuple[Site, bool]]:
    """The connections a function is responsible for, each with whether a `with` block gives it back."""
    blocks = _entered(run)
    lost = {leak.site for leak in run.leaks}
    for site in run.sites:
        entered = any(id(node) in blocks for node in (site.node, *site.releases)) and site not in lost
        if not site.parameter and (entered or site.releases or site in lost):
            yield site, entered


def _entered(run: Interpreter) -> frozenset[int]:
    """The expressions that `with` statements enter, and the calls that enter one on a stack."""
    import libcst as cst

    from leakcheck.project.syntax.walk import terminal, walk

    found: list[cst.CSTNode] = []
    for body in [run.function.node.body] if run.function else run.names.body:
        for node in walk(body):
            if isinstance(node, cst.WithItem):
                found.append(node.item)
            elif isinstance(node, cst.Call) and terminal(node.func) in ("enter_context", "enter_async_context"):
                found += [argument.value for argument in node.args]
    return frozenset(map(id, found))


def _batches(module: Module, methods: frozenset[str]) -> int:
    import libcst as cst

    from leakcheck.project.syntax.walk import walk

    nodes = (node for chunk in module.mentioning(methods) for node in walk(chunk.tree))
    return sum(
        isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in methods
        for node in nodes
    )
