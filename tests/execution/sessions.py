"""Fake SQLAlchemy sessions and their factories."""

from __future__ import annotations

from typing import Any

from tests.execution.fakes import Behaviour, Connection, Fake
from tests.execution.pools import Managed
from tests.execution.world import World


class Session(Connection):
    """A SQLAlchemy session: takes a connection when used, gives it back on commit, takes another when used again."""

    def __init__(self, world: World, behaviour: Behaviour) -> None:
        super().__init__(world, behaviour)
        self.lease.soft = True

    def _used(self) -> None:
        self.lease.open, self.lease.soft, self.closed = True, False, False

    def add(self, entity: object) -> None:
        self._effect("add", entity)

    def scalars(self, query: object) -> Any:
        return self._query("scalars", lambda rows: rows)

    def flush(self) -> Any:
        return self._call("use", "flush", self._used)

    def commit(self) -> Any:
        self.lease.soft = True
        return super().commit()

    def rollback(self) -> Any:
        self.lease.soft = True
        return super().rollback()


class SessionMaker(Fake):
    """`sessionmaker(engine)`: calling it makes a session, which is no driver call yet."""

    def __init__(self, world: World, behaviour: Behaviour) -> None:
        self._world, self._behaviour = world, behaviour

    def __call__(self, *_: object, **__: object) -> Session:
        return Session(self._world, self._behaviour)

    def begin(self) -> Managed:
        return Managed(self, lambda session: session.close())
