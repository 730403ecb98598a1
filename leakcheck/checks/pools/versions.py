"""Keywords that a version of a library does not have yet, as far as the project's requirements pin it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from leakcheck.models import Options, Pool
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Module

Kind = TypeVar("Kind", Pool, Options)


def as_pinned(kind: Kind, project: Project, module: Module) -> Kind:
    """What the newest version knows that the requirements around a module allow."""
    unknown = {key for key, since in kind.since.items() if _is_older(kind.package, since, project, module)}
    if not unknown:
        return kind
    guards = tuple(guard for guard in kind.guards if guard not in unknown)
    return replace(kind, guards=guards, resilient={k: v for k, v in kind.resilient.items() if k not in unknown})


def _is_older(package: str, since: str, project: Project, module: Module) -> bool:
    return project.allows_only(package, f">=0,<{since}", module)
