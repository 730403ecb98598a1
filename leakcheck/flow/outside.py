"""Code that uses a class from outside, read as text: it may stand in any file around."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from leakcheck.flow.resolve import Resolver
from leakcheck.project.syntax.module import ClassInfo


def around(cls: ClassInfo, resolver: Resolver) -> set[str]:
    """The texts of a class' own file and of those beside it and below."""
    return {cls.module.source, *resolver.project.texts_around(cls.module)}


def has_heir(cls: str, text: str) -> bool:
    """Whether a text has a class that names one of that name as a base."""
    return re.search(rf"\bclass\s+\w+\s*\([^)]*\b{cls}\b", text) is not None


def heirs(cls: ClassInfo, resolver: Resolver) -> Iterator[ClassInfo]:
    """The classes of other files around that name this one as a base, and theirs."""
    pending, seen = [cls], {cls}
    while pending:
        base = pending.pop()
        for module in resolver.project.modules_around(cls.module, frozenset({base.name})):
            found = module.classes(frozenset({base.name})) if has_heir(base.name, module.source) else ()
            new = [heir for heir in found if heir not in seen and _may_have_base(heir, base, resolver)]
            seen.update(new)
            pending += new
            yield from new


def _may_have_base(heir: ClassInfo, base: ClassInfo, resolver: Resolver) -> bool:
    """Whether a class names another as its base, by a name that may mean no other class."""
    named = any(name.rpartition(".")[2] == base.name for name in heir.bases)
    known = (found for found in resolver.bases(heir) if isinstance(found, ClassInfo)) if named else ()
    return named and all(found is base or found.name != base.name for found in known)


def users_release(fields: set[str], methods: Collection[str], family: list[ClassInfo], texts: set[str]) -> bool:
    """Whether some code beside the class closes the field, or what a getter of it gives, from outside."""
    release, names = "|".join(sorted(methods)), "|".join(sorted(map(re.escape, fields)))
    field = rf"\b(\w+)(?:\(\))?\.(?:{names})"
    patterns = [re.compile(rf"{field}(?:\(\))?\.(?:{release})\b"), re.compile(rf"\b(?:{release})\(\s*{field}\b")]
    # found much faster, for they begin with a sign, and most texts hold neither
    may_be = re.compile(rf"\.(?:{names})(?:\(\))?\.(?:{release})\b"), re.compile(rf"\(\s*\w+(?:\(\))?\.(?:{names})\b")
    classes = {cls.name for cls in family}
    own = {m.name for cls in family for m in cls.methods.values() if m.mentions(frozenset(methods))}
    given = rf"\b(?!self\b|cls\b)\w+\.(?:{names})\b"
    passed = re.compile(rf"\.(?:{'|'.join(sorted(own))})\([^()\n]*{given}") if own else None  # back to a method of it
    for text in (text for text in texts if _holds(text, methods) and _holds(text, {f".{name}" for name in fields})):
        if passed is not None and passed.search(text):
            return True
        likely = [exact for sign, exact in zip(may_be, patterns, strict=True) if sign.search(text)]
        for owner in {name for exact in likely for name in exact.findall(text)} - {"self", "cls"}:
            if may_be_one(owner, classes, text):
                return True
    return False


def takers_release(getters: set[str], methods: Collection[str], family: list[ClassInfo], texts: set[str]) -> bool:
    """Whether some code closes what a getter gives under a name of its own: `self.conn = store.connection()`."""
    names, release = "|".join(sorted(getters)), "|".join(sorted(methods))
    owner, ends = r"(?:[\w.]+\.)?(\w+)(?:\([^()\n]*\))?", r"(?:\([^()\n]*\))?[ \t]*(?:#[^\n]*)?\r?$"
    assigned = r"^([ \t]*)([\w.]+)[ \t]*(?::[^=\n]+)?=[ \t]*(?:await[ \t]+)?"
    taken = re.compile(rf"{assigned}{owner}\.(?:{names}){ends}", re.MULTILINE)
    classes = {cls.name for cls in family}
    for text in (text for text in texts if getters and _holds(text, methods) and _holds(text, getters)):
        for found in taken.finditer(text):
            indent, target, asked = found.groups()
            if asked in ("self", "cls") or re.search(rf"^import\b[^\n]*\b{asked}\b", text, re.MULTILINE):
                continue
            closes = rf"(?<![\w.]){re.escape(target)}\.(?:{release})\b|\b(?:{release})\(\s*{re.escape(target)}\b"
            where = text if not indent or "." in target else _rest_of_function(text[found.end() :], indent)
            if re.search(closes, where) and may_be_one(asked, classes, text):
                return True
    return False


def _rest_of_function(text: str, indent: str) -> str:
    """What stands as deep as that or deeper, up to the next definition that does not."""
    return re.split(
        rf"^[ \t]{{0,{len(indent) - 1}}}(?:async[ \t]+def|def|class)\b", text, maxsplit=1, flags=re.MULTILINE
    )[0]


def _holds(text: str, words: Collection[str]) -> bool:
    return any(word in text for word in words)


def may_be_one(name: str, classes: set[str], text: str) -> bool:
    """Whether a variable may hold an object of one of the classes: unless the text builds it from others only."""
    built = set(re.findall(rf"\b{name}\b[^=\n]*=\s*(?:await\s+)?(?:\w+\.)*(\w+)\(", text))
    built |= set(re.findall(rf"\b(\w+)\([^\n]*\)\s+as\s+{name}\b", text))
    return not built or not built.isdisjoint(classes) or not any(word[:1].isupper() for word in built)
