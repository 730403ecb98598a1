"""The files that describe a project, like `pyproject.toml`: found as imports are, the nearest first, and read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from leakcheck.project.locate import Locator

Asked = Callable[[str, str], None]  # told of every question, with the file that is the answer


class Descriptions:
    """For one project."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator
        self._texts: dict[str, str] = {}

    def nearest(self, names: Iterable[str], asker: str, asked: Asked) -> list[str]:
        """The nearest file of each name, the nearest folder first. `asked` is told of all that were looked for."""
        files: list[str] = []
        for name in names:
            files.append(self._locator.nearest(name, os.path.dirname(asker)))
            asked(f"={name}", files[-1])
        return sorted(filter(None, files), key=lambda file: -len(os.path.dirname(file)))

    def text(self, file: str) -> str:
        """What is in one of them; nothing if it cannot be read."""
        if file not in self._texts:
            try:
                with open(file, encoding="utf-8", errors="replace") as stream:
                    self._texts[file] = stream.read()
            except OSError:
                self._texts[file] = ""
        return self._texts[file]

    def forget(self) -> None:
        """Files have changed, come or gone."""
        self._texts.clear()
