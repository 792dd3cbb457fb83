"""The HTML report and its exports, without a browser; with one in test_browser.py."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import factories
import pytest

from benchmark.comparison.evidence import gather
from benchmark.contract import ExamProblems, Outcome
from benchmark.errors import BadRecord
from benchmark.exam.regrade import RIVALS, cross_grading
from benchmark.report import check_report, document, write_report
from benchmark.report.figures.cost import TONES
from benchmark.report.figures.looks import COLOURS
from benchmark.report.html.disagreements import disagreements
from benchmark.report.html.page import PAGE
from benchmark.report.html.payload import packed, unpacked
from benchmark.report.html.samples import SampledRun, Share, narrowed, read_runs
from benchmark.report.plan import sections
from benchmark.report.problems import asked as questions
from benchmark.report.reading import ReportData
from benchmark.report.tables.export import tex
from benchmark.store.kept import write_cross_grading, write_problems
from benchmark.store.outcomes import read_outcomes, write_outcomes
from benchmark.store.records import job_folder, write_record
from benchmark.tasks import digest, load_task


def opened(shut):
    return json.loads(gzip.decompress(base64.b64decode(shut)))


@pytest.fixture
def undrawn():
    """Figures are left empty: for tests that look at none."""
    with factories.undrawn():
        yield


def page_of(tmp_path, asked, change=factories.same):
    factories.write(tmp_path / "results", asked, change)
    return write_report(tmp_path / "results", tmp_path / "reports", asked.name).with_suffix(".html").read_text()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The factories' suite as a page with its figures: its text, and the folder of its reports."""
    root = tmp_path_factory.mktemp("drawn")
    return page_of(root, factories.suite()), root / "reports"


class Tables(HTMLParser):
    """The texts of all cells, by table and row, and every tag with its attributes."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.tags, self.cell = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.cell = ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in {"td", "th"}:
            self.tables[-1][-1].append(self.cell)
            self.cell = None


def plain(cell):
    return re.sub(r"[`*]", "", cell.strip()).replace("\\|", "|").replace("&lt;", "<")


@pytest.mark.usefixtures("undrawn")
def test_the_page_has_every_table_of_the_plan_cell_by_cell(tmp_path):
    def change(one):
        return factories.failed(one) if one.job.algorithm.name == "sft" else one

    page = page_of(tmp_path, factories.suite(), change)
    evidence = gather(tmp_path / "results", "tiny")
    text = document.markdown("tiny", evidence.digest, sections(ReportData(evidence)), whole=True)
    lines = [*text.splitlines(), ""]
    wanted, table = [], []
    for line in lines:
        if line.startswith("|"):
            table.append([plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif table:
            wanted.append([table[0], *table[2:]])
            table = []
    found = [[[cell.replace("*", "").strip() for cell in row] for row in each] for each in Tables(page).tables if each]
    assert len(wanted) > 8
    assert [each for each in found if "source" not in each[0]] == [each for each in wanted if "source" not in each[0]]
    short = (tmp_path / "reports" / "tiny.md").read_text()
    assert 0 < short.count("\n| :--") < len(wanted) * 2 / 3
    assert {line for line in short.splitlines() if line.startswith("|")} < set(lines)


def test_headings_are_listed_and_every_listed_one_exists_once(drawn):
    tags = Tables(drawn[0]).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert {"#results", "#conditions", "#samples", "#heatmap"} <= set(targets)
    assert {target.removeprefix("#") for target in targets if target.startswith("#")} <= set(ids)


def test_the_page_loads_nothing_links_to_its_files_and_runs_one_script_only(drawn):
    page, _ = drawn
    tags = Tables(page).tags
    loading = {"src", "srcset", "data", "action", "poster"}
    assert not [attributes for _, attributes in tags if loading & attributes.keys()]
    links = {attributes["href"] for tag, attributes in tags if tag in {"a", "link"}}
    files = {link for link in links if not link.startswith(("#", "https://"))}
    assert {"tiny.csv", "tiny.tex", "tiny/learning.svg", "../results/tiny/suite.json", "../results/tiny"} <= files
    assert {link for link in links if link.startswith("https://")} == {
        "https://github.com/theFulminatedHuman/GFlowNets-vs-GRPO-in-LLM-Math-Tasks",
        "https://arxiv.org/abs/2509.15207",
    }
    folder = drawn[1]
    assert all((folder / link).exists() for link in files)
    assert [attributes.get("id") for tag, attributes in tags if tag == "script"] == ["payload", None]
    policy = next(attributes["content"] for tag, attributes in tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_figures_lie_in_the_page_in_its_own_inks(drawn):
    page, reports = drawn
    assert page.count("<svg") == len(list((reports / "tiny").glob("*.svg"))) > 2
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    colours = set(re.findall(r"(?:: |=\")(#[0-9a-f]{6})\b", "".join(drawn)))
    assert not colours  # what is left are var(--ink) and var(--hue-…, #…)
    assert "var(--hue-d33f0b, #d33f0b)" in drawn[0]


def test_every_colour_of_the_figures_has_one_for_dark_pages():
    style = (PAGE / "style.css").read_text()
    for colour in (*COLOURS, *TONES.values()):
        assert re.search(rf"--hue-{colour[1:]}: light-dark\({colour}, #\w{{6}}\);", style), colour


@pytest.mark.usefixtures("undrawn")
def test_what_the_report_folds_is_folded_in_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.report.parts.opening.MOST_WIDE", 3)
    page = page_of(tmp_path, factories.suite())
    assert "<details><summary>accuracy, points, grade_school</summary>" in page
    assert page.count("<details>") == 5  # two metrics on two tasks, and the settings
    assert page.count("<details") == page.count("</details>") == 6  # the list of problems, too
    assert "&lt;details" not in page


def test_no_completion_can_end_the_element_it_stands_in(tmp_path):
    factories.write_hostile(tmp_path / "results")
    page = write_report(tmp_path / "results", tmp_path, "hostile").with_suffix(".html").read_text()
    assert re.search(r'<script type="application/gzip" id="payload">[A-Za-z0-9+/=]+</script>\n<script>', page)
    assert page.count("</script>") == 2
    assert "<img" not in page  # the failed job's reason holds one


def test_the_page_holds_every_outcome_and_equal_texts_once(tmp_path):
    outcomes = factories.write_hostile(tmp_path)
    data = opened(packed(gather(tmp_path, "hostile")))
    assert len(data["runs"]) == 7  # 4 methods × 2 seeds, one failed
    for run in data["runs"]:
        written = outcomes[data["methods"][run["method"]], run["seed"]]
        assert [data["strings"][place] for place in run["text"]] == [one.text for one in written]
        assert run["verdict"] == "".join(one.verdict[0] for one in written)
        assert [data["problems"][0][place][0] for place in run["problem"]] == [one.problem for one in written]
    assert len(data["strings"]) == len(set(data["strings"]))
    assert data["absent"] == [[0, 3, 1, "failed: <img src=x onerror='window.hacked = 1'>"]]
    assert data["left_out"] == ""


def test_prompts_and_answers_come_with_the_very_problems_that_were_asked(tmp_path):
    asked = factories.suite(tasks=("competition",), seeds=(0,))
    task = load_task("competition")
    made = [task.load(split) for split in ("train", "validation", "test")]
    right = digest(problem for split in made for problem in split)

    def change(one, known=right):
        return replace(one, provenance=replace(one.provenance, task_digest=known))

    for name in ("one", "two"):
        factories.write(tmp_path / name, asked, change if name == "one" else factories.same)
        write_problems(tmp_path / name, "tiny", "competition", ExamProblems(right, made[2]))
    kept = questions(gather(tmp_path / "one", "tiny"), "competition")
    assert kept["competition/test/0"] == replace(made[2][0], solution="")
    assert questions(gather(tmp_path / "two", "tiny"), "competition") == {}  # its records sat other problems
    factories.write(tmp_path / "three", asked, change)
    assert questions(gather(tmp_path / "three", "tiny"), "competition") == {}  # from before problems were kept


def test_a_grader_that_decides_otherwise_is_named_at_the_completion(tmp_path):
    one = load_task("competition").load("test")[0]
    right, wrong = f"so \\boxed{{{one.gold}}}", f"so \\boxed{{{one.gold}1}}"
    outcomes = tuple(outcome_of(one.id, sample, text) for sample, text in enumerate((right, wrong)))
    factories.write(tmp_path, factories.suite(tasks=("competition",), seeds=(0,)))
    evidence = gather(tmp_path, "tiny")
    record = next(record for record in evidence.done if record.job.algorithm.name == "grpo")
    run = SampledRun("grpo", "competition", 0, record.job.id, outcomes, texts=True)
    assert disagreements(evidence, [run]) == {}  # nothing is kept
    write_cross_grading(job_folder(tmp_path, record.job), cross_grading(outcomes, [one]))
    # both are recorded as wrong: of the first, others say otherwise; of the second, nobody does
    assert disagreements(evidence, [run]) == {record.job.id: {(one.id, 0): dict.fromkeys(RIVALS, "correct")}}
    assert disagreements(evidence, [replace(run, outcomes=outcomes[1:])]) == {}


def outcome_of(problem, sample, text):
    return Outcome(problem, sample, "wrong", None, "exact", 9, False, None, text)


def test_real_data_without_texts_says_so(tmp_path):
    factories.write_hostile(tmp_path, texts=False)
    data = opened(packed(gather(tmp_path, "hostile")))
    assert data["without_texts"] == ["competition"]
    assert {place for run in data["runs"] for place in run["text"]} == {-1}


def many(tmp_path, problems=40, samples=8):
    """One method, one seed: 40 problems × 8 samples and a greedy completion, 300 characters each."""
    asked = replace(factories.suite(tasks=("competition",), seeds=(0,)), algorithms=factories.suite().algorithms[:1])
    one = factories.record(asked, "base_model", "competition", 0)
    factories.write_suite(tmp_path, asked)
    outcomes = tuple(
        Outcome(f"p{p}", s, "wrong", None, "exact", 9, False, None, base64.b64encode(b"%d %d" % (p, s)).decode() * 20)
        for p in range(problems)
        for s in range(-1, samples)
    )
    write_outcomes(write_record(tmp_path, factories.true_to(one, outcomes)), outcomes)
    return gather(tmp_path, asked.name)


def test_what_is_too_much_is_left_out_by_the_stated_rule(tmp_path):
    evidence = many(tmp_path)  # 40 · (8 + 1) = 360 completions
    assert narrowed(evidence) == Share(40, 8)
    assert narrowed(evidence, rows=200) == Share(40, 4)  # 40 · 5 = 200: samples first
    assert narrowed(evidence, rows=199) == Share(36, 4)  # then problems: 40 · 9 // 10 = 36
    assert narrowed(evidence, rows=4) == Share(1, 3)  # one problem, then its last samples: 1 · 4
    (run,) = read_runs(evidence, Share(20, 4))
    whole = read_outcomes(job_folder(tmp_path, evidence.records[0].job))
    assert run.outcomes == tuple(one for one in whole if int(one.problem[1:]) < 20 and one.sample < 4)


def test_the_packed_completions_keep_their_limit_and_say_what_is_missing(tmp_path):
    evidence = many(tmp_path)
    whole = packed(evidence)
    most = len(whole) // 3
    shut = packed(evidence, most=most)
    assert len(shut) <= most
    assert re.fullmatch(
        r"To keep this page small it holds (the first \d+ of 40 problems of each exam and )?"
        r"the greedy completion and the first \d of 8 samples of each problem; the rest is in the results\.",
        opened(shut)["left_out"],
    )
    assert packed(evidence, most=most) == shut


def test_a_cut_file_of_completions_is_named(tmp_path):
    evidence = many(tmp_path)
    path = job_folder(tmp_path, evidence.records[0].job) / "samples.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadRecord, match=re.escape(str(path))):
        packed(evidence)


@pytest.mark.usefixtures("undrawn")
def test_another_zlib_passes_the_check_and_an_edited_page_does_not(tmp_path):
    factories.write_hostile(tmp_path / "results")
    path = write_report(tmp_path / "results", tmp_path, "hostile").with_suffix(".html")
    page = path.read_bytes()
    block = re.search(rb'id="payload">([^<]+)<', page)[1]
    content = gzip.decompress(base64.b64decode(block))
    path.write_bytes(page.replace(block, base64.b64encode(gzip.compress(content, compresslevel=1, mtime=0))))
    assert path.read_bytes() != page
    assert unpacked(path.read_bytes()) == unpacked(page)
    assert check_report(tmp_path / "results", tmp_path, "hostile") == []
    path.write_bytes(page.replace(block, block[:-8]))
    assert check_report(tmp_path / "results", tmp_path, "hostile") == ["hostile.html"]


# --- the main table for other programs ------------------------------------------------------------------------------


@pytest.mark.usefixtures("undrawn")
def test_the_csv_has_a_row_for_each_method_task_and_metric_in_plain_units(tmp_path):
    def change(one):
        return factories.failed(one) if one.job.algorithm.name == "sft" else one

    page_of(tmp_path, factories.suite(), change)
    rows = list(csv.DictReader((tmp_path / "reports" / "tiny.csv").read_text().splitlines()))
    assert len(rows) == 4 * 2 * 5  # methods × tasks × (accuracy, two of diversity, seconds, memory)
    found = {(row["method"], row["task"], row["metric"]): row for row in rows}
    accuracy = found["grpo", "grade_school", "accuracy"]
    # 0.64, 0.63, 0.62 as in test_report
    assert float(accuracy["mean"]) == pytest.approx(0.63)
    assert (accuracy["unit"], accuracy["seeds_done"], accuracy["seeds_planned"]) == ("share", "3", "3")
    assert [float(accuracy[f"seed_{seed}"]) for seed in range(3)] == pytest.approx([0.64, 0.63, 0.62])
    assert (accuracy["interval"], accuracy["decision"]) == ("95 %", "better")
    assert 0 < float(accuracy["p"]) <= float(accuracy["p_adjusted"]) <= 0.05
    assert float(accuracy["difference_to_floor"]) == pytest.approx(0.63 - 0.3166667)
    seconds = found["grpo", "grade_school", "training_seconds"]
    # rollout 15 + reward 0.4 + update 26, 27, 28
    assert [float(seconds[name]) for name in ("low", "mean", "high")] == pytest.approx([41.4, 42.4, 43.4])
    assert (seconds["interval"], seconds["p"]) == ("range of seeds", "")
    assert found["base_model", "grade_school", "accuracy"]["p"] == ""
    failed = found["sft", "grade_school", "accuracy"]
    assert (failed["mean"], failed["low"], failed["seed_0"], failed["seeds_done"]) == ("", "", "", "0")


def test_the_tex_table_has_methods_as_rows_the_best_in_bold_and_every_special_character_escaped(tmp_path):
    factories.write(tmp_path, factories.suite())
    text = tex(ReportData(gather(tmp_path, "tiny")))
    lines = text.splitlines()
    assert r"method & accuracy & strategies at 16 & D2 & training seconds & peak MiB \\" in lines
    assert r"\multicolumn{6}{l}{\texttt{grade\_school}} \\" in lines
    assert r"\label{tab:tiny}" in lines
    assert any(line.startswith(r"\caption{Suite \texttt{tiny}: mean over 3 seeds") for line in lines)
    grpo = next(line for line in lines if line.startswith(r"\texttt{grpo}"))
    assert r" & \textbf{63.0~\%} [60.5,~65.4] & " in grpo
    assert r"\textbf{42.4}" in grpo  # of seconds the fewest
    assert r"\textbf" not in next(line for line in lines if line.startswith(r"\texttt{base\_model}"))
    assert len(re.findall(r"(?<!\\)&", text)) == 5 * 9  # 4 methods on 2 tasks and a header, 6 columns
    assert not re.search(r"(?<!\\)[%_](?!.*Generated|.*Needs)", text.partition("\\caption")[2])
    assert "−" not in text
    assert "–" not in text


def test_the_tex_table_calls_nothing_the_best_where_nothing_was_solved(tmp_path):
    def change(one):
        return replace(one, metrics={**one.metrics, "accuracy": 0.0})

    factories.write(tmp_path, factories.suite(), change)
    assert r"\textbf{0.0" not in tex(ReportData(gather(tmp_path, "tiny")))
