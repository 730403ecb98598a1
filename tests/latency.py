"""How long an editor waits for findings after a keystroke: `python tests/latency.py`.

Types into a file of some thousand lines, a character at a time, and takes the time from each change to the
findings for it. The pause that the server waits for more typing is part of it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from editor import Editor, editor

HEAD = "import logging\n\nfrom psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 20)\n\n"
PLAIN = '''
def total_{number}(prices, limit):
    """The sum of those under the limit."""
    total = 0
    for price in prices:
        if price > limit:
            logging.info("too dear: %s", price)
        elif price == limit:
            total -= 1
        else:
            total += price
    return total

'''
USER = '''
def insert_{number}(rows):
    """Leaks when an exception comes."""
    if not rows:
        return 0
    conn = pool.getconn()
    cursor = conn.cursor()
    cursor.executemany("INSERT INTO words VALUES (%s)", rows)
    conn.commit()
    logging.info("%s rows", len(rows))
    pool.putconn(conn)
    return len(rows)

'''
KEYS = "number_of_rows_to_be_inserted"


def text(lines: int, every: int) -> str:
    """A module of about that many lines; one function of `every` uses the database."""
    made, number = HEAD, 0
    while made.count("\n") < lines:
        made += (USER if number % every == 0 else PLAIN).replace("{number}", str(number))
        number += 1
    return made


async def measure(one: Editor, name: str, before: str) -> list[float]:
    """Seconds for each keystroke in the middle of the file."""
    cut = before.index("\n    if not rows", len(before) // 2) + 1
    one.open(name, before)
    await one.findings(name)
    times = []
    for count in range(1, len(KEYS) + 1):
        typed = f"{before[:cut]}    {KEYS[:count]} = 1\n{before[cut:]}"
        started = time.perf_counter()
        await one.findings(name, one.type(name, typed))
        times.append(time.perf_counter() - started)
    return times


async def main(lines: int) -> None:
    """Both kinds of file."""
    with tempfile.TemporaryDirectory() as folder:
        async with editor(Path(folder)) as one:
            for label, every in (("1 function in 8 uses the database", 8), ("every function does", 1)):
                module = text(lines, every)
                times = [1000 * t for t in await measure(one, f"every{every}.py", module)]
                median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
                print(f"{module.count(chr(10))} lines, {label}: median {median:.0f} ms, p95 {p95:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
