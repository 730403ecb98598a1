"""`rules/words.toml`: the words by which code tells what it is about."""

from __future__ import annotations

import re
from functools import cache, cached_property

from leakcheck.records import dataclass
from leakcheck.schema import words_of
from leakcheck.shipped import tables


@dataclass(frozen=True)
class Words:
    """Lists by subject; the patterns find them in names and paths."""

    batch: tuple[str, ...]
    few: tuple[str, ...]
    fills: tuple[str, ...]
    tells: tuple[str, ...]
    shrinks: tuple[str, ...]
    gives_one: tuple[str, ...]
    takes_one: tuple[str, ...]
    out_variables: tuple[str, ...]
    out_values: tuple[str, ...]
    sizes: tuple[str, ...]
    row_streams: tuple[str, ...]
    moves_on: tuple[str, ...]
    arrivals: tuple[str, ...]
    once: tuple[str, ...]
    commands: tuple[str, ...]
    async_commands: tuple[str, ...]
    command_setters: tuple[str, ...]
    tasks: tuple[str, ...]
    task_arguments: tuple[str, ...]
    makes_constructors: tuple[str, ...]
    states: tuple[str, ...]
    processes: tuple[str, ...]
    process_pools: tuple[str, ...]
    maps: tuple[str, ...]
    connections: tuple[str, ...]
    readies: tuple[str, ...]
    sessions: tuple[str, ...]
    saves: tuple[str, ...]
    marks: tuple[str, ...]
    managers: tuple[str, ...]
    creates: tuple[str, ...]
    savers: tuple[str, ...]
    not_objects: tuple[str, ...]
    listeners: tuple[str, ...]
    managing: tuple[str, ...]
    migrations: tuple[str, ...]
    migrating: tuple[str, ...]
    migrates: tuple[str, ...]
    migrating_files: tuple[str, ...]
    prompts: tuple[str, ...]
    tests: tuple[str, ...]
    retries: tuple[str, ...]
    pauses: tuple[str, ...]
    clocks: tuple[str, ...]
    calendars: tuple[str, ...]
    stops: tuple[str, ...]
    turns: tuple[str, ...]
    counts: tuple[str, ...]
    inserts: tuple[str, ...]
    refusals: tuple[str, ...]
    failures: tuple[str, ...]
    unreachable: tuple[str, ...]
    dispatches: tuple[str, ...]
    texts: tuple[str, ...]
    urls: tuple[str, ...]
    identifiers: tuple[str, ...]
    writes: tuple[str, ...]
    adds: tuple[str, ...]
    queries: tuple[str, ...]
    same_length: tuple[str, ...]
    views: tuple[str, ...]
    at_most: tuple[str, ...]
    vendored: tuple[str, ...]
    listening: tuple[str, ...]
    locks: tuple[str, ...]
    structure: tuple[str, ...]
    command_folders: tuple[str, ...]
    once_files: tuple[str, ...]
    once_folders: tuple[str, ...]
    lost: tuple[str, ...]
    pool_sizes: tuple[str, ...]
    members: tuple[str, ...]
    non_members: tuple[str, ...]
    frames: tuple[str, ...]
    pieces: tuple[str, ...]
    file_lists: tuple[str, ...]
    file_reads: tuple[str, ...]
    closing: tuple[str, ...]
    closed: tuple[str, ...]
    giving_back: tuple[str, ...]
    pragmas: tuple[str, ...]
    builders: dict[str, str]

    @cached_property
    def of_batches(self) -> re.Pattern[str]:
        """In the text of a loop's head."""
        return _anywhere(self.batch)

    @cached_property
    def of_one_batch(self) -> re.Pattern[str]:
        """In the name of what a loop goes over: `email_batch`, whose elements are rows."""
        return re.compile(rf"(?:^|_)(?:{'|'.join(self.batch)})$", re.IGNORECASE)

    @cached_property
    def of_few(self) -> re.Pattern[str]:
        """In a name: its noun, whatever is done with it. `tags`, `new_tags`, `tag_ids`, `tags_to_add`."""
        done = "ids?|names?|keys?|list|set|dict|map|data|to|add|remove|delete|insert|create|update|new"
        return re.compile(rf"(?:^|_)(?:{'|'.join(self.few)})(?:_(?:{done}))*$", re.IGNORECASE)

    @cached_property
    def of_states(self) -> re.Pattern[str]:
        """In the name of an attribute or method."""
        return re.compile(rf"(?:^|_)(?:{'|'.join(self.states)})(?:_|$)")

    @cached_property
    def of_migrations(self) -> re.Pattern[str]:
        """In a path."""
        return re.compile(rf"(?:{'|'.join(self.migrations)})(?:[/\\]|\.py$)", re.IGNORECASE)

    @cached_property
    def of_migrating(self) -> re.Pattern[str]:
        """In the qualified name of a function, with underscores between its words."""
        return re.compile(rf"(?:^|[._])(?:{'|'.join(self.migrating)})(?:[._]|$)")

    @cached_property
    def of_migrates(self) -> re.Pattern[str]:
        """At the beginning of the name of a private function."""
        return re.compile(rf"^_+(?:{'|'.join(self.migrates)})(?:_|$)")

    @cached_property
    def of_migrating_files(self) -> re.Pattern[str]:
        """In a path."""
        return re.compile(rf"(?:^|[/\\])(?:{'|'.join(self.migrating_files)})\.py$", re.IGNORECASE)

    @cached_property
    def of_tests(self) -> re.Pattern[str]:
        """In a path with forward slashes."""
        return re.compile(rf"(?:^|[/_.])(?:{'|'.join(self.tests)})(?:[/_.]|$)", re.IGNORECASE)

    @cached_property
    def of_vendored(self) -> re.Pattern[str]:
        """In a path with forward slashes."""
        return re.compile(rf"(?:^|/)_?(?:{'|'.join(self.vendored)})/", re.IGNORECASE)

    @cached_property
    def of_command_folders(self) -> re.Pattern[str]:
        """In a path with forward slashes."""
        return re.compile(rf"(?:^|/)(?:{'|'.join(self.command_folders)})/")

    @cached_property
    def of_once(self) -> re.Pattern[str]:
        """In a path with forward slashes."""
        folders, files = "|".join(self.once_folders), "|".join(self.once_files)
        return re.compile(rf"(?:^|/)(?:{folders})/|(?:^|[/_.-])(?:{files})(?:[/_.-]|$)", re.IGNORECASE)

    @cached_property
    def of_lost(self) -> re.Pattern[str]:
        """In a name."""
        return _anywhere(self.lost)

    @cached_property
    def of_closing(self) -> re.Pattern[str]:
        """A whole comment without its `#`."""
        return _only(self.closing, self.closed)

    @cached_property
    def of_giving_back(self) -> re.Pattern[str]:
        """A whole comment without its `#`."""
        return _only((*self.closing, *self.giving_back), self.closed)

    @cached_property
    def of_moving_on(self) -> re.Pattern[str]:
        """In the text of a test: a call that answers anew each time; of one key, a dictionary gives the same."""
        asks = (*self.gives_one, *self.prompts, *self.clocks, *self.calendars, *self.stops, *self.sizes)
        names = {*self.moves_on, *asks, *self.takes_one} - {"get"}
        return re.compile(rf"\b(?:(?:{'|'.join(sorted(names))})\(|get\((?:\)|block\b|timeout\b))")

    @cached_property
    def of_pragmas(self) -> re.Pattern[str]:
        """What stands between one `#` and the next."""
        return re.compile(rf"\s*(?:{'|'.join(self.pragmas)})\s*", re.IGNORECASE)

    @cached_property
    def of_pool_sizes(self) -> re.Pattern[str]:
        """In an expression."""
        return _anywhere(self.pool_sizes)

    @cached_property
    def of_locks(self) -> re.Pattern[str]:
        """In the text of a function."""
        return _anywhere(self.locks)

    @cached_property
    def of_retries(self) -> re.Pattern[str]:
        """In a name."""
        return _anywhere(self.retries)

    @cached_property
    def of_inserts(self) -> re.Pattern[str]:
        """In a name."""
        return _between_underscores(self.inserts)

    @cached_property
    def of_queries(self) -> re.Pattern[str]:
        """In a name."""
        return _between_underscores(self.queries)


def _anywhere(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


def _between_underscores(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:^|_)(?:{'|'.join(parts)})(?:_|$)", re.IGNORECASE)


def _only(verbs: tuple[str, ...], others: tuple[str, ...]) -> re.Pattern[str]:
    """Nothing but these words, a verb among them, perhaps with a number in front; questions say more."""
    verb, known = "|".join(verbs), "|".join((*verbs, *others))
    between = r"[^\w?!]*"
    return re.compile(
        rf"(?=.*\b(?:{verb})\b){between}(?:\d{{1,2}}[.):]{between})?(?:(?:{known})\b{between})+", re.IGNORECASE
    )


@cache
def words() -> Words:
    """Read when first asked for."""
    return Words(**words_of(tables()["words.toml"], "words.toml"))
