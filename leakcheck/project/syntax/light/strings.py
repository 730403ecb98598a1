"""String literals as they are written, which `ast` does not tell: prefixes, pieces side by side, fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import libcst as cst

from leakcheck.patterns import pattern
from leakcheck.project.syntax.light.nodes import maker

_LITERAL = pattern(
    r"(?P<start>(?P<prefix>[a-zA-Z]*)(?P<quote>'''|\"\"\"|'|\"))(?P<inside>(?:[^\\]|\\.)*?)(?P=quote)"
    r"(?:\s|\\\n|#[^\n]*)*",
    re.DOTALL,
)
_TEXT = pattern(r"(?:[^{}]|\{\{|\}\})+")
_FIELD = pattern(
    r"""\{(?P<code>(?:
        \( (?:[^(){}\\#] | \([^(){}\\#]*\))* \) | \[ (?:[^][{}\\#] | \[[^][{}\\#]*\])* \]
        | '[^'{}\\\n]*' | "[^"{}\\\n]*" | [!=<>]= | [^][(){}!:='"\\#]
    )+)(?:!(?P<conversion>[rsa]))?(?::(?P<format>[^{}]*))?\}""",
    re.VERBOSE,
)

_simple = maker(cst.SimpleString, "value")
_joined = maker(cst.ConcatenatedString, "left", "right")
_formatted = maker(cst.FormattedString, "start", "parts", "end")
_text = maker(cst.FormattedStringText, "value")
_field = maker(cst.FormattedStringExpression, "expression", "conversion", "format_spec")

Expression = Callable[[str], cst.BaseExpression]


class _Unclear(Exception):
    """A literal that only a parser can take apart."""


def string(written: str, expression: Expression) -> cst.BaseExpression:
    """One or several literals side by side; `expression` is for the text in fields of formatted ones."""
    if _is_plain(written):
        return _simple(written)
    try:
        pieces = list(_pieces(written, expression))
    except _Unclear:
        return cst.parse_expression(f"({written})")
    whole = pieces.pop()
    while pieces:
        whole = _joined(pieces.pop(), whole)
    return whole


def _is_plain(written: str) -> bool:
    """Whether it is one literal without a prefix, as is quickly seen of most."""
    quote = written[0]
    if quote not in "\"'" or written[-1] != quote:
        return False
    return written.count(quote) == 2 or (written.startswith(quote * 3) and written.count(quote) == 6)


def _pieces(written: str, expression: Expression) -> Iterator[cst.BaseExpression]:
    at = 0
    while at < len(written):
        literal = _LITERAL.match(written, at)
        if literal is None or r"\N{" in literal["inside"]:
            raise _Unclear
        if "f" in literal["prefix"].lower():
            parts = list(_parts(literal["inside"], expression))
            yield _formatted(literal["start"], parts, literal["quote"])
        else:
            yield _simple(written[at : literal.end("inside") + len(literal["quote"])])
        at = literal.end()


def _parts(inside: str, expression: Expression) -> Iterator[cst.BaseFormattedStringContent]:
    """Of a formatted string."""
    at = 0
    while at < len(inside):
        if found := _TEXT.match(inside, at):
            yield _text(found[0])
        elif found := _FIELD.match(inside, at):
            spec = found["format"]
            yield _field(expression(found["code"]), found["conversion"], spec if spec is None else _spec(spec))
        else:
            raise _Unclear
        at = found.end()


def _spec(text: str) -> list[cst.FormattedStringText]:
    return [_text(text)] if text else []
