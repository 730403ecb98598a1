"""Places as other programs count them: paths from the repository's root, URIs, UTF-16 and UTF-8 columns."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePath
from urllib.parse import quote

from leakcheck.diagnostics import Span
from leakcheck.report import Page

Measure = Callable[[str], int]


def repository() -> str:
    """Where forges count paths from: the nearest folder with a `.git`, else the current one."""
    here = Path.cwd()
    return str(next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here))


def utf16(text: str) -> int:
    """Length in UTF-16 code units, as SARIF and editors count."""
    return len(text) + sum(character > "\uffff" for character in text)


def utf8(text: str) -> int:
    """Length in bytes, as reviewdog counts."""
    return len(text.encode("utf-8", "surrogatepass"))


class Places:
    """Where the findings of one page lie."""

    def __init__(self, page: Page) -> None:
        self._lines, self._root, self._paths = page.lines, repository(), dict[str, str]()

    def inside(self, filename: str) -> bool:
        """Whether a file lies in the repository."""
        return not os.path.isabs(self._relative(filename))

    def path(self, filename: str) -> str:
        """From the repository's root, with `/`; a name that is not valid text has replacement characters."""
        return _slashes(os.fsencode(self._relative(filename)).decode("utf-8", "replace"))

    def uri(self, filename: str) -> str:
        """A relative reference from the repository's root, or a `file:` URI if the file lies elsewhere."""
        name = self._relative(filename)
        if os.path.isabs(name):
            return "file://" + quote(os.fsencode(PurePath(name).as_posix()))
        quoted = quote(os.fsencode(_slashes(name)))
        return f"./{quoted}" if ":" in quoted.partition("/")[0] else quoted

    def columns(self, span: Span, measure: Measure) -> tuple[int, int]:
        """First and exclusive last column of a span, from 1, in a measure's units."""
        return (
            self._column(span.filename, span.line, span.column, measure),
            self._column(span.filename, span.end_line, span.end_column, measure),
        )

    def _column(self, filename: str, line: int, column: int, measure: Measure) -> int:
        lines = self._lines(filename)
        before = lines[line - 1][: column - 1] if line <= len(lines) else ""
        return column - len(before) + measure(before)

    def _relative(self, filename: str) -> str:
        if filename not in self._paths:
            path, root = os.path.abspath(filename), os.path.join(self._root, "")
            self._paths[filename] = path[len(root) :] if path.startswith(root) else path
        return filename if filename == "-" else self._paths[filename]


def _slashes(path: str) -> str:
    return path.replace(os.sep, "/")
