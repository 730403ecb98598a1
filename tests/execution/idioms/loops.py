"""One connection, and a loop around it or inside."""

TEXT = """
#: retry-loop
~def FUNC(ARGS):
    for attempt in range(3):
        CONN = ACQUIRE
        try:
            BODY
            return RESULT
        except ERROR:
            logger.warning("attempt %d failed", attempt)
            ~SLEEP(0.1)
        finally:
            RELEASE
    return None

#: retry-acquire
~def FUNC(ARGS):
    CONN = None
    for attempt in range(3):
        try:
            CONN = ACQUIRE
            break
        except ERROR:
            ~SLEEP(attempt)
    if CONN is None:
        raise RuntimeError("no connection")
    try:
        BODY
        return RESULT
    finally:
        RELEASE

#: while-retry
~def FUNC(ARGS):
    tries = 0
    while True:
        CONN = ACQUIRE
        try:
            BODY
            return RESULT
        except ERROR:
            tries += 1
            if tries == 3:
                raise
        finally:
            RELEASE

#: per-item-loop
~def FUNC(ARGS, items=()):
    done = []
    for key, status in items:
        CONN = ACQUIRE
        try:
            BODY
            if status == "closed":
                continue
            done.append(key)
        finally:
            RELEASE
    return done

#: loop-with-break
~def FUNC(ARGS, items=()):
    CONN = ACQUIRE
    try:
        for key, status in items:
            if status == "closed":
                break
            BODY
        else:
            return 0
        return key
    finally:
        RELEASE

#: generator-rows sync
def FUNC(ARGS):
    CONN = ACQUIRE
    try:
        BODY
        yield from range(3)
    finally:
        RELEASE

#: generator-loop
~def FUNC(ARGS, items=()):
    CONN = ACQUIRE
    try:
        for key, status in items:
            BODY
            yield key
    finally:
        RELEASE
"""
