"""Functions that open for others."""

TEXT = """
#: opener
~def open_connection():
    return ACQUIRE


~def FUNC(ARGS):
    CONN = ~open_connection()
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: opener-straight
~def open_connection():
    CONN = ACQUIRE
    return CONN


~def FUNC(ARGS):
    CONN = ~open_connection()
    BODY
    RELEASE
    return RESULT

#: opener-two-levels
~def raw_connection():
    logger.debug("opening")
    return ACQUIRE


~def get_connection():
    CONN = ~raw_connection()
    logger.info("connected")
    return CONN


~def FUNC(ARGS):
    CONN = ~get_connection()
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: opener-with-setup
~def get_connection():
    CONN = ACQUIRE
    try:
        SETUP
    except Exception:
        RELEASE
        raise
    return CONN


~def FUNC(ARGS):
    CONN = ~get_connection()
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: opener-retrying
~def get_connection(attempts=3):
    for attempt in range(attempts):
        try:
            return ACQUIRE
        except ERROR:
            logger.warning("attempt %d", attempt)
            ~SLEEP(2)
    raise RuntimeError("gave up")


~def FUNC(ARGS):
    CONN = ~get_connection()
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: opener-or-none
~def try_connect():
    try:
        return ACQUIRE
    except ERROR as error:
        logger.error(error)
        return None


~def FUNC(ARGS):
    CONN = ~try_connect()
    if CONN is None:
        return None
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: opener-tuple cursor
~def open_cursor():
    CONN = ACQUIRE
    try:
        CUR = CURSOR
    except Exception:
        RELEASE
        raise
    return CONN, CUR


~def FUNC(ARGS):
    CONN, CUR = ~open_cursor()
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: lambda-opener sync
connect = lambda: ACQUIRE


def FUNC(ARGS):
    CONN = connect()
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: partial-opener sync
from functools import partial

connect = partial(OPENER)


def FUNC(ARGS):
    CONN = connect()
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: returned
~def FUNC(ARGS):
    CONN = ACQUIRE
    return CONN

#: returned-after-setup
~def FUNC(ARGS):
    CONN = ACQUIRE
    SETUP
    return CONN

#: yielded-to-caller
~def FUNC(ARGS):
    for _ in range(2):
        CONN = ACQUIRE
        yield CONN
"""
