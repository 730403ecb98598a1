"""Methods called on a tracked resource: release it, the wrong way to, use it, use it too late."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.core import Argument, Core, Evaluated
from leakcheck.flow.sites import Misuse
from leakcheck.flow.state import State, Status, Tier
from leakcheck.flow.values import (
    NONE,
    UNKNOWN,
    Class,
    Derived,
    Function,
    Instance,
    Lent,
    Method,
    PendingRelease,
    Ref,
    ResourceId,
    Value,
)
from leakcheck.models import Release
from leakcheck.project.syntax.walk import string_value
from leakcheck.words import words

_EXECUTES = frozenset({"execute", "executemany", "executescript", "callproc", "copy_expert", "copy_from"})
_FETCHES = frozenset({"fetch", "fetchone", "fetchmany", "fetchall"})
_RETURNS_SELF = frozenset({"execute", "executemany", "executescript", "__enter__"})  # sqlite3 and psycopg cursors


class Resources(Core):
    """What `conn.something(...)` does, by the connection's model."""

    def call_on_resource(
        self, ref: Ref, name: str, node: cst.Call, arguments: list[Argument], state: State
    ) -> Evaluated:
        rid = ref.rid
        site = self.site_of(rid)
        spec = site.spec
        site.methods.add(name)
        for form in spec.release:
            if form.on == "conn" and form.method == name:
                return self.released(rid, form, node, state)
        for form in spec.wrong_release:
            if form.on == "conn" and form.method == name:
                return self.wrongly_released(rid, node, state)
        for form in spec.soft_release:
            if form.on == "conn" and form.method == name:
                return self._rest(rid, name, node, state)
        if name in ("__enter__", "__aenter__"):
            return [(ref, state)]
        if name in ("__exit__", "__aexit__") and spec.with_effect in ("closes", "returns"):
            self.release(rid, state, node)
            return [(NONE, state)]
        returns_self = name in spec.returns_self
        idle = name in spec.idle or (returns_self and name not in words().connections)
        if not idle:
            self.used(rid, node, state)
        elif name in spec.pending:
            state.resources[rid] = state.resources[rid].with_work()
        if name in spec.detaches:
            state.resources[rid] = state.resources[rid].taken_out()
        quiet = idle or name in self.catalogue.quiet_methods or name in spec.begins
        self.may_raise(state, node, Tier.WEAK if quiet else Tier.STRONG, "driver")
        return [(ref if returns_self else self._made_by(rid, name), state)]

    def _made_by(self, rid: ResourceId, name: str) -> Value:
        """What a method gives: `session.get_bind()` an engine, which lives on; anything else is of the connection."""
        made = self.catalogue.producers.get(f"{self.site_of(rid).spec.type}.{name}", "")
        return Instance(made) if self.catalogue.is_long_lived(made) else Derived(rid)

    def call_on_derived(self, receiver: Derived, name: str, node: cst.Call, arguments: list[Argument],
                         state: State) -> Evaluated:  # fmt: skip
        """What is called on a cursor or a result."""
        quiet = name in self.catalogue.quiet_methods
        rid = receiver.rid
        if name in _EXECUTES or (name in _FETCHES and self.site_of(rid).spec.kind == "connection"):
            self.used(rid, node, state)  # what a pool's connection has fetched may outlive it
        self.may_raise(state, node, Tier.WEAK if quiet else Tier.STRONG, "driver")
        return [(receiver if name in _RETURNS_SELF else Derived(rid), state)]

    def release_by_name(self, arguments: list[Argument]) -> Method | None:
        """The release that `getattr(conn, "close", None)` gives, as every connection of its kind has it."""
        owner = arguments[0].value if len(arguments) > 1 else UNKNOWN
        method = Method(owner, string_value(arguments[1].node.value) or "") if isinstance(owner, Ref) else None
        return method if method is not None and self.is_release(method) else None

    def is_release(self, value: Value) -> bool:
        """Whether it is a method by which a tracked resource is given back."""
        if not isinstance(value, Method) or not isinstance(value.receiver, Ref):
            return False
        forms = self.site_of(value.receiver.rid).spec.release
        return any(form.on == "conn" and form.method == value.name for form in forms)

    def released(self, rid: ResourceId, form: Release, node: cst.CSTNode, state: State) -> Evaluated:
        """A release in the right form; it releases even if it raises."""
        if form.awaited:
            site = self.site_of(rid)
            if not any(known is node for known in site.releases):
                site.releases.append(node)
            return [(PendingRelease(rid), state)]
        spec = self.site_of(rid).spec
        self.released_again(rid, node, state)
        self.release(rid, state, node)
        self.may_raise(state, node, Tier.WEAK, "driver")
        return [(PendingRelease(rid) if spec.needs_await else NONE, state)]

    def released_again(self, rid: ResourceId, node: cst.CSTNode, state: State) -> None:
        """A second release, where the driver minds."""
        resource = state.resources[rid]
        minds = self.site_of(rid).spec.double_release in ("raises", "harmful")
        if minds and resource.status is Status.CLOSED and resource.how != "dead":
            self._misused(rid, node, "released", state)

    def wrongly_released(self, rid: ResourceId, node: cst.CSTNode, state: State, how: str = "wrong") -> Evaluated:
        """The object is ended but its slot stays out, unless it was already given back or is yet to be."""
        if state.resources[rid].status in (Status.OPEN, Status.FIELD, Status.RESTING, Status.LOST):
            state.set_status(rid, Status.LOST, how, node)
        self.may_raise(state, node, Tier.WEAK, "driver")
        return [(UNKNOWN, state)]

    def _rest(self, rid: ResourceId, name: str, node: cst.CSTNode, state: State) -> Evaluated:
        quiet = name in self.catalogue.quiet_methods
        if state.resources[rid].pending and not quiet:
            self.used(rid, node, state)  # a commit that fails keeps the connection it has sent the work over
        self.may_raise(state, node, Tier.WEAK if quiet else Tier.STRONG, "driver")
        if state.resources[rid].status is Status.OPEN:
            state.set_status(rid, Status.RESTING, "soft", node)
        return [(UNKNOWN, state)]

    def used(self, rid: ResourceId, node: cst.CSTNode, state: State) -> None:
        """Work on the connection: wakes a session, and is a mistake once it was given back."""
        resource = state.resources[rid]
        if resource.status is Status.RESTING or (resource.status is Status.LOST and resource.how == "guard"):
            state.set_status(rid, Status.OPEN)
            self.holding.taken(self, rid, node, state)
        elif resource.status is Status.CLOSED and resource.how != "dead":
            self._misused(rid, node, "used", state)

    def use_lent(self, rid: ResourceId, name: str, node: cst.CSTNode, state: State) -> None:
        """Work on what a project's context manager lends: wakes a session, lets it rest, or gives it back early."""
        resource, spec = state.resources.get(rid), self.site_of(rid).spec
        if resource is None:
            return
        if any(form.on == "conn" and form.method == name for form in spec.release):
            state.set_status(rid, Status.CLOSED, "", node)
        elif any(form.on == "conn" and form.method == name for form in spec.soft_release):
            state.set_status(rid, Status.RESTING, "soft", node)
        elif resource.status is Status.RESTING and name not in spec.idle:
            state.set_status(rid, Status.LENT)
            self.holding.taken(self, rid, node, state)

    def use_kept(self, callee: Function, node: cst.CSTNode, state: State) -> None:
        """Work of an object of the project: it wakes the session that lies in it."""
        for rid, resource in list(state.resources.items()):
            if resource.status is Status.RESTING and self.holding.keeps(callee.receiver, rid):
                state.set_status(rid, Status.LENT)
                self.holding.taken(self, rid, node, state)

    def keep_lent(self, keeper: Class, arguments: list[Argument]) -> None:
        """A session becomes part of an object, itself or in another one: the object uses it later."""
        for argument in arguments:
            if isinstance(argument.value, Lent) and argument.value.rid is not None:
                self.holding.keepers.setdefault(argument.value.rid, set()).add(keeper.info)
            for rid in [rid for rid in self.holding.keepers if self.holding.keeps(argument.value, rid)]:
                self.holding.keepers[rid].add(keeper.info)

    def _misused(self, rid: ResourceId, node: cst.CSTNode, what: str, state: State) -> None:
        if state.via.get(rid, Tier.NONE) is Tier.NONE:  # on exceptional paths the program is in trouble already
            self.misuses.append(Misuse(self.site_of(rid), node, what, state.resources[rid].where, state.trace))
