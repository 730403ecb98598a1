"""Context managers: the driver's, the standard library's, the project's."""

TEXT = """
#: closing close sync
from contextlib import closing


def FUNC(ARGS):
    with closing(ACQUIRE) as CONN:
        BODY
        return RESULT

#: closing-and-transaction close sync transaction
from contextlib import closing


def FUNC(ARGS):
    with closing(ACQUIRE) as CONN, CONN:
        BODY
    return RESULT

#: closing-later close sync
import contextlib


def FUNC(ARGS):
    CONN = ACQUIRE
    with contextlib.closing(CONN):
        BODY
    return RESULT

#: closing-cursor close cursor sync
from contextlib import closing


def FUNC(ARGS):
    with closing(ACQUIRE) as CONN:
        with closing(CURSOR) as CUR:
            BODY
        COMMIT
    return RESULT

#: driver-with managed
~def FUNC(ARGS):
    ~with MANAGED as CONN:
        BODY
        return RESULT

#: driver-with-nested managed
~def FUNC(ARGS, retry=True):
    try:
        ~with MANAGED as CONN:
            BODY
    except ERROR:
        if not retry:
            raise
        ~with MANAGED as CONN:
            BODY
    return RESULT

#: with-own-object transaction sync
def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        with CONN:
            BODY
        return RESULT
    finally:
        RELEASE

#: with-transaction-only transaction sync
def FUNC(ARGS):
    with ACQUIRE as CONN:
        BODY
        return RESULT

#: with-transaction-on-name transaction sync
def FUNC(ARGS):
    CONN = ACQUIRE
    with CONN:
        BODY
    return RESULT

#: exit-stack-closing close sync
from contextlib import ExitStack, closing


def FUNC(ARGS, audit=False):
    with ExitStack() as stack:
        CONN = stack.enter_context(closing(ACQUIRE))
        BODY
        if audit:
            second = stack.enter_context(closing(ACQUIRE))
            second.commit()
        return RESULT

#: exit-stack-callback sync
from contextlib import ExitStack


def FUNC(ARGS):
    with ExitStack() as stack:
        CONN = ACQUIRE
        stack.callback(CALLBACK)
        BODY
    return RESULT

#: exit-stack-method close sync
from contextlib import ExitStack


def FUNC(ARGS):
    with ExitStack() as stack:
        CONN = ACQUIRE
        stack.callback(CONN.close)
        BODY
        return RESULT

#: exit-stack-pop-all close sync
from contextlib import ExitStack, closing


def open_two():
    with ExitStack() as stack:
        first = stack.enter_context(closing(ACQUIRE))
        first.commit()
        second = stack.enter_context(closing(ACQUIRE))
        return first, second, stack.pop_all()


def FUNC(ARGS):
    CONN, other, stack = open_two()
    with stack:
        BODY
        return RESULT

#: async-exit-stack async managed
from contextlib import AsyncExitStack


async def FUNC(ARGS):
    async with AsyncExitStack() as stack:
        CONN = await stack.enter_async_context(MANAGED)
        BODY
        return RESULT

#: async-exit-stack-push async close-coroutine
from contextlib import AsyncExitStack


async def FUNC(ARGS):
    async with AsyncExitStack() as stack:
        CONN = ACQUIRE
        stack.push_async_callback(CONN.close)
        BODY
    return RESULT

#: suppressed-close sync
from contextlib import suppress


def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        with suppress(Exception):
            RELEASE

#: manager
from contextlib import ~contextmanager


@~contextmanager
~def connected():
    CONN = ACQUIRE
    try:
        yield CONN
    finally:
        RELEASE


~def FUNC(ARGS):
    ~with connected() as CONN:
        BODY
    return RESULT

#: manager-transaction
import contextlib


@contextlib.~contextmanager
~def transaction():
    CONN = ACQUIRE
    try:
        yield CONN
        COMMIT
    except Exception:
        ROLLBACK
        raise
    finally:
        RELEASE


~def FUNC(ARGS):
    ~with transaction() as CONN:
        BODY
        return RESULT

#: manager-is-entry
from contextlib import ~contextmanager


@~contextmanager
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        yield CONN
    finally:
        RELEASE

#: manager-cursor cursor
from contextlib import ~contextmanager


@~contextmanager
~def cursor_of(commit=False):
    CONN = ACQUIRE
    try:
        CUR = CURSOR
        try:
            yield CUR
            if commit:
                COMMIT
        finally:
            ~CUR.close()
    finally:
        RELEASE


~def FUNC(ARGS):
    ~with cursor_of(commit=True) as CUR:
        ~CUR.execute("SELECT count(*) FROM tickets")
        return ~CUR.fetchone()

#: manager-two-levels
from contextlib import ~contextmanager


@~contextmanager
~def connected():
    CONN = ACQUIRE
    try:
        yield CONN
    finally:
        RELEASE


@~contextmanager
~def unit_of_work():
    ~with connected() as CONN:
        try:
            yield CONN
            COMMIT
        except ERROR:
            ROLLBACK
            raise


~def FUNC(ARGS):
    ~with unit_of_work() as CONN:
        BODY
    return RESULT

#: optional-manager managed
from contextlib import nullcontext


~def FUNC(ARGS, conn=None):
    ~with MANAGED if conn is None else nullcontext(conn) as CONN:
        BODY
    return RESULT
"""
