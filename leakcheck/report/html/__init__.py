"""One HTML file with nothing outside it, for a team that goes through a legacy service together."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from html import escape
from importlib.resources import files

from leakcheck import __version__
from leakcheck.patterns import pattern
from leakcheck.report import Page
from leakcheck.report.html.payload import payload
from leakcheck.report.record import HOME

_SCRIPTS = ("base.js", "path.js", "findings.js", "overview.js", "map.js", "main.js")  # one script, in this order
_HOLE = pattern(r"\{\{(\w+)\}\}")


def render(page: Page) -> str:
    """The page; its policy lets nothing run or be fetched but what stands in it here."""
    style = _asset("style.css")
    script = f'"use strict";\n{"".join(_asset(name) for name in _SCRIPTS)}'
    data = payload(page)
    holes = {
        "title": escape(str(data["title"])),
        "style": style,
        "script": script,
        "policy": f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'",
        "data": _inert(json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
        "home": HOME,
        "version": escape(__version__),
    }
    return _HOLE.sub(lambda hole: holes[hole[1]], _asset("template.html"))


def _asset(name: str) -> str:
    return (files(__name__) / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inert(text: str) -> str:
    """JSON that no parser of HTML takes for markup, and that can be written as UTF-8."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
