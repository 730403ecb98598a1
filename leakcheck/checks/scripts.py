"""Code that only a script runs, and once: the process ends with it, and gives back what it took."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.pools.constructors import Built
from leakcheck.checks.purpose import is_of_this_file, is_only_in, is_test
from leakcheck.checks.sql import mentions
from leakcheck.checks.started import MAIN, is_command, is_task, started
from leakcheck.flow.values import Class, Function
from leakcheck.patterns import pattern
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Chunk, FunctionInfo, Module
from leakcheck.project.syntax.walk import code, same_scope, string_value, terminal, walk
from leakcheck.words import words

_INIT = "__init__"
_GOES_ON = pattern(r"^\s*(?:while|async)\b", re.MULTILINE)
_ROUNDS = (cst.For, cst.While, cst.BaseComp)
_DEPTH = 4  # of functions between a script's block and what it leads to


def ends_with_the_process(function: FunctionInfo, project: Project) -> bool:
    """Whether `if __name__ == "__main__":` calls a function, in no round, or it is installed as a command, and nothing
    else in sight calls it."""
    module, name = function.module, function.name
    is_installed = function.parent is None and project.is_command(function)
    if function.parent is not None or not (is_installed or MAIN in module.source):
        return False
    others = (chunk for chunk in module.chunks if name in chunk.words and chunk.name != name)
    callers = [chunk for chunk in others if not _only_tells(chunk.tree, name)]
    if not all(_starts(chunk, name) for chunk in callers):
        return False
    return (is_installed or bool(callers)) and is_of_this_file(function, project)


def is_part_of_a_script(function: FunctionInfo, project: Project, tasks: bool = False, depth: int = _DEPTH) -> bool:
    """The same, also by way of commands, of other functions and the objects that they make, and of the files beside,
    none of which calls the next in a round; or also by way of tasks."""
    if ends_with_the_process(function, project) or (tasks and is_task(function)):
        return True
    if depth <= 0 or isinstance(function.parent, FunctionInfo) or not _is_known(function, project):
        return False
    callers = [*_callers(function, function.module, tasks), *_callers_beside(function, project, tasks)]
    if project.is_command(function):
        callers.append((function, set()))  # whoever starts it uses it well
    if not callers:
        return False
    for caller, uses in callers:
        if caller is None:
            return False
        # what a process of its own runs ends with that, whoever starts it
        uses -= started(caller.node.body, caller.module, tasks)
        if uses - _called_at_once(caller):
            return False
        if uses and not is_command(caller) and not is_part_of_a_script(caller, project, tasks, depth - 1):
            return False
    return True


def is_soon_over(function: FunctionInfo, project: Project) -> bool:
    """Whether the process ends with a function that has no loop which may go on: nobody waits for what it holds."""
    if may_go_on(function):
        return False
    return is_command(function) or is_part_of_a_script(function, project)


def may_go_on(function: FunctionInfo) -> bool:
    """Whether a function has a loop that need not end."""
    return any(isinstance(node, cst.While) for node in walk(function.node.body, same_scope))


def _is_known(function: FunctionInfo, project: Project) -> bool:
    """Whether nobody calls it but by its name; a method, in its file."""
    cls = function.cls
    if cls is None:
        return True
    is_own = function.name == _INIT or not (function.name.startswith("__") or set(cls.bases) - {"object"})
    return is_own and is_only_in(function.module, cls.name, project)  # no base calls it either


def _callers_beside(
    function: FunctionInfo, project: Project, tasks: bool
) -> Iterator[tuple[FunctionInfo | None, set[int]]]:
    """Those of the files around; a script's own block counts as a caller that uses it well."""
    if function.cls is not None:
        return
    module, name = function.module, function.name
    for user in project.modules_around(module, frozenset({module.name.rpartition(".")[2], name})):
        if user is not module and not is_test(user, project.settings):
            if user.is_package and name in user.imported_words:
                yield None, set()  # who imports it from there is out of sight
            yield from _callers(function, user, tasks)


def _callers(function: FunctionInfo, module: Module, tasks: bool) -> Iterator[tuple[FunctionInfo | None, set[int]]]:
    """The functions and methods of a file that use it, with the ids of the nodes; None for what stands elsewhere."""
    is_made = function.cls is not None and function.name == _INIT  # by calling the class
    name = function.cls.name if function.cls is not None and is_made else function.name
    find = _read if is_made or function.cls is None else _asked
    is_beside = module is not function.module
    for part in module.mentioning(frozenset({name})):
        if part.info is function or (is_made and part.name == name) or (is_beside and part.kind == "import"):
            continue
        if _starts(part, name):
            makes = function.cls is not None and function.cls.name in part.words
            if is_beside or makes:  # whether its own file's calls a function has been asked
                yield function, set()
            continue
        found = [d for d in part.definitions if isinstance(d, FunctionInfo) and not isinstance(d.parent, FunctionInfo)]
        inside = {caller: find(caller.node, name) for caller in found if caller is not function}
        rest = find(part.tree, name).difference(find(function.node, name), *inside.values())
        if handed := rest & started(part.tree, part.module, tasks):
            yield function, set()
            rest -= handed
            if not rest:
                continue
        if rest or not any(inside.values()):
            if _only_tells(part.tree, name):
                continue
            yield None, rest
        yield from inside.items()


def is_run_in_processes(function: FunctionInfo) -> bool:
    """Whether its file gives it to a pool of processes, which ends when the work is done."""
    name, targets = function.name, function.module.imports.values()
    if not set(targets) & set(words().process_pools) or any("Thread" in target for target in targets):
        return False
    for caller in (chunk.info for chunk in function.module.chunks if name in chunk.words and chunk.name != name):
        calls = walk(caller.node.body, same_scope) if isinstance(caller, FunctionInfo) else ()
        maps = (n for n in calls if isinstance(n, cst.Call) and n.args and terminal(n.func) in words().maps)
        if any(isinstance(n.args[0].value, cst.Name) and n.args[0].value.value == name for n in maps):
            return True
    return False


def _read(node: cst.CSTNode, name: str) -> set[int]:
    """The ids of the nodes by which code reads a name: `db.connect` reads no `connect`."""
    parts = list(walk(node, _is_run))
    others = {id(n.attr) for n in parts if isinstance(n, cst.Attribute)}
    others |= {id(n.keyword) for n in parts if isinstance(n, cst.Arg) and n.keyword is not None}
    others |= {id(n.name) for n in parts if isinstance(n, (cst.FunctionDef, cst.ClassDef))}
    return {id(n) for n in parts if isinstance(n, cst.Name) and n.value == name} - others


def _asked(node: cst.CSTNode, name: str) -> set[int]:
    """The ids of the nodes by which code asks an object for a method."""
    return {id(n) for n in walk(node, _is_run) if isinstance(n, cst.Attribute) and n.attr.value == name}


def _only_tells(node: cst.CSTNode, name: str) -> bool:
    """Whether a name stands only in comments and sentences: `getattr(module, "migrate")` may mean a function."""
    quoted = re.compile(rf"[\w.:/]*\b{name}(?:\(.*\))?")
    for part in walk(node):
        if isinstance(part, cst.Name) and part.value == name:
            return False
        text = part.value if isinstance(part, cst.FormattedStringText) else string_value(part)
        if text is not None and quoted.fullmatch(text.strip()):
            return False
    return True


def _is_run(node: cst.CSTNode) -> bool:
    return not isinstance(node, cst.Annotation)


def _called_at_once(caller: FunctionInfo) -> set[int]:
    """The ids of what a function calls in no round."""
    once = list(walk(caller.node.body, lambda n: same_scope(n) and not isinstance(n, _ROUNDS)))
    once += [part for loop in once if isinstance(loop, cst.For) for part in walk(loop.iter, same_scope)]
    return {id(n.func) for n in once if isinstance(n, cst.Call)}


def goes_on(part: Module | Chunk) -> bool:
    """Whether a file, or a statement, has anything by which a program runs on and on."""
    text = part.source if isinstance(part, Module) else part.statement.text
    return _GOES_ON.search(text) is not None


def is_brief_script(module: Module) -> bool:
    """Whether a file is run as a script, and has nothing by which one runs on and on."""
    if MAIN not in module.source or goes_on(module):
        return False
    return any(_main_block(chunk) is not None for chunk in module.chunks)


def is_for_the_file(built: Built) -> bool:
    """Whether a block of a file's own statements works with an engine, which nothing else does, here or elsewhere, nor
    with what is made of it, and no loop there goes on for ever: the file is a script."""
    module = built.module
    if built.function is not None:
        return False
    users = [module.chunk_of(built.node)]
    names = _assigned(users[0])
    while more := [c for c in module.chunks if c not in users and not names.isdisjoint(c.words)]:
        users += more
        names = names.union(*map(_assigned, (chunk for chunk in more if chunk.kind == "simple")))
    blocks = [chunk.tree for chunk in users[1:] if chunk.kind == "compound"]
    if not blocks or any(chunk.kind in ("function", "class") for chunk in users) or any(map(_goes_on_for_ever, blocks)):
        return False
    return all(is_only_in(module, name, built.resolver.project) for name in names)


def _assigned(chunk: Chunk) -> frozenset[str]:
    """What a statement gives names to."""
    nodes = (node for node in walk(chunk.tree, same_scope) if isinstance(node, cst.Assign))
    return frozenset(code(each.target) for node in nodes for each in node.targets)


def _goes_on_for_ever(block: cst.CSTNode) -> bool:
    loops = (node for node in walk(block, same_scope) if isinstance(node, cst.While))
    return any(not any(isinstance(part, cst.Break) for part in walk(loop.body, same_scope)) for loop in loops)


def is_for_the_block(built: Built) -> bool:
    """Whether an engine is built below `if __name__ == "__main__":`, and only that block uses it, for once."""
    module = built.module
    chunk = module.chunk_of(built.node) if built.function is None and MAIN in module.source else None
    block = _main_block(chunk) if chunk is not None else None
    if chunk is None or block is None:
        return False
    names = _made_of(built.node, block)
    if names is None or any(not names.isdisjoint(other.words) for other in module.chunks if other is not chunk):
        return False
    if any(mentions([loop], names.__contains__) for loop in walk(block) if isinstance(loop, cst.While)):
        return False
    for call in (n for n in walk(block) if isinstance(n, cst.Call)):
        lent = any(a.value is built.node or mentions([a.value], names.__contains__) for a in call.args)
        if lent and isinstance(built.resolver.static(call.func, None, module), (Class, Function)):
            return False  # who might go on and on
    return True


def _made_of(node: cst.Call, block: cst.If) -> frozenset[str] | None:
    """The names of what a call gives, and of what is made of that; None where some of it is put elsewhere."""
    names: set[str] = set()
    for part in walk(block):
        if not isinstance(part, cst.Assign):
            continue
        if any(n is node for n in walk(part.value)) or mentions([part.value], names.__contains__):
            if not all(isinstance(each.target, cst.Name) for each in part.targets):
                return None
            names.update(code(each.target) for each in part.targets)
    return frozenset(names)


def _starts(chunk: Chunk, name: str) -> bool:
    """Whether this is the block of a script, and uses the name in no round."""
    head = _main_block(chunk)
    if head is None:
        return False
    rounds = (node for node in walk(head) if isinstance(node, _ROUNDS))
    return not any(mentions([node], name.__eq__) for node in rounds)


def _main_block(chunk: Chunk) -> cst.If | None:
    body = chunk.tree.body if chunk.kind == "compound" and MAIN in chunk.words else ()
    head = next(iter(body), None)  # there is none in what is no Python
    return head if isinstance(head, cst.If) and MAIN in code(head.test) else None
