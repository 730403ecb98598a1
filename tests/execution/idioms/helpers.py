"""Functions that close or borrow for others."""

TEXT = """
#: closer
~def close_quietly(conn):
    try:
        RELEASE(conn)
    except Exception:
        logger.exception("close failed")


~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        ~close_quietly(CONN)

#: closer-none-guard
~def close(conn):
    if conn is None:
        return
    RELEASE(conn)


~def FUNC(ARGS):
    CONN = None
    try:
        CONN = ACQUIRE
        BODY
        return RESULT
    finally:
        ~close(CONN)

#: closer-cursor-first cursor
~def close_all(conn, cur=None):
    if cur is not None:
        try:
            ~cur.close()
        except ERROR:
            pass
    if conn is not None:
        RELEASE(conn)


~def FUNC(ARGS):
    CONN = CUR = None
    try:
        CONN = ACQUIRE
        CUR = CURSOR
        BODY
        return RESULT
    finally:
        ~close_all(CONN, CUR)

#: closer-two-levels
~def dispose(conn):
    RELEASE(conn)


~def finish(conn, verbose=False):
    if verbose:
        logger.info("closing")
    ~dispose(conn)


~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        ~finish(CONN)

#: borrower
~def fetch_state(conn, PARAMS):
    CONN = conn
    BODY
    return RESULT


~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        return ~fetch_state(CONN, NAMES)
    finally:
        RELEASE

#: opener-and-closer
~def connect():
    return ACQUIRE


~def disconnect(conn):
    RELEASE(conn)


~def FUNC(ARGS):
    CONN = ~connect()
    try:
        BODY
        return RESULT
    finally:
        ~disconnect(CONN)

#: callback sync
def with_connection(work):
    CONN = ACQUIRE
    try:
        return work(CONN)
    finally:
        RELEASE


def FUNC(ARGS):
    def work(CONN):
        BODY
        return RESULT

    return with_connection(work)

#: decorator-injects sync
import functools


def connected(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        CONN = ACQUIRE
        try:
            return function(CONN, *args, **kwargs)
        finally:
            RELEASE

    return wrapper


@connected
def load(CONN, PARAMS):
    BODY
    return RESULT


def FUNC(ARGS):
    return load(NAMES)

#: nested-function-closes sync
def FUNC(ARGS):
    CONN = ACQUIRE

    def close():
        RELEASE

    try:
        BODY
        return RESULT
    finally:
        close()

#: returns-closer sync
def FUNC(ARGS):
    CONN = ACQUIRE

    def close():
        RELEASE

    return close
"""
