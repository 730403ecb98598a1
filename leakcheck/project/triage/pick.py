"""A first look at raw bytes: which files are worth a closer one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from leakcheck.project.folders import absolute
from leakcheck.project.triage.facts import Facts, facts_of
from leakcheck.project.triage.neighbours import Neighbours
from leakcheck.project.triage.vocabulary import Vocabulary, Words, is_on, uses_any

if TYPE_CHECKING:
    from leakcheck.forks import Spread

_HOPS = 3  # of project imports between a file and the driver, or a wrapper


class Triage:
    """Picks the files that can have a finding, also through the project's own wrappers in other files.

    A file counts if it uses a word of the vocabulary; where the word means nothing without its library, a few
    imports must lead from the file to that library. A file also counts if it uses a name by which a module that it
    imports hands out connections. Files that are not given, but imported, are read for that too.
    """

    def __init__(self, vocabulary: Vocabulary, read: Callable[[str], bytes], root: str = "",
                 ask: Callable[[str], Facts] | None = None, spread: Spread[Any] = lambda work, items: (work(items),),
                 ) -> None:  # fmt: skip
        self.vocabulary, self._read_given, self._spread = vocabulary, read, spread
        self._ask = ask or (lambda file: facts_of(self._read(file), vocabulary))
        self.neighbours = Neighbours(root)
        self._given: dict[str, str] = {}  # absolute path -> as given
        self._facts: dict[str, Facts] = {}
        self._libraries: dict[tuple[str, int], Words] = {}
        self._imports: dict[str, list[str]] = {}
        self._words: dict[str, Words] = {}
        self._acquires: dict[str, Words] = {}
        self._classes: dict[str, Words] = {}  # by file that hands them out
        self._given_out: dict[str, Words] = {}  # by file, the names by which it hands out connections

    def pick(self, files: Iterable[str], found: Callable[[], None] = lambda: None) -> set[str]:
        """The files worth checking; says so when it has `found` some, which is long before it has found all."""
        paths = absolute(files)
        self._given = {path: file for file, path in paths.items()}
        chosen = {file for file in self._given if self.counts(file)}
        if chosen:
            found()
        around = self._around(self._given)
        chosen.update(file for file in around if self.counts(file))
        self._reach(chosen, {*self._given, *around})
        return {file for file, path in paths.items() if path in chosen}

    def _read(self, file: str) -> bytes:
        return self._read_given(self._given[file]) if file in self._given else peek(file)

    @property
    def looked_around(self) -> bool:
        """Whether files were asked that were not given."""
        return not self._given.keys() >= self._facts.keys()

    def facts(self, file: str) -> Facts:
        """What is known of a file."""
        if file not in self._facts:
            self._facts[file] = self._ask(file)
        return self._facts[file]

    def counts(self, file: str) -> bool:
        """Whether a file may have a finding by what it uses itself."""
        used, words = self.facts(file).used, self.vocabulary
        if not used or not used.isdisjoint(words.telling):
            return bool(used)
        near = self.libraries(file)
        return (
            bool(self._acquiring(file))
            or not (used.isdisjoint(words.kept) or near.isdisjoint(words.keepers))
            or not (used.isdisjoint(words.beside_imports.words) or near.isdisjoint(words.drivers))
        )

    def _acquiring(self, file: str) -> Words:
        """The words a file uses by which it may acquire: their library is near, or they need none."""
        if file not in self._acquires:
            used, words, near = self.facts(file).used, self.vocabulary, self.libraries(file)
            at_home = {word for word in used & words.homes.keys() if not words.homes[word].isdisjoint(near)}
            others = used & words.receivers.keys() - at_home
            on = {word for word in others if is_on(self._read(file), word, words.receivers[word])}
            self._acquires[file] = frozenset(used & words.free).union(at_home, on)
        return self._acquires[file]

    def libraries(self, file: str, hops: int = _HOPS) -> Words:
        """The words of known libraries that are imported by a file, or by what it imports."""
        key = (file, hops)
        if key not in self._libraries:
            others = self._imported(file) if hops else ()
            self._libraries[key] = (self._named(file) & self.vocabulary.known).union(
                *(self.libraries(other, hops - 1) for other in others)
            )
        return self._libraries[key]

    def _named(self, file: str) -> Words:
        """Every word of a file's import statements."""
        if file not in self._words:
            self._words[file] = self.facts(file).imported
        return self._words[file]

    def _imported(self, file: str) -> list[str]:
        if file not in self._imports:
            self._imports[file] = self.neighbours.of(self.facts(file).imports, file)
        return self._imports[file]

    def _around(self, given: Iterable[str]) -> set[str]:
        """Files that were not given, but are imported by those that were."""
        around: set[str] = set()
        new, unlisted = set(given), self.neighbours.unlisted(given)
        seen = set(new)
        for _ in range(_HOPS if unlisted else 0):
            asking = (file for file in new if not unlisted.isdisjoint(self._named(file)))
            new = {found for file in asking for found in self._imported(file)} - seen
            seen |= new
            around |= new
        return around

    # -- through wrappers ------------------------------------------------------------------------------------------

    def _reach(self, chosen: set[str], files: set[str]) -> None:
        """Choose what uses a name that a module it imports hands out, and learn what it hands out in turn."""
        imported = {file: self._named(file) for file in files}
        new = {file for learnt in self._spread(self._learn, sorted(chosen)) for file in self._pass_on(learnt)}
        for _ in range(_HOPS):
            asking, follow = list(_near_by_name(imported, new)), partial(self._follow, new, chosen)
            new = set()
            for users, learnt in self._spread(follow, asking):
                chosen |= users
                new |= set(self._pass_on(learnt))

    def _learn(self, files: Iterable[str]) -> dict[str, Words]:
        """By which names files hand out the connections that they acquire themselves."""
        return {file: found for file in files if (found := self._handed_out(file, frozenset()))}

    def _follow(self, givers: set[str], chosen: set[str], files: Iterable[str]) -> tuple[set[str], dict[str, Words]]:
        """Files that use one of the names that modules they import hand out, and by which names each file that is
        offered one hands out connections itself."""
        users: set[str] = set()
        learnt: dict[str, Words] = {}
        for file in files:
            if names := self._offered(file, givers):
                passed = self._given_by_objects(file, givers)
                if file in chosen or self._uses(file, names):
                    users.add(file)
                    passed |= self._handed_out(file, names)
                else:
                    passed |= names if b"*" in self.facts(file).imports else names & self._named(file)
                learnt[file] = passed
        return users, learnt

    def _uses(self, file: str, names: Words) -> bool:
        from leakcheck.project.triage.handing import renamed  # slow to import, and few trees have such files

        named, imports = self._named(file), self.facts(file).imports
        known = names.union(renamed(imports, names)) if b" as " in imports else names
        return uses_any(self._read(file), known, named)

    def _pass_on(self, learnt: Mapping[str, Words]) -> Iterator[str]:
        """Remember what files hand out; those for which that is more than was known."""
        for file, names in learnt.items():
            known = self._given_out.get(file, frozenset())
            self._given_out[file] = known | names
            if not names <= known:
                yield file

    def _given_by_objects(self, file: str, givers: set[str]) -> Words:
        """What the objects give that a file makes of others' classes: `db = Database()`, for everybody to use; or that
        those make who import the classes from a package."""
        from leakcheck.project.triage.handing import classes_in  # slow to import, and few trees have such files

        found: Words = frozenset()
        data = self._read(file)
        named = self._named(file)
        for other in self._imported(file):
            if other in givers and not self._given_out[other] <= found:
                if other not in self._classes:
                    self._classes[other] = classes_in(self._read(other))
                classes = self._classes[other]
                handed_on = file.endswith("__init__.py") and not classes.isdisjoint(named)
                if handed_on or uses_any(data, classes if _stem(other)[1] in named else classes & named, frozenset()):
                    found |= self._given_out[other]
        return found

    def _offered(self, file: str, givers: set[str]) -> Words:
        """The names that modules which a file imports hand out."""
        return frozenset().union(*(self._given_out[other] for other in self._imported(file) if other in givers))

    def _handed_out(self, file: str, offered: Words) -> Words:
        """The names by which a file hands out what it acquires, or gets by names that it is offered."""
        facts, words = self.facts(file), self.vocabulary
        own = self._acquiring(file) | (facts.used & (words.pools | words.makers))
        if not own and not offered:
            return frozenset()
        from leakcheck.project.triage.handing import handed_out  # slow to import, and few trees have such files

        return handed_out(self._read(file), facts.imports, own | offered, words.makers)


def peek(file: str) -> bytes:
    """The bytes of a file that nobody asked to check; nothing if it cannot be read."""
    try:
        with open(file, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _near_by_name(imported: dict[str, Words], givers: Iterable[str]) -> Iterator[str]:
    """Files whose imports name a giver and its folder, unless they stand in that folder or below: the rest need not
    be looked up."""
    places: dict[bytes, list[tuple[str, bytes]]] = {}
    for giver in givers:
        folder, stem = _stem(giver)
        places.setdefault(stem, []).append((os.path.join(folder, ""), os.fsencode(os.path.basename(folder))))
    stems = frozenset(places)
    for file, named in imported.items():
        found = (place for stem in stems & named for place in places[stem])
        if any(package in named or file.startswith(folder) for folder, package in found):
            yield file


def _stem(file: str) -> tuple[str, bytes]:
    """The folder of a module, and its name in import statements."""
    folder, name = os.path.split(file)
    if name == "__init__.py":
        folder, name = os.path.split(folder)
    return folder, os.fsencode(name.removesuffix(".py"))
