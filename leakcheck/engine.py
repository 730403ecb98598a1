"""The engine: source text in, findings out. No files are written, nothing is printed."""

from __future__ import annotations

from leakcheck.checks.blocking import Blocking
from leakcheck.checks.constructors import Constructors
from leakcheck.checks.dependencies import Dependencies
from leakcheck.checks.fates import Fates
from leakcheck.checks.held import held
from leakcheck.checks.leaks import leaks
from leakcheck.checks.loops import loops
from leakcheck.checks.misuse import misuses
from leakcheck.checks.nested import Acquires, nested
from leakcheck.checks.owners import owners
from leakcheck.checks.pools import pools
from leakcheck.checks.reconnects import reconnects
from leakcheck.checks.retries import retries
from leakcheck.checks.telling import Teller
from leakcheck.checks.yields import yields
from leakcheck.diagnostics import CONFIDENCES, Diagnostic, Report, Span, split_lines
from leakcheck.fixes.plan import with_fixes
from leakcheck.flow.interpreter import Interpreter, analyse, summaries_for
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.summaries import Summaries
from leakcheck.project.module import Module
from leakcheck.project.project import Project
from leakcheck.settings import Settings
from leakcheck.suppressions import apply


class SourceError(Exception):
    """Text that is not Python 3: the line (from 1) and what is wrong there."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line, self.message = line, message


def check(source: str, filename: str, settings: Settings, project: Project | None = None) -> Report:
    """Check one file's text; raises SourceError if it cannot be parsed."""
    project = project or Project(settings)
    module = project.add(source, filename)
    runs: list[Interpreter] = []
    found = examine(module, project, runs)
    if module.error is not None:  # its statements were cut apart wrongly, or it is no Python
        module = project.add(source, filename, at_once=True)
        found = examine(module, project, runs)
    if module.error is not None:
        raise SourceError(module.error.raw_line, module.error.message.partition("\n")[0])
    found = [d for d in found if _wanted(d, settings)]
    kept, suppressed = apply(split_lines(source), sorted(found, key=lambda d: d.sort_key))
    return Report(filename, tuple(with_fixes(kept, runs, module, project)), suppressed)


def examine(module: Module, project: Project, seen: list[Interpreter] | None = None) -> list[Diagnostic]:
    """All findings of a module, before selection. `seen` gets the runs they come from."""
    resolver, summaries = _analysis(project)
    words = summaries.wrappers.words(module)
    runs = [analyse(scope, module, resolver, summaries) for scope in (None, *module.scopes(words))]
    if seen is not None:
        seen[:] = runs
    tell = Teller(module, project.catalogue)
    _trust_guesses(runs)
    found = [d for run in runs for d in (*leaks(run, tell), *owners(run, tell, resolver))]
    found = _one_a_place(found) + [d for run in runs for d in misuses(run, tell)]
    blocking, acquires = _held_analysis(project, resolver, summaries)
    found += [d for run in runs for d in (*held(run, tell, blocking), *nested(run, tell, acquires))]
    found += [d for run in runs for d in (*reconnects(run, tell, blocking), *retries(run, tell, blocking), *yields(run, tell))]
    found += loops(module, tell, blocking, project.settings.batch_size)
    found += Dependencies(resolver, summaries, project).findings(module, tell, blocking)
    constructors = Constructors(resolver)
    return [*found, *pools(module, constructors, Fates(constructors, resolver), tell, project.settings)]


def _one_a_place(found: list[Diagnostic]) -> list[Diagnostic]:
    """One finding an acquire: the one that is surest, then the first by code."""
    best: dict[Span, Diagnostic] = {}
    for diagnostic in sorted(found, key=lambda d: (-CONFIDENCES.index(d.confidence), d.code)):
        best.setdefault(diagnostic.span, diagnostic)
    return list(best.values())


def _held_analysis(project: Project, resolver: Resolver, summaries: Summaries) -> tuple[Blocking, Acquires]:
    """What is known of the project's functions that wait or acquire, shared by all its modules."""
    if "held" not in project.memo:
        project.memo["held"] = (Blocking(resolver), Acquires(resolver, summaries))
    return project.memo["held"]  # type: ignore[return-value]


def _analysis(project: Project) -> tuple[Resolver, Summaries]:
    """The project's resolver and summaries, made once."""
    if "analysis" not in project.memo:
        resolver = Resolver(project)
        project.memo["analysis"] = (resolver, summaries_for(resolver, project.settings.may_raise == "strict"))
    return project.memo["analysis"]  # type: ignore[return-value]


def _trust_guesses(runs: list[Interpreter]) -> None:
    """An acquirer known by its name only is believed where somebody in the module releases what it gives."""
    released = {site.callee for run in runs for site in run.sites if site.releases}
    for run in runs:
        for site in run.sites:
            if site.certainty == "low" and site.callee in released:
                site.certainty = "medium"


def _wanted(diagnostic: Diagnostic, settings: Settings) -> bool:
    if not settings.enabled(diagnostic.code, diagnostic.span.filename):
        return False
    minimum = "low" if settings.may_raise == "strict" else settings.min_confidence
    return CONFIDENCES.index(diagnostic.confidence) >= CONFIDENCES.index(minimum)
