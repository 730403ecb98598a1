"""What leakcheck says about itself: its rules and their documents."""

from __future__ import annotations

from leakcheck.report import Paint
from leakcheck.settings import SettingsError, rules


def document(name: str, paint: Paint) -> str:
    """The document of a rule, by code or name."""
    known = {word: rule for rule in rules().values() for word in (rule.code, rule.name)}
    rule = known.get(name.upper()) or known.get(name.lower())
    if rule is None:
        raise SettingsError("--explain", f"unknown rule '{name}'", name.upper(), rules())
    text = rule.text if rule.text.startswith("# ") else f"# {rule.code} {rule.name}\n\n{rule.text}"
    lines = (paint(line, bold=True) if line.startswith("#") else line for line in text.rstrip().splitlines())
    return "\n".join(lines) + "\n"


def index() -> str:
    """A line for each rule."""
    known = rules().values()
    width = max((len(rule.name) for rule in known), default=0)
    rows = (f"{r.code}  {r.name:<{width}}  {r.severity if r.default else 'off':<7}  {r.summary}\n" for r in known)
    return "".join(rows)
