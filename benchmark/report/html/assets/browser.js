// The page: theme, address, controls, keys.

const byId = (id) => document.getElementById(id);
const HOME = "#samples";
const SHORT_LIST = 24; // problems; a longer list is folded until it is asked for
const BADGES = { c: "✓ correct", w: "✗ wrong", n: "○ no answer", u: "? undecided", e: "! grader error" };
let samples = null;
let view = null;
let chosen = [];

// --- theme ----------------------------------------------------------------------------------------------------------

const THEMES = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = THEMES[theme];
}

function memory(action) {
  try {
    return action(window.localStorage);
  } catch {
    return null; // a browser may forbid storage to files
  }
}

byId("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % names.length];
  setTheme(next);
  memory((storage) => storage.setItem("bakeoff-theme", next));
});

// --- address: #samples/<task>/<problem>/<seed>/<sample>?filter=…&a=…&b=…&scope=…&q=… --------------------------------

function address(one) {
  const { methods, tasks, problems } = samples;
  const place = [tasks[one.task], problems[one.task][one.problem]?.[0] ?? "", one.seed, sampleName(one.sample)];
  const more = new URLSearchParams();
  if (one.filter !== "all") more.set("filter", one.filter);
  if (one.filter === "differ") more.set("a", methods[one.a]), more.set("b", methods[one.b]);
  if (one.scope !== "shown") more.set("scope", one.scope);
  if (one.q) more.set("q", one.q);
  return `${HOME}/${place.map(encodeURIComponent).join("/")}${more.size ? `?${more}` : ""}`;
}

/** The view an address asks for; what it does not say, or what is not here, stays as at first. */
function viewOf(hash) {
  const first = { ...firstView(), missing: "" };
  if (!hash.startsWith(`${HOME}/`)) return first;
  const [path, query] = hash.slice(HOME.length + 1).split("?");
  const [task, problem, seed, sample] = path.split("/").map(decoded);
  const more = new URLSearchParams(query ?? "");
  const found = (list, value, otherwise) => (list.includes(value) ? list.indexOf(value) : otherwise);
  const at = found(samples.tasks, task, 0);
  const place = samples.problems[at].findIndex((one) => one[0] === problem);
  return {
    task: at,
    problem: Math.max(place, 0),
    missing: place < 0 && problem ? problem : "",
    seed: samples.seeds.find((one) => String(one) === seed) ?? first.seed,
    sample: numbers().find((one) => sampleName(one) === sample) ?? first.sample,
    filter: more.get("filter") in FILTERS ? more.get("filter") : "all",
    a: found(samples.methods, more.get("a"), first.a),
    b: found(samples.methods, more.get("b"), first.b),
    scope: more.get("scope") === "any" ? "any" : "shown",
    q: more.get("q") ?? "",
  };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function firstView() {
  const last = samples.methods.length - 1;
  return {
    task: 0, problem: 0, seed: samples.seeds[0], sample: numbers()[0] ?? GREEDY,
    filter: "all", a: last, b: 0, scope: "shown", q: "",
  };
}

const sampleName = (sample) => (sample === GREEDY ? "greedy" : String(sample));

function numbers() {
  samples.numbers ??= [...new Set(samples.runs.flatMap((run) => run.sample))].sort((x, y) => x - y);
  return samples.numbers;
}

/** Another view: with its own entry in the history, unless somebody is typing. */
function go(change, { typing = false } = {}) {
  const next = { ...view, missing: "", ...change };
  if ("filter" in change || "task" in change || "scope" in change || "q" in change) {
    const passing = samples.chosen(next);
    if (!passing.includes(next.problem)) next.problem = passing[0] ?? next.problem;
  }
  const hash = address(next);
  if (hash === location.hash) return;
  history[typing ? "replaceState" : "pushState"](null, "", hash);
  show(next);
}

// --- what is shown --------------------------------------------------------------------------------------------------

function show(next) {
  view = next;
  for (const name of ["task", "seed", "sample", "filter", "a", "b", "scope"]) byId(name).value = String(view[name]);
  if (byId("search").value !== view.q) byId("search").value = view.q;
  for (const pair of document.querySelectorAll(".pair")) pair.hidden = view.filter !== "differ";
  chosen = samples.chosen(view);
  byId("count").textContent = `${chosen.length.toLocaleString("en")} of ${samples.problems[view.task].length.toLocaleString("en")} problems`;
  byId("problems").replaceChildren(...chosen.map(entry));
  reveal(byId("problems"), byId("problems").querySelector("[aria-current]"));
  byId("problem").replaceChildren(...problemView());
}

/** Scrolls a list, never the page, until the entry can be seen. */
function reveal(list, current) {
  if (!current) return;
  const [outer, inner] = [list.getBoundingClientRect(), current.getBoundingClientRect()];
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top;
  if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
}

function entry(place) {
  const id = samples.problems[view.task][place][0];
  const shown = samples.considered({ ...view, scope: "shown" }, place).flat();
  const link = el("a", { href: address({ ...view, problem: place }) });
  link.append(textInline(shortened(id)), el("span", { className: "share", textContent: `${shown.filter(isRight).length}/${shown.length}` }));
  link.setAttribute("aria-label", `${shortened(id)}: ${shown.filter(isRight).length} of ${shown.length} methods right`);
  if (place === view.problem && !view.missing) link.setAttribute("aria-current", "true");
  return el("li", {}, link);
}

/** `test/3` of `grade_school/test/3`: the task is chosen above. */
function shortenedIn(task, id) {
  const start = `${samples.tasks[task]}/`;
  return id.startsWith(start) ? id.slice(start.length) : id;
}

const shortened = (id) => shortenedIn(view.task, id);

function problemView() {
  if (view.missing) return [el("p", { className: "warning" }, "This page has no problem ", textInline(view.missing), " in this task.")];
  if (!samples.problems[view.task].length) return [el("p", { textContent: "No job of this task is done." })];
  const [id, prompt, gold, kind, level] = samples.problems[view.task][view.problem];
  const title = el("h3", { id: "problem-title" }, textInline(id));
  const facts = el("p", { className: "facts" });
  if (gold !== null) facts.append("Right answer ", textInline(gold));
  if (kind) facts.append(" · ", textInline(kind));
  if (level) facts.append(` · level ${level}`);
  const lone = loneStrategies(samples.considered(view, view.problem));
  const first = view.filter === "differ" ? [view.a, view.b] : [];
  const order = new Set([...first, ...samples.methods.keys()]);
  const cards = [...order].map((method) => card(method, lone));
  return [
    title,
    prompt === null ? el("p", { className: "facts", textContent: "The problem's text is not in this page." }) : textBlock(prompt, "text prompt"),
    facts,
    el("div", { className: "cards" }, ...cards),
  ];
}

function card(method, lone) {
  const rows = samples.rows(view.task, method, view.seed, view.problem);
  const row = rows.find((one) => one.sample === view.sample);
  const name = samples.methods[method];
  const node = el("section", { className: "card", "aria-label": `${name}: ${row ? VERDICTS[row.verdict] : "nothing"}` });
  const heading = el("h4", { textContent: name });
  if (!row) {
    const why = rows.length ? "no such sample" : samples.absence(view.task, method, view.seed);
    node.append(heading, el("p", { className: "facts" }, "Nothing here: ", textInline(why)));
    return node;
  }
  node.append(heading, strip(rows, lone), badges(row, lone), facts(row));
  node.append(row.text === null ? el("p", { className: "facts", textContent: "The completion's text was not kept." }) : textBlock(row.text, "text"));
  return node;
}

/** One mark for each sample: a way to it, and all verdicts at a glance. */
function strip(rows, lone) {
  const node = el("p", { className: "strip" });
  for (const row of rows) {
    const alone = isRight(row) && lone.has(row.strategy);
    const says = `${sampleName(row.sample)}: ${VERDICTS[row.verdict]}${alone ? ", only this method's strategy" : ""}`;
    const link = el("a", { href: address({ ...view, sample: row.sample }), title: says, className: row.verdict, "aria-label": says });
    link.textContent = BADGES[row.verdict][0];
    if (alone) link.classList.add("lone");
    if (row.sample === view.sample) link.setAttribute("aria-current", "true");
    node.append(link);
  }
  return node;
}

function badges(row, lone) {
  const node = el("p", { className: "badges" }, el("span", { className: `badge ${row.verdict}`, textContent: BADGES[row.verdict] }));
  const more = [];
  if (row.truncated) more.push("truncated");
  if (isRight(row) && lone.has(row.strategy)) more.push("only this method's strategy");
  for (const [grader, verdict] of Object.entries(row.graders ?? {})) more.push(`${grader}: ${verdict}`);
  for (const text of more) node.append(" ", el("span", { className: "badge", textContent: text }));
  return node;
}

function facts(row) {
  const list = el("dl");
  const add = (name, value) => list.append(el("div", {}, el("dt", { textContent: name }), el("dd", {}, value)));
  add("answer", row.answer === null ? "–" : textInline(row.answer));
  add("strategy", row.strategy === null ? "–" : textInline(row.strategy));
  add("reward", isRight(row) ? "1" : "0");
  if (row.tokens !== null) add("tokens", row.tokens.toLocaleString("en"));
  add("judged by", row.route === null ? "–" : textInline(row.route));
  return list;
}

// --- controls and keys ----------------------------------------------------------------------------------------------

function move(by) {
  const here = chosen.indexOf(view.problem);
  const next = here >= 0 ? chosen[here + by] : chosen.find((place) => place > view.problem) ?? chosen[0];
  if (next !== undefined) go({ problem: next });
}

function page(by) {
  const next = numbers()[numbers().indexOf(view.sample) + by];
  if (next !== undefined) go({ sample: next });
}

const KEYS = {
  j: () => move(1), ArrowRight: () => move(1), k: () => move(-1), ArrowLeft: () => move(-1),
  n: () => page(1), p: () => page(-1), "/": () => byId("search").focus(), "?": () => byId("help").showModal(),
};

function onKey(event) {
  if (event.key === "Escape" && event.target === byId("search")) byId("search").blur();
  const busy = event.target.closest("input, select, textarea, dialog, [data-scroll]");
  if (busy || event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  const box = byId("samples").getBoundingClientRect();
  if (box.top > window.innerHeight || box.bottom < 0) byId("samples").scrollIntoView();
  KEYS[event.key]();
}

function fill(id, options) {
  byId(id).replaceChildren(...options.map(([value, textContent]) => el("option", { value: String(value), textContent })));
}

function start(data) {
  samples = new Samples(data);
  const methods = samples.methods.map((name, place) => [place, name]);
  fill("task", samples.tasks.map((name, place) => [place, name]));
  fill("seed", samples.seeds.map((seed) => [seed, String(seed)]));
  fill("sample", numbers().map((sample) => [sample, sampleName(sample)]));
  fill("a", methods);
  fill("b", methods);
  if (!Object.keys(samples.disagreements).length) {
    const option = byId("filter").querySelector("[value=graders]");
    option.disabled = true;
    option.textContent += " (one grader only)";
  }
  for (const name of ["task", "seed", "sample", "a", "b"]) {
    byId(name).addEventListener("change", (event) => go({ [name]: Number(event.target.value) }));
  }
  for (const name of ["filter", "scope"]) byId(name).addEventListener("change", (event) => go({ [name]: event.target.value }));
  byId("search").addEventListener("input", (event) => go({ q: event.target.value }, { typing: true }));
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", follow);
  const texts = samples.without_texts.length ? `Texts of ${samples.without_texts.join(", ")} were not kept: verdicts only. ` : "";
  byId("note").textContent = texts + samples.left_out;
  byId("browser").hidden = false;
  byId("list").open = samples.problems.every((one) => one.length <= SHORT_LIST);
  byId("previous").addEventListener("click", () => move(-1));
  byId("next").addEventListener("click", () => move(1));
  show(viewOf(location.hash));
  startHeat();
  if (location.hash.startsWith(`${HOME}/`)) byId("samples").scrollIntoView();
}

/** Links, back and forward; the report's own headings leave the samples as they are. */
function follow() {
  if (location.hash.startsWith(`${HOME}/`)) show(viewOf(location.hash));
}

addSwitches();
announceWide();
const remembered = memory((storage) => storage.getItem("bakeoff-theme"));
setTheme(remembered in THEMES ? remembered : "auto");
byId("show-help").addEventListener("click", () => byId("help").showModal());
unpack(byId("payload").textContent).then(start).catch((error) => {
  byId("note").textContent = `The samples cannot be shown. ${error.message}`;
});
