// The first page: counts, the health checklist, the files to mend first, findings by rule. And the rules' own page.

const SIGNS = { pass: ["✓", "yes"], fail: ["✗", "no"], none: ["–", "nothing to judge"], off: ["–", "not checked"] };

function setUpOverview() {
  const work = data.health && data.health.work.length > 0 && mendFirst(data.health.work);
  const left = [data.health && checklist(data.health), work, data.errors.length > 0 && unchecked()];
  const right = [data.findings.length > 0 && byRule()];
  byId("overview").append(tiles(), el("div.columns", null, el("div.stack", null, left), el("div.stack", null, right)));
}

function tiles() {
  const number = (value, label, mood) => el("div.card.tile", { class: value ? mood || "" : mood === "bad" ? "good" : "" }, el("b", null, value.toLocaleString("en")), el("span.muted.small", null, label));
  const errors = data.findings.filter((found) => found.s === "error").length;
  const safe = data.findings.filter((found) => found.fix && found.fix.applicability === "safe").length;
  const files = count(data.findings, (found) => found.f).size;
  return el(
    "div.tiles", null,
    number(data.findings.length, data.findings.length === 1 ? "finding" : "findings", "bad"), number(errors, errors === 1 ? "error" : "errors", "bad"),
    number(files, `of ${plural(data.checked, "file")} affected`), number(safe, "can be fixed safely with --fix", "good"),
    data.health && number(data.health.passed, `of ${data.health.passed + data.health.failed} health questions pass`, data.health.failed ? "" : "good"),
  );
}

function checklist(health) {
  const lines = health.answers.map((answer) => {
    const [sign, said] = SIGNS[answer.status];
    const wrong = answer.total - answer.right;
    const counted = answer.status === "off" ? "not checked" : answer.total ? `${wrong ? `not so for ${wrong}` : answer.right} of ${answer.total} ${answer.noun}` : `no ${answer.noun}`;
    const share = el("i");
    share.style.width = `${answer.total ? (100 * answer.right) / answer.total : 0}%`;
    const codes = answer.rules.filter((code) => data.rules[code]);
    const fail = answer.status === "fail";
    return el(
      "li.check", null,
      el("span.sign", { class: answer.status, role: "img", "aria-label": said }, sign),
      el(
        "div", null,
        el("div.head", null, el("b", null, prose(answer.title)), el("span.muted.small", null, counted)),
        answer.total ? el("div.meter", { class: answer.status, "aria-hidden": "true" }, share) : null,
        fail ? el("p.muted.small", null, prose(answer.advice), ". ", codes.length ? el("button.link", { type: "button", onclick: () => choose({ codes }) }, `Show ${plural(codes.reduce((sum, code) => sum + data.findings.filter((found) => found.c === code).length, 0), "finding")}`) : null) : null,
      ),
    );
  });
  return el("section.card.pad", { "aria-labelledby": "health-head" }, el("h2", { id: "health-head" }, "Health checklist"), el("ul.plain", null, lines));
}

function byRule() {
  const counts = [...count(data.findings, (found) => found.c)].sort((a, b) => b[1] - a[1]);
  const bars = counts.map(([code, number]) => {
    const share = el("i");
    share.style.width = `${(100 * number) / counts[0][1]}%`;
    return el(
      "button.bar", { type: "button", class: data.rules[code].severity, onclick: () => choose({ codes: [code] }) },
      codeBadge(code), el("span", null, el("span.small", null, data.rules[code].name), el("span.track", { "aria-hidden": "true" }, share)), el("b", null, String(number)),
    );
  });
  return el("section.card.pad", { "aria-labelledby": "rule-head" }, el("h2", { id: "rule-head" }, "Findings by rule"), el("div.bars", null, bars));
}

function mendFirst(work) {
  const rows = el("tbody");
  const card = el(
    "section.card.pad", { "aria-labelledby": "work-head" }, el("h2", { id: "work-head" }, "Mend first"),
    el("div.scroll", null, el("table", null, el("thead", null, el("tr", null, el("th", null, "file"), el("th.n", null, "high"), el("th.n", null, "medium"), el("th.n", null, "low"), el("th.n", null, "--fix"))), rows)),
  );
  new Lazy(rows, 15).show(work, (item) => el(
    "tr", null, el("td", null, el("button.link.mono", { type: "button", onclick: () => choose({ file: item.f }) }, breakable(data.files[item.f]))),
    [item.high, item.medium, item.low, item.safe].map((number) => el("td.n", null, number ? String(number) : "·")),
  ));
  return card;
}

function unchecked() {
  return el(
    "section.card.pad", { "aria-labelledby": "error-head" }, el("h2", { id: "error-head" }, `${plural(data.errors.length, "file")} could not be checked`),
    el("ul.plain.small", null, data.errors.map(([path, why]) => el("li", null, el("span.mono", null, path), ": ", why))),
  );
}

function setUpRules() {
  const counts = count(data.findings, (found) => found.c);
  byId("rules").append(...Object.entries(data.rules).map(([code, rule]) => el(
    "article.card.pad.rule", { id: `rule-${code}` },
    el("div.head", null, codeBadge(code), el("h3", null, rule.name), counts.get(code) ? el("button.link.small", { type: "button", onclick: () => choose({ codes: [code] }) }, plural(counts.get(code), "finding")) : el("span.muted.small", null, "no findings")),
    rule.text.map((paragraph) => el("p", null, prose(paragraph))),
    el("p.small", null, el("a", { href: rule.url }, "The whole document, with examples")),
  )));
}
