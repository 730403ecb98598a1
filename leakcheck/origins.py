"""Where an acquire of a certain name can come from: which libraries must be near, or what its receiver is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leakcheck.models import Driver


def import_words(drivers: Iterable[Driver]) -> frozenset[str]:
    """Of `google.cloud.bigquery` one word that is in the text however it is imported."""
    return frozenset(max(name.split("."), key=len) for d in drivers for name in d.imports)


def homes(drivers: Sequence[Driver], acquires: Sequence[Sequence[str]]) -> dict[str, frozenset[str]]:
    """By the last name of an acquire, one word for each library of which one must be near: the libraries that have
    such a call, and those through which their objects are had. `acquires` are the names of each driver's calls."""
    leading = [_led_to(driver, drivers) for driver in drivers]
    found: dict[str, set[str]] = {}
    for start, driver in enumerate(drivers):
        near = import_words([driver])
        for reached in _reached(start, leading) if near else ():
            for name in acquires[reached] if drivers[reached].imports else ():
                found.setdefault(name.rpartition(".")[2], set()).update(near)
    return {word: frozenset(libraries) for word, libraries in found.items()}


def receivers(acquires: Iterable[str]) -> dict[str, frozenset[str]]:
    """By the last name of an acquire that needs no library, how its receiver's name must end: `pool` in `*pool.get`.
    "" stands for any receiver, or none."""
    found: dict[str, set[str]] = {}
    for name in acquires:
        receiver, _, last = name.rpartition(".")
        found.setdefault(last, set()).add(receiver[1:] if receiver.startswith("*") else "")
    return {word: frozenset(endings) for word, endings in found.items()}


def _led_to(driver: Driver, drivers: Sequence[Driver]) -> list[int]:
    """The drivers with the classes of what this one's calls and attributes give."""
    owners = {owner for name in driver.given for owner in prefixes(name)}
    return [number for number, other in enumerate(drivers) if not owners.isdisjoint(other.imports)]


def _reached(start: int, leading: Sequence[Sequence[int]]) -> set[int]:
    found: set[int] = set()
    pending = [start]
    while pending:
        if (each := pending.pop()) not in found:
            found.add(each)
            pending += leading[each]
    return found


def prefixes(name: str) -> Iterator[str]:
    """`a.b.c`, `a.b`, `a` of a qualified name."""
    while name:
        yield name
        name = name.rpartition(".")[0]
