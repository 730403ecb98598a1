"""Several connections, or one that may belong to someone else."""

TEXT = """
#: own-flag
~def FUNC(ARGS, conn=None):
    own = conn is None
    CONN = ACQUIRE if own else conn
    try:
        BODY
        return RESULT
    finally:
        if own:
            RELEASE

#: own-flag-statement
~def FUNC(ARGS, conn=None):
    close_it = False
    if conn is None:
        conn = ACQUIRE
        close_it = True
    CONN = conn
    try:
        BODY
        return RESULT
    finally:
        if close_it:
            RELEASE(conn)

#: own-compare
~def FUNC(ARGS, conn=None):
    CONN = conn or ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        if conn is None:
            RELEASE

#: own-recursion
~def FUNC(ARGS, conn=None):
    if conn is None:
        conn = ACQUIRE
        try:
            return ~FUNC(NAMES_WITH_CONN)
        finally:
            RELEASE(conn)
    CONN = conn
    BODY
    return RESULT

#: two-nested
~def FUNC(ARGS):
    source = ACQUIRE
    try:
        CONN = ACQUIRE
        try:
            BODY
            return RESULT
        finally:
            RELEASE
    finally:
        RELEASE(source)

#: two-flat
~def FUNC(ARGS):
    source = None
    CONN = None
    try:
        source = ACQUIRE
        CONN = ACQUIRE
        BODY
        return RESULT
    finally:
        if source is not None:
            RELEASE(source)
        if CONN is not None:
            RELEASE

#: two-with close sync
from contextlib import closing


def FUNC(ARGS):
    with closing(ACQUIRE) as source, closing(ACQUIRE) as CONN:
        source.commit()
        BODY
        return RESULT

#: sequence-of-two
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
    finally:
        RELEASE
    CONN = ACQUIRE
    try:
        BODY
    finally:
        RELEASE
    return RESULT

#: alias
~def FUNC(ARGS):
    CONN = ACQUIRE
    db = CONN
    try:
        BODY
        return RESULT
    finally:
        RELEASE(db)

#: reconnect
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        try:
            SETUP
        except ERROR:
            RELEASE
            CONN = ACQUIRE
        BODY
        return RESULT
    finally:
        RELEASE

#: list-of-connections
~def FUNC(ARGS):
    opened = []
    try:
        for _ in range(2):
            CONN = ACQUIRE
            opened.append(CONN)
        BODY
        return RESULT
    finally:
        for each in opened:
            RELEASE(each)

#: dict-of-connections
~def FUNC(ARGS):
    CONN = ACQUIRE
    handles = {"main": CONN}
    try:
        BODY
        return RESULT
    finally:
        RELEASE(handles["main"])

#: registered
from app.tasks import register


~def FUNC(ARGS):
    CONN = ACQUIRE
    register(CONN)
    BODY
    return RESULT

#: module-cache
_shared = None


~def FUNC(ARGS):
    global _shared
    if _shared is None:
        _shared = ACQUIRE
    CONN = _shared
    BODY
    return RESULT

#: copy-between
~def read_all(conn, PARAMS):
    CONN = conn
    BODY
    return RESULT


~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        data = ~read_all(CONN, NAMES)
    finally:
        RELEASE
    target = ACQUIRE
    try:
        ~target.execute("UPDATE tickets SET seen = 1")
        return data
    finally:
        RELEASE(target)

#: probe
~def FUNC(ARGS):
    try:
        CONN = ACQUIRE
    except ERROR:
        return False
    else:
        RELEASE
        return True

#: ternary-acquire
~def FUNC(ARGS, read_only=False):
    CONN = ACQUIRE if read_only else ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: status-result
~def FUNC(ARGS):
    CONN = None
    status = "ok"
    try:
        CONN = ACQUIRE
        BODY
    except ERROR as error:
        status = f"error: {error}"
    except ValueError:
        status = "invalid"
    finally:
        if CONN:
            try:
                RELEASE
            except ERROR:
                logger.warning("close failed")
    return status
"""
