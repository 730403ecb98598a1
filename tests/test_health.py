"""`--health`: the checklist for a whole service, its counts, and the files to mend first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leakcheck.cli import main
from leakcheck.health.census import Census
from leakcheck.health.checkup import questions
from leakcheck.settings import rules
from leakcheck.suppressions import OWN

HEALTHY = """
import time
import mysql.connector
from mysql.connector.pooling import MySQLConnectionPool
from sqlalchemy import create_engine

pool = MySQLConnectionPool(pool_name="desk", pool_size=20)
engine = create_engine(
    "postgresql://db/desk", pool_size=20, pool_pre_ping=True, pool_recycle=1800, pool_timeout=10, pool_use_lifo=True
)


def get_connection(max_retries=3, delay=1):
    for attempt in range(max_retries):
        try:
            return pool.get_connection()
        except mysql.connector.errors.PoolError:
            time.sleep(delay * 2**attempt)
    raise RuntimeError("no connection")


def store(tickets):
    with get_connection() as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO tickets VALUES (%s)", tickets)
        connection.commit()
"""
LEAKY = """
from mysql.connector.pooling import MySQLConnectionPool

pool = MySQLConnectionPool(pool_name="desk", pool_size=5)


def lost():
    connection = pool.get_connection()
    connection.cursor().execute("DELETE FROM tickets")


def by_hand():
    connection = pool.get_connection()
    try:
        connection.cursor().execute("DELETE FROM tickets")
    finally:
        connection.close()
"""


def checkup(folder: Path, files: dict[str, str], *arguments: str) -> Result:
    (folder / "pyproject.toml").write_text("[tool.leakcheck]\n", encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, [str(folder), "--health", "--jobs", "1", *arguments])


def answers(folder: Path, files: dict[str, str], *arguments: str) -> dict[str, Any]:
    page = json.loads(checkup(folder, files, "--output-format", "json", *arguments).stdout)
    return {question["name"]: question for question in page["questions"]}


def test_a_healthy_service_passes_every_question(tmp_path: Path) -> None:
    result = checkup(tmp_path, {"db.py": HEALTHY})
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("8 of 8 questions pass in 1 file.\n")
    assert "Mend first" not in result.stdout


def test_counts_say_how_many_of_how_many(tmp_path: Path) -> None:
    found = answers(tmp_path, {"db.py": HEALTHY, "jobs.py": LEAKY})
    assert {name: (q["status"], q["right"], q["total"]) for name, q in found.items()} == {
        "returned": ("fail", 2, 3),
        "nested": ("pass", 3, 3),
        "pool-size": ("fail", 2, 3),
        "held": ("pass", 3, 3),
        "retry": ("fail", 1, 3),
        "resilience": ("pass", 1, 1),
        "batches": ("pass", 1, 1),
        "blocks": ("fail", 1, 3),
    }
    assert [place["location"]["row"] for place in found["blocks"]["places"]] == [8, 13]


def test_what_fails_comes_first(tmp_path: Path) -> None:
    found = [question["status"] for question in answers(tmp_path, {"jobs.py": LEAKY}).values()]
    assert found == sorted(found, key=lambda status: status != "fail")
    assert "none" in found  # no engine, no batch


def test_files_are_ranked_by_how_urgent_their_findings_are(tmp_path: Path) -> None:
    result = checkup(tmp_path, {"a.py": HEALTHY, "b.py": LEAKY, "c.py": LEAKY + LEAKY.replace("def ", "def other_")})
    assert result.exit_code == 1, result.output
    ranking = result.stdout.partition("Mend first:\n")[2].splitlines()
    assert [Path(line.split()[1]).name for line in ranking] == ["c.py", "b.py"]
    assert "1 with --fix" in ranking[1]


ENDPOINTS = """
import requests
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

app = FastAPI()
SessionLocal = sessionmaker(create_engine("postgresql://db/shop", pool_size=20, pool_pre_ping=True))


def get_session():
    with SessionLocal() as session:
        yield session


@app.get("/one")
def one(session: Session = Depends(get_session)):
    session.execute(text("SELECT 1"))
    return requests.get("https://other/", timeout=10).json()


@app.get("/two")
def two(session: Session = Depends(get_session)):
    return session.execute(text("SELECT 1")).scalar()
"""


def test_what_an_endpoint_is_given_counts_among_what_is_held(tmp_path: Path) -> None:
    found = answers(tmp_path, {"app.py": ENDPOINTS})
    assert (found["held"]["right"], found["held"]["total"]) == (2, 3)
    assert found["returned"]["total"] == 1
    assert "not so for 1 of 3 connections" in checkup(tmp_path, {"app.py": ENDPOINTS}).stdout


def test_errors_go_before_what_is_slow(tmp_path: Path) -> None:
    again = ENDPOINTS.partition("app = FastAPI()")[2]
    slow = ENDPOINTS + again.replace("def one", "def third").replace("/one", "/third")
    result = checkup(tmp_path, {"a.py": slow, "b.py": LEAKY.replace("pool_size=5", "pool_size=20")})
    ranking = result.stdout.partition("Mend first:\n")[2].splitlines()
    assert [Path(line.split()[1]).name for line in ranking] == ["b.py", "a.py"]


def test_a_rule_that_is_off_answers_nothing(tmp_path: Path) -> None:
    found = answers(tmp_path, {"jobs.py": LEAKY}, "--ignore", "LK401,LK403")
    assert (found["pool-size"]["status"], found["pool-size"]["places"]) == ("off", [])


def test_a_suppressed_finding_is_no_place_to_mend(tmp_path: Path) -> None:
    text = LEAKY.replace("pool_size=5)", "pool_size=5)  # leakcheck: ignore[LK401] one worker")
    assert answers(tmp_path, {"jobs.py": text})["pool-size"]["status"] == "pass"


def test_broken_file_is_said_and_fails_the_run(tmp_path: Path) -> None:
    result = checkup(tmp_path, {"db.py": HEALTHY, "broken.py": "import sqlite3\nconn = sqlite3.connect(\n"})
    assert result.exit_code == 2
    assert "1 file could not be checked" in result.stdout


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.name)
def test_question_speaks_of_known_rules_and_counts(question: Any) -> None:
    assert set(question.rules) <= set(rules())
    assert bool(question.rules) != question.outside
    assert hasattr(Census(), question.of or question.right)


def test_every_rule_that_is_on_by_default_answers_a_question() -> None:
    asked = {rule for question in questions() for rule in question.rules}
    of_code = {code for code, rule in rules().items() if rule.default and not code.startswith(OWN)}
    assert of_code <= asked
