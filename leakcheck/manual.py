"""What leakcheck says about itself: its rules and their documents."""

from __future__ import annotations

from collections.abc import Iterable

from leakcheck.patterns import pattern
from leakcheck.report import Paint
from leakcheck.settings import SettingsError, rules

_BEGINNING = pattern(r"LK\d{1,2}")  # of a code, which has three digits


def document(name: str, paint: Paint) -> str:
    """The document of a rule, by code or name."""
    known = {word: rule for rule in rules().values() for word in (rule.code, rule.name)}
    rule = known.get(name.upper()) or known.get(name.lower())
    if rule is None:
        raise SettingsError("--explain", f"unknown rule '{name}'{_family(name.upper())}", name.upper(), _near(name))
    text = rule.text if rule.text.startswith("# ") else f"# {rule.code} {rule.name}\n\n{rule.text}"
    lines = (paint(line, bold=True) if line.startswith("#") else line for line in text.rstrip().splitlines())
    return "\n".join(lines) + "\n"


def _family(name: str) -> str:
    """For the beginning of a code: the rules that begin so, or else how rules begin."""
    if not _BEGINNING.fullmatch(name):
        return ""
    members = [code for code in rules() if code.startswith(name)]
    families = sorted({code[: len(name)] for code in rules()})
    return f", did you mean one of {', '.join(members)}?" if members else f", codes begin with {', '.join(families)}"


def _near(name: str) -> Iterable[str]:
    return () if _BEGINNING.fullmatch(name.upper()) else rules()


def index() -> str:
    """A line for each rule."""
    known = rules().values()
    width = max((len(rule.name) for rule in known), default=0)
    rows = (f"{r.code}  {r.name:<{width}}  {r.severity if r.default else 'off':<7}  {r.summary}\n" for r in known)
    return "".join(rows)
