"""No report shows a number that cannot be: every cell of every page is read again and held against its range."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import factories
import pytest

from benchmark.comparison.evidence import gather
from benchmark.report import write_report
from benchmark.report.readme import block

SIGN = r"[−+-]?"
NUMBER = rf"{SIGN}[\d,]+(?:\.\d+)?"
CELL = re.compile(rf"(?P<mean>{NUMBER})(?P<percent> %)? \[(?P<low>{NUMBER}), (?P<high>{NUMBER})\]")
VERDICTS = ("better", "worse", "undecided")
NEVER = (
    "the documents",
    "tied",
    "nan",
    " inf",
    "detect a gap of about 0.0",
    "detect 0.0",
    "difference in accuracy of 0.0",
    "None,",
)


def number(text):
    return float(text.replace("−", "-").replace(",", "").replace("+", ""))


def complaints(text):
    """What a reader would laugh at in one cell or line of a page."""
    text = text.replace("\u00a0", " ").replace("*", "")
    found = []
    difference = any(text.strip().startswith(word) for word in VERDICTS)
    for match in CELL.finditer(text):
        mean, low, high = (number(match[name]) for name in ("mean", "low", "high"))
        if low >= high:
            found.append(f"no width: {match[0]}")
        if not low <= mean <= high:
            found.append(f"mean outside its interval: {match[0]}")
        if match["percent"] and not 0 <= low <= high <= 100:
            found.append(f"not a share: {match[0]}")
        if not difference and (low < 0 or mean < 0):
            found.append(f"negative: {match[0]}")
        if difference and not -100 <= low <= high <= 100:
            found.append(f"beyond 100 points: {match[0]}")
    if not difference and re.fullmatch(r"−[\d.,]+(?: [‡¹²³ ]+)?", text.strip()):
        found.append(f"negative: {text}")
    found += [f"never: {word}" for word in NEVER if word in text]
    shares = re.findall(rf"({NUMBER}) %", text)
    return found + [f"not a share: {share} %" for share in shares if not 0 <= number(share) <= 100]


class Cells(HTMLParser):
    """The texts of a page's cells, headings and paragraphs, its scripts left out."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.quiet = [], False
        self.feed(page)

    def handle_starttag(self, tag, _attrs):
        self.quiet = self.quiet or tag in {"script", "style", "svg"}
        if tag in {"td", "th", "p", "li", "h1", "h2", "h3"}:
            self.texts.append("")

    def handle_endtag(self, tag):
        if tag in {"script", "style", "svg"}:
            self.quiet = False

    def handle_data(self, data):
        if not self.quiet and self.texts:
            self.texts[-1] += data


def cells_of_markdown(text):
    for line in text.splitlines():
        yield from re.split(r"(?<!\\)\|", line) if line.startswith("|") else [line]


def read_again(markdown, page):
    texts = [*cells_of_markdown(markdown), *Cells(page).texts]
    assert len(texts) > 50
    return [one for text in texts for one in complaints(text)]


def solved_nothing(text):
    """Whether the tables of results show no accuracy above zero."""
    body = text.split("## Results")[1].split("\n## ")[0]
    shares = [number(one) for one in re.findall(rf"\| ({NUMBER})\u00a0%", body)]
    return bool(shares) and max(shares) == 0


@pytest.mark.parametrize("name", ["pocket", "pocket-all", "real-pocket"])
def test_no_committed_report_shows_an_impossible_number(repository, name):
    reports = repository / "reports"
    text = (reports / f"{name}.md").read_text(encoding="utf-8")
    assert read_again(text, (reports / f"{name}.html").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("74.1\u00a0% [45.4,\u00a0102.9]", "not a share"),
        ("16.1\u00a0% [−1.8,\u00a034.1]", "not a share"),
        ("22.3 [−23.1,\u00a067.6]", "negative"),
        ("1.50 [−4.85,\u00a07.85]", "negative"),
        ("undecided, +41.7 [−64.2,\u00a0147.6]", "beyond 100"),
        ("undecided, 0.0 [0.0,\u00a00.0]", "no width"),
        ("a true difference in accuracy of 0.0 points", "never"),
        ("tied in accuracy", "never"),
        ("1.00 [1.00, 1.00]", "no width"),
        ("3.0 [3.5, 4.0]", "mean outside"),
    ],
)
def test_the_reader_of_numbers_sees_what_was_once_printed(text, wrong):
    assert any(one.startswith(wrong) for one in complaints(text))


def test_the_reader_of_numbers_accepts_what_is_right():
    right = ("0.0\u00a0% [0.0,\u00a05.9]", "undecided, −0.49 [−0.70,\u00a0−0.29]", "12.1 [11.9,\u00a012.5] ¹ ‡", "–")
    for text in right:
        assert complaints(text) == []


# --- extremes ------------------------------------------------------------------------------------------------------


def level(value):
    """Every seed of every method at one accuracy."""

    def change(one):
        return at(one, value)

    return change


def at(one, value):
    known = value > 0
    metrics = {**one.metrics, "accuracy": value, "greedy_accuracy": value, "strategy_coverage": 1.0 if known else None}
    metrics |= {name: value for name in metrics if name.startswith(("pass@", "maj@", "strategies@"))}
    metrics |= {name: (1.0 if known else None) for name in metrics if name.startswith("strategies_per_solved@")}
    metrics["effective_strategies"] = 1.0 if value > 0.01 else None
    return replace(one, metrics=metrics)


def wild(one):
    """Seeds as far apart as they can be, and one of them a hundred times as slow."""
    spread = at(one, (0.0, 0.5, 1.0)[one.job.seed])
    slow = {phase: seconds * (100 if one.job.seed == 1 else 1) for phase, seconds in one.phase_seconds.items()}
    fat = {name: size * (20 if one.job.seed == 2 else 1) for name, size in one.peak_bytes.items()}
    return replace(spread, phase_seconds=slow, peak_bytes=fat, wall_seconds=sum(slow.values()))


def same_cost(one):
    """No spread anywhere, not even in seconds and bytes."""
    trained = one.job.algorithm.name != "base_model"
    seconds = dict.fromkeys(("rollout", "reward", "update"), 1.0) if trained else {}
    return replace(at(one, 0.5), phase_seconds=seconds | {"evaluate": 2.0}, peak_bytes={"rss/update": 2**20})


def one_failed(one):
    return factories.failed(one) if one.job.algorithm.name == "sft" else at(one, 0.0)


EXTREMES = {
    "all zero": level(0.0),
    "all one": level(1.0),
    "hardly any": level(0.01),
    "no spread": same_cost,
    "wild": wild,
    "zero and failed": one_failed,
}


def made(tmp_path, asked, change):
    factories.write(tmp_path / "results", asked, change)
    with factories.undrawn():
        path = write_report(tmp_path / "results", tmp_path / "reports", asked.name)
    return path.read_text(), path.with_suffix(".html").read_text()


@pytest.mark.parametrize("seeds", [(0, 1, 2), (0,)], ids=["three seeds", "one seed"])
@pytest.mark.parametrize("name", EXTREMES)
def test_no_extreme_brings_out_an_impossible_number(tmp_path, name, seeds):
    text, page = made(tmp_path, factories.suite(seeds=seeds), EXTREMES[name])
    assert read_again(text, page) == []
    assert complaints(block(gather(tmp_path / "results", "tiny"))) == []
    if solved_nothing(text):
        assert "highest" not in text.split("## Learning curves")[0]
        assert "solved anything" in text


@pytest.mark.parametrize("methods", [1, 2, 30])
def test_no_number_of_methods_does_either(tmp_path, monkeypatch, methods):
    names = ["base_model", *(f"m{place:02d}" for place in range(methods - 1))]
    monkeypatch.setattr(factories, "METHODS", {name: 0.3 + 0.01 * place for place, name in enumerate(names)})
    monkeypatch.setattr(factories, "GAIN", {"grade_school": 0.0})
    text, page = made(tmp_path, factories.suite(tasks=("grade_school",)), varied(monkeypatch, methods))
    assert read_again(text, page) == []


def varied(monkeypatch, methods):
    """Strategies do not depend on the place of a method, whose share would fall below zero."""
    original = factories.exam

    def exam(one):
        with monkeypatch.context() as inner:
            inner.setattr(factories, "METHODS", {one.job.algorithm.name: 0.4})
            return original(one)

    monkeypatch.setattr(factories, "exam", exam)
    return lambda one: replace(one, metrics={**one.metrics, "effective_strategies": 1.2}) if methods else one


def test_where_nothing_was_solved_nobody_is_the_best(tmp_path):
    text, _ = made(tmp_path, factories.suite(), level(0.0))
    first = next(line for line in text.splitlines() if line.startswith("**"))
    # 4 problems × 100 samples × 3 seeds
    assert "no method solved anything (0 of 1,200 completions each)" in first
    assert solved_nothing(text)


def test_equal_rows_are_told_apart_by_nobody_and_no_gap_is_promised(tmp_path):
    text, _ = made(tmp_path, factories.suite(), same_cost)
    assert "no trained method is shown to be more accurate than `base_model`" in text
    assert "seeds and problems show no spread, so no detectable gap can be given" in text
    row = next(line for line in text.splitlines() if line.startswith("| `grpo`"))
    assert "| 3.00 |" in row  # three phases of one second on every seed: a range without width is left out
