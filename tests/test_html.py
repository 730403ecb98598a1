"""The HTML report: in a browser where there is one (Debian: `apt install chromium`), and as text everywhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import leakcheck
from leakcheck.cli import main
from leakcheck.diagnostics import Edit, Fix, Report
from leakcheck.report import Page, render
from leakcheck.runner import Outcome
from tests.pages import ORDERS, STEPS, finding, page, span, step

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
EVIL = "</script><img src=x onerror=alert(1)>&amp;<!--.py"
MANY = 3000

in_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")


class Tags(HTMLParser):
    """Every start tag of a document, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, text: str) -> None:
        if self.tags[-1:] == ["script"]:
            self.scripts[-1] += text


def evil() -> Page:
    """Markup in a file's name, in code, in a message and in a fix."""
    place = span(2, 12, 32, EVIL)
    fix = Fix(f"drop `{EVIL}`", "safe", (Edit(span(2, 1, 1, EVIL), EVIL),))
    found = replace(finding(step("acquire", place, EVIL), at=place, fix=fix), message=f"`conn` {EVIL}")
    return page(found, source=ORDERS.replace("DSN", f"'{EVIL}'"))


def many() -> Page:
    """Thousands of findings in a hundred files."""
    reports = []
    for number in range(100):
        name = f"app/part{number}.py"
        steps = tuple(replace(one, span=replace(one.span, filename=name)) for one in STEPS)
        found = finding(*steps, at=steps[0].span)
        reports.append(Report(name, tuple(replace(found, code=f"LK10{1 + n % 3}") for n in range(MANY // 100))))
    return Page(Outcome(tuple(reports), 120, 20), page().lines)


def data_of(text: str) -> Any:
    return json.loads(Tags(text).scripts[0])


def browse(text: str, folder: Path, script: str = "") -> tuple[Any, str]:
    """What a script returns in the opened page, and the console's output. Scripts of a test need a laxer policy."""
    if script:
        text = re.sub(r"script-src '[^']*'", "script-src 'unsafe-inline'", text, count=1)
        test = f"addEventListener('load', async () => {{ const r = await (async () => {{ {script} }})();"
        write = "document.body.setAttribute('data-result', JSON.stringify(r)); });"
        text = text.replace("</body>", f"<script>{test}{write}</script></body>")
    file = folder / "report.html"
    file.write_text(text, encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    options = [f"--user-data-dir={folder / 'profile'}", "--window-size=1280,900", "--virtual-time-budget=5000"]
    done = subprocess.run([*command, *options, file.as_uri()], capture_output=True, text=True, timeout=120)
    assert 'data-ready="yes"' in done.stdout
    found = re.search(r'<body data-result="([^"]*)"', done.stdout)
    result = json.loads(found[1].replace("&quot;", '"').replace("&amp;", "&")) if found else None
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return result, console


def test_nothing_outside_is_needed_and_nothing_else_may_run() -> None:
    text = render("html", many())
    assert Tags(text).tags.count("script") == 2
    assert not {"link", "img", "iframe", "object"} & set(Tags(text).tags)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; base-uri 'none'", policy[1]
    )


def test_markup_stays_text() -> None:
    text = render("html", evil())
    assert Tags(text).tags.count("img") == 0
    assert Tags(text).tags.count("script") == 2
    data = data_of(text)
    assert data["files"] == [EVIL]
    assert EVIL in data["code"]["0"]["2"]
    assert data["findings"][0]["m"] == f"`conn` {EVIL}"


def test_the_audit_has_health_findings_and_functions() -> None:
    result = CliRunner().invoke(main, ["--demo", "--quiet", "--output-format", "html"])
    data = data_of(result.stdout)
    health = json.loads(CliRunner().invoke(main, ["--demo", "--quiet", "--health", "--output-format", "json"]).stdout)
    assert [(a["title"], a["status"], a["right"]) for a in data["health"]["answers"]] == [
        (q["title"], q["status"], q["right"]) for q in health["questions"]
    ]
    found = json.loads(CliRunner().invoke(main, ["--demo", "--quiet", "--output-format", "json"]).stdout)
    assert {(one["code"], one["location"]["row"]) for one in found} <= {
        (one["c"], one["l"]) for one in data["findings"]
    }
    fates = {life["fate"] for function in data["functions"] for life in function["lives"]}
    assert fates == {"released", "handed", "lost"}


def test_lives_of_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """\
import sqlite3
from contextlib import closing


def lost(path):
    conn = sqlite3.connect(path)
    conn.execute("SELECT 1")


def closed(path):
    conn = sqlite3.connect(path)
    try:
        conn.execute("SELECT 1")
    finally:
        conn.close()


def block(path):
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("SELECT 1")
        conn.execute("SELECT 2")


def opened(path):
    return sqlite3.connect(path)
"""
    monkeypatch.chdir(tmp_path)
    Path("store.py").write_text(source)
    data = data_of(CliRunner().invoke(main, ["store.py", "--output-format", "html"]).stdout)
    lives = {one["name"]: one["lives"][0] for one in data["functions"]}
    told = {name: (life["l"], life["calls"], life["releases"], life["fate"]) for name, life in lives.items()}
    assert told == {
        "lost": (6, [7], [], "lost"),
        "closed": (11, [13, 15], [15], "released"),
        "block": (19, [20, 21], [21], "released"),
        "opened": (25, [], [], "handed"),
    }


def test_contrast() -> None:
    """Text in every colour can be read on what it stands on, light and dark (WCAG AA: 4.5)."""
    style = (Path(leakcheck.__file__).parent / "report" / "html" / "style.css").read_text("utf-8")
    pairs = [("ink", "page"), ("ink", "card"), ("ink", "soft"), ("accent", "card"), ("accent", "page")]
    pairs += [("muted", on) for on in ("page", "card", "soft", "code")]
    pairs += [(name, f"{name}-soft") for name in ("error", "warning", "good", "calm")]
    pairs += [(name, "code") for name in ("keyword", "string", "comment", "number", "error")]
    pairs += [(name, on) for name in ("keyword", "string", "comment", "number") for on in ("good-soft", "error-soft")]
    for block in re.findall(r":root[^{]*\{([^}]*)\}", style):
        colours = dict(re.findall(r"--([\w-]+): (#\w+)", block))
        poor = {pair: _contrast(*(colours[name] for name in pair)) for pair in pairs}
        assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) > 4 else "".join(c * 2 for c in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@in_browser
@pytest.mark.parametrize("made", [evil(), many(), Page(Outcome((), 3, 1), lambda _: ())], ids=["evil", "many", "none"])
def test_it_opens_without_a_word_on_the_console(made: Page, tmp_path: Path) -> None:
    assert browse(render("html", made), tmp_path) == (None, "")


@in_browser
def test_markup_stays_text_when_drawn(tmp_path: Path) -> None:
    script = """
        openTab("findings"); toggleAll(true); choose({text: "<img"}); toggleAll(true); openTab("map"); openTab("rules");
        return [document.images.length, document.querySelector(".path").textContent.includes("<img src=x")];
    """
    assert browse(render("html", evil()), tmp_path, script) == ([0, True], "")


@in_browser
def test_filters(tmp_path: Path) -> None:
    script = """
        openTab("findings");
        const shown = () => [byId("shown").textContent, document.querySelectorAll(".finding").length];
        const results = [shown()];
        const box = document.querySelector('[data-filter="codes"][value="LK101"]'); box.click(); results.push(shown());
        byId("file").value = "3"; byId("file").dispatchEvent(new Event("change")); results.push(shown());
        byId("search").value = "part4"; byId("search").dispatchEvent(new Event("input")); results.push(shown());
        byId("clear").click(); results.push(shown(), [box.checked, byId("search").value]);
        byId("search").value = "part4.py nonsense"; byId("search").dispatchEvent(new Event("input"));
        return [...results, document.querySelector("#list").textContent];
    """
    result, console = browse(render("html", many()), tmp_path, script)
    assert console == ""
    start, by_rule, by_file, none, cleared, boxes, empty = result
    assert start == cleared == ["3,000 findings", 40]  # the rest is drawn as one scrolls there
    assert by_rule == ["1,000 of 3,000 findings", 40]
    assert by_file == ["10 of 3,000 findings", 10]
    assert none == ["0 of 3,000 findings", 0]
    assert boxes == [False, ""]
    assert empty.startswith("Nothing matches")


@in_browser
def test_keyboard_and_names(tmp_path: Path) -> None:
    script = """
        const stroke = (key) => new KeyboardEvent("keydown", {key, bubbles: true});
        const press = (key) => document.activeElement.dispatchEvent(stroke(key));
        const results = [];
        press("j"); press("j"); press("k"); results.push(document.activeElement.closest("article").id);
        press("/"); results.push(document.activeElement.id);
        byId("tab-findings").focus(); press("ArrowRight"); results.push(document.activeElement.id, byId("map").hidden);
        press("ArrowLeft"); press("ArrowLeft"); results.push(document.activeElement.id);
        byId("theme").click(); const one = document.documentElement.dataset.theme; byId("theme").click();
        results.push(one !== document.documentElement.dataset.theme);
        openTab("findings"); toggleAll(true); openTab("map"); openTab("rules");
        const named = (n) => n.getAttribute("aria-label") || n.textContent.trim() || n.labels?.length;
        return [...results, [...document.querySelectorAll("button, input, select, a")].filter((n) => !named(n)).length];
    """
    result, console = browse(render("html", many()), tmp_path, script)
    assert console == ""
    assert result == ["finding-0", "search", "tab-map", False, "tab-overview", True, 0]


@in_browser
def test_the_path_is_drawn_down_the_margin(tmp_path: Path) -> None:
    steps = (*STEPS[:1], step("via", span(1, 5, 10, "app/db.py"), "passed on"), *STEPS[1:])
    script = """
        openTab("findings"); toggleAll(true); await new Promise((done) => setTimeout(done, 200));
        const dots = [...document.querySelectorAll(".path:not(.diff) .dot")];
        const tops = dots.map((one) => one.getBoundingClientRect().top);
        return [
            [...document.querySelectorAll(".dot")].map((dot) => dot.textContent).join(" "),
            document.querySelectorAll(".arrow").length,
            tops.every((top, index) => !index || top > tops[index - 1]),
            [...document.querySelectorAll("mark")].map((mark) => mark.textContent),
            document.querySelector(".unseen").textContent,
        ];
    """
    result, console = browse(render("html", page(finding(*steps))), tmp_path, script)
    assert console == ""
    assert result == [
        "1 2 3 \N{MULTIPLICATION SIGN}",
        2,
        True,
        ["psycopg.connect(DSN)", "order", "cur.execute(SQL, (order_id,))", "conn.close()"],
        "Step 1: ",
    ]
