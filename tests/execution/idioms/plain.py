"""One function, one connection."""

TEXT = """
#: straight
~def FUNC(ARGS):
    CONN = ACQUIRE
    BODY
    RELEASE
    return RESULT

#: finally
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: finally-after
~def FUNC(ARGS):
    CONN = ACQUIRE
    result = None
    try:
        BODY
        result = RESULT
    finally:
        RELEASE
    return result

#: none-prelude
~def FUNC(ARGS):
    CONN = None
    try:
        CONN = ACQUIRE
        BODY
        return RESULT
    except ERROR:
        logger.exception("query failed")
        return None
    finally:
        if CONN is not None:
            RELEASE

#: none-prelude-cursor cursor
~def FUNC(ARGS):
    CONN = None
    CUR = None
    try:
        CONN = ACQUIRE
        BODY
        return RESULT
    finally:
        if CUR:
            ~CUR.close()
        if CONN:
            RELEASE

#: cursor-in-finally cursor
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        ~CUR.close()
        RELEASE

#: nested-finally cursor
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        CUR = CURSOR
        try:
            BODY
            return RESULT
        finally:
            ~CUR.close()
    finally:
        RELEASE

#: acquire-guarded
~def FUNC(ARGS):
    try:
        CONN = ACQUIRE
    except ERROR as error:
        logger.error("no connection: %s", error)
        return None
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: close-in-both
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
    except Exception:
        RELEASE
        raise
    RELEASE
    return RESULT

#: try-else
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
    except Exception:
        logger.exception("failed")
        RELEASE
        return None
    else:
        RELEASE
    return RESULT

#: log-and-close-inside
~def FUNC(ARGS):
    try:
        CONN = ACQUIRE
        BODY
        RELEASE
        return RESULT
    except ERROR as error:
        logger.error("failed: %s", error)
        return None

#: rollback-and-raise
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        COMMIT
    except ERROR:
        ROLLBACK
        raise
    finally:
        RELEASE
    return RESULT

#: early-return-before
~def FUNC(ARGS, dry_run=False):
    if dry_run:
        return None
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: close-in-branches
~def FUNC(ARGS, dry_run=False):
    CONN = ACQUIRE
    if dry_run:
        RELEASE
        return None
    BODY
    RELEASE
    return RESULT

#: conditional-acquire
~def FUNC(ARGS, use_cache=True):
    CONN = None
    if not use_cache:
        CONN = ACQUIRE
    try:
        if CONN is None:
            return "cached"
        BODY
        return RESULT
    finally:
        if CONN is not None:
            RELEASE

#: flag-closed
~def FUNC(ARGS, write=False):
    opened = False
    CONN = None
    if write:
        CONN = ACQUIRE
        opened = True
    try:
        if write:
            BODY
        return opened
    finally:
        if opened:
            RELEASE

#: acquire-or-fail
~def FUNC(ARGS):
    CONN = ACQUIRE
    if not CONN:
        raise RuntimeError("no connection")
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: match-statement
~def FUNC(ARGS, mode=None):
    CONN = ACQUIRE
    try:
        match mode:
            case None:
                BODY
                return RESULT
            case 10:
                return mode
            case _:
                raise ValueError(mode)
    finally:
        RELEASE

#: walrus sync
def FUNC(ARGS):
    if (CONN := ACQUIRE) is not None:
        try:
            BODY
            return RESULT
        finally:
            RELEASE
    return None

#: raise-from
~def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    except ERROR as error:
        raise RuntimeError("storage failed") from error
    finally:
        RELEASE

#: connected-guard pool cursor sync alive
def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        return RESULT
    finally:
        if CONN.is_connected():
            RELEASE
"""
