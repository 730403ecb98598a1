"""The list of mutations, and how many are applied: each must leave a valid program that runs without a fault."""

from __future__ import annotations

import ast
from collections.abc import Callable
from random import Random

from tests.execution import mutations as m


def _use(name: str, statement: ast.stmt) -> str:
    """A call on the connection, as its driver would have it."""
    return f"await {name}.execute('SELECT 1')" if "await " in ast.unparse(statement) else f"{name}.commit()"


def _guarded(random: Random, name: str, release: ast.stmt) -> str:
    guard = random.choice([name, f"{name} is not None", f"{name} is None", f"not {name}"])
    return f"if {guard}:\n    {ast.unparse(release)}"


def _tried(random: Random, name: str, release: ast.stmt) -> str:
    first = random.choice(["", f"{_use(name, release)}\n    "])
    return f"try:\n    {first}{ast.unparse(release)}\nexcept Exception:\n    pass"


def _renamed(random: Random, name: str, release: ast.stmt) -> str:
    return f"last = {name}\n" + ast.unparse(release).replace(name, "last")


def _wrong_method(random: Random, name: str, release: ast.stmt) -> str:
    if "pool." in ast.unparse(release):
        return f"{name}.close()"
    return _use(name, release)


def _doubled(random: Random, name: str, release: ast.stmt) -> str:
    return f"{ast.unparse(release)}\n{ast.unparse(release)}"


def _used_first(random: Random, name: str, release: ast.stmt) -> str:
    return f"{_use(name, release)}\n{ast.unparse(release)}"


def _again(random: Random, name: str, acquire: ast.stmt) -> str:
    return ast.unparse(acquire)


def _spare(random: Random, name: str, acquire: ast.stmt) -> str:
    assert isinstance(acquire, ast.Assign)
    then = random.choice(["", _use("spare", acquire), _use(name, acquire)])
    return f"spare = {ast.unparse(acquire.value)}\n{then}"


MUTATIONS: dict[str, m.Mutation] = {
    "finally dropped": m.drop_finally,
    "finally becomes except": m.narrow_finally,
    "acquire into try": m.acquire_into_try,
    "acquire out of try": m.acquire_out_of_try,
    "early exit": m.early_exit,
    "with swapped in": m.with_swapped_in,
    "closing dropped": m.closing_dropped,
    "exception swallowed": m.swallow,
    "retried": m.retry,
    "raise in except": m.raise_in_except,
    "except narrowed": m.narrow_except,
    "loop left": m.leave_loop,
    "close at end of try": m.close_at_end_of_try,
    "statement deleted": m.delete_statement,
    "guard removed": m.unguard,
    "un-awaited": m.unawaited,
    "helper closes": m.helper_closes,
    "returned": m.returned,
    "chained": m.chained,
    "guard added": m.at_release(_guarded),
    "release tried": m.at_release(_tried),
    "released by alias": m.at_release(_renamed),
    "wrong method": m.at_release(_wrong_method),
    "released twice": m.at_release(_doubled),
    "release dropped": m.at_release(lambda random, name, release: "pass"),
    "deleted": m.at_release(lambda random, name, release: f"del {name}"),
    "forgotten": m.at_release(lambda random, name, release: f"{name} = None"),
    "fails before release": m.at_release(_used_first),
    "overwritten": m.after_acquire(_again),
    "second acquire": m.after_acquire(_spare),
    "alias": m.after_acquire(lambda random, name, acquire: f"other = {name}\n{_use('other', acquire)}"),
    "stored": m.after_acquire(lambda random, name, acquire: f"OPEN.append({name})"),
    "gap": m.after_acquire(lambda random, name, acquire: "print('connected')"),
    "use in gap": m.after_acquire(lambda random, name, acquire: _use(name, acquire)),
}


def mutate(random: Random, source: str, count: int, sane: Callable[[str], bool]) -> tuple[str, list[str]]:
    """The source after up to `count` mutations, and their names."""
    done: list[str] = []
    for _ in range(count):
        for name in random.sample(sorted(MUTATIONS), 6):
            changed = _apply(random, MUTATIONS[name], source)
            if changed and changed != source and sane(changed):
                source = changed
                done.append(name)
                break
    return source, done


def _apply(random: Random, mutation: m.Mutation, source: str) -> str:
    tree = ast.parse(source)
    if not mutation(random, tree):
        return ""
    text = _spaced(ast.unparse(ast.fix_missing_locations(tree)))
    if "OPEN.append" in text and "OPEN = []" not in text:
        text = text.replace("\n\n\n", "\nOPEN = []\n\n\n", 1)
    return text + "\n"


def _spaced(text: str) -> str:
    """Two blank lines before what stands at the left margin and is a definition."""
    lines: list[str] = []
    for line in text.split("\n"):
        opens = line.startswith(("def ", "async def ", "class ", "@"))
        if opens and lines and not lines[-1].startswith("@"):
            while lines and not lines[-1]:
                lines.pop()
            lines += ["", ""]
        lines.append(line)
    return "\n".join(lines)
