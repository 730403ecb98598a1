"""What triage knows of a file, from its raw bytes: the words it uses that matter, and its import statements."""

from __future__ import annotations

from typing import NamedTuple

from leakcheck.project.triage.vocabulary import Vocabulary, Words

_WORD_CHARACTERS = b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANKED = bytes(b if b in _WORD_CHARACTERS or b > 127 else 0x20 for b in range(256))  # all but words becomes a space
# By its name, a function that gives back what a class keeps, or passes that on, or a call on that; begun with what must
# be there.
RELEASING = (
    r"(?:def(?<!\wdef)[ \t]+\w*(?i:clos|exit|releas|dispos|shut|disconn|stop|clean|finish|getattr)"
    r"|self\.[\w.]+\.(?:close|release|putconn|dispose|disconnect)\()"
)
_BEFORE = (b":", b";", b"\xbf")  # what an import may follow in its line; the last ends a byte order mark
_MANY = 60  # names: to split the text is faster than to look for each
_KEYWORDS = frozenset({b"from", b"import", b"as"})


class Facts(NamedTuple):
    """`imports` holds the statements, one after the other, each ended by a line end."""

    used: Words = frozenset()
    imports: bytes = b""

    @property
    def imported(self) -> Words:
        """Every word of the import statements."""
        return frozenset(words(self.imports)) - _KEYWORDS


def facts_of(data: bytes, vocabulary: Vocabulary) -> Facts:
    """The facts about a file's text."""
    imports = b"\n".join(import_statements(data))
    return Facts(vocabulary.used(data, frozenset(words(imports))), imports)


def words(data: bytes) -> list[bytes]:
    """All the words of a text, code or not."""
    return data.translate(BLANKED).split()


def among(data: bytes, names: Words) -> Words:
    """Those of some names that may stand in a text."""
    if len(names) > _MANY:
        return names & frozenset(words(data))
    return frozenset(name for name in names if name in data)


def import_statements(data: bytes) -> list[bytes]:
    """The import statements, each on one line; of a line with several the last."""
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")  # as lines once ended
    found = []
    at = data.find(b"import")
    while at >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, at
        head = data[start:at].lstrip()
        if head and not head.startswith(b"from"):
            start += max(data[start:at].rfind(sign) for sign in _BEFORE) + 1
            head = data[start:at].lstrip()
        if not head or head.startswith(b"from"):
            end = _end(data, at)
            found.append(b" ".join(data[start:end].replace(b"\\\n", b" ").split(b"\n")).strip())
        at = data.find(b"import", max(end, at + len(b"import")))
    return found


def _end(data: bytes, at: int) -> int:
    """Where the statement ends whose `import` is there: at the line's end, or behind its brackets."""
    end = data.find(b"\n", at)
    while end > 0 and data[end - 1] == 0x5C:  # a backslash
        end = data.find(b"\n", end + 1)
    end = len(data) if end < 0 else end
    bracket = data.find(b"(", at, end)
    if bracket >= 0 and data.find(b"#", at, bracket) < 0:
        closed = data.find(b")", bracket)
        return len(data) if closed < 0 else closed + 1
    return end
