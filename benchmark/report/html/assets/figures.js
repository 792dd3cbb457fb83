// Figures and tables of the report: methods switched on and off, wide tables announced.

const hiddenMethods = new Set();

/** Above each figure that draws methods as curves or points: one box for each, the same in every figure. */
function addSwitches() {
  const names = JSON.parse(document.body.dataset.methods);
  for (const figure of document.querySelectorAll(".figure")) {
    const drawn = names.map((name, place) => [name, place]).filter(([, place]) => figure.querySelector(`.series-${place}`));
    if (drawn.length < 2) continue;
    for (const [name, place] of drawn) nameSeries(figure, place, name);
    figure.before(switches(drawn));
  }
}

/** A tool tip over everything drawn for a method, for those without a label too. */
function nameSeries(figure, place, name) {
  for (const group of figure.querySelectorAll(`.series-${place}`)) {
    const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
    title.textContent = name;
    group.prepend(title);
  }
}

function switches(drawn) {
  const boxes = drawn.map(([name, place]) => {
    const box = el("input", { type: "checkbox", checked: true, value: String(place) });
    box.addEventListener("change", () => setShown([place], box.checked));
    const label = el("label", {}, box, ` ${name}`);
    label.addEventListener("mouseenter", () => mark(place, true));
    label.addEventListener("mouseleave", () => mark(place, false));
    return label;
  });
  const places = drawn.map(([, place]) => place);
  const button = (textContent, shown) => {
    const node = el("button", { type: "button", textContent });
    node.addEventListener("click", () => setShown(places, shown));
    return node;
  };
  const summary = el("summary", { textContent: `Methods shown in the figures (${drawn.length})` });
  return el("details", { className: "switches" }, summary, el("p", {}, button("all", true), " ", button("none", false), ...boxes));
}

function setShown(places, shown) {
  for (const place of places) {
    if (shown) hiddenMethods.delete(place);
    else hiddenMethods.add(place);
    for (const group of document.querySelectorAll(`.series-${place}`)) group.classList.toggle("off", !shown);
    for (const box of document.querySelectorAll(`.switches input[value="${place}"]`)) box.checked = shown;
  }
}

function mark(place, on) {
  for (const group of document.querySelectorAll(`.series-${place}`)) group.classList.toggle("marked", on);
}

/** A line of words above a table that is wider than its frame. */
function announceWide() {
  const hint = () => el("p", { className: "hint", textContent: "Wider than the window: scroll sideways →" });
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const wide = target.scrollWidth > target.clientWidth + 1;
      const there = target.previousElementSibling?.classList.contains("hint");
      if (wide && !there) target.before(hint());
      if (!wide && there) target.previousElementSibling.remove();
    }
  });
  for (const table of document.querySelectorAll(".scroll")) observer.observe(table);
}
