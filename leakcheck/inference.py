"""`--show-settings`: the settings of one file, and which driver models and acquirers of the project apply to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leakcheck.checks.guesses import can_be_taught, is_guess, lesson
from leakcheck.engine import examine
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.project.project import Project
from leakcheck.project.source import read_source
from leakcheck.settings import Settings, rules

_SHOWN = ("may_raise", "min_confidence", "min_pool_size", "pool_size", "batch_size", "fixable", "unfixable")


def show(file: Path, settings: Settings) -> str:
    """The text for one file."""
    project = Project(settings)
    filename = str(file)
    module = project.add(read_source(file), filename)
    runs: list[Interpreter] = []
    examine(module, project, runs)
    sites = {site.callee: (run, site) for run in reversed(runs) for site in reversed(run.sites) if not site.parameter}
    return "\n".join((*_settings(filename, settings), "", *_drivers(sites), "", *_acquirers(sites, settings), ""))


def _settings(filename: str, settings: Settings) -> Iterator[str]:
    yield f"Settings of {filename}, from {settings.root}"
    yield f"  rules: {', '.join(code for code in rules() if settings.enabled(code, filename)) or 'none'}"
    for name, value in settings._asdict().items():
        if name in _SHOWN:
            shown = ", ".join(value) if isinstance(value, tuple) else value
            yield f"  {name.replace('_', '-')}: {shown if shown != '' else 'none'}"


Sites = dict[str, tuple[Interpreter, Site]]


def _drivers(sites: Sites) -> Iterator[str]:
    yield "Driver models that apply"
    models = {site.spec: site for _, site in sites.values() if not site.is_owner}
    for spec in models:
        release = " or ".join(map(str, spec.release[:3]))
        yield f"  {spec.library}: {spec.kind}; given back by {release}; `with` on it: {spec.with_effect}"
    if not models:
        yield "  none: nothing in this file acquires a connection that it would have to release"


def _acquirers(sites: Sites, settings: Settings) -> Iterator[str]:
    yield "Acquirers, and how each is known"
    for callee, (run, site) in sites.items():
        line = run.module.span(site.node).line
        yield f"  line {line}: {callee}: {_how(site, settings)}"
        if can_be_taught(site):
            yield from (f"      {text}" for text in lesson(site).splitlines())


def _how(site: Site, settings: Settings) -> str:
    """In words: taught, read from the project's code, known from a driver model, or guessed."""
    if site.spec in settings.connections:
        return "taught by the settings"
    if site.is_owner:
        return f"an object that keeps a {site.spec.library} connection; released by {site.spec.release[0].method}()"
    if site.wrappers:
        through = " and ".join(f"{f.qualname} ({f.module.filename})" for f in site.wrappers)
        return f"gives a {site.spec.library} {site.spec.kind}, as read from {through}"
    if is_guess(site):
        more = "; teach it, if it is right:" if can_be_taught(site) else ""
        return f"guessed from its name, confidence {site.certainty}{more}"
    return f"in the model of {site.spec.library}"
