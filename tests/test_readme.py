"""The README's table is the committed report's, and its commands exist."""

import re
from importlib import import_module

from algorithms import CATALOGUE


def test_the_table_is_the_report_s(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    report = (repository / "reports" / "pocket.md").read_text(encoding="utf-8")
    table = readme.partition("<!-- table -->")[2].partition("<!-- /table -->")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) > 8
    for line in lines:
        assert line in report.splitlines(), f"not in reports/pocket.md: {line}"


def test_every_file_of_the_map_exists(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    drawn = readme.partition("## Map")[2].partition("```\n")[2].partition("```")[0]
    folder = ""
    for line in drawn.splitlines():
        names = re.match(r"\s*((?:[\w./]+ )+)", line + " ").group(1).split()
        named = [name for name in names if name.endswith((".py", "/"))]
        if not line.startswith(" "):
            folder = named[0]
            continue
        for name in named:
            assert (repository / folder / name).exists(), name


def test_every_session_it_names_exists(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    noxfile = (repository / "noxfile.py").read_text(encoding="utf-8")
    for session in set(re.findall(r"nox -s (\w+)", readme)):
        assert f"def {session}(" in noxfile


def test_every_method_has_its_row_with_file_and_paper(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    rows = readme.partition("## Algorithms")[2].partition("## ")[0].splitlines()
    named = {row.split("`")[1]: row for row in rows if row.startswith("| [`")}
    assert list(named) == list(CATALOGUE)
    for name, target in CATALOGUE.items():
        module, _, cls = target.partition(":")
        assert f"({module.replace('.', '/')}.py)" in named[name]
        arxiv = re.findall(r"arXiv:(\d{4}\.\d{5})", vars(import_module(module))[cls].paper)
        assert not arxiv or any(number in named[name] for number in arxiv) or name == "paired", name


def test_the_table_of_gflownets_is_made_of_the_reports(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    trained = first_cells((repository / "reports" / "pocket-all.md").read_text(encoding="utf-8"))
    exact = first_cells((repository / "reports" / "check.md").read_text(encoding="utf-8"))
    shown = first_cells(readme.partition("## Can GFlowNets do math?")[2].partition("\n## ")[0])
    assert {"gflownet_naive", "gflownet_db", "gflownet_tb", "gflownet_vargrad", "gflownet_subtb", "gflownet_pg"} <= set(
        shown
    )
    for name, (reward, distance, *accuracies) in shown.items():
        assert {reward, distance} <= set(exact[name]), name
        assert set(accuracies) <= set(trained[name]), name


def test_every_method_passes_in_the_exact_world(repository):
    exact = first_cells((repository / "reports" / "check.md").read_text(encoding="utf-8"))
    driven = [name for name in CATALOGUE if not name.startswith("trl_")]
    assert {name: cells[-1] for name, cells in exact.items()} == dict.fromkeys(driven, "pass")


def first_cells(text):
    """Name → the other cells, of the first table's rows."""
    table = re.search(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE).group().splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {row[0].strip("`"): row[1:] for row in rows}
