// What every part of the report uses: the data, elements made without markup, code and its colours.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

// An element from a tag with classes (`div.card.pad`), attributes or listeners, and children. Text is never read as markup.
function el(tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.classList.add(...value.split(" ").filter(Boolean));
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Prose with `code` in it.
function prose(text) {
  return text.split(/(`[^`]*`)/).map((part) => (part.length > 1 && part.startsWith("`") ? el("code", null, part.slice(1, -1)) : part));
}

// A dotted name or a path that may be broken at its parts.
const breakable = (text) => text.split(/(?<=[./])/).flatMap((part) => [part, el("wbr")]);

const plural = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const codeBadge = (code) => el(`span.code.${data.rules[code] ? data.rules[code].severity : "warning"}`, null, code);
const count = (items, key) => items.reduce((found, item) => found.set(key(item), (found.get(key(item)) || 0) + 1), new Map());

const KEYWORDS = new Set(
  ("False None True and as assert async await break case class continue def del elif else except finally for from global if " +
    "import in is lambda match nonlocal not or pass raise return try while with yield").split(" "),
);
const TOKEN = /(#.*)|((?:[rbfuRBFU]{0,2})(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))|(\b\d[\w.]*)|([A-Za-z_]\w*)/g;

// The stretches of a line of Python that have a colour: [start, end, class].
function tokens(text) {
  const found = [];
  for (const match of text.matchAll(TOKEN)) {
    const kind = match[1] ? "c" : match[2] ? "s" : match[3] ? "d" : KEYWORDS.has(match[4]) ? "k" : "";
    if (kind) found.push([match.index, match.index + match[0].length, kind]);
  }
  return found;
}

// A line of code with colours and marks ([start, end, class], counted from 0).
function painted(text, marks) {
  const coloured = tokens(text);
  const cuts = new Set([0, text.length]);
  for (const [start, end] of [...coloured, ...marks]) cuts.add(Math.min(start, text.length)).add(Math.min(end, text.length));
  const sorted = [...cuts].sort((a, b) => a - b);
  return sorted.slice(0, -1).map((start, index) => {
    const piece = text.slice(start, sorted[index + 1]);
    const colour = coloured.find(([from, to]) => from <= start && start < to);
    const mark = marks.find(([from, to]) => from <= start && start < to);
    const inner = colour ? el("span", { class: colour[2] }, piece) : piece;
    return mark ? el("mark", { class: mark[2] }, inner) : inner;
  });
}

// Draws a long list piece by piece, as the reader gets there.
class Lazy {
  constructor(host, step) {
    this.host = host;
    this.step = step;
    this.more = el("button.quiet", { type: "button", onclick: () => this.grow() }, "Show more");
    this.watch = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && this.grow(), { rootMargin: "900px" });
  }

  show(items, draw) {
    Object.assign(this, { items, draw, drawn: 0 });
    this.host.replaceChildren();
    this.grow();
  }

  grow(until = this.drawn + this.step) {
    this.watch.disconnect();
    this.more.remove();
    const last = Math.min(until, this.items.length);
    const fresh = document.createDocumentFragment();
    for (; this.drawn < last; this.drawn++) fresh.append(...[this.draw(this.items[this.drawn], this.drawn)].flat());
    this.host.append(fresh);
    if (this.drawn < this.items.length) {
      (this.host.tagName === "TBODY" ? this.host.closest(".card") : this.host).append(this.more);
      this.watch.observe(this.more);
    }
  }
}
