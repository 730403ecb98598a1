"""What people do to right code: one small change each. A mutation changes the tree and says whether it could."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from random import Random

from tests.execution.trees import acquired, blocks_of, called, functions, parsed, places, released, tries

Mutation = Callable[[Random, ast.Module], bool]


def some(random: Random, found: list[tuple[list[ast.stmt], int]]) -> tuple[list[ast.stmt], int] | None:
    """One of several places, if any."""
    return random.choice(found) if found else None


def acquires(tree: ast.Module) -> list[tuple[list[ast.stmt], int]]:
    """Places that bind a new connection."""
    return [(block, n) for block, n in places(tree) if acquired(block[n])]


def releases(tree: ast.Module) -> list[tuple[list[ast.stmt], int]]:
    """Places that release one."""
    return [(block, n) for block, n in places(tree) if released(block[n])]


def at_release(change: Callable[[Random, str, ast.stmt], list[ast.stmt] | str]) -> Mutation:
    """A mutation that replaces a release by something else."""

    def mutation(random: Random, tree: ast.Module) -> bool:
        if not (place := some(random, releases(tree))):
            return False
        block, n = place
        new = change(random, released(block[n]), block[n])
        block[n : n + 1] = parsed(new) if isinstance(new, str) else new
        return True

    return mutation


def after_acquire(change: Callable[[Random, str, ast.stmt], str]) -> Mutation:
    """A mutation that puts something behind an acquire."""

    def mutation(random: Random, tree: ast.Module) -> bool:
        if not (place := some(random, acquires(tree))):
            return False
        block, n = place
        block[n + 1 : n + 1] = parsed(change(random, acquired(block[n]), block[n]))
        return True

    return mutation


def drop_finally(random: Random, tree: ast.Module) -> bool:
    found = [(block, n, node) for block, n, node in tries(tree) if node.finalbody]
    if not found:
        return False
    block, n, node = random.choice(found)
    node.finalbody, after = [], node.finalbody if random.random() < 0.7 else []
    block[n : n + 1] = ([node] if node.handlers else node.body) + after
    return True


def narrow_finally(random: Random, tree: ast.Module) -> bool:
    """The `finally` becomes `except …: clean up; raise` and an `else`."""
    found = [node for _, _, node in tries(tree) if node.finalbody and not node.handlers and not node.orelse]
    if not found:
        return False
    node = random.choice(found)
    kind = random.choice(["Exception", "Exception", "ValueError"])
    handler = ast.ExceptHandler(ast.Name(kind), None, [*copy.deepcopy(node.finalbody), ast.Raise()])
    node.handlers, node.orelse, node.finalbody = [handler], node.finalbody, []
    return True


def acquire_into_try(random: Random, tree: ast.Module) -> bool:
    found = [(block, n, node) for block, n, node in tries(tree) if n and acquired(block[n - 1])]
    if not found:
        return False
    block, n, node = random.choice(found)
    node.body.insert(0, block.pop(n - 1))
    return True


def acquire_out_of_try(random: Random, tree: ast.Module) -> bool:
    found = [(block, n, node) for block, n, node in tries(tree) if len(node.body) > 1 and acquired(node.body[0])]
    if not found:
        return False
    block, n, node = random.choice(found)
    block.insert(n, node.body.pop(0))
    return True


def early_exit(random: Random, tree: ast.Module) -> bool:
    """`if quick: return None` somewhere after an acquire, with a new flag for the entry to vary."""
    found = []
    helpers = {called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}  # nobody would vary their flag
    for function in functions(tree):
        if function.name in helpers or function.name.startswith("__"):
            continue
        own = [(b, n + 1) for b, n in acquires(ast.Module([function], [])) if n + 1 < len(b)]
        inner = [(t.body, random.randint(0, len(t.body) - 1)) for _, _, t in tries(ast.Module([function], []))]
        found += [(function, *place) for place in own + inner]
    if not found:
        return False
    function, block, n = random.choice(found)
    if not any(argument.arg == "quick" for argument in function.args.args):
        function.args.args.append(ast.arg("quick"))
        function.args.defaults.append(ast.Constant(False))
    generator = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(function))
    way_out = random.choice(["return" if generator else "return None", "raise RuntimeError('quick')"])
    block[n:n] = parsed(f"if quick:\n    {way_out}")
    return True


def with_swapped_in(random: Random, tree: ast.Module) -> bool:
    """`conn = acquire()` and what follows become `with acquire() as conn:`."""
    found = [(block, n) for block, n in acquires(tree) if n + 1 < len(block)]
    if not (place := some(random, found)):
        return False
    block, n = place
    statement = block[n]
    assert isinstance(statement, ast.Assign)
    kind = ast.AsyncWith if isinstance(statement.value, ast.Await) else ast.With
    block[n:] = [kind([ast.withitem(statement.value, statement.targets[0])], block[n + 1 :])]
    return True


def closing_dropped(random: Random, tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and called(node.context_expr) == "closing":
            assert isinstance(node.context_expr, ast.Call)
            node.context_expr = node.context_expr.args[0]
            return True
    return False


def swallow(random: Random, tree: ast.Module) -> bool:
    """A stretch of statements goes into a try that swallows."""
    if not (place := some(random, [(b, n) for b, n in acquires(tree) if n + 2 < len(b)])):
        return False
    block, n = place
    start = random.choice([n, n + 1])
    end = random.randint(start + 1, len(block))
    handler = ast.ExceptHandler(ast.Name("Exception"), None, parsed(random.choice(["pass", "print('failed')"])))
    block[start:end] = [ast.Try(block[start:end], [handler], [], [])]
    return True


def retry(random: Random, tree: ast.Module) -> bool:
    """The acquire and what follows are tried again on failure."""
    if not (place := some(random, [(b, n) for b, n in acquires(tree) if n + 1 < len(b)])):
        return False
    block, n = place
    handler = ast.ExceptHandler(ast.Name("Exception"), None, parsed(random.choice(["continue", "pass"])))
    attempt = ast.Try(block[n:], [handler], parsed("break") if random.random() < 0.5 else [], [])
    block[n:] = [ast.For(ast.Name("_attempt"), ast.parse("range(2)").body[0].value, [attempt], [])]  # type: ignore[attr-defined]
    return True


def raise_in_except(random: Random, tree: ast.Module) -> bool:
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    if not handlers:
        return False
    body = random.choice(handlers).body
    body.insert(random.randint(0, len(body)), parsed("raise RuntimeError('failed')")[0])
    return True


def narrow_except(random: Random, tree: ast.Module) -> bool:
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    if not handlers:
        return False
    random.choice(handlers).type = ast.Name(random.choice(["ValueError", "KeyError", "Exception"]))
    return True


def leave_loop(random: Random, tree: ast.Module) -> bool:
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For) and isinstance(node.target, ast.Name)]
    if not loops:
        return False
    loop = random.choice(loops)
    assert isinstance(loop.target, ast.Name)
    way = random.choice(["continue", "break"])
    loop.body.insert(random.randint(0, len(loop.body)), parsed(f"if {loop.target.id}:\n    {way}")[0])
    return True


def close_at_end_of_try(random: Random, tree: ast.Module) -> bool:
    found = [node for _, _, node in tries(tree) if any(released(s) for s in node.finalbody)]
    if not found:
        return False
    node = random.choice(found)
    closing = next(s for s in node.finalbody if released(s))
    node.finalbody.remove(closing)
    last = len(node.body) - isinstance(node.body[-1], ast.Return)
    node.body.insert(last, closing)
    if not node.finalbody and not node.handlers:
        node.finalbody = parsed("print('done')")
    return True


def delete_statement(random: Random, tree: ast.Module) -> bool:
    found = [(block, n) for block, n in places(tree) if len(block) > 1 and not acquired(block[n])]
    if not (place := some(random, found)):
        return False
    del place[0][place[1]]
    return True


def unguard(random: Random, tree: ast.Module) -> bool:
    found = [(b, n) for b, n in places(tree) if isinstance(b[n], ast.If) and any(map(released, b[n].body))]  # type: ignore[attr-defined]
    if not (place := some(random, found)):
        return False
    block, n = place
    block[n : n + 1] = block[n].body  # type: ignore[attr-defined]
    return True


def unawaited(random: Random, tree: ast.Module) -> bool:
    found = [(b, n) for b, n in releases(tree) if isinstance(b[n].value, ast.Await)]  # type: ignore[attr-defined]
    if not (place := some(random, found)):
        return False
    statement = place[0][place[1]]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Await)
    statement.value = statement.value.value
    return True


def helper_closes(random: Random, tree: ast.Module) -> bool:
    """The release moves into a helper of its own, right or wrong."""
    place = some(random, releases(tree))
    if place is None or any(function.name == "let_go" for function in functions(tree)):
        return False  # a second helper of the name would call itself
    block, n = place
    statement, name = block[n], released(block[n])
    helper = random.choice(HELPERS)
    release = ast.unparse(statement)
    waits = "await " if release.startswith("await") else ""
    use = f"await {name}.execute('SELECT 1')" if waits else f"{name}.commit()"
    text = helper.replace("RELEASE", release).replace("USE", use).replace("CONN", name)
    tree.body[_first_function(tree) : _first_function(tree)] = parsed(("async " if waits else "") + text)
    block[n : n + 1] = parsed(f"{waits}let_go({name})")
    return True


HELPERS = [
    "def let_go(CONN):\n    RELEASE",
    "def let_go(CONN, hard=True):\n    if hard:\n        RELEASE",
    "def let_go(CONN, hard=False):\n    if hard:\n        RELEASE",
    "def let_go(CONN):\n    if CONN is not None:\n        RELEASE",
    "def let_go(CONN):\n    USE\n    RELEASE",
    "def let_go(CONN):\n    try:\n        USE\n    finally:\n        RELEASE",
    "def let_go(CONN):\n    print('bye', CONN)",
]


def _first_function(tree: ast.Module) -> int:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return next((n for n, node in enumerate(tree.body) if isinstance(node, kinds)), 0)


def returned(random: Random, tree: ast.Module) -> bool:
    """A function returns the connection as well."""
    found = [(b, n) for b, n in places(tree) if isinstance(b[n], ast.Return)]
    names = sorted({acquired(b[n]) for b, n in acquires(tree)})
    if not names or not (place := some(random, found)):
        return False
    name = random.choice(names)
    place[0][place[1]] = parsed(random.choice([f"return {name}", f"return {name}, 1", f"return [{name}]"]))[0]
    return True


def chained(random: Random, tree: ast.Module) -> bool:
    """`conn = acquire(); cur = conn.cursor()` in one expression."""
    for block, n in acquires(tree):
        following = block[n + 1] if n + 1 < len(block) else None
        if isinstance(following, ast.Assign) and called(following.value) == "cursor":
            for inner in ast.walk(following.value):
                if isinstance(inner, ast.Attribute) and inner.attr == "cursor":
                    inner.value = block[n].value  # type: ignore[attr-defined]
            del block[n]
            _forget_releases(block)
            return True
    return False


def _forget_releases(block: list[ast.stmt]) -> None:
    for inner in blocks_of(ast.Module(block, [])):
        inner[:] = [s for s in inner if not released(s)] or (parsed("pass") if inner else [])
