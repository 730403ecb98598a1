"""The language server, asked by a real client in another process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

pytest.importorskip("pygls")

from click.testing import CliRunner
from editor import Editor, apply, editor
from lsprotocol import types as lsp

from leakcheck.cli import main

LEAK = "import sqlite3\n\n\ndef count(path):\n    conn = sqlite3.connect(path)\n    return conn.execute('select 1')\n"
HELPER = "import sqlite3\n\n\ndef fresh():\n    return sqlite3.connect('x')\n"
CLEAN = "def one():\n    return 1\n"
POOL = """\
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 20)


def rows(log):
    conn = pool.getconn()
    log.info("got it")
    conn.cursor().execute("SELECT 1")
    pool.putconn(conn)
"""

Story = Callable[[Editor], Awaitable[None]]


def play(folder: Path, story: Story, encodings: list[str] | None = None) -> None:
    async def run() -> None:
        async with editor(folder, encodings) as one:
            await story(one)

    asyncio.run(run())


def test_unsaved_text(tmp_path: Path) -> None:
    async def story(one: Editor) -> None:
        one.open("new.py", LEAK)
        (found,) = await one.findings("new.py")
        assert (found.code, found.source, found.severity) == ("LK101", "leakcheck", lsp.DiagnosticSeverity.Error)
        assert found.range == lsp.Range(lsp.Position(4, 11), lsp.Position(4, 32))
        assert found.related_information
        assert {info.location.uri for info in found.related_information} == {one.uri("new.py")}
        assert found.related_information[0].message.startswith("1: ")
        assert await one.codes("new.py", one.type("new.py", CLEAN)) == []
        assert await one.codes("new.py", one.type("new.py", "\n" + LEAK)) == [(6, "LK101")]
        one.close("new.py")
        assert await one.findings("new.py") == []

    play(tmp_path, story)


def test_syntax_errors_while_typing(tmp_path: Path) -> None:
    async def story(one: Editor) -> None:
        one.open("a.py", LEAK)
        assert await one.codes("a.py") == [(5, "LK101")]
        one.type("a.py", LEAK + "def broken(:\n")
        assert await one.hover("a.py", 5, 12) is not None  # what was found before still stands
        one.open("user.py", "from a import one\n\n\nprint(one)\n")
        assert await one.codes("user.py") == []
        assert await one.codes("a.py", one.type("a.py", CLEAN)) == []

    play(tmp_path, story)


@pytest.mark.parametrize(("encodings", "width"), [(None, 2), (["utf-8"], 4), (["utf-32"], 1)])
def test_characters_beyond_the_basic_plane(tmp_path: Path, encodings: list[str] | None, width: int) -> None:
    text = "import sqlite3\n\n\ndef f():\n    a = '😀😀'; conn = sqlite3.connect('é'); conn.execute(a)\n"
    wide = {2: (0, 0), 4: (4, 1), 1: (-2, 0)}[width]  # more units than in UTF-16, for the smileys and for the é

    async def story(one: Editor) -> None:
        one.open("a.py", text)
        (found,) = await one.findings("a.py")
        start = 23 + wide[0]
        place = (found.range.start.character, found.range.end.character)
        assert place == (start, start + len("sqlite3.connect('é')") + wide[1])
        assert "LK101" in (await one.hover("a.py", 5, start) or "")
        assert await one.hover("a.py", 5, start - 8) is None

    play(tmp_path, story, encodings)


def test_hover(tmp_path: Path) -> None:
    async def story(one: Editor) -> None:
        one.open("a.py", LEAK + "# noqa: LK104 \n")
        assert (5, "LK101") in await one.codes("a.py")
        shown = await one.hover("a.py", 5, 15)
        assert shown is not None
        assert shown.startswith("# LK101 connection-not-closed\n")
        assert "```python fixed" not in shown
        assert "LK104 wrong-release" in (await one.hover("a.py", 7, 9) or "")
        assert await one.hover("a.py", 2, 0) is None
        assert await one.hover("gone.py", 2, 0) is None

    play(tmp_path, story)


def test_quick_fixes(tmp_path: Path) -> None:
    async def story(one: Editor) -> None:
        one.open("a.py", POOL)
        assert await one.codes("a.py") == [(7, "LK102")]
        actions = {action.title: action for action in await one.actions("a.py", 7)}
        assert await one.actions("a.py", 2) == []
        (ignore,) = (action for title, action in actions.items() if title == "LK102: ignore on this line")
        assert not ignore.is_preferred
        assert "conn = pool.getconn()  # noqa: LK102\n" in apply(POOL, ignore)
        (mend,) = (action for title, action in actions.items() if "ignore" not in title)
        assert mend.is_preferred == (None if "(unsafe)" in mend.title else True)
        assert await one.codes("a.py", one.type("a.py", apply(POOL, mend))) == []

    play(tmp_path, story)


def test_fix_all(tmp_path: Path) -> None:
    mendable = LEAK.replace("1')", "😀').fetchall()")
    text = mendable + "\n" + mendable.partition("\n\n\n")[2].replace("count", "also")

    async def story(one: Editor) -> None:
        one.open("a.py", text)
        assert len(await one.findings("a.py")) == 2
        for kind in ("source.fixAll", "source.fixAll.leakcheck", "source"):
            (action,) = await one.actions("a.py", 1, kind)
            assert action.kind == "source.fixAll.leakcheck"
        assert await one.actions("a.py", 1, "source.organizeImports") == []
        assert await one.codes("a.py", one.type("a.py", apply(text, action))) == []
        assert await one.actions("a.py", 1, "source.fixAll") == []

    play(tmp_path, story)


def test_settings_are_read_again(tmp_path: Path) -> None:
    settings = tmp_path / "pyproject.toml"

    async def story(one: Editor) -> None:
        one.open("a.py", LEAK)
        assert await one.codes("a.py") == [(5, "LK101")]
        settings.write_text("[tool.leakcheck]\nignore = ['LK101']\n", encoding="utf-8")
        one.changed_on_disk("pyproject.toml")
        assert await one.codes("a.py") == []
        settings.write_text("[tool.leakcheck]\nignore = ['LK1\n", encoding="utf-8")
        assert await one.codes("a.py", one.type("a.py", LEAK + "\n")) == []  # the last good ones count
        assert any("not valid TOML" in message for message in one.messages)
        settings.write_text("[tool.leakcheck]\nexclude = ['b.py']\n", encoding="utf-8")
        assert await one.codes("a.py", one.type("a.py", LEAK)) == [(5, "LK101")]
        one.open("b.py", LEAK)
        assert await one.codes("b.py") == []

    play(tmp_path, story)


def test_the_project_around(tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text(
        "import sqlite3\n\n\ndef fresh():\n    return sqlite3.connect('x')\n", encoding="utf-8"
    )
    user = "from db import fresh\n\n\ndef use():\n    conn = fresh()\n    conn.execute('x')\n"

    async def story(one: Editor) -> None:
        one.open("user.py", user)
        assert await one.codes("user.py") == [(5, "LK101")]
        one.open("db.py", "shared = None\n\n\ndef fresh():\n    return shared\n")  # unsaved
        assert await one.codes("db.py") == []
        one.type("db.py", "def fresh():\n    return None\n")
        assert await one.codes("user.py") == []
        one.close("db.py")
        one.changed_on_disk("db.py")
        assert await one.codes("user.py") == [(5, "LK101")]

    play(tmp_path, story)


def test_settings_that_come_later_and_nobody_told_of(tmp_path: Path) -> None:
    async def story(one: Editor) -> None:
        one.open("a.py", LEAK)
        assert await one.codes("a.py") == [(5, "LK101")]
        (tmp_path / "pyproject.toml").write_text("[tool.leakcheck]\nignore = ['LK101']\n", encoding="utf-8")
        assert await one.codes("a.py", one.type("a.py", LEAK + "\n")) == []

    play(tmp_path, story)


def test_odd_names_and_line_ends(tmp_path: Path) -> None:
    folder = tmp_path / "grün und blau #1"
    folder.mkdir()
    (folder / "db.py").write_text(HELPER, encoding="utf-8")
    user = "from db import fresh\n\n\ndef use():\n    conn = fresh()\x0c\n    print(conn.execute('x').fetchone())"
    user = user.replace("\n", "\r\n")

    async def story(one: Editor) -> None:
        one.open("ü.py", user)
        (found,) = await one.findings("ü.py")
        assert found.range.start == lsp.Position(4, 11)
        assert found.related_information
        assert (folder / "db.py").as_uri() in {info.location.uri for info in found.related_information}
        (action,) = await one.actions("ü.py", 1, "source.fixAll")
        mended = apply(user, action)
        assert "\n" not in mended.replace("\r\n", "")
        assert await one.codes("ü.py", one.type("ü.py", mended)) == []
        assert await one.codes("ü.py", one.type("ü.py", "")) == []
        assert await one.actions("gone.py", 1) == []

    play(folder, story)


def test_baseline(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LEAK, encoding="utf-8")
    assert CliRunner().invoke(main, ["--write-baseline", str(tmp_path / "b.json"), str(tmp_path)]).exit_code == 0
    (tmp_path / "pyproject.toml").write_text("[tool.leakcheck]\nbaseline = 'b.json'\n", encoding="utf-8")

    async def story(one: Editor) -> None:
        one.open("a.py", LEAK)
        assert await one.codes("a.py") == []
        assert await one.codes("a.py", one.type("a.py", LEAK + LEAK.replace("count", "also"))) == [(11, "LK101")]
        assert all("LK101" not in action.title for action in await one.actions("a.py", 5))
        (tmp_path / "b.json").unlink()
        assert len(await one.findings("a.py", one.type("a.py", LEAK))) == 1
        assert "is missing" in one.messages[-1]

    play(tmp_path, story)


def test_texts_that_are_no_files(tmp_path: Path) -> None:
    async def story(one: Editor) -> None:
        one.open("git:/a.py?rev=HEAD", LEAK)
        one.open("untitled:Untitled-1", LEAK)
        assert await one.codes("untitled:Untitled-1") == [(5, "LK101")]
        assert len(await one.actions("untitled:Untitled-1", 5)) >= 1
        assert await one.actions("git:/a.py?rev=HEAD", 5) == []
        assert "git:/a.py?rev=HEAD" not in one.shown

    play(tmp_path, story)


def test_without_pygls() -> None:
    hidden = "import sys; sys.modules['pygls'] = None; from leakcheck.cli import main; main(['--lsp'])"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "leakcheck: --lsp needs more packages: pip install 'leakcheck-db[lsp]'\n"
