// The list of findings with its filters.

const chosen = { text: "", codes: new Set(), levels: new Set(), sure: new Set(), fixes: new Set(), file: "", group: "file" };
let visible = [];
let list = null;

function setUpFindings() {
  const section = byId("findings");
  if (!data.findings.length) {
    section.append(el("div.card.empty", null, el("b", null, "No leaks found"), el("p", null, "Nothing to list: every connection that is taken is given back.")));
    return;
  }
  const host = el("div", { id: "list" });
  list = new Lazy(host, 40);
  const status = el("p.muted", { id: "shown", role: "status", "aria-live": "polite" });
  const group = el(
    "select", { "aria-label": "Group findings by", onchange: (event) => { chosen.group = event.target.value; filter(); } },
    el("option", { value: "file" }, "by file"), el("option", { value: "rule" }, "by rule"), el("option", { value: "function" }, "by function"),
  );
  const tools = el(
    "div.tools", null, group,
    el("button.quiet", { type: "button", onclick: () => toggleAll(true) }, "Open all shown"),
    el("button.quiet", { type: "button", onclick: () => toggleAll(false) }, "Close all"),
  );
  section.append(el("div.split", null, filters(), el("div", null, el("div.bar-line", null, status, tools), host)));
  filter();
}

function filters() {
  const search = el("input", { type: "search", id: "search", placeholder: "message, file, function …", oninput: (event) => { chosen.text = event.target.value; filter(); } });
  const files = [...count(data.findings, (found) => found.f)].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const file = el(
    "select", { id: "file", onchange: (event) => { chosen.file = event.target.value; filter(); } },
    el("option", { value: "" }, `all ${plural(files.length, "file")}`),
    files.map(([index, number]) => el("option", { value: String(index) }, `${data.files[index]} (${number})`)),
  );
  const inside = el(
    "div.inside", null,
    el("div", null, el("label.label", { for: "search" }, "Search"), search),
    boxes("Rule", "codes", count(data.findings, (found) => found.c), (code) => [codeBadge(code), el("span.what", { title: data.rules[code].name }, data.rules[code].name)]),
    el("div", null, el("label.label", { for: "file" }, "File"), file),
    boxes("Severity", "levels", count(data.findings, (found) => found.s)),
    boxes("Confidence", "sure", count(data.findings, (found) => found.q)),
    boxes("Fix", "fixes", count(data.findings, fixKind)),
    el("button.quiet", { type: "button", id: "clear", onclick: () => choose({}) }, "Clear all filters"),
  );
  return el("details.card.filters", { open: matchMedia("(min-width: 60rem)").matches }, el("summary", null, "Filters"), inside);
}

function boxes(title, key, counts, name) {
  const options = [...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([value, number]) => {
    const box = el("input", { type: "checkbox", value, "data-filter": key, onchange: () => { chosen[key][box.checked ? "add" : "delete"](value); filter(); } });
    return el("label.pick", null, box, name ? name(value) : el("span.what", null, value), el("span.count", null, String(number)));
  });
  return el("fieldset", null, el("legend", null, title), options);
}

const fixKind = (found) => (found.fix ? (found.fix.applicability === "safe" ? "safe fix" : "unsafe fix") : "no fix");

// Set the filters to exactly these, and show the list.
function choose({ codes = [], file = "", text = "" }) {
  Object.assign(chosen, { text, file: String(file), codes: new Set(codes), levels: new Set(), sure: new Set(), fixes: new Set() });
  byId("search").value = text;
  byId("file").value = chosen.file;
  for (const box of document.querySelectorAll("[data-filter]")) box.checked = chosen[box.dataset.filter].has(box.value);
  filter();
  openTab("findings");
}

function matches(found) {
  const has = (set, value) => !set.size || set.has(value);
  const words = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
  const text = words.length ? `${found.c} ${found.m} ${data.rules[found.c].name} ${data.files[found.f]}:${found.l} ${found.fn}`.toLowerCase() : "";
  return (
    has(chosen.codes, found.c) && has(chosen.levels, found.s) && has(chosen.sure, found.q) && has(chosen.fixes, fixKind(found)) &&
    (chosen.file === "" || chosen.file === String(found.f)) && words.every((word) => text.includes(word))
  );
}

const GROUPS = {
  file: { key: (found) => data.files[found.f], name: (key) => el("span.mono", null, key) },
  rule: { key: (found) => found.c, name: (key) => [codeBadge(key), el("span", null, data.rules[key].summary)] },
  function: { key: (found) => `${data.files[found.f]}: ${found.fn || "top level"}`, name: (key) => el("span.mono", null, key) },
};

function filter() {
  const { key, name } = GROUPS[chosen.group];
  const found = data.findings.filter(matches);
  const sizes = count(found, key);
  const order = new Map([...sizes.keys()].map((value, index) => [value, index]));
  visible = chosen.group === "file" ? found : [...found].sort((a, b) => order.get(key(a)) - order.get(key(b)) || a.i - b.i);
  byId("shown").textContent = found.length === data.findings.length ? plural(found.length, "finding") : `${found.length.toLocaleString("en")} of ${plural(data.findings.length, "finding")}`;
  list.show(visible.length ? visible : [null], (item, index) => {
    if (!item) return el("div.card.empty", null, el("b", null, "Nothing matches"), el("button.link", { type: "button", onclick: () => choose({}) }, "Clear all filters"));
    const starts = !index || key(visible[index - 1]) !== key(item);
    const head = starts && el("h3.group", null, name(key(item)), el("span.count", null, String(sizes.get(key(item)))));
    return head ? [head, drawnFinding(item)] : drawnFinding(item);
  });
}

function drawnFinding(found) {
  const body = el("div.body", { id: `body-${found.i}`, hidden: true });
  const where = `${chosen.group === "file" ? "line" : `${data.files[found.f]}:`} ${found.l}${found.fn ? ` in ${found.fn}` : ""}`;
  const button = el(
    "button", { type: "button", "aria-expanded": "false", "aria-controls": body.id, onclick: () => toggle(button, found) },
    codeBadge(found.c), el("span", null, prose(found.m)), el("span.turn", { "aria-hidden": "true" }, "›"), el("span.where", null, where.replace(": ", ":")),
  );
  return el("article.card.finding", { class: found.s, id: `finding-${found.i}` }, el("h4", null, button), body);
}

function toggle(button, found, open = button.getAttribute("aria-expanded") !== "true") {
  const body = byId(button.getAttribute("aria-controls"));
  button.setAttribute("aria-expanded", String(open));
  body.hidden = !open;
  if (open && !body.firstChild) body.append(...details(found));
}

function details(found) {
  const rule = data.rules[found.c];
  const link = el("button.link", { type: "button", onclick: () => { openTab("rules"); byId(`rule-${found.c}`).scrollIntoView(); } }, rule.name);
  const facts = el(
    "div.facts", null, link, el("span.mono", null, `${data.files[found.f]}:${found.l}:${found.a}`), el("span", null, `${found.s}, ${found.q} confidence`),
    found.fix ? el("span.pill.good", null, fixKind(found)) : null,
  );
  const parts = [facts, drawnPath(found.steps)];
  if (found.fix) parts.push(el("p", null, el("b", null, "Fix: "), prose(found.fix.title)), drawnPatch(found.fix.patch));
  if (found.why) parts.push(el("p.muted.small", null, found.fix ? "" : "Not fixed: ", prose(found.why)));
  return parts;
}

function toggleAll(open) {
  for (const button of document.querySelectorAll("#list .finding h4 button")) toggle(button, data.findings[Number(button.closest("article").id.slice(8))], open);
}

// The next or previous finding gets the focus.
function walkFindings(by) {
  const buttons = () => [...document.querySelectorAll("#list .finding h4 button")];
  const at = buttons().indexOf(document.activeElement.closest?.(".finding")?.querySelector("h4 button"));
  if (at + by >= buttons().length) list.grow();
  buttons()[Math.max(0, at + by)]?.focus();
}
