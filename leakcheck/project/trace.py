"""What a verdict rests on: for every module looked into, the names it asked for and the files they meant."""

from __future__ import annotations

from collections.abc import Iterable


class Node:
    """One module. A verdict about it holds as long as its answers do, and those of the modules they led to."""

    __slots__ = ("below", "names")

    def __init__(self, names: dict[str, str] | None = None, below: bool = False) -> None:
        self.names = {} if names is None else names  # asked for -> the file it meant, or ""
        self.below = below  # it was searched with all the files in its folder and below

    def merge(self, other: Node) -> None:
        """Add what another process asked on behalf of the same module."""
        self.names.update(other.names)
        self.below = self.below or other.below


class Trace:
    """By file. Answers that are remembered stay: whoever asks again rests on them too."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def asked(self, asker: str, name: str, found: str) -> None:
        """A module asked for a name."""
        self.node(asker).names[name] = found

    def node(self, file: str) -> Node:
        """What is known of a file's questions."""
        node = self.nodes.get(file)
        if node is None:
            node = self.nodes[file] = Node()
        return node

    def reached(self, files: Iterable[str]) -> dict[str, Node]:
        """The part of the trace that verdicts on these files rest on."""
        found: dict[str, Node] = {}
        pending = list(files)
        while pending:
            file = pending.pop()
            if file not in found:
                node = found[file] = self.nodes.get(file) or Node()
                pending += filter(None, node.names.values())
        return found
