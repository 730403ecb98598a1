"""Programs by seed: an idiom, in some driver's spelling, around some work, and then perturbed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from tests.execution.async_flavours import ASYNC_FLAVOURS
from tests.execution.bodies import Body, body
from tests.execution.flavours import FLAVOURS, Flavour
from tests.execution.idioms import IDIOMS, Idiom
from tests.execution.oracle import Program, cases, execute
from tests.execution.perturb import mutate

FITTING: dict[str, list[Flavour]] = {
    idiom.name: [flavour for flavour in (*FLAVOURS, *ASYNC_FLAVOURS) if idiom.flags <= flavour.traits]
    for idiom in IDIOMS
}
FUNCTIONS = ["load_ticket", "sync_orders", "save_report", "find_user", "refresh", "handle", "import_rows", "archive"]
CONNECTIONS = ["conn", "connection", "cnx", "db_conn", "handle"]


@dataclass(frozen=True, slots=True)
class Names:
    """The words of one program."""

    function: str
    connection: str
    cursor: str


def generate(seed: int) -> Program:
    """The program of a seed: the same on every machine."""
    random = Random(seed)
    idiom = random.choice([idiom for idiom in IDIOMS if FITTING[idiom.name]])
    flavour = random.choice(FITTING[idiom.name])
    given = flavour.acquire.removeprefix("await ")
    source, entry = write(random, idiom, flavour)
    while not sane(Program(source, entry, given)):  # an idiom and a body that do not go together
        source, entry = write(random, idiom, flavour)
    count = random.choice([0, 1, 1, 1, 2, 2, 3])
    source, mutations = mutate(random, source, count, lambda text: sane(Program(text, entry, given)))
    return Program(source, entry, given, " + ".join([f"{idiom.name}/{flavour.name}", *mutations]))


def write(random: Random, idiom: Idiom, flavour: Flavour) -> tuple[str, str]:
    """An idiom's source, unperturbed, and its entry."""
    names = Names(random.choice(FUNCTIONS), random.choice(CONNECTIONS), random.choice(["cur", "cursor"]))
    work = body(random, flavour, "CUR = CURSOR" in idiom.text or "as CUR" in idiom.text)
    text = _filled(idiom.text, work, flavour, names)
    imports = [*re.findall(r"^(?:import|from) .+", text, re.M), *flavour.imports.split("\n"), *work.imports]
    imports += [f"import {'asyncio' if flavour.asynchronous else 'time'}"] if ".sleep(" in text else []
    logger = ["logger = logging.getLogger(__name__)"] if "logger." in text else []
    imports += ["import logging"] if logger else []
    imports = sorted(set(imports), key=lambda line: (line.startswith("from"), line))
    head = [*imports, "", flavour.prelude, *logger, "", "", ""]
    rest = re.sub(r"^(?:import|from) .+\n", "", text, flags=re.M).lstrip("\n")
    return "\n".join(head) + rest, f"{'service.' * ('service = ' in text)}{names.function}"


def _filled(text: str, work: Body, flavour: Flavour, names: Names) -> str:
    text = re.sub(r"^( *)BODY$", lambda found: _indented(work.lines, found[1]), text, flags=re.M)
    arguments = ", ".join(parameter.partition("=")[0] for parameter in work.parameters)
    commit = "~CONN.commit()" if flavour.api != "asyncpg" else '~CONN.execute("commit")'
    rollback = "~CONN.rollback()" if flavour.api != "asyncpg" else '~CONN.execute("rollback")'
    opener, _, rest = flavour.acquire.rstrip(")").partition("(")
    releaser, _, released = flavour.release.rstrip(")").partition("(")
    holes = {
        "NAMES_WITH_CONN": f"{_keywords(work)}conn=conn",
        "NAMES": arguments,
        "PARAMS": ", ".join(work.parameters),
        "RESULT": work.result,
        "SETUP": commit,
        "COMMIT": commit,
        "ROLLBACK": rollback,
        "CALLBACK": f"{releaser}, {released}" if released else releaser,
        "OPENER": f"{opener}, {rest}" if rest else opener,
        "ACQUIRE": flavour.acquire,
        "MANAGED": flavour.managed,
        "ERROR": flavour.error,
        "CURSOR": flavour.cursor,
        "SLEEP": "asyncio.sleep" if flavour.asynchronous else "time.sleep",
        "FUNC": names.function,
    }
    text = re.sub(r"ARGS(.*)\):", lambda found: _parameters(work, found[1]) + "):", text)
    text = re.sub(r"RELEASE\(([^)]+)\)", lambda found: flavour.release.replace("CONN", found[1]), text)
    text = re.sub(r"RELEASE\b", flavour.release, text)
    for hole, value in holes.items():
        text = re.sub(rf"\b{hole}\b", value.replace("\\", r"\\"), text)
    text = re.sub(r"\bCONN\b", names.connection, text)
    text = re.sub(r"\bCUR\b", names.cursor, text)
    text = text.replace("~contextmanager", ("async" if flavour.asynchronous else "") + "contextmanager")
    text = re.sub(r"~(?=(def|with|for)\b)", "async " if flavour.asynchronous else "", text)
    return text.replace("~", "await " if flavour.asynchronous else "")


def _indented(lines: tuple[str, ...], indent: str) -> str:
    return "\n".join(indent + line for line in lines)


def _keywords(work: Body) -> str:
    names = [parameter.partition("=")[0] for parameter in work.parameters]
    return "".join(f"{name}={name}, " for name in names)


def _parameters(work: Body, own: str) -> str:
    """The work's parameters, then the idiom's own, each once and those with defaults last."""
    given = [name for name in own.strip(", ").split(", ") if name]
    plain = [name for name in work.parameters if "=" not in name]
    return ", ".join([*plain, *(name for name in work.parameters if "=" in name), *given])


def sane(program: Program) -> bool:
    """Does it run without a fault, as a program that someone tried once would? Unbound names may hide in one branch."""
    try:
        outcomes = {execute(program, case).outcome for case in cases(program)}
    except Exception:  # it is no program, or its module does not load
        return False
    return not outcomes & BROKEN and outcomes != {"raised UnboundLocalError"}


BROKEN = {f"raised {name}" for name in ("NameError", "TypeError", "AttributeError", "Endless")}
