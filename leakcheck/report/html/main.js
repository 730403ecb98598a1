// Tabs, keys, light and dark; then everything is drawn, each part when it is first shown.

const PARTS = { overview: setUpOverview, findings: setUpFindings, map: setUpMap, rules: setUpRules };
const done = new Set();

function setUp(name) {
  if (!done.has(name)) {
    done.add(name);
    PARTS[name]();
  }
}

function openTab(name, focus = false) {
  setUp(name);
  for (const part of Object.keys(PARTS)) {
    const tab = byId(`tab-${part}`);
    tab.setAttribute("aria-selected", String(part === name));
    tab.tabIndex = part === name ? 0 : -1;
    byId(part).hidden = part !== name;
  }
  if (focus) byId(`tab-${name}`).focus();
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  scrollTo(0, 0);
}

function setUpTabs() {
  const names = Object.keys(PARTS);
  for (const name of names) {
    byId(`tab-${name}`).addEventListener("click", () => openTab(name));
    byId(`tab-${name}`).addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) openTab(names[(names.indexOf(name) + by + names.length) % names.length], true);
    });
  }
  addEventListener("hashchange", () => PARTS[location.hash.slice(1)] && openTab(location.hash.slice(1)));
}

function setUpKeys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "/") {
      event.preventDefault();
      openTab("findings");
      const box = byId("search");
      if (box) {
        box.closest("details").open = true;
        box.focus();
      }
    } else if ((event.key === "j" || event.key === "k") && data.findings.length) {
      if (byId("findings").hidden) openTab("findings");
      walkFindings(event.key === "j" ? 1 : -1);
    }
  });
}

function setUpTheme() {
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  const set = (dark) => { document.documentElement.dataset.theme = dark ? "dark" : "light"; };
  set(prefers.matches);
  prefers.addEventListener("change", () => set(prefers.matches));
  byId("theme").addEventListener("click", () => set(document.documentElement.dataset.theme !== "dark"));
}

function setUpAll() {
  setUpTheme();
  byId("made").textContent = `${plural(data.checked, "file")} checked, ${data.without.toLocaleString("en")} without database code · ${data.made}`;
  byId("count-findings").textContent = data.findings.length.toLocaleString("en");
  byId("count-map").textContent = data.functions.length.toLocaleString("en");
  data.findings.forEach((found, index) => { found.i = index; });
  setUpTabs();
  setUpKeys();
  setUp("findings");
  openTab(PARTS[location.hash.slice(1)] ? location.hash.slice(1) : "overview");
  addEventListener("resize", () => document.querySelectorAll(".path:not(.diff)").forEach(drawArrows));
  document.documentElement.dataset.ready = "yes";
}

setUpAll();
