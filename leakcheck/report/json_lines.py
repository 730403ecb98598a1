"""One JSON object a line: the objects of the `json` format, for programs that read while leakcheck writes."""

from __future__ import annotations

import json

from leakcheck.report import Page
from leakcheck.report.json_format import finding


def render(page: Page) -> str:
    """Nothing if nothing was found."""
    return "".join(json.dumps(finding(found), ensure_ascii=False) + "\n" for found in page.diagnostics)
