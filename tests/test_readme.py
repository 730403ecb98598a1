"""What the README says is true: its commands, its examples, its tables."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from documents import Example, documents, examples, findings

from leakcheck.cli import main
from leakcheck.schema import parse_toml

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
SHELL = [line for fence in re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S) for line in fence.splitlines()]
COMMANDS = [shlex.split(line)[1:] for line in SHELL if line.startswith("leakcheck ")]
QUIET = {"--explain", "--add-noqa", "--write-baseline", "--prune-baseline"}
EXAMPLES = list(examples("README.md", README))
PROJECT = parse_toml((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"), "pyproject.toml")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_command(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _service(tmp_path, monkeypatch)
    monkeypatch.delenv("CI", raising=False)
    if "--diff-base" in arguments:
        _repository(monkeypatch)
    if "--prune-baseline" in arguments:
        (tmp_path / "pyproject.toml").write_text("[tool.leakcheck]\nbaseline = 'b.json'\n", encoding="utf-8")
        assert CliRunner().invoke(main, ["--write-baseline", "b.json"]).exit_code == 0
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == (0 if QUIET.intersection(arguments) else 1), result.output
    assert "LK10" in result.stdout or re.match(r"(Silenced|Listed|Dropped) \d", result.stderr)


def test_options_in_the_text() -> None:
    known = {option for parameter in main.params for option in parameter.opts}
    text = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
    spans = [words.split() for words in re.findall(r"`((?:leakcheck )?--[^`]+)`", text)]
    assert spans
    assert {word for words in spans for word in words if word.startswith("--")} <= known


def test_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _service(tmp_path, monkeypatch)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", README, re.M | re.S)
    assert f"{shown}\n" in CliRunner().invoke(main, ["src"]).stdout


def _service(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first example as `src/service.py` in the current folder."""
    (folder / "src").mkdir()
    text = re.sub(r"  # error: .*", "", EXAMPLES[0].sources[0].text)
    (folder / "src" / "service.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)


def _repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder, with nothing in `origin/main` yet."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for step in ("init -q", "commit -q --allow-empty -m x", "update-ref refs/remotes/origin/main HEAD"):
        subprocess.run(("git", "-c", "user.name=A", "-c", "user.email=a@example.org", *step.split()), check=True)


def test_fresh_machine_commands() -> None:
    show, test = (line for line in SHELL if line.startswith("python3 -m venv .venv && .venv/bin/pip install "))
    assert show.endswith(" . && .venv/bin/leakcheck --demo")
    assert test.endswith(" -e '.[dev]' && .venv/bin/pytest")
    assert "leakcheck" in PROJECT["project"]["scripts"]
    assert any(requirement.startswith("pytest") for requirement in PROJECT["project"]["optional-dependencies"]["dev"])
    assert r"\.venv/bin/pytest.*" in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_example(example: Example, tmp_path: Path) -> None:
    assert sorted(place for place, _ in findings(example, tmp_path)) == example.marked("error")


def test_private_wrapper(tmp_path: Path) -> None:
    (settings,) = re.findall(r"^```toml\n(.*?)^```$", README, re.M | re.S)
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    module = "from house.db import checkout\n\n\ndef users():\n    conn = checkout()\n    return conn.run('SELECT 1')\n"
    (tmp_path / "users.py").write_text(module, encoding="utf-8")
    result = CliRunner().invoke(main, [str(tmp_path), "--output-format", "concise"])
    assert "users.py:5:12: LK101" in result.stdout


def test_rule_table() -> None:
    assert re.findall(r"^\| \[(LK\d+)\]\(rules/([^)]+)\)", README, re.M) == [
        (document.code, document.path.name) for document in documents()
    ]


def test_hook_flake8_and_links() -> None:
    (hook,) = re.findall(r"- id: (\S+)", README)
    assert f"- id: {hook}\n" in (CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    assert "flake8" in PROJECT["project"]["optional-dependencies"]
    assert f"rev: v{PROJECT['project']['version']}\n" in README
    for link in re.findall(r"\]\((?!https:)([^)#]+)\)", README):
        assert (CHECKOUT / link).exists(), link


def test_editors() -> None:
    table = README.partition("## In editors")[2].partition("\n## ")[0]
    assert "lsp" in PROJECT["project"]["optional-dependencies"]
    vscode, neovim, helix, emacs = re.findall(r"^```\w*\n(.*?)^```$", table, re.M | re.S)
    assert json.loads(vscode)["glspc.server.commandArguments"] == ["--lsp"]
    assert parse_toml(helix, "languages.toml")["language-server"]["leakcheck"]["args"] == ["--lsp"]
    for settings in (neovim, emacs):
        assert re.search(r'"leakcheck",? "--lsp"', settings)
        assert [settings.count(one) - settings.count(other) for one, other in ("()", "{}")] == [0, 0]


def test_changelog_has_this_version() -> None:
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {PROJECT['project']['version']} " in changelog
    assert {document.code for document in documents()} <= set(re.findall(r"LK\d+", changelog))
