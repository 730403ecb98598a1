// Which functions take connections, what they do while they hold them, and where they give them back.

const FATES = { released: "given back", handed: "handed on", lost: "lost on some path" };
const mapChosen = { text: "", fate: "", sort: "place" };
let table = null;

function setUpMap() {
  const section = byId("map");
  if (!data.functions.length) {
    section.append(el("div.card.empty", null, el("b", null, "No connections"), el("p", null, "No function in these files takes a connection.")));
    return;
  }
  const legend = el(
    "p.legend", null,
    el("span", null, el("i.take"), "takes a connection"), el("span", null, el("i.held"), "holds it"), el("span", null, el("i.tick"), "a call made meanwhile"),
    el("span", null, el("i.give"), "gives it back"), el("span", null, el("i.lose"), "loses it on some path"), el("span", null, "fading: hands it on"),
  );
  legend.querySelector(".lose").textContent = "✕";
  const search = el("input", { type: "search", "aria-label": "Search functions", placeholder: "function, file, call …", oninput: (event) => { mapChosen.text = event.target.value; filterMap(); } });
  const fate = el(
    "select", { "aria-label": "Show functions that", onchange: (event) => { mapChosen.fate = event.target.value; filterMap(); } },
    el("option", { value: "" }, "all functions"), Object.entries(FATES).map(([value, text]) => el("option", { value }, text)),
  );
  const sort = el(
    "select", { "aria-label": "Sort by", onchange: (event) => { mapChosen.sort = event.target.value; filterMap(); } },
    el("option", { value: "place" }, "in order of files"), el("option", { value: "calls" }, "most calls while held"), el("option", { value: "lines" }, "held over most lines"),
  );
  const body = el("tbody");
  table = new Lazy(body, 60);
  const heads = ["function", "from its first line to its last", "takes from", "calls while held"].map((name, index) => el(index === 3 ? "th.n" : "th", { scope: "col" }, name));
  section.append(
    legend,
    el("div.bar-line", null, el("p.muted", { id: "map-shown", role: "status", "aria-live": "polite" }), el("div.tools", null, search, fate, sort)),
    el("div.card.pad", null, el("div.scroll", null, el("table.functions", null, el("thead", null, el("tr", null, heads)), body))),
  );
  filterMap();
}

const held = (entry) => Math.max(...entry.lives.map((life) => (life.end || entry.b) - life.l));
const calls = (entry) => entry.lives.reduce((sum, life) => sum + life.calls.length, 0);
const SORTS = { place: null, calls: (a, b) => calls(b) - calls(a), lines: (a, b) => held(b) - held(a) };

function filterMap() {
  const words = mapChosen.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = data.functions.filter((entry) => {
    const text = `${entry.name} ${data.files[entry.f]} ${entry.lives.map((life) => life.callee).join(" ")}`.toLowerCase();
    return (!mapChosen.fate || entry.lives.some((life) => life.fate === mapChosen.fate)) && words.every((word) => text.includes(word));
  });
  if (SORTS[mapChosen.sort]) found.sort(SORTS[mapChosen.sort]);
  byId("map-shown").textContent = found.length === data.functions.length ? `${plural(found.length, "function")} take connections` : `${found.length} of ${plural(data.functions.length, "function")}`;
  table.show(found, drawnFunction);
}

function drawnFunction(entry) {
  const path = data.files[entry.f];
  const callees = [...new Set(entry.lives.map((life) => life.callee))];
  return el(
    "tr", null,
    el("td", null, el("span.mono", null, breakable(entry.name || "top level")), el("br"), el("button.link.small.mono", { type: "button", onclick: () => choose({ text: `${path} ${entry.name}` }) }, breakable(`${path}:${entry.a}`))),
    el("td", null, el("span.unseen", null, entry.lives.map(told).join("; ")), entry.lives.map((life) => lifeline(life, entry))),
    el("td", null, callees.map((callee) => el("div.mono", null, breakable(callee)))),
    el("td.n", null, String(calls(entry))),
  );
}

const told = (life) => `line ${life.l} takes ${life.callee}, ${FATES[life.fate]}${life.releases.length ? ` at line ${life.releases.join(", ")}` : ""}`;

function lifeline(life, { a, b }) {
  const at = (line) => `${Math.max(0, Math.min(100, (100 * (line - a + 0.5)) / (b - a + 1)))}%`;
  const end = life.end || b;
  const place = (node, line) => { node.style.left = at(line); return node; };
  const bar = place(el("i.held", { class: life.fate }), life.l);
  bar.style.width = `calc(${at(Math.max(end, life.l))} - ${at(life.l)})`;
  const title = `${life.name ? `${life.name} = ` : ""}${life.callee} at line ${life.l}, ${FATES[life.fate]}`;
  const lost = el("i.lose", null, "✕");
  if (end === life.l) lost.style.marginLeft = "7px"; // beside the acquire
  return el(
    "div.life", { title, "aria-hidden": "true" }, el("i.base"), bar,
    life.calls.map((line) => place(el("i.tick"), line)), place(el("i.take"), life.l),
    life.releases.map((line) => place(el("i.give"), line)), life.fate === "lost" ? place(lost, end) : null,
  );
}
