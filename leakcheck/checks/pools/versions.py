"""Keywords that fit: a version of a library may not have them yet, and a database may have no use for them."""

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


def fitting(kind: Kind, project: Project, module: Module, is_known: bool) -> Kind:
    """The same without what does not fit every database, if it is not known which one the URL names."""
    pinned = as_pinned(kind, project, module)
    if is_known or not pinned.anywhere:
        return pinned
    return replace(pinned, resilient={k: v for k, v in pinned.resilient.items() if k in pinned.anywhere})


def _is_older(package: str, since: str, project: Project, module: Module) -> bool:
    return project.allows_only(package, f">=0,<{since}", module)
