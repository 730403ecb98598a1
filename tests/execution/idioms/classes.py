"""Objects that hold, hand out or manage connections."""

TEXT = """
#: service-method
class TicketService:
    ~def FUNC(self, ARGS):
        CONN = ACQUIRE
        try:
            BODY
            return RESULT
        finally:
            RELEASE


service = TicketService()

#: service-opener
class TicketService:
    ~def _connect(self):
        return ACQUIRE

    ~def FUNC(self, ARGS):
        CONN = ~self._connect()
        try:
            BODY
            return RESULT
        finally:
            RELEASE


service = TicketService()

#: base-class
class Store:
    ~def connect(self):
        logger.debug("connect")
        return ACQUIRE

    ~def release(self, conn):
        RELEASE(conn)


class TicketStore(Store):
    ~def FUNC(self, ARGS):
        CONN = ~self.connect()
        try:
            BODY
            return RESULT
        finally:
            ~self.release(CONN)


service = TicketStore()

#: static-opener
class Database:
    @staticmethod
    ~def connect():
        return ACQUIRE

    @classmethod
    ~def FUNC(cls, ARGS):
        CONN = ~cls.connect()
        try:
            BODY
            return RESULT
        finally:
            RELEASE


service = Database

#: manager-class sync
class Connected:
    def __enter__(self):
        self.conn = ACQUIRE
        return self.conn

    def __exit__(self, kind, error, traceback):
        RELEASE(self.conn)


def FUNC(ARGS):
    with Connected() as CONN:
        BODY
        return RESULT

#: manager-class-async async
class Connected:
    async def __aenter__(self):
        self.conn = ACQUIRE
        return self.conn

    async def __aexit__(self, kind, error, traceback):
        RELEASE(self.conn)


async def FUNC(ARGS):
    async with Connected() as CONN:
        BODY
        return RESULT

#: manager-method
from contextlib import ~contextmanager


class Database:
    @~contextmanager
    ~def session(self):
        CONN = ACQUIRE
        try:
            yield CONN
        finally:
            RELEASE

    ~def FUNC(self, ARGS):
        ~with self.session() as CONN:
            BODY
            return RESULT


service = Database()

#: lazy-field
class Repository:
    def __init__(self):
        self._conn = None

    ~def _connection(self):
        if self._conn is None:
            self._conn = ACQUIRE
        return self._conn

    ~def close(self):
        if self._conn is not None:
            RELEASE(self._conn)
            self._conn = None

    ~def FUNC(self, ARGS):
        CONN = ~self._connection()
        BODY
        return RESULT


service = Repository()

#: owner-object sync
class Repository:
    def __init__(self):
        self.conn = ACQUIRE

    def count(self):
        self.conn.commit()

    def close(self):
        RELEASE(self.conn)


def FUNC(ARGS):
    repository = Repository()
    try:
        return repository.count()
    finally:
        repository.close()

#: owner-closing sync
from contextlib import closing


class Repository:
    def __init__(self):
        self.conn = ACQUIRE

    def load(self, PARAMS):
        CONN = self.conn
        BODY
        return RESULT

    def close(self):
        RELEASE(self.conn)


def FUNC(ARGS):
    with closing(Repository()) as repository:
        return repository.load(NAMES)

#: owner-with-setup sync
class Repository:
    def __init__(self):
        CONN = ACQUIRE
        try:
            SETUP
        except Exception:
            RELEASE
            raise
        self.conn = CONN

    def close(self):
        RELEASE(self.conn)


def FUNC(ARGS):
    return Repository()
"""
