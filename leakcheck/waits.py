"""`rules/waits.toml` as questions: does a callee of this name wait for something other than the database?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from leakcheck.models import Service, Wait

_ITSELF = ("self", "cls", "super()")


class Waits:
    """The calls known to wait, by qualified name."""

    def __init__(
        self,
        waits: tuple[Wait, ...] = (),
        gives: dict[str, str] | None = None,
        quick: tuple[str, ...] = (),
        at_once: tuple[str, ...] = (),
        needs_wait: tuple[str, ...] = (),
        constant: tuple[str, ...] = (),
        transactions: tuple[str, ...] = (),
        holding: tuple[str, ...] = (),
        limits: tuple[str, ...] = (),
        grows: dict[str, str] | None = None,
        stops: dict[str, tuple[str, ...]] | None = None,
        runs: dict[str, int] | None = None,
        made: dict[str, str] | None = None,
        services: tuple[Service, ...] = (),
    ) -> None:
        self._runs = runs or {}  # call that waits for a function -> the number of its argument
        self._made = made or {}  # end of a call's text -> class of what it gives
        self.grows = grows or {}  # retry decorator -> keyword that makes its pause grow
        self.stops = stops or {}  # retry decorator -> keywords of which one ends the attempts
        self.services = services
        asked = {f"{s.type}.{method}": s.type for s in services for method in s.gives}
        self.gives = {**(gives or {}), **asked}  # call -> class of what it gives
        self.at_once = frozenset(at_once)  # arguments that say not to wait
        self.needs_wait = frozenset(needs_wait)  # retry decorators that pause only if told to
        self.constant = frozenset(constant)  # what tells them to, by the same time again and again
        self.transactions = frozenset(transactions)  # blocks and decorators that hold one
        self.holding = frozenset(holding)  # functions that are true wherever a framework holds one
        self.limits = frozenset(limits)  # what ends the waits in it after some seconds
        self._quick = frozenset(quick)
        self._calls: dict[str, tuple[Wait, bool]] = {}  # with whether it is a coroutine
        self._blocks = {name: (wait, False) for wait in waits for name in wait.blocks}
        for wait in waits:
            self._calls.update(dict.fromkeys(wait.calls, (wait, False)))
            self._calls.update(dict.fromkeys(wait.coroutines, (wait, True)))
        self._asking = {service.type: (service, Wait("slow", service.what)) for service in services}

    def named(self, name: str) -> tuple[Wait, bool] | None:
        """By qualified name, exactly or below a listed class; and whether it must be awaited to wait."""
        if name in self._calls:
            return self._calls[name]
        head, _, last = name.rpartition(".")
        if head in self._asking:
            service, wait = self._asking[head]
            awaited = service.asks(last)
            return None if awaited is None else (wait, awaited)
        if last in self._quick:
            return None
        while head:
            if found := self._calls.get(f"{head}.*"):
                return found
            head = head.rpartition(".")[0]
        return None

    def is_of_service(self, name: str) -> bool:
        """Whether a call of that qualified name is one of a method of a service's object."""
        return name.rpartition(".")[0] in self._asking

    def entered(self, name: str) -> tuple[Wait, bool] | None:
        """By qualified name of what a `with` statement enters."""
        return self._blocks.get(name)

    def made_by(self, text: str) -> str:
        """The class of what a call gives, by the end of its text; "" if that does not tell."""
        return next((made for end, made in self._made.items() if text.endswith(end)), "")

    def written(self, text: str) -> tuple[Wait, bool] | None:
        """By the end of its text, where nothing is known of its receiver: `self.llm.chat.completions.create`, but not
        `self.get_object()`, which the class may have itself."""
        if text.partition(".")[0] in _ITSELF and text.count(".") == 1:
            return None
        return next((found for end, found in self._endings if text.endswith(end)), None)

    def runs(self, name: str, text: str) -> int | None:
        """Which argument is a function that the call has run elsewhere, and waits for."""
        if name in self._runs:
            return self._runs[name]
        return next((index for end, index in self._runs.items() if end[0] == "*" and text.endswith(end[1:])), None)

    def all(self) -> Iterable[tuple[Wait, bool]]:
        """Every listed call's entry, and one for each service."""
        return (*self._calls.values(), *((wait, True) for _, wait in self._asking.values()))

    @cached_property
    def types(self) -> dict[str, str]:
        """The classes of services' objects -> the one that stands for them."""
        return {name: service.type for service in self.services for name in service.in_packages(service.objects)}

    @cached_property
    def attributes(self) -> dict[str, str]:
        """What such objects have that is one, too: `package.Class.attribute` -> its class."""
        return {f"{service.type}.{name}": service.type for service in self.services for name in service.has}

    @cached_property
    def handlers(self) -> dict[str, str]:
        """What decorates functions that are given such an object first -> its class."""
        names = ((s.type, [*s.in_packages(s.handlers), *(f"{s.type}.{h}" for h in s.handlers)]) for s in self.services)
        return {name: given for given, listed in names for name in listed}

    @cached_property
    def packages(self) -> frozenset[str]:
        """What the listed calls are imported from."""
        return frozenset(name.partition(".")[0] for name in (*self._calls, *self.types, *self._blocks)) - {"*"}

    def has_type(self, name: str) -> bool:
        """Whether methods of this class are listed."""
        return name in self._types

    @cached_property
    def methods_of_made(self) -> frozenset[str]:
        """The methods that wait, of classes by whose makers' text objects are known."""
        types = tuple(f"{made}." for made in self._made.values())
        return frozenset(name.rpartition(".")[2] for name in self._calls if name.startswith(types))

    @cached_property
    def _endings(self) -> tuple[tuple[str, tuple[Wait, bool]], ...]:
        return tuple((name[1:], found) for name, found in self._calls.items() if name.startswith("*."))

    @cached_property
    def _types(self) -> frozenset[str]:
        owners = (name.rpartition(".")[0] for name in self._calls)
        return frozenset((*owners, *self.gives.values(), *self._asking))
