"""Totals: the last lines of a run, and the table of `--statistics`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from leakcheck.report import Page


def footer(page: Page) -> Iterator[str]:
    """What was found in how many files, and what to type next. Nothing if only findings are wanted."""
    if page.quiet:
        return
    found = page.diagnostics
    yield page.paint(_verdict(page), bold=True) + f" ({_looked_at(page)})."
    if page.outcome.errors:
        yield page.paint(f"{counted(len(page.outcome.errors), 'file')} could not be checked.", fg="yellow")
    if rewrites := [report.rewrite for report in page.outcome.reports if report.rewrite]:
        fixed = counted(sum(rewrite.count for rewrite in rewrites), "finding")
        yield page.paint(f"Fixed {fixed} in {counted(len(rewrites), 'file')}.", fg="green", bold=True)
    yield from _fixable(page)
    if found:
        code, _ = min(Counter(d.code for d in found).items(), key=lambda item: (-item[1], item[0]))
        yield f"Run {page.paint(f'leakcheck --explain {code}', bold=True)} for more."


def _fixable(page: Page) -> Iterator[str]:
    """How to have the rest fixed."""
    kinds = Counter(found.fix.applicability for found in page.diagnostics if found.fix)
    if kinds["safe"]:
        more = f", {kinds['unsafe']} more with --unsafe-fixes" if kinds["unsafe"] else ""
        yield f"{kinds['safe']} can be fixed with {page.paint('--fix', bold=True)}{more}."
    elif kinds["unsafe"]:
        yield f"{kinds['unsafe']} can be fixed with {page.paint('--fix --unsafe-fixes', bold=True)}."


def statistics(page: Page, as_json: bool = False) -> str:
    """How often each rule was broken, the most frequent first."""
    import json  # not needed in most runs

    counts = Counter((found.code, found.name) for found in page.diagnostics)
    ranking = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if as_json:
        return json.dumps([{"count": n, "code": code, "name": name} for (code, name), n in ranking], indent=2) + "\n"
    width = max((len(str(n)) for _, n in ranking), default=0)
    rows = [f"{n:>{width}}  {page.paint(code, fg='red', bold=True)}  {name}" for (code, name), n in ranking]
    return "".join(f"{row}\n" for row in (*rows, *([""] if rows else []), *footer(page)))


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _verdict(page: Page) -> str:
    found = page.diagnostics
    if not found:
        return "No leaks found"
    noun = "leak" if all(d.code.startswith("LK1") and d.code != "LK107" for d in found) else "problem"
    return f"Found {counted(len(found), noun)} in {counted(len({d.span.filename for d in found}), 'file')}"


def _looked_at(page: Page) -> str:
    outcome = page.outcome
    parts = [f"checked {counted(outcome.files - len(outcome.errors), 'file')}"]
    if outcome.without:
        parts.append(f"{outcome.without} without database code")
    suppressed = sum(report.suppressed for report in outcome.reports)
    if suppressed:
        parts.append(f"{suppressed} suppressed")
    return ", ".join(parts)
