"""The README and the pages of docs/ agree with the catalogue, the committed results, the commands and the files."""

import csv
import re
from importlib import import_module

import pytest
from typer.main import get_command

from algorithms import CATALOGUE
from benchmark.cli import app
from benchmark.suite.load import load_suite
from benchmark.suite.registry import resolve

SHOWN = {
    "accuracy": ("accuracy", lambda x: f"{100 * x:.1f}"),
    "effective strategies": ("effective_strategies", lambda x: f"{x:.2f}"),
    "seconds": ("training_seconds", lambda x: f"{x:.1f}"),
    "MiB": ("training_peak_rss_bytes", lambda x: f"{x / 2**20:,.0f}"),
}
"""A column's title → the metric of reports/pocket.csv, and how the README writes it."""


def page(repository, name):
    return (repository / name).read_text(encoding="utf-8")


def between(text, marker):
    return text.partition(f"<!-- {marker} -->")[2].partition(f"<!-- /{marker} -->")[0]


def results(repository, suite="pocket"):
    with (repository / "reports" / f"{suite}.csv").open(encoding="utf-8", newline="") as file:
        return {(row["task"], row["method"], row["metric"]): row for row in csv.DictReader(file)}


def table_of(text):
    """Cells of the first table: header, then rows, without the line of dashes."""
    lines = re.search(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE).group().splitlines()
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return header, rows


def expected(row, write):
    if not row["mean"]:
        return ["–"]
    return [write(float(row[part])) for part in ("mean", "low", "high") if row[part]]


def test_every_cell_of_the_table_is_in_the_committed_results(repository):
    header, rows = table_of(between(page(repository, "README.md"), "table"))
    known = results(repository)
    tasks, task = [], ""
    for title in header[1:]:
        task = title.partition("`: ")[0].strip("`") if "`: " in title else task
        tasks.append((task, *SHOWN[title.rpartition(": ")[2]]))
    assert {task for task, *_ in tasks} == {"grade_school", "competition"}
    assert len(rows) == len({method for _, method, _ in known})
    for name, *cells in rows:
        for cell, (task, metric, write) in zip(cells, tasks, strict=True):
            numbers = re.findall(r"–|[\d.,]*\d", cell)
            right = expected(known[task, name.strip("`"), metric], write)
            assert numbers in (right, right[:1]) or (cell == "0" and right[0] == "0.0"), (name, task, metric, cell)


def test_the_finding_gives_the_smallest_and_the_largest_gain(repository):
    block = between(page(repository, "README.md"), "table")
    mean = {key[:2]: float(row["mean"]) for key, row in results(repository).items() if key[2] == "accuracy"}
    gains = [100 * (x - mean[task, "base_model"]) for (task, name), x in mean.items() if name != "base_model"]
    low, high = re.search(r"gains (\d+) to (\d+) points", block).groups()
    assert (int(low), int(high)) == (round(min(gains)), round(max(gains)))


def test_the_first_screen_holds_scale_table_and_commands(repository):
    lines = page(repository, "README.md").splitlines()
    first = "\n".join(lines[:25])
    assert len(lines) <= 110
    assert "a 0.4 M-parameter policy on generated problems, two cores, minutes: not GSM8K" in first
    assert first.index("not GSM8K") < first.index("| `base_model` |") < first.index("bakeoff run")
    assert ".venv/bin/nox -s compare" in first


def test_the_suite_for_ones_own_model_can_be_loaded(repository, tmp_path):
    code = re.search(r"```toml\n(.*?)```", page(repository, "README.md"), re.DOTALL).group(1)
    file = tmp_path / "my_suite.toml"
    file.write_text(code, encoding="utf-8")
    suite = load_suite(file, resolve)
    assert len(code.splitlines()) <= 10
    assert suite.tasks == ("gsm8k",)
    assert suite.model.lora_rank == 8


def test_every_path_of_the_map_exists(repository):
    drawn = page(repository, "README.md").partition("## Map")[2].partition("```\n")[2].partition("```")[0]
    folder = ""
    for line in drawn.splitlines():
        names = re.findall(r"[\w.]+/", line.partition("  ")[0] if not line.startswith(" ") else line[:20])
        folder = folder if line.startswith(" ") else names[0]
        assert names
        for name in names:
            assert (repository / (folder if line.startswith(" ") else "") / name).is_dir(), name


def test_every_session_it_names_exists(repository):
    noxfile = page(repository, "noxfile.py")
    for name in ("README.md", "docs/commands.md", "CONTRIBUTING.md"):
        for session in set(re.findall(r"nox -s (\w+)", page(repository, name))):
            assert f"def {session}(" in noxfile, (name, session)


def test_the_page_of_commands_lists_every_command(repository):
    listed = re.findall(r"^\| `bakeoff (\w+)(?: (record|compare))?", page(repository, "docs/commands.md"), re.MULTILINE)
    command = get_command(app)
    flat = {(name, "") for name in command.commands if name != "tape"}
    assert set(listed) == flat | {("tape", name) for name in command.commands["tape"].commands}


def test_every_row_of_the_methods_names_file_and_paper(repository):
    """In the catalogue's order; a new method is complete without a row (`bakeoff list` names all)."""
    _, rows = table_of(between(page(repository, "algorithms/README.md"), "methods"))
    named = {row[0].split("`")[1]: row for row in rows}
    assert list(named) == [name for name in CATALOGUE if name in named]
    for name in named:
        module, _, cls = CATALOGUE[name].partition(":")
        assert f"({module.rpartition('.')[2]}.py)" in named[name][0]
        arxiv = re.findall(r"arXiv:(\d{4}\.\d{5})", vars(import_module(module))[cls].paper)
        assert not arxiv or any(number in named[name][2] for number in arxiv) or name == "paired", name


def test_the_table_of_gflownets_is_made_of_the_results(repository):
    trained = results(repository, "pocket-all")
    exact = first_cells(page(repository, "reports/check.md"))
    shown = first_cells(between(page(repository, "docs/gflownets.md"), "gflownets"))
    assert "gflownet_naive" in shown
    assert set(shown) <= set(CATALOGUE)
    columns = (("grade_school", "accuracy"), ("competition", "accuracy"), ("grade_school", "effective strategies"))
    for name, (reward, distance, *cells) in shown.items():
        assert {reward, distance} <= set(exact[name]), name
        for cell, (task, title) in zip(cells, columns, strict=True):
            metric, write = SHOWN[title]
            assert re.findall(r"[\d.]*\d", cell) == expected(trained[task, name, metric], write), (name, task, title)


PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "algorithms/README.md", "results/README.md", "docs")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_leads_somewhere(repository, name):
    pages = sorted((repository / name).glob("*.md")) if name == "docs" else [repository / name]
    assert pages
    for source in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", source.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (source.parent / target).exists(), f"{source.name}: {target}"


def test_every_method_passes_in_the_exact_world(repository):
    exact = first_cells(page(repository, "reports/check.md"))
    driven = [name for name in CATALOGUE if name in exact and not name.startswith("trl_")]
    assert {name: cells[-1] for name, cells in exact.items()} == dict.fromkeys(driven, "pass")
    assert len(driven) >= 20


def first_cells(text):
    """Name → the other cells, of the first table's rows."""
    return {row[0].strip("`"): row[1:] for row in table_of(text)[1]}
