"""Rewrites and the look of code: imports, line lengths, line ends, statements that share a line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixing import fix

from leakcheck.cli import main
from leakcheck.fixes.style import Style, style_of
from leakcheck.fixes.text import Draft, apply, inside_strings, lines_of
from leakcheck.settings import Settings

HEAD = "import sqlite3\nfrom contextlib import closing\n\n\n"


def test_tabs_form_feeds_and_a_missing_final_newline_stay() -> None:
    head = f"{HEAD}\f\ndef f(p):\n"
    before = "\tconn = sqlite3.connect(p)\n\tif p:\n\t\tconn.commit()\n\tconn.execute('é')"
    after = "\twith closing(sqlite3.connect(p)) as conn:\n\t\tif p:\n\t\t\tconn.commit()\n\t\tconn.execute('é')"
    assert fix(head + before).text == head + after


def test_no_blank_line_begins_a_block() -> None:
    before = (
        "def f(p):\n    conn = sqlite3.connect(p)\n\n\n    # all of them\n    conn.execute('é')\n\n    conn.commit()\n"
    )
    after = (
        "def f(p):\n    with closing(sqlite3.connect(p)) as conn:\n        # all of them\n        conn.execute('é')\n\n"
    )
    assert fix(HEAD + before).text == f"{HEAD}{after}        conn.commit()\n"


NESTED = """\
def f(p, path):
    conn = sqlite3.connect(p)
    with open(path) as file:
        text = file.read()
        try:
            conn.execute(text)
        finally:
            conn.close()
        return text
"""


def test_a_try_deep_inside_that_has_nothing_left_to_do_goes() -> None:
    text = fix(HEAD + NESTED, "unsafe").text
    assert (
        text
        == f"""{HEAD}def f(p, path):
    with closing(sqlite3.connect(p)) as conn:
        with open(path) as file:
            text = file.read()
            conn.execute(text)
            return text
"""
    )


IMPORTS = {
    "import sqlite3\n": "import sqlite3\nfrom contextlib import closing\n",
    '"""Doc."""\n\nfrom __future__ import annotations\n\nimport sqlite3\n': (
        '"""Doc."""\n\nfrom __future__ import annotations\n\nimport sqlite3\nfrom contextlib import closing\n'
    ),
    "import contextlib\nimport sqlite3\n": "import contextlib\nimport sqlite3\n",
    "import sqlite3\nfrom contextlib import suppress\n": "import sqlite3\nfrom contextlib import closing, suppress\n",
    "import sqlite3\nfrom contextlib import (\n    contextmanager,\n)\n": "import sqlite3\nfrom contextlib import (\n"
    "    closing,\n    contextmanager,\n)\n",
    "import sqlite3\nfrom contextlib import closing as c\n": "import sqlite3\nfrom contextlib import closing as c\n",
    "import sqlite3\nfrom pathlib import Path\n": (
        "import sqlite3\nfrom contextlib import closing\nfrom pathlib import Path\n"
    ),
    "import sqlite3\nclosing = 1\n": "import contextlib\nimport sqlite3\nclosing = 1\n",
    "import sqlite3\nif TYPE_CHECKING:\n    from contextlib import suppress\n": "import sqlite3\n"
    "from contextlib import closing\nif TYPE_CHECKING:\n    from contextlib import suppress\n",
}


@pytest.mark.parametrize("before", IMPORTS)
def test_imports(before: str) -> None:
    text = fix(f"{before}\n\ndef f(p):\n    conn = sqlite3.connect(p)\n    conn.commit()\n    conn.close()\n").text
    head = text.partition("\n\n\ndef")[0] + "\n"
    assert head == IMPORTS[before]
    ast.parse(text)


def test_several_fixes_share_an_import() -> None:
    function = "\n\ndef f{}(p):\n    conn = sqlite3.connect(p)\n    conn.commit()\n    conn.close()\n"
    result = fix("import sqlite3\n" + "".join(function.format(n) for n in range(5)))
    assert result.left == ()
    assert result.text.count("import closing") == 1


SHARED_LINES = {
    "    conn = sqlite3.connect(p); cur = conn.cursor()\n    cur.execute('DELETE')\n    conn.close()\n": (
        "    with closing(sqlite3.connect(p)) as conn:\n        cur = conn.cursor()\n        cur.execute('DELETE')\n"
    ),
    "    q = 1; conn = sqlite3.connect(p)\n    conn.execute('DELETE')\n    conn.close()\n": (
        "    q = 1\n    with closing(sqlite3.connect(p)) as conn:\n        conn.execute('DELETE')\n"
    ),
    "    if p: conn = sqlite3.connect(p); conn.execute('DELETE'); conn.close()  # all\n": (
        "    if p:\n        with closing(sqlite3.connect(p)) as conn:\n            conn.execute('DELETE')\n"
        "        # all\n"
    ),
    "    with sqlite3.connect(p) as c: c.execute('DELETE')\n": (
        "    with closing(sqlite3.connect(p)) as c, c: c.execute('DELETE')\n"
    ),
    "    conn = \\\n        sqlite3.connect(p)\n    conn.execute('DELETE', \\\n        (1,))\n    conn.close()\n": (
        "    conn = \\\n        sqlite3.connect(p)\n    with closing(conn):\n        conn.execute('DELETE', \\\n"
        "            (1,))\n"
    ),
}


def assert_rewritten(before: str, after: str) -> None:
    """A function's body as it is after the fix, which leaves nothing to do."""
    result = fix(f"{HEAD}def f(p):\n{before}")
    assert result.text == f"{HEAD}def f(p):\n{after}"
    assert fix(result.text).text == result.text


@pytest.mark.parametrize("before", SHARED_LINES)
def test_statements_that_share_a_line(before: str) -> None:
    assert_rewritten(before, SHARED_LINES[before])


def test_a_function_on_one_line() -> None:
    result = fix(f"{HEAD}def f(p): conn = sqlite3.connect(p); conn.execute('DELETE'); conn.close()")
    body = "    with closing(sqlite3.connect(p)) as conn:\n        conn.execute('DELETE')\n"
    assert result.text == f"{HEAD}def f(p):\n{body}"


CONTINUED = {
    "    conn = sqlite3.connect(p,\n                           timeout=9)\n    conn.execute('x')\n    conn.close()\n": (
        "    with closing(sqlite3.connect(p,\n                                 timeout=9)) as conn:\n"
        "        conn.execute('x')\n"
    ),
    "    connection = sqlite3.connect([p,\n                                  p][0], '''\n          s''')\n"
    "    connection.execute('x')\n    connection.close()\n": (
        "    with closing(sqlite3.connect([p,\n                                  p][0], '''\n"
        "          s''')) as connection:\n        connection.execute('x')\n"
    ),
    "    with sqlite3.connect(p,\n                         timeout=9) as conn:\n        conn.execute('x')\n": (
        "    with closing(sqlite3.connect(p,\n                                 timeout=9)) as conn, conn:\n"
        "        conn.execute('x')\n"
    ),
    "    conn = sqlite3.connect(\n        p\n    )\n    conn.execute('x',\n                 p)\n    conn.close()\n": (
        "    with closing(sqlite3.connect(\n        p\n    )) as conn:\n"
        "        conn.execute('x',\n                     p)\n"
    ),
}


@pytest.mark.parametrize("before", CONTINUED)
def test_lines_under_a_bracket_move_with_it(before: str) -> None:
    assert_rewritten(before, CONTINUED[before])


BLANK_LINES = {
    "\n    conn.close()\n\n    return 1\n": "\n    return 1\n",
    "\n    conn.close()\n    return 1\n": "\n    return 1\n",
    "\n    conn.close()\n\n\nx = 1\n": "\n\nx = 1\n",
    "\n    conn.close()\n": "",
    "\n    # done\n    conn.close()\n": "\n    # done\n",
    "\n    # Close the connection.\n    conn.close()\n    return 1\n": "\n    return 1\n",
    "    # ---- close conn ----\n    conn.close()\n": "",
    "    # close conn, or the lock stays\n    conn.close()\n": "    # close conn, or the lock stays\n",
    "    # TODO:\n    # close\n    conn.close()\n": "    # TODO:\n    # close\n",
    "\n    # 2. give it back\n    conn.close()\n\n    return 1\n": "\n    return 1\n",
    "\n    # give it back\n    # (not p)\n    conn.close()\n": "\n    # give it back\n    # (not p)\n",
    "\n    # clean up\n    conn.close()\n    p.unlink()\n": "\n    # clean up\n    p.unlink()\n",
    "    # close it: see #312\n    conn.close()\n": "    # close it: see #312\n",
    "    # close the connection?\n    conn.close()\n": "    # close the connection?\n",
    "    # do NOT close this again\n    conn.close()\n": "    # do NOT close this again\n",
    "    # Close; Windows holds a lock\n    conn.close()\n": "    # Close; Windows holds a lock\n",
    "    # free what it has read\n    conn.close()\n    return 1\n": "    # free what it has read\n    return 1\n",
    "    conn.close()  # give back to the pool\n    return 1\n": "    return 1\n",
    "    conn.close()  # release the lock\n    return 1\n": "    # release the lock\n    return 1\n",
    "    conn.close()  # pylint: disable=no-member, E1101\n    return 1\n": "    return 1\n",
    "    conn.close()  # type: ignore[attr-defined]  # noqa: S110\n": "",
    "    conn.close()  # close  # pragma: no cover\n": "",
    "    conn.close()  # noqa: S110 as the driver lies\n": "    # noqa: S110 as the driver lies\n",
    "    conn.close()  # must not raise\n    return 1\n": "    # must not raise\n    return 1\n",
    "    # the connection\n    conn.close()\n": "    # the connection\n",
    "    # close the connection\n\n    conn.close()\n": "    # close the connection\n",
    "  # close the connection\n    conn.close()\n": "  # close the connection\n",
}


@pytest.mark.parametrize("before", BLANK_LINES)
def test_blank_lines_around_what_goes_do_not_add_up(before: str) -> None:
    result = fix(f"{HEAD}def f(p):\n    conn = sqlite3.connect(p)\n    conn.execute('x')\n{before}")
    block = "    with closing(sqlite3.connect(p)) as conn:\n        conn.execute('x')\n"
    assert result.text == f"{HEAD}def f(p):\n{block}{BLANK_LINES[before]}"


def test_lines_of_spaces_get_as_many_more() -> None:
    head = f"{HEAD}def f(p):\n"
    result = fix(f"{head}    conn = sqlite3.connect(p)\n    conn.execute('x')\n    \n  \n\n    conn.commit()\n")
    block = "        conn.execute('x')\n        \n  \n\n        conn.commit()\n"
    assert result.text == f"{head}    with closing(sqlite3.connect(p)) as conn:\n{block}"


def test_lone_carriage_returns_end_lines() -> None:
    text = f"{HEAD}def f(p):\n    conn = sqlite3.connect(p)\n    conn.execute('DELETE')\n    conn.close()\n"
    fixed = f"{HEAD}def f(p):\n    with closing(sqlite3.connect(p)) as conn:\n        conn.execute('DELETE')\n"
    assert fix(text.replace("\n", "\r")).text == fixed.replace("\n", "\r")


def test_what_only_looks_like_a_line_end_stays() -> None:
    body = "conn.execute('a\x0bb\x1cc\u2028d')  # \x0c \x85"
    fixed = fix(f"{HEAD}def f(p):\n    conn = sqlite3.connect(p)\n\f\n    {body}\n    conn.close()\n").text
    assert fixed == f"{HEAD}def f(p):\n    with closing(sqlite3.connect(p)) as conn:\n\f\n        {body}\n"


def test_a_block_on_the_connection_is_entered_by_the_same_statement() -> None:
    body = "    # a\n    with conn:\n        conn.execute('DELETE')\n    # b\n"
    result = fix(f"{HEAD}def f(p):\n    conn = sqlite3.connect(p)  # ours\n{body}    conn.close()\n")
    expected = body.replace("with conn:", "with closing(sqlite3.connect(p)) as conn, conn:")
    assert result.text == f"{HEAD}def f(p):\n    # ours\n{expected}"


# -- the project's style -----------------------------------------------------------------------------------------------

LONG_LINES = {
    "    connection = sqlite3.connect(path, timeout=30, uri=1)\n    connection.execute('DELETE')\n"
    "    connection.close()\n": (
        "    connection = sqlite3.connect(path, timeout=30, uri=1)\n    with closing(connection):\n"
        "        connection.execute('DELETE')\n"
    ),
    "    with sqlite3.connect(path, timeout=30, uri=1) as conn:\n        conn.execute('DELETE')\n": (
        "    conn = sqlite3.connect(path, timeout=30, uri=1)\n    with closing(conn), conn:\n"
        "        conn.execute('DELETE')\n"
    ),
    "    with open(path) as file, sqlite3.connect(path) as conn:\n        conn.execute(file.read())\n": (
        "    with (\n        open(path) as file,\n        closing(sqlite3.connect(path)) as conn,\n        conn,\n"
        "    ):\n        conn.execute(file.read())\n"
    ),
    "    return sqlite3.connect(path, timeout=30).execute('x').fetchall()\n": (
        "    connection = sqlite3.connect(path, timeout=30)\n    with closing(connection):\n"
        "        return connection.execute('x').fetchall()\n"
    ),
    "    connection = sqlite3.connect(path, timeout=30)\n    with connection:\n        connection.commit()\n": (
        "    connection = sqlite3.connect(path, timeout=30)\n    with closing(connection), connection:\n"
        "        connection.commit()\n"
    ),
    "    conn = sqlite3.connect(path,\n                           timeout=SEVERAL_SECONDS_OR_MORE)\n"
    "    conn.commit()\n    conn.close()\n": (
        "    conn = sqlite3.connect(path,\n                           timeout=SEVERAL_SECONDS_OR_MORE)\n"
        "    with closing(conn):\n        conn.commit()\n"
    ),
}


@pytest.mark.parametrize("before", LONG_LINES)
def test_no_line_gets_too_long(before: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python = '>=3.9'\n[tool.ruff]\nline-length = 60\n")
    settings = Settings(tmp_path, fix="safe")
    result = fix(f"{HEAD}def f(path):\n{before}", settings=settings)
    assert result.text == f"{HEAD}def f(path):\n{LONG_LINES[before]}"
    assert fix(result.text, settings=settings).text == result.text


def test_a_long_import_is_broken_up(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[flake8]\nmax-line-length = 50\n")
    head = "import sqlite3\nfrom contextlib import contextmanager, nullcontext\n"
    body = "\n\ndef f(p):\n    conn = sqlite3.connect(p)\n    conn.execute('x')\n    conn.close()\n"
    fixed = fix(head + body, settings=Settings(tmp_path, fix="safe")).text
    names = ("closing", "contextmanager", "nullcontext")
    expected = "from contextlib import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"
    assert fixed.startswith(f"import sqlite3\n{expected}\n\ndef f")


STYLES = {
    "": Style(),
    "[project]\nrequires-python = '>=3.8,<4'": Style(None, 8),
    "[project]\nrequires-python = '>=3.10,!=3.11.*'\n[tool.black]\nline-length = 100": Style(100, 10),
    "[tool.black]\ntarget-version = ['py39', 'py38']": Style(88, 8),
    "[tool.ruff]\ntarget-version = 'py311'": Style(88, 11),
    "[tool.poetry.dependencies]\npython = '^3.8'": Style(None, 8),
    "[tool.ruff]\n[tool.black]\nline-length = 99": Style(99, None),
    "not toml": Style(),
}


@pytest.mark.parametrize("text", STYLES)
def test_style(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert style_of(tmp_path) == STYLES[text]


@pytest.mark.parametrize(
    ("file", "text", "width"),
    [
        ("setup.cfg", "[flake8]\nmax-line-length = 100\n", 100),
        ("tox.ini", "[pycodestyle]\nmax_line_length = 90\n", 90),
        (".flake8", "[flake8]\n", 79),
        ("ruff.toml", "line-length = 120\n", 120),
        ("setup.cfg", "no section\n", None),
    ],
)
def test_width_from_other_files(file: str, text: str, width: int | None, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    assert style_of(tmp_path).width == width


OLDEST = [
    ("pyproject.toml", "[project]\nrequires-python = '>=3.6'", 6),
    ("pyproject.toml", "[tool.poetry.dependencies]\npython = '~2.7 || ^3.6'", 0),
    ("pyproject.toml", "[tool.black]\n", None),
    ("setup.cfg", "[options]\npython_requires = >=2.7, !=3.0.*, !=3.1.*\n", 0),
    ("setup.cfg", "[metadata]\nname = x\n", None),
    ("setup.py", "setup(name='x', python_requires='>=3.5, <4')", 5),
    ("setup.py", "setup(**{'python_requires': \">=3.10\"})", 10),
    ("Pipfile", "[requires]\npython_version = '3.7'", 7),
]


@pytest.mark.parametrize(("file", "text", "minor"), OLDEST)
def test_oldest_python(file: str, text: str, minor: int | None, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    assert style_of(tmp_path).minor == minor


ROWS = """import sqlite3
from contextlib import closing


def store(path, words: set[str]):
    with closing(sqlite3.connect(path)) as conn, conn:
        for word in words:
            conn.execute("INSERT INTO words VALUES (?)", (word,))
"""
WALRUS = "while batch := list(islice(rows, 100)):"
PLAIN = "for batch in iter(lambda: list(islice(rows, 100)), []):"


@pytest.mark.parametrize(("wanted", "head"), [(">=3.7", PLAIN), (">=3.8", WALRUS), ("", WALRUS)])
def test_batches_are_written_for_the_oldest_python(wanted: str, head: str, tmp_path: Path) -> None:
    (tmp_path / "service" / "app").mkdir(parents=True)
    file = tmp_path / "service" / "app" / "words.py"
    file.write_text(ROWS)
    (tmp_path / "pyproject.toml").write_text("[tool.leakcheck]\n")
    (tmp_path / "service" / "setup.py").write_text(f"setup(python_requires='{wanted}')" if wanted else "")
    result = CliRunner().invoke(main, [str(file), "--fix", "--no-cache", "--select", "LK301"])
    assert result.exit_code == 0, result.output
    assert head in file.read_text()
    again = CliRunner().invoke(main, [str(file), "--no-cache"])
    assert again.exit_code == 0, again.output


# -- drafts ------------------------------------------------------------------------------------------------------------


def test_lines_inside_strings() -> None:
    assert inside_strings("x = '''a\nb\n'''\ny = f'''\n{x\n}'''\nz = 1\n") == {2, 3, 5, 6}


def test_draft_adds_a_line_to_a_file_without_a_final_newline() -> None:
    draft = Draft(lines_of("a\nb"), frozenset(), "    ")
    draft.insert(3, "c")
    assert draft.text() == "a\nb\nc"
    assert apply("a\nb", draft.edits("x.py")) == "a\nb\nc"


def test_a_form_feed_before_nested_code_stays() -> None:
    text = f"{HEAD}def f(p):\n    conn = sqlite3.connect(p)\n\f    conn.execute('a')\n    conn.close()\n"
    after = f"{HEAD}def f(p):\n    with closing(sqlite3.connect(p)) as conn:\n\f        conn.execute('a')\n"
    assert fix(text).text == after


def test_stretches_that_overlap_are_erased_once() -> None:
    draft = Draft(lines_of("if a:\n    b()  # why\n"), frozenset(), "    ")
    draft.erase((2, 4), (2, 7))
    draft.erase((1, 0), (2, 7))
    assert draft.text() == "    # why\n"


def test_the_comment_of_a_close_that_goes_stays_whole() -> None:
    head = "import psycopg2\nfrom contextlib import closing\n\n\ndef f(p):\n"
    body = "    conn = psycopg2.connect(p)\n    try:\n        cur = conn.cursor()\n    finally:\n"
    end = "        if cur:\n            cur.close()\n        if conn:  # opened\n            conn.close()  # ünï\n"
    fixed = fix(head + body + end, "unsafe").text
    assert fixed.endswith("            if cur:\n                cur.close()\n                # ünï\n")
