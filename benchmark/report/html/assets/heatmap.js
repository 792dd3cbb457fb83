// Problems × methods: the share of correct samples over all seeds, sorted by what one asks for.

const MOST_PROBLEMS = 200;
const heat = { task: 0, order: "exam", level: "", kind: "", all: false };

/** Problem → method → share of its samples that are correct, or null where there are none; once for each task. */
function sharesOf(task) {
  heat.shares ??= new Map();
  if (!heat.shares.has(task)) {
    const rows = samples.problems[task].map((_, problem) => samples.methods.map((__, method) => {
      const all = samples.seeds.flatMap((seed) => samples.rows(task, method, seed, problem)).filter((row) => row.sample !== GREEDY);
      return all.length ? all.filter(isRight).length / all.length : null;
    }));
    heat.shares.set(task, rows);
  }
  return heat.shares.get(task);
}

const meanOf = (row) => {
  const known = row.filter((share) => share !== null);
  return known.length ? known.reduce((sum, share) => sum + share, 0) / known.length : 0;
};
const spreadOf = (row) => {
  const known = row.filter((share) => share !== null);
  return known.length ? Math.max(...known) - Math.min(...known) : 0;
};

function orderedProblems() {
  const shares = sharesOf(heat.task);
  const key = {
    exam: () => 0,
    hardest: (place) => meanOf(shares[place]),
    easiest: (place) => -meanOf(shares[place]),
    disagreement: (place) => -spreadOf(shares[place]),
  }[heat.order] ?? ((place) => -(shares[place][Number(heat.order)] ?? -1));
  const passes = ([, , , kind, level]) => (!heat.kind || kind === heat.kind) && (!heat.level || String(level) === heat.level);
  return shares.map((_, place) => place)
    .filter((place) => passes(samples.problems[heat.task][place]))
    .sort((x, y) => key(x) - key(y) || x - y);
}

function drawHeat() {
  const shares = sharesOf(heat.task);
  const found = orderedProblems();
  const shown = heat.all ? found : found.slice(0, MOST_PROBLEMS);
  const head = el("tr", {}, el("td"), ...samples.methods.map(heatHeader));
  const body = shown.map((place) => {
    const id = samples.problems[heat.task][place][0];
    const link = el("a", { href: address({ ...view, task: heat.task, problem: place }) }, textInline(shortenedIn(heat.task, id)));
    return el("tr", {}, el("th", { scope: "row" }, link), ...shares[place].map(heatCell));
  });
  byId("heat-table").replaceChildren(el("thead", {}, head), el("tbody", {}, ...body));
  byId("heat-count").textContent = `${shown.length.toLocaleString("en")} of ${samples.problems[heat.task].length.toLocaleString("en")} problems`;
  byId("heat-all").hidden = shown.length === found.length;
}

function heatHeader(name, method) {
  const button = el("button", { type: "button", title: `Sort by ${name}` }, textInline(name));
  button.addEventListener("click", () => { heat.order = String(method); byId("heat-order").value = heat.order; drawHeat(); });
  return el("th", { scope: "col", "aria-sort": heat.order === String(method) ? "descending" : "none" }, button);
}

function heatCell(share) {
  const cell = el("td", { className: "heat", textContent: share === null ? "–" : String(Math.round(100 * share)) });
  if (share !== null) cell.style.setProperty("--share", `${Math.round(100 * share)}%`);
  return cell;
}

function startHeat() {
  fill("heat-task", samples.tasks.map((name, place) => [place, name]));
  fill("heat-order", [
    ["exam", "order of the exam"], ["hardest", "hardest first"], ["easiest", "easiest first"], ["disagreement", "methods differ most first"],
    ...samples.methods.map((name, place) => [place, `best for ${name} first`]),
  ]);
  fillGroups();
  const redraw = (id, change) => byId(id).addEventListener("change", (event) => { change(event.target.value); drawHeat(); });
  redraw("heat-task", (value) => { heat.task = Number(value); fillGroups(); });
  redraw("heat-order", (value) => { heat.order = value; });
  redraw("heat-level", (value) => { heat.level = value; });
  redraw("heat-kind", (value) => { heat.kind = value; });
  byId("heat-all").addEventListener("click", () => { heat.all = true; drawHeat(); });
  byId("heat").hidden = false;
  drawHeat();
}

/** Levels and kinds of the task; their boxes are hidden where nothing is known of them. */
function fillGroups() {
  for (const [name, column] of [["kind", 3], ["level", 4]]) {
    const found = [...new Set(samples.problems[heat.task].map((one) => one[column]).filter(Boolean))].map(String).sort();
    heat[name] = "";
    fill(`heat-${name}`, [["", "all"], ...found.map((one) => [one, one])]);
    byId(`heat-${name}`).closest("label").hidden = !found.length;
  }
}
