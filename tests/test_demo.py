"""`leakcheck --demo` finds exactly the mistakes that the demo service makes."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from leakcheck.cli import main

DEMO = Path(__file__).resolve().parent.parent / "leakcheck" / "demo"

EXPECTED = [
    ("services/audit.py", 10, "LK105"),
    ("services/db/auto_classify_db.py", 25, "LK101"),
    ("services/db/auto_classify_db.py", 35, "LK102"),
    ("services/db/auto_classify_db.py", 46, "LK101"),
    ("services/db/report_db.py", 22, "LK102"),
    ("services/db/report_db.py", 32, "LK103"),
    ("services/db/report_db.py", 38, "LK104"),
    ("services/db/report_db.py", 50, "LK107"),
    ("services/db/report_db.py", 57, "LK101"),
    ("services/db/upload_db.py", 39, "LK107"),
    ("services/db/upload_db.py", 54, "LK101"),
    ("services/db/upload_db.py", 60, "LK103"),
    ("utils/database.py", 45, "LK102"),
    ("utils/database.py", 63, "LK104"),
]
FURTHER = [
    ("services/api.py", 24, "LK205"),
    ("services/db/report_db.py", 12, "LK402"),
    ("services/db/report_db.py", 13, "LK401"),
    ("services/db/report_db.py", 43, "LK301"),
    ("services/db/sync_db.py", 24, "LK202"),
    ("services/db/sync_db.py", 34, "LK201"),
    ("services/db/sync_db.py", 44, "LK203"),
    ("services/db/sync_db.py", 57, "LK301"),
    ("services/db/sync_db.py", 58, "LK302"),
    ("services/db/sync_db.py", 65, "LK303"),
    ("services/db/sync_db.py", 74, "LK403"),
    ("services/db/sync_db.py", 82, "LK502"),
    ("services/db/upload_db.py", 43, "LK301"),
    ("utils/database.py", 37, "LK401"),
]


def test_demo_folder() -> None:
    result = CliRunner().invoke(main, [str(DEMO), "--output-format", "json", "--jobs", "1"])
    assert result.exit_code == 1, result.output
    found = [
        (Path(item["filename"]).resolve().relative_to(DEMO).as_posix(), item["location"]["row"], item["code"])
        for item in json.loads(result.stdout)
    ]
    assert sorted(found) == sorted(EXPECTED + FURTHER)


def test_demo_option_shows_paths() -> None:
    result = CliRunner().invoke(main, ["--demo"])
    assert result.exit_code == 1, result.output
    for file, row, code in EXPECTED + FURTHER:
        assert f"{file}:{row}:" in result.stdout.replace("\\", "/")
        assert code in result.stdout
