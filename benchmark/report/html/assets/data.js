"use strict";
// The packed completions (benchmark/report/html/payload.py): unpack them, look them up, choose problems.

const GREEDY = -1;
const VERDICTS = { c: "correct", w: "wrong", n: "no answer", u: "undecided", e: "grader error" };

async function unpack(base64) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser cannot unpack gzip (no DecompressionStream): the samples need Chrome 80, Firefox 113, Safari 16.4 or newer.");
  }
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

class Samples {
  constructor(data) {
    Object.assign(this, data);
    this.cells = new Map(data.runs.map((run, place) => [this.key(run.task, run.method, run.seed), { run, place }]));
  }

  key(task, method, seed) {
    return `${task} ${method} ${seed}`;
  }

  /** Every sample of one method on one problem, in the order of the exam; empty where there is none. */
  rows(task, method, seed, problem) {
    const cell = this.cells.get(this.key(task, method, seed));
    if (!cell) return [];
    if (!cell.rows) {
      cell.rows = new Map();
      cell.run.problem.forEach((at, place) => {
        if (!cell.rows.has(at)) cell.rows.set(at, []);
        cell.rows.get(at).push(this.row(cell, place));
      });
    }
    return cell.rows.get(problem) ?? [];
  }

  row({ run, place }, at) {
    const string = (name) => (run[name][at] < 0 ? null : this.strings[run[name][at]]);
    return {
      method: run.method,
      sample: run.sample[at],
      verdict: run.verdict[at],
      truncated: run.truncated[at] === "1",
      tokens: run.tokens[at],
      answer: string("answer"),
      route: string("route"),
      strategy: string("strategy"),
      text: string("text"),
      graders: this.disagreements[place]?.[at] ?? null,
    };
  }

  /** Why a method has nothing here. */
  absence(task, method, seed) {
    const found = this.absent.find((one) => one[0] === task && one[1] === method && one[2] === seed);
    return found ? found[3] : "no record";
  }

  /** One list of rows for each method: the sample shown, or all of the seed. */
  considered(view, problem) {
    return this.methods.map((_, method) => {
      const rows = this.rows(view.task, method, view.seed, problem);
      return view.scope === "any" ? rows : rows.filter((row) => row.sample === view.sample);
    });
  }

  /** Places of the problems that pass the filter and the search. */
  chosen(view) {
    const wanted = view.q.trim().toLowerCase();
    const passes = FILTERS[view.filter];
    return this.problems[view.task].map((_, place) => place).filter((place) => {
      const cells = this.considered(view, place);
      return passes(cells, view) && (!wanted || this.mentions(view, place, cells, wanted));
    });
  }

  mentions(view, place, cells, wanted) {
    const [id, prompt, gold] = this.problems[view.task][place];
    const texts = cells.flat().flatMap((row) => [row.text, row.answer, row.strategy]);
    return [id, prompt, gold, ...texts].some((text) => text !== null && text.toLowerCase().includes(wanted));
  }
}

const isRight = (row) => row.verdict === "c";
const isWrong = (row) => row.verdict === "w" || row.verdict === "n";

/** Strategy → method, for strategies of correct completions that one method alone has. */
function loneStrategies(cells) {
  const owners = new Map();
  for (const row of cells.flat()) {
    if (isRight(row) && row.strategy !== null) {
      owners.set(row.strategy, (owners.get(row.strategy) ?? new Set()).add(row.method));
    }
  }
  return new Map([...owners].filter(([, methods]) => methods.size === 1).map(([key, methods]) => [key, [...methods][0]]));
}

const FILTERS = {
  all: () => true,
  differ: (cells, { a, b }) => cells[a].some(isRight) && cells[b].length > 0 && cells[b].every(isWrong),
  graders: (cells) => cells.flat().some((row) => row.graders),
  lone: (cells) => loneStrategies(cells).size > 0,
  truncated: (cells) => cells.flat().some((row) => row.truncated),
};
