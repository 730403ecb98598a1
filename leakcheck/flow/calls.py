"""Calls: find out who is called, and do to the resources among the arguments what the callee does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.binding import makes_of
from leakcheck.flow.core import Argument, Evaluated, merged
from leakcheck.flow.displays import Displays
from leakcheck.flow.handing import CALLBACK
from leakcheck.flow.handlers import joined
from leakcheck.flow.objects import Objects
from leakcheck.flow.opening import in_memory
from leakcheck.flow.sessions import Sessions
from leakcheck.flow.sites import Site
from leakcheck.flow.state import State, Tier
from leakcheck.flow.summaries import ENDS_PROCESS
from leakcheck.flow.values import (
    NONE,
    UNKNOWN,
    Class,
    Derived,
    Function,
    Instance,
    Lent,
    Method,
    Pending,
    PendingRelease,
    Ref,
    Stack,
    Symbol,
    Tuple,
    Value,
)
from leakcheck.models import Connection
from leakcheck.project.syntax.walk import is_none, terminal
from leakcheck.schema import RAISES

if TYPE_CHECKING:
    from leakcheck.diagnostics import Confidence

# asyncio's ways to wait for one awaitable: the result is the awaitable's own.
WAITS_FOR = frozenset({"asyncio.wait_for", "asyncio.shield", "asyncio.ensure_future", "anyio.fail_after"})
CASTS = frozenset({"typing.cast", "typing_extensions.cast"})
_IN_THREAD = frozenset({"asyncio.to_thread", "anyio.to_thread.run_sync"})  # ways to call what comes first
RUNS = frozenset({"asyncio.run", "anyio.run", "trio.run"})
GATHERS = "asyncio.gather"  # for all of several
_STARTS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe"})  # what it raises is raised later


class Calls(Sessions, Objects, Displays):
    """Acquire, release, borrow, hand over."""

    def call(self, node: cst.Call, state: State) -> Evaluated:
        result: Evaluated = []
        if terminal(node.func) in _STARTS:
            self.started.update(id(arg.value) for arg in node.args)
        for callee, reached in self.eval(node.func, state):
            for values, after in self.eval_all((arg.value for arg in node.args), reached):
                arguments = [Argument(value, arg) for value, arg in zip(values, node.args, strict=True)]
                result += self._dispatch(callee, node, arguments, after)
        return merged(result)

    def _dispatch(self, callee: Value, node: cst.Call, arguments: list[Argument], state: State) -> Evaluated:
        if state.resources:
            self.holding.call(self, callee, node, arguments, state)
            self._use_what_is_lent(callee, node, arguments, state)
        if not isinstance(callee, Function) and (released := self._release_by_call(callee, node, arguments, state)):
            return released
        if isinstance(callee, Method):
            receiver = callee.receiver
            if isinstance(receiver, Ref):
                return self.call_on_resource(receiver, callee.name, node, arguments, state)
            if isinstance(receiver, Instance) and receiver.rid is not None and self.passes_on(receiver):
                return self.call_on_resource(Ref(receiver.rid), callee.name, node, arguments, state)
            if isinstance(receiver, Pending) and callee.name in receiver.spec.returns_self:
                return [(receiver, state)]
            if isinstance(receiver, Derived):
                return self.call_on_derived(receiver, callee.name, node, arguments, state)
            if isinstance(receiver, Tuple) and (
                known := self.call_on_display(receiver, callee.name, node, arguments, state)
            ):
                return known
            if isinstance(receiver, Stack):
                return self.call_on_stack(receiver, callee.name, node, arguments, state)
            if isinstance(receiver, Lent) and receiver.rid is not None:
                self.use_lent(receiver.rid, callee.name, node, state)
            if (spec := self.resolver.connection_type(receiver)) is not None:
                if isinstance(receiver, Lent) and receiver.rid is not None and callee.name in spec.rests_after:
                    return [(receiver, state)]  # the block that it begins gives the connection back
                return self._call_on_lent(spec, callee.name, node, arguments, state)
        if isinstance(callee, Function):
            self.callees.setdefault(node, set()).add(callee)
            if ended := self.end_owner(callee, node, state):
                return ended
            taught = self.model(f"{callee.info.module.name}.{callee.info.qualname}", node)
            if taught is not None:  # the settings say what the function gives: believed rather than looked into
                return self._acquire_by_call(taught, node, arguments, state)
            return self.call_function(callee, node, arguments, state)
        if isinstance(callee, Class):
            return self.construct(callee, node, arguments, state)
        return self._call_named(callee, node, arguments, state)

    def _use_what_is_lent(self, callee: Value, node: cst.Call, arguments: list[Argument], state: State) -> None:
        """What an argument lends is used, or kept for later; so is what an object kept before."""
        if isinstance(callee, Class):
            self.keep_lent(callee, arguments)
            return
        if callee is UNKNOWN and makes_of(node, self.function):
            return
        lent = [a.value.rid for a in arguments if isinstance(a.value, Lent) and a.value.rid is not None]
        if not lent or self.resolver.callee_name(callee) not in self.catalogue.web.tasks:  # which use it later
            for rid in lent:
                self.use_lent(rid, "", node, state)
        if isinstance(callee, Function):
            self.use_kept(callee, node, state)

    # -- callees outside the project -------------------------------------------------------------------------------

    def _call_named(self, callee: Value, node: cst.Call, arguments: list[Argument], state: State) -> Evaluated:
        name = self.resolver.callee_name(callee)
        if isinstance(callee, Method) and callee.receiver == NONE and isinstance(node.func, cst.Attribute):
            if self._is_left_none(node.func.value) and any(map(state.via.get, state.open_resources())):
                self.raises(state, node.func.value, Tier.STRONG, "none")
                return []
        if isinstance(callee, Method) and callee.name == "assertIsNone":
            if any(isinstance(argument.value, Ref) for argument in arguments[:1]):
                return []  # it goes on only where nothing was acquired
        if isinstance(callee, Method) and callee.name in ("assertRaises", "assertRaisesRegex"):
            name = "pytest.raises"  # the same to what stands in the block
        if name is not None:
            if name in ENDS_PROCESS:
                return []
            if name == "super":
                return [(self.resolver.parent(self.function), state)]
            managed = self.call_contextlib(name, node, arguments, state)
            if managed is not None:
                return managed
            if spec := self.model(name, node):
                return self._acquire_by_call(spec, node, arguments, state)
            if name == "functools.partial" and arguments:
                for argument in arguments[1:]:
                    self.hand_over(argument.value, state, CALLBACK, node)
                return [(arguments[0].value, state)]
            if name in _IN_THREAD and arguments and (spec := self._passed(arguments[0].value, node)):
                return self._acquire_by_call(spec, node, arguments[1:], state)
            if name in CASTS and arguments:
                return [(arguments[-1].value, state)]
            if name == "getattr" and (release := self.release_by_name(arguments)):
                return [(release, state)]
            if name in WAITS_FOR and arguments and isinstance(arguments[0].value, (Pending, PendingRelease)):
                return [(arguments[0].value, state)]
            if name == GATHERS:
                return [(Tuple(tuple(a.value for a in arguments)), state)]
            if (name in RUNS or name.endswith(".run_until_complete")) and arguments:
                return self.awaited(arguments[0].value, node, state)
        elif guessed := self.guess(callee, node):
            return self._acquire_by_call(guessed, node, arguments, state, self.certainty(guessed))
        return self._call_other(name, callee, node, arguments, state)

    def _is_left_none(self, receiver: cst.BaseExpression) -> bool:
        """Whether it is a variable that this function sets to None, and that no nested one sets: what others give is
        less certain."""
        if self.function is None or not isinstance(receiver, cst.Name) or "nonlocal" in self.function.chunk.words:
            return False
        return receiver.value in self.names.locals and any(
            map(is_none, self.function.bindings.assigned.get(receiver.value, ()))
        )

    def _passed(self, callee: Value, node: cst.Call) -> Connection | None:
        """What an acquirer gives that is not called here, but passed to whoever calls it."""
        name = self.resolver.callee_name(callee)
        return self.model(name, node) if name is not None else None

    def _acquire_by_call(self, spec: Connection, node: cst.Call, arguments: list[Argument], state: State,
                         certainty: Confidence = "high") -> Evaluated:  # fmt: skip
        if (shared := self.over_given(spec, arguments)) is not None:
            return [(shared, state)]
        for argument in arguments:
            self.hand_over(argument.value, state, "argument", node)
        site = self.site(node, spec, certainty)
        site.in_memory = in_memory(node, spec.memory_arguments)
        if spec.needs_await or spec.acquires_on_enter:
            return [(Pending(spec, site.index), state)]
        self.may_raise(state, node, Tier.STRONG, "driver")
        return [(self.acquire(site, state), state)]

    def _release_by_call(
        self, callee: Value, node: cst.Call, arguments: list[Argument], state: State
    ) -> Evaluated | None:
        """`pool.putconn(conn)`, `pool.release(conn)`, `ibm_db.close(conn)`: a call that takes the connection back."""
        method = terminal(node.func)
        for argument in arguments:
            if not isinstance(argument.value, Ref):
                continue
            rid = argument.value.rid
            site = self.site_of(rid)
            for form in site.spec.release:
                if form.on == "pool" and form.method == method and isinstance(node.func, cst.Attribute):
                    if self._is_other_pool(site, node.func):
                        return self.wrongly_released(rid, node, state, "other pool")
                    return self.released(rid, form, node, state)
                if form.on == "function" and form.method == self.resolver.callee_name(callee):
                    return self.released(rid, form, node, state)
        return None

    def _is_other_pool(self, site: Site, release: cst.Attribute) -> bool:
        """Whether the connection surely came from another pool: two module-level names, each built by its own call."""
        if site.wrappers or not isinstance(site.node, cst.Call) or not isinstance(site.node.func, cst.Attribute):
            return False
        came, goes = site.node.func.value, release.value
        if not isinstance(came, cst.Name) or not isinstance(goes, cst.Name) or came.value == goes.value:
            return False
        built = [self.module.assigned(name.value) for name in (came, goes)]
        return all(len(values) == 1 and isinstance(values[0], cst.Call) for values in built)

    def _call_other(self, name: str | None, callee: Value, node: cst.Call, arguments: list[Argument],
                    state: State) -> Evaluated:  # fmt: skip
        kinds = self.kinds(name, callee, node)
        touching = [a for a in arguments if self.touched(a.value, state)]
        for argument in arguments:
            if "keeps" in kinds and isinstance(node.func, cst.Attribute):
                self.collect_into(node.func.value, argument.value)
            if isinstance(argument.value, PendingRelease):
                self.release(argument.value.rid, state, node)
            elif isinstance(argument.value, Method):
                self.hand_over(argument.value, state, CALLBACK, node)
            elif "borrows" not in kinds or isinstance(argument.value, Function) or _takes(name, argument.value, node):
                is_release = isinstance(argument.value, Function) and self.may_release(argument.value.info)
                self.hand_over(argument.value, state, CALLBACK if is_release else "argument", node)
        if "never-raises" not in kinds and not self.cannot_fail(name, node):
            strong = "raises" in kinds or bool(touching)
            only = joined(kinds)
            origin = "driver" if touching and not only else "call"
            self.may_raise(state, node, Tier.STRONG if strong else Tier.WEAK, origin, only)
            if f"{RAISES}ValueError" in kinds and self.may_be_missing(node):
                self.may_raise(state, node, Tier.STRONG, origin, "TypeError")
        result = self._result_type(name, callee)
        produced = result.type if isinstance(result, Instance) and isinstance(result.type, str) else ""
        return [(UNKNOWN if produced and self.is_factory_over_given(produced, arguments) else result, state)]

    def _result_type(self, name: str | None, callee: Value) -> Value:
        if name is None:
            produced = self.catalogue.producers.get(f"*.{callee.name}") if isinstance(callee, Method) else None
            return Instance(produced) if produced else UNKNOWN
        if produced := self.catalogue.producers.get(name):
            return Instance(produced)
        if specs := self.catalogue.by_acquire.get(name):
            return Instance(specs[0].type) if specs[0].type else Lent(specs[0])
        is_class = isinstance(callee, Symbol) and name.rpartition(".")[2][:1].isupper()
        return Instance(name) if is_class else UNKNOWN

    def _call_on_lent(self, spec: Connection, name: str, node: cst.Call, arguments: list[Argument],
                      state: State) -> Evaluated:  # fmt: skip
        known = self.resolver.callee_name(Method(Instance(spec.type), name)) if spec.type else None
        if known and (model := self.model(known, node)):
            return self._acquire_by_call(model, node, arguments, state)
        quiet = name in self.catalogue.quiet_methods
        self.may_raise(state, node, Tier.WEAK if quiet else Tier.STRONG, "driver")
        if known and (produced := self.catalogue.producers.get(known)):
            return [(Instance(produced), state)]
        return [(UNKNOWN if quiet and name != "cursor" else Lent(spec), state)]


def _takes(name: str | None, value: Value, node: cst.Call) -> bool:
    """Whether a function that mostly only looks at things keeps one here, or gives a method of it that nobody knows:
    `type("Handler", (Base,), {"store": store})`, `getattr(store, name)()`."""
    return (name == "type" and len(node.args) > 1) or (name in ("getattr", "vars") and isinstance(value, Instance))
