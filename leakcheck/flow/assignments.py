"""Assignments: which values are remembered under which names, and when storing hands a resource over."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.beginning import begins
from leakcheck.flow.core import Core, only_states
from leakcheck.flow.expressions import LEADS_BACK, subscript_path
from leakcheck.flow.passing import is_passing
from leakcheck.flow.state import State, Status
from leakcheck.flow.values import (
    NONE,
    SOMETHING,
    UNKNOWN,
    Class,
    Const,
    Derived,
    Function,
    Instance,
    Method,
    Ref,
    Tuple,
    Value,
    resources_in,
    truth,
)
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import ClassInfo
from leakcheck.project.syntax.walk import dotted

_NAME = pattern(r"(?<![\w.])\w+")  # not of an attribute
_BOOLEANS = (cst.Comparison, cst.UnaryOperation, cst.BooleanOperation)
_OPENERS = ("__init__", "__post_init__", "__enter__", "__aenter__")  # own what they store once they have ended normally
_UNPACKED = "="  # where a tuple is held while its items are bound to names


class Assignments(Core):
    """`assign` binds a target of any form; the statements that assign are here too."""

    def run_assign(self, node: cst.Assign, state: State) -> list[State]:
        names = {dotted(t.target) for t in node.targets}
        return self._store([t.target for t in node.targets], node.value, bool(names & self.names.tested), state)

    def run_annotated(self, node: cst.AnnAssign, state: State) -> list[State]:
        if node.value is None:
            return [state]
        return self._store([node.target], node.value, dotted(node.target) in self.names.tested, state)

    def _store(self, targets: list[cst.BaseAssignTargetExpression], node: cst.BaseExpression, tested: bool,
               state: State) -> list[State]:  # fmt: skip
        outer, self.wants_booleans = self.wants_booleans, tested and isinstance(node, _BOOLEANS)
        evaluated = self.eval(node, state)
        self.wants_booleans = outer
        done: list[State] = []
        for value, after in evaluated:
            states = [after]
            over = {t.value for t in targets if isinstance(t, cst.Name)} & self.names.iterated
            filled = dict.fromkeys(over, True) if over and begins(node, after) else {}
            for target in targets:
                states = [s for each in states for s in self.assign(target, value, each)]
            for each in states if filled else ():
                each.facts.update(filled)
            done += states
        return done

    def run_augmented(self, node: cst.AugAssign, state: State) -> list[State]:
        done = []
        for value, after in self.eval(node.value, state):
            before = after.variables.get(dotted(node.target) or "", UNKNOWN)
            for added in (value, before):
                if added is value or isinstance(added, Tuple):
                    self.hand_over(added, after, "container", node)
            counts = (
                isinstance(node.operator, cst.AddAssign) and _is_count(before) and truth(value) and _is_count(value)
            )
            done += self.assign(node.target, SOMETHING if counts else UNKNOWN, after)
        return done

    def assign(self, target: cst.CSTNode, value: Value, state: State) -> list[State]:
        if isinstance(target, cst.Name):
            self.bind(target.value, value, state, target)
        elif isinstance(target, (cst.Tuple, cst.List)):
            return self._unpack(target, value, state)
        elif isinstance(target, cst.Attribute):
            return self._set_attribute(target, value, state)
        elif isinstance(target, cst.Subscript):
            self.hand_over(value, state, "container", target)
            self.collect_into(target.value, value)
            if path := subscript_path(target):
                self._remember_path(path, value, state)
            return only_states(self.eval(target.value, state))
        elif isinstance(target, cst.StarredElement):
            return self.assign(target.value, value, state)
        return [state]

    def bind(self, name: str, value: Value, state: State, node: cst.CSTNode) -> None:
        old = state.variables.get(name)
        prefix = name + "."
        for path in [p for p in state.variables if p.startswith((prefix, name + "["))]:
            del state.variables[path]
        if state.facts:
            for key in [k for k in state.facts if name in k and name in _NAME.findall(k)]:
                del state.facts[key]
        if isinstance(value, (Ref, Instance)) and value.rid is not None:
            site = self.site_of(value.rid)
            site.name = site.name or name
        for rid in resources_in(value) if isinstance(value, Tuple) else ():
            self.site_of(rid).holder = self.site_of(rid).holder or name
        if name not in self.names.locals and self.function is not None:
            self.hand_over(value, state, f"global {name}", node)
        self._remember(name, value, state)
        if isinstance(old, (Ref, Instance)) and old.rid is not None and old != value:
            self.retire(old.rid, state, node, value)

    def _remember(self, name: str, value: Value, state: State) -> None:
        """Keep what a later test, release or cleanup may ask for; forget the rest, so that states can merge."""
        if value in (UNKNOWN, SOMETHING) or isinstance(value, Const):
            if name not in self.names.tested and name not in self.names.cleanup:
                state.variables.pop(name, None)
                return
            if name not in self.names.tested and value != NONE:  # of which a method is missed where one is called
                value = UNKNOWN
        state.variables[name] = value

    def _remember_path(self, path: str, value: Value, state: State) -> None:
        """The same for `self.x` and `d["x"]`: there may be many, and a mere attribute read is not worth a state."""
        self._remember(path, UNKNOWN if isinstance(value, Method) else value, state)

    def _unpack(self, target: cst.Tuple | cst.List, value: Value, state: State) -> list[State]:
        count = len(target.elements)
        if isinstance(value, Tuple) and (items := _for_targets(target, value.items)) is not None:
            values = items
        elif isinstance(value, Derived):
            values = (value,) * count
        else:
            values = (UNKNOWN,) * count
        states, around = [state], state.variables.get(_UNPACKED)
        if any(map(resources_in, values)):  # `a, b = b, a`: neither is lost on the way
            state.variables[_UNPACKED] = value if around is None else Tuple((around, value))
        for element, part in zip(target.elements, values, strict=True):
            whole = element if isinstance(element, cst.StarredElement) else element.value
            states = [s for each in states for s in self.assign(whole, part, each)]
        for each in states:
            each.variables.pop(_UNPACKED, None)
            each.variables.update({} if around is None else {_UNPACKED: around})
        return states

    def _set_attribute(self, target: cst.Attribute, value: Value, state: State) -> list[State]:
        path = dotted(target)
        if path is None:
            self.hand_over(value, state, "attribute", target)
            return only_states(self.eval(target.value, state))
        for key in [key for key in state.facts if path in key]:
            del state.facts[key]
        owner = path.rpartition(".")[0]
        for rid in resources_in(value):
            if owner in ("self", "cls") and not isinstance(value, Tuple) and not state.is_stacked(rid):
                self.note_kept(rid, path.rpartition(".")[2], target, value)
            resource = state.resources[rid]
            if resource.status in (Status.OPEN, Status.RESTING) and owner == "self" and self._in_init:
                state.set_status(rid, Status.FIELD, path, target)
        if owner == "self" and isinstance(value, Ref) and self._is_passing(value, path):
            self.site_of(value.rid).name = self.site_of(value.rid).name or path
        elif isinstance(value, Ref) and (made := self._made_here(owner, state)) and self._is_its_own(made, path, value):
            self.site_of(value.rid).is_answered_for = True
            self.bind(owner, Instance(made, value.rid), state, target)
        elif owner != "self" or not self._in_init or isinstance(value, Function):
            self.hand_over(value, state, path, target)
        if owner == "self" and isinstance(value, Derived) and self._leads_back(path):
            self.hand_over(Ref(value.rid), state, path, target)
        holder = state.variables.get(owner)
        if not isinstance(holder, Ref):
            self._remember_path(path, value, state)
        return [state]

    def _is_passing(self, ref: Ref, path: str) -> bool:
        """Whether the field is like a variable of this method."""
        site, field = self.site_of(ref.rid), path.removeprefix("self.")
        if self.function is None or self._in_init or site.parameter or "." in field:
            return False
        return is_passing(self.function, field, site.spec, self.resolver)

    def _made_here(self, name: str, state: State) -> ClassInfo | None:
        """The class of an object that this function has made and that keeps nothing so far, by the object's name."""
        value = state.variables.get(name)
        if not isinstance(value, Instance) or value.rid is not None or not isinstance(value.type, ClassInfo):
            return None
        made = self.function.bindings.assigned.get(name, ()) if self.function is not None else ()
        callees = [self.resolver.static(m.func, self.function, self.module) for m in made if isinstance(m, cst.Call)]
        is_made = bool(callees) and len(callees) == len(made) and all(isinstance(each, Class) for each in callees)
        return value.type if is_made else None

    def _is_its_own(self, cls: ClassInfo, path: str, ref: Ref) -> bool:
        """Whether objects of a class release what somebody puts into that field."""
        spec = self.site_of(ref.rid).spec
        return bool(self.summaries.taking.ways_of_field(cls, path.rpartition(".")[2], spec))

    def _leads_back(self, path: str) -> bool:
        """Whether the class asks the cursor it keeps there for its connection, as to release that."""
        cls = self.function.cls if self.function is not None else None
        return cls is not None and any(f"{path}.{name}" in cls.chunk.statement.text for name in LEADS_BACK)

    @property
    def _in_init(self) -> bool:
        return self.function is not None and self.function.cls is not None and self.function.name in _OPENERS


def _is_count(value: Value) -> bool:
    """Whether it is a number from 0 on, or more than one that was."""
    return value is SOMETHING or (isinstance(value, Const) and isinstance(value.value, int) and value.value >= 0)


def _for_targets(target: cst.Tuple | cst.List, items: tuple[Value, ...]) -> tuple[Value, ...] | None:
    """What each of several targets gets, a starred one a list of what the others leave; None if they are too few."""
    rest = len(items) - len(target.elements)
    star = next((i for i, part in enumerate(target.elements) if isinstance(part, cst.StarredElement)), -1)
    if star < 0 or rest < -1:
        return items if rest == 0 else None
    end = star + 1 + rest
    return (*items[:star], Tuple(items[star:end]), *items[end:])
