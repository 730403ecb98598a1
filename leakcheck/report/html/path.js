// A finding's path, drawn beside the code: numbered events, and arrows down the margin.

const CONTEXT = 2; // lines shown around an event
const GAP = 3; // fewer lines are shown rather than left out

// Events in the order of the path, cut where it goes to another function, or back up.
function stretches(steps) {
  const found = [];
  for (const step of steps) {
    const last = found[found.length - 1];
    if (last && last.file === step.f && last.depth === step.d && step.l >= last.steps[last.steps.length - 1].l) last.steps.push(step);
    else found.push({ file: step.f, depth: step.d, steps: [step] });
  }
  return found;
}

function drawnPath(steps) {
  const rows = el("div.rows");
  const shown = new Map(); // file -> the last line shown of it
  const indents = new Map(); // file -> indentation that all its lines share
  for (const { file, steps: some } of stretches(steps)) indents.set(file, Math.min(indents.get(file) ?? 99, sharedIndent(file, some)));
  let file = null;
  for (const stretch of stretches(steps)) {
    if (stretch.file !== file) {
      rows.append(el("div.row.file", null, el("span.no", { "aria-hidden": "true" }, "in"), el("span.text", null, data.files[stretch.file])));
      file = stretch.file;
    }
    rows.append(...stretchRows(stretch, shown, indents.get(stretch.file)));
  }
  const figure = el("div.path", { tabindex: "0", role: "group", "aria-label": "The path through the code" }, rows);
  queueMicrotask(() => drawArrows(figure)); // once it stands in the page; a frame may be long in coming
  return figure;
}

function sharedIndent(file, steps) {
  const code = data.code[file] || {};
  const texts = linesOf(steps, code).map((line) => code[line]).filter((text) => text && text.trim());
  return Math.min(...texts.map((text) => /^[ \t]*/.exec(text)[0].length), 99);
}

function stretchRows({ file, depth, steps }, shown, indent) {
  const code = data.code[file] || {};
  const rows = [];
  const inner = depth > 0 ? "inner" : "";
  let previous = shown.get(file) || 0;
  if (previous >= steps[0].l) previous = steps[0].l - 1; // it goes back up
  let first = true;
  for (const number of linesOf(steps, code)) {
    const here = steps.filter((step) => step.l === number);
    if (number <= previous && !here.length) continue;
    if (first ? shown.has(file) && number > previous + 1 : number > previous + 1) {
      rows.push(el("div.row.gap", { class: inner, "aria-hidden": "true" }, el("span.no", null, "···"), el("span"), el("span.text")));
    }
    first = false;
    previous = Math.max(previous, number);
    const text = (code[number] || "").slice(indent);
    rows.push(codeRow(number, text, here, inner, indent), ...here.map((step) => eventRow(step, text, inner)));
  }
  shown.set(file, Math.max(shown.get(file) || 0, previous));
  return rows;
}

function linesOf(steps, code) {
  const wanted = new Set();
  for (const { l } of steps) for (let line = l - CONTEXT; line <= l + CONTEXT; line++) if (line === l || line in code) wanted.add(line);
  const sorted = [...wanted].sort((a, b) => a - b);
  return sorted.flatMap((line, index) => {
    const gap = index ? line - sorted[index - 1] - 1 : 0;
    const between = gap > 0 && gap < GAP ? Array.from({ length: gap }, (_, step) => line - gap + step).filter((skipped) => skipped in code) : [];
    return [...between, line];
  });
}

function codeRow(number, text, steps, inner, indent) {
  const marks = steps.map((step) => [step.a - 1 - indent, Math.max(step.b - 1, step.a) - indent, step.k]);
  return el(
    "div.row", { class: `${steps.length ? "hit" : ""} ${inner}` },
    el("span.no", null, String(number)), el("span"), el("span.text", null, painted(text, marks)),
  );
}

function eventRow(step, text, inner) {
  const label = step.n ? el("span.unseen", null, `Step ${step.n}: `) : el("span.unseen", null, "Skipped: ");
  const row = el(
    "div.row.hit.event", { class: `${step.k} ${inner}` },
    el("span.no"), el("span.dot", { "aria-hidden": "true" }, step.n ? String(step.n) : "×"),
    el("span.text", null, el("span.label-text", null, label, prose(step.t))),
  );
  const indent = /^\s*/.exec(text.replaceAll("\t", "    "))[0].length;
  row.lastChild.firstChild.style.marginLeft = `min(${indent}ch, 12vw)`;
  return row;
}

// Lines from number to number. What is never reached stands aside, so that the line passes it by.
function drawArrows(figure) {
  figure.querySelector("svg")?.remove();
  const dots = [...figure.querySelectorAll(".event:not(.skip) .dot")];
  if (dots.length < 2) return;
  const box = figure.getBoundingClientRect();
  const make = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const drawing = make("svg", { width: 80, height: figure.scrollHeight, "aria-hidden": "true" });
  const centre = (dot) => {
    const place = dot.getBoundingClientRect();
    return [place.left + place.width / 2 - box.left + figure.scrollLeft, place.top - box.top, place.bottom - box.top];
  };
  for (let index = 1; index < dots.length; index++) {
    const [x, , from] = centre(dots[index - 1]);
    const [end, to] = centre(dots[index]);
    const bad = dots[index].closest(".raise, .leak") ? " bad" : "";
    drawing.append(make("path", { class: `arrow${bad}`, d: `M${x} ${from + 1}L${end} ${to - 6}` }));
    drawing.append(make("path", { class: `tip${bad}`, d: `M${end} ${to - 1}l-4.2 -7h8.4z` }));
  }
  figure.append(drawing);
}

// What a fix removes and adds.
function drawnPatch(patch) {
  const rows = patch.map(([number, sign, text]) => {
    if (!sign) return el("div.row.gap", null, el("span.no", null, "···"));
    const said = sign === "+" ? "added: " : "removed: ";
    return el(
      "div.row", { class: sign === "+" ? "add" : "del" },
      el("span.no", null, String(number)),
      el("span.sg", null, el("span.unseen", null, said), el("span", { "aria-hidden": "true" }, sign)),
      el("span.text", null, painted(text, [])),
    );
  });
  return el("div.path.diff", { tabindex: "0", role: "group", "aria-label": "What the fix changes" }, el("div.rows", null, rows));
}
