"""Where words stand in a text that is divided into parts: each is looked for once, however many parts and askers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from sys import intern
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick


class Index:
    """Of a text; `parts` are where each begins, in order, and its number: one may have several stretches."""

    def __init__(self, text: str, parts: Sequence[tuple[int, int]]) -> None:
        self._text = text
        self._starts = [start for start, _ in parts]
        self._numbers = [number for _, number in parts]
        self._known: dict[str, frozenset[int]] = {}

    def having(self, words: Iterable[str]) -> list[int]:
        """The numbers of the parts in which one of the words stands, in order."""
        found: set[int] = set()
        for word in words:
            if word not in self._known:
                self._known[word] = frozenset(self._look_for(word))
            found |= self._known[word]
        return sorted(found)

    def _look_for(self, word: str) -> Iterator[int]:
        text, starts = self._text, self._starts
        at = text.find(word, starts[0]) if starts else -1
        while at >= 0:
            end = at + len(word)
            if _is_word(text[at - 1 : at]) or _is_word(text[end : end + 1]):
                at = text.find(word, at + 1)
                continue
            stretch = bisect_right(starts, at)
            yield self._numbers[stretch - 1]
            at = text.find(word, starts[stretch]) if stretch < len(starts) else -1


class Usual:
    """Words that most texts are asked for: all are found in one pass, which takes as long as to look for five."""

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        self.words = words

    @cached_property
    def _finder(self) -> AhoCorasick:
        from ahocorasick_rs import AhoCorasick  # not needed where no text is looked into

        return AhoCorasick(sorted(self.words))

    def within(self, text: str) -> frozenset[str]:
        """Those that stand in a text, perhaps inside of others."""
        return frozenset(map(intern, self._finder.find_matches_as_strings(text, overlapping=True)))


def _is_word(letter: str) -> bool:
    """As the words of a text are told apart: of other alphabets all is a word that is no space."""
    return letter.isalnum() or letter == "_" or (letter > "\x7f" and not letter.isspace())
