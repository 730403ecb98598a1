"""The engine: source text in, findings out. No files are written, nothing is printed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from leakcheck import suppressions
from leakcheck.checks.comments import Comments
from leakcheck.checks.further import Further
from leakcheck.checks.guesses import hints
from leakcheck.checks.leaks.exits import leaks
from leakcheck.checks.leaks.interrupted import interrupted
from leakcheck.checks.leaks.misuse import misuses
from leakcheck.checks.leaks.owners import owners
from leakcheck.checks.leaks.replaced import replaced
from leakcheck.checks.telling import Teller
from leakcheck.diagnostics import CONFIDENCES, Confidence, Diagnostic, Report, Span, split_lines
from leakcheck.flow.interpreter import Interpreter, analyse, analyse_lambdas, summaries_for
from leakcheck.flow.prospects import Prospects
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.summaries import Summaries
from leakcheck.patterns import pattern
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Module
from leakcheck.settings import Settings
from leakcheck.words import words as the_words

if TYPE_CHECKING:
    from leakcheck.health.census import Census

_OURS = pattern(r"lk(?<!\wlk)\d*\b")  # beginning with a letter, for that is found much faster than a boundary


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
        in_pieces, module = module, project.add(source, filename, at_once=True)
        found = examine(module, project, runs)
        if module.error is not None:
            project.put_back(in_pieces)
            raise SourceError(module.error.raw_line, module.error.message.partition("\n")[0])
    asked = (found or _speaks_of_us(source)) and suppressions.concern_us(source)
    lines = split_lines(source) if asked else []
    comments = suppressions.read(lines) if asked else suppressions.Suppressions()
    about = Comments(filename, lines, project.catalogue.rules, settings).findings(comments, found)
    wanted = [d for d in (*found, *about) if _wanted(d, settings)]
    kept, suppressed = comments.apply(sorted(wanted, key=lambda d: d.sort_key))
    planned: Sequence[Diagnostic] = kept
    if kept and settings.fix != "off":
        from leakcheck.fixes.amend import with_amendments  # many modules, and most files have no finding
        from leakcheck.fixes.plan import with_fixes
        from leakcheck.fixes.whole import Whole

        whole = Whole(module, project, found, examine)
        planned = with_amendments(with_fixes(kept, runs, whole), runs, whole)
    census = _census(module, project, runs)
    module.forget_sketches()
    return Report(filename, tuple(planned), suppressed, hints=hints(runs, kept), census=census)


def examine(module: Module, project: Project, seen: list[Interpreter] | None = None) -> list[Diagnostic]:
    """All findings of a module, before selection. `seen` gets the runs they come from."""
    resolver, summaries, prospects = _analysis(project)
    runs = [analyse(function, module, resolver, summaries) for function in prospects.acquiring(module)]
    if seen is not None:
        seen[:] = runs
    tell = Teller(module, project.catalogue)
    _trust_guesses(runs)
    found = [d for run in runs for d in (*leaks(run, tell), *owners(run, tell, resolver), *replaced(run, tell))]
    inner = [each for run in runs for each in analyse_lambdas(run)]
    found += [d for run in inner for d in leaks(run, tell)]
    if seen is not None:
        seen += inner
    if project.settings.selects("LK106"):  # costs another run of each coroutine and generator
        found += interrupted(runs, tell)
    found = _one_a_place(found) + [d for run in runs for d in misuses(run, tell)]
    heard = _lowest(project.settings) == "low" or _speaks_of_us(module.source)
    return [*found, *_further(project).findings(module, runs, tell, heard)]


@lru_cache(maxsize=1)  # asked twice of each text
def _speaks_of_us(source: str) -> bool:
    """Whether a comment may be about findings, also about such as are not made."""
    text = source.lower()
    return "leakcheck" in text or ("lk" in text and _OURS.search(text) is not None)


def _census(module: Module, project: Project, runs: list[Interpreter]) -> Census | None:
    """What findings are to be seen against, where that was asked for."""
    if not project.settings.census:
        return None
    from leakcheck.health.census import count  # few runs ask for it

    further = _further(project)
    return count(module, runs, further.constructors, further.dependencies.lent(module))


def _one_a_place(found: list[Diagnostic]) -> list[Diagnostic]:
    """One finding an acquire: the one that is surest, then the first by code."""
    best: dict[Span, Diagnostic] = {}
    for diagnostic in sorted(found, key=lambda d: (-CONFIDENCES.index(d.confidence), d.code)):
        best.setdefault(diagnostic.span, diagnostic)
    return list(best.values())


def _further(project: Project) -> Further:
    """The families beyond leaks, made once."""
    if "further" not in project.memo:
        project.memo["further"] = Further(project, *_analysis(project))
    return project.memo["further"]  # type: ignore[return-value]


def _analysis(project: Project) -> tuple[Resolver, Summaries, Prospects]:
    """The project's resolver, its summaries, and what has a prospect of acquiring, made once."""
    if "analysis" not in project.memo:
        resolver = Resolver(project)
        summaries = summaries_for(resolver, project.settings.may_raise == "strict")
        project.memo["analysis"] = (resolver, summaries, Prospects(resolver, summaries))
    return project.memo["analysis"]  # type: ignore[return-value]


def _trust_guesses(runs: list[Interpreter]) -> None:
    """An acquirer known by its name only is believed where what it gives is released, and used as a database is."""
    sites = [site for run in runs for site in run.sites]
    released = {site.callee for site in sites if site.releases}
    used = {site.callee for site in sites if not (site.methods | site.elsewhere).isdisjoint(the_words().connections)}
    for site in sites:
        if site.certainty == "low" and site.callee in released & used:
            site.certainty = "medium"


def _wanted(diagnostic: Diagnostic, settings: Settings) -> bool:
    if not settings.enabled(diagnostic.code, diagnostic.span.filename):
        return False
    return CONFIDENCES.index(diagnostic.confidence) >= CONFIDENCES.index(_lowest(settings))


def _lowest(settings: Settings) -> Confidence:
    """The confidence from which on findings are told."""
    return "low" if settings.may_raise == "strict" else settings.min_confidence
