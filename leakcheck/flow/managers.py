"""Context managers: `contextlib`, exit stacks, and what `with` does on entering and leaving."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.core import Argument, Evaluated
from leakcheck.flow.handing import CALLBACK
from leakcheck.flow.owning import is_manager
from leakcheck.flow.resources import Resources
from leakcheck.flow.state import Registered, Resource, State, Status, Tier
from leakcheck.flow.values import (
    NONE,
    SOMETHING,
    UNKNOWN,
    Derived,
    Function,
    Instance,
    Lent,
    Loan,
    Manager,
    Method,
    Pending,
    Ref,
    ResourceId,
    Stack,
    Tuple,
    Value,
    own_class,
    resources_in,
)
from leakcheck.models import Release
from leakcheck.project.syntax.module import ClassInfo
from leakcheck.project.syntax.walk import code, dotted, terminal

# With what they call at the end of the block; `aclosing` waits for it.
_CLOSING = {"contextlib.closing": "close", "contextlib.aclosing": "aclose", "contextlib2.closing": "close"}
_STACKS = frozenset({"contextlib.ExitStack", "contextlib.AsyncExitStack", "contextlib2.ExitStack"})
_CLOSES = ("closes", "returns")
_EXPECTED = ("BaseException",)  # `pytest.raises`: the block is there to fail

# What leaving the block does: to one resource, to everything on a stack, or to exceptions.
ExitAction = tuple[str, object]


class Managers(Resources):
    """Entering gives the value `as` binds and the action to be taken on leaving, whatever the exit kind."""

    def call_contextlib(self, name: str, node: cst.Call, arguments: list[Argument], state: State) -> Evaluated | None:
        """contextlib's own context managers; None if the callee is not one of them."""
        first = arguments[0].value if arguments else UNKNOWN
        if name in _CLOSING:
            is_closed = self._is_closed_by(first, _CLOSING[name], node, state)
            return [(Manager(first, first, "closes" if is_closed else "nothing"), state)]
        if name == "contextlib.nullcontext":
            return [(Manager(UNKNOWN, first if arguments else NONE, "nothing"), state)]
        if name == "contextlib.suppress":
            types = tuple(code(a.node.value) for a in arguments)
            return [(Manager(UNKNOWN, NONE, "nothing", types), state)]
        if name == "pytest.raises":
            return [(Manager(UNKNOWN, SOMETHING, "nothing", _EXPECTED), state)]
        if name in _STACKS:
            key = id(node)
            state.stacks[key] = ()
            return [(Stack(key), state)]
        return None

    def enter(self, value: Value, node: cst.CSTNode, state: State) -> list[tuple[Value, ExitAction | None, State]]:
        """`with value as x`: what x is, what happens on leaving, for each way to enter."""
        if isinstance(value, Pending):
            return self._enter_pending(value, node, state)
        if isinstance(value, Ref):
            return [self._enter_resource(value, state)]
        if isinstance(value, Manager):
            return [self._enter_manager(value, node, state)]
        if isinstance(value, Stack):
            return [(value, ("stack", value.key), state)]
        if isinstance(value, Derived):
            if isinstance(node, cst.Call) and terminal(node.func) in self.site_of(value.rid).spec.begins:
                self.may_raise(state, node, Tier.STRONG, "driver")  # nothing was asked before
            return [(value, self._rests_after(value.rid, node), state)]
        if isinstance(value, Instance) and isinstance(value.type, ClassInfo):
            return self._enter_own(value, node, state)
        if isinstance(value, Lent) and value.rid is not None and (action := self._rests_after(value.rid, node)):
            return [(Lent(value.spec), action, state)]
        if (spec := self.resolver.connection_type(value)) is not None:
            return [(Lent(spec), None, state)]
        self.may_raise(state, node, Tier.WEAK, "call")
        is_client = (
            isinstance(value, Instance) and isinstance(value.type, str) and self.catalogue.waits.has_type(value.type)
        )
        return [(value if is_client else UNKNOWN, None, state)]  # an HTTP client gives itself

    def _rests_after(self, rid: ResourceId, node: cst.CSTNode) -> ExitAction | None:
        """`with session.begin():` ends with a commit or a rollback."""
        method = terminal(node.func) if isinstance(node, cst.Call) else ""
        return ("rest", rid) if method in self.site_of(rid).spec.rests_after else None

    def _enter_pending(
        self, value: Pending, node: cst.CSTNode, state: State
    ) -> list[tuple[Value, ExitAction | None, State]]:
        """`async with pool.acquire() as conn`, `with engine.begin() as conn`: acquired on entry."""
        site = self.sites[value.site]
        self.may_raise(state, site.node, Tier.STRONG, "driver")
        if value.spec.enter not in _CLOSES:
            return [(Lent(value.spec), None, state)]
        ref = self.acquire(site, state)
        state.set_status(ref.rid, Status.OPEN)
        return [(ref, ("release", ref.rid), state)]

    def _enter_resource(self, ref: Ref, state: State) -> tuple[Value, ExitAction | None, State]:
        spec = self.site_of(ref.rid).spec
        if spec.with_effect == "closes" and spec.kind == "checkout":
            return ref, ("wrong", ref.rid), state
        if spec.with_effect in _CLOSES:
            return ref, ("release", ref.rid), state
        if spec.with_effect in ("transaction", "nothing"):
            resource = state.resources[ref.rid]
            state.resources[ref.rid] = type(resource)(resource.status, True, resource.how, resource.where)
            return ref, ("transaction", ref.rid), state
        return ref, ("perhaps", ref.rid) if spec.with_effect == "unknown" else None, state

    def _enter_manager(self, value: Manager, node: cst.CSTNode, state: State) -> tuple[Value, ExitAction | None, State]:
        if value.suppresses is _EXPECTED:
            return SOMETHING, ("expect", _EXPECTED), state
        if value.suppresses:
            return NONE, ("suppress", value.suppresses), state
        rids = resources_in(value.inner)
        if value.effect in _CLOSES and rids:
            own = isinstance(value.inner, Instance)
            return value.yields, ("release", rids[0]) if own else self._closing_action(rids[0]), state
        if value.lends is not None:
            rid = self._borrow(value.lends, node, state)
            return (
                Lent(value.yields.spec, rid) if isinstance(value.yields, Lent) else value.yields,
                ("lent", rid),
                state,
            )
        return value.yields, None, state

    def _borrow(self, loan: Loan, node: cst.CSTNode, state: State) -> ResourceId:
        """What a project's context manager checks out for its block; only held here, not this function's to release."""
        site = self.site(node, loan.spec, loan.certainty, wrappers=loan.through)
        rid: ResourceId = (site.index, 0)
        state.resources[rid] = Resource(Status.RESTING if loan.spec.lazy else Status.LENT)
        state.via[rid] = Tier.NONE
        state.step("acquire", node, str(site.index))
        if not loan.spec.lazy:
            self.holding.taken(self, rid, node, state)
        return rid

    def _is_closed_by(self, value: Value, method: str, node: cst.CSTNode, state: State) -> bool:
        """Whether calling the method does anything: an asynchronous `close` has to be awaited, few have an `aclose`."""
        if not isinstance(value, Ref):
            return True
        site = self.site_of(value.rid)
        forms = (*site.spec.release, *site.spec.wrong_release)
        if any(form.method == method and form.awaited == (method == "aclose") for form in forms):
            return True
        site.closed_in_vain = method
        state.step("note", node, f"in vain:{site.index}")
        return False

    def _closing_action(self, rid: ResourceId) -> ExitAction:
        """`closing(x)` calls x.close(): right or wrong by x's model."""
        spec = self.site_of(rid).spec
        if any(form.on == "conn" and form.method == "close" for form in spec.wrong_release):
            return ("wrong", rid)
        return ("release", rid)

    def ways_to_release(self, owner: Instance) -> tuple[Release, ...]:
        """The methods of an object by which what it keeps is released."""
        if isinstance(owner.type, ClassInfo) and owner.type in self.summaries.taking.answering:
            return self.summaries.taking.answering[owner.type]
        return self.site_of(owner.rid).spec.release if owner.rid is not None else ()

    def passes_on(self, owner: Instance) -> bool:
        """Whether an object passes on to what it keeps whatever it has no method for."""
        return isinstance(owner.type, ClassInfo) and self.summaries.owners.passes_on(owner.type)

    def kept_in(self, owner: Value, field: str, state: State) -> Value | None:
        """What an object's field holds, where that is the resource the object keeps: to be released itself, perhaps."""
        if not isinstance(owner, Instance) or owner.rid is None or not isinstance(owner.type, ClassInfo):
            return None
        if field not in self.summaries.owners.fields.get(owner.type, ()):
            return None
        if state.resources[owner.rid].status in (Status.CLOSED, Status.RESTING):
            return None  # it may have another one by now, or none yet
        inner = self.resolver.field(owner.type, field)
        cls = own_class(inner)
        return Instance(cls, owner.rid) if cls is not None else Ref(owner.rid)

    def given_by(self, owner: Instance, returned: cst.BaseExpression, state: State) -> Value | None:
        """What an object's method gives with an expression: itself, the resource it keeps, or that among others."""
        if isinstance(returned, cst.Tuple):
            items = [self.given_by(owner, element.value, state) for element in returned.elements]
            return Tuple(tuple(item or UNKNOWN for item in items)) if any(items) else None
        path = dotted(returned) or ""
        return owner if path == "self" else self.kept_in(owner, path.removeprefix("self."), state)

    def _enter_own(
        self, value: Instance, node: cst.CSTNode, state: State
    ) -> list[tuple[Value, ExitAction | None, State]]:
        """An object of the project: its `__enter__` says what `as` binds; what it opened it closes itself."""
        assert isinstance(value.type, ClassInfo)
        method = self.resolver.method(value.type, "__enter__") or self.resolver.method(value.type, "__aenter__")
        if method is None and value.rid is not None and self.summaries.owners.is_connection(value.type):
            return [(value, self._leaving_heir(value.type, value.rid, state), state)]
        if value.rid is not None and not is_manager(self.ways_to_release(value)):
            self.hand_over(value, state, "context manager", node)
        if method is None:
            is_client = any(map(self.catalogue.waits.has_type, self.resolver.libraries(value.type)))
            return [(value if is_client else UNKNOWN, None, state)]
        entered: list[tuple[Value, ExitAction | None, State]] = []
        action: ExitAction | None = ("release", value.rid) if value.rid is not None else None
        for given, after in self.call_function(Function(method, value), node, [], state):
            if isinstance(given, Instance) and given.type == value.type:
                given = value
            if given == value:
                entered.append((value, action, after))
                continue
            for rid in resources_in(given):
                after.set_status(rid, Status.ESCAPED, "context manager", node)
            used = self.holding.used_by(value)
            if used is not None and isinstance(given, Instance) and self.resolver.connection_type(given) is not None:
                given = Derived(used)  # as its `__enter__` is annotated
            entered.append((Lent(self.site_of(given.rid).spec) if isinstance(given, Ref) else given, action, after))
        return entered

    def _leaving_heir(self, cls: ClassInfo, rid: ResourceId, state: State) -> ExitAction | None:
        """What the end of a block does to an object that is a connection itself: what its class says, or its base."""
        if self.resolver.method(cls, "__exit__") is None:
            return self._enter_resource(Ref(rid), state)[1]
        return ("release" if is_manager(self.site_of(rid).spec.release) else "perhaps", rid)

    # -- leaving ---------------------------------------------------------------------------------------------------

    def leave_with(self, action: ExitAction, node: cst.CSTNode, state: State) -> None:
        """What leaving the block does to the resources of one state."""
        kind, what = action
        if kind == "release":
            self.released_again(what, node, state)  # type: ignore[arg-type]
            self.release(what, state, node, "with")  # type: ignore[arg-type]
        elif kind == "perhaps":
            self.hand_over(Ref(what), state, "context manager", node)  # type: ignore[arg-type]
        elif kind == "rest":
            if state.resources[what].status in (Status.OPEN, Status.LENT):  # type: ignore[index]
                state.set_status(what, Status.RESTING, "soft", node)  # type: ignore[arg-type]
        elif kind == "lent":
            state.resources.pop(what, None)  # type: ignore[call-overload]
        elif kind == "wrong":
            if state.resources[what].status is not Status.CLOSED:  # type: ignore[index]
                state.set_status(what, Status.LOST, "wrong", node)  # type: ignore[arg-type]
        elif kind == "stack":
            for registered in reversed(state.stacks.pop(what, ())):  # type: ignore[call-overload]
                self.leave_with(registered, node, state)

    # -- exit stacks -----------------------------------------------------------------------------------------------

    def call_on_stack(
        self, stack: Stack, name: str, node: cst.Call, arguments: list[Argument], state: State
    ) -> Evaluated:
        first = arguments[0].value if arguments else UNKNOWN
        if name in ("enter_context", "enter_async_context"):
            result: Evaluated = []
            for value, action, after in self.enter(first, node, state):
                self._push(stack, action, node, after)
                result.append((value, after))
            return result
        if name in ("push", "push_async_exit"):
            for _, action, _ in self.enter(first, node, state):
                self._push(stack, action, node, state)
            return [(first, state)]
        if name in ("callback", "push_async_callback"):
            self._register_callback(stack, arguments, node, state)
            return [(SOMETHING, state)]
        if name in ("close", "aclose", "__exit__"):
            self.leave_with(("stack", stack.key), node, state)
            state.stacks[stack.key] = ()
            return [(NONE, state)]
        if name == "pop_all":
            for _, rid in state.stacks.get(stack.key, ()):  # whoever gets the new stack closes it
                self.hand_over(Ref(rid), state, "pop_all", node)
            state.stacks[stack.key] = ()
            return [(SOMETHING, state)]
        return [(UNKNOWN, state)]

    def _push(self, stack: Stack, action: ExitAction | None, node: cst.CSTNode, state: State) -> None:
        if action is not None and action[0] in ("release", "wrong", "perhaps", "lent"):
            registered: Registered = action  # type: ignore[assignment]
            state.stacks[stack.key] = (*state.stacks.get(stack.key, ()), registered)
            if any(value == stack and "." in path for path, value in state.variables.items()):
                self.hand_over(Ref(registered[1]), state, "exit stack", node)  # an object keeps it and will close it

    def _register_callback(self, stack: Stack, arguments: list[Argument], node: cst.CSTNode, state: State) -> None:
        """`callback(conn.close)`, `callback(pool.putconn, conn)`: the stack will release; other callables keep it."""
        for argument in arguments:
            value = argument.value
            if isinstance(value, Method) and isinstance(value.receiver, Ref):
                forms = self.site_of(value.receiver.rid).spec.release
                if any(form.on == "conn" and form.method == value.name for form in forms):
                    self._push(stack, ("release", value.receiver.rid), node, state)
            elif isinstance(value, Ref):
                self._push(stack, ("release", value.rid), node, state)
            elif isinstance(value, Function):
                self.hand_over(value, state, CALLBACK, node)
