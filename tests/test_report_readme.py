"""The README's block: its table, caption and place."""

from __future__ import annotations

import factories
import pytest

from benchmark.comparison.evidence import gather
from benchmark.errors import ConfigurationError
from benchmark.report.readme import BEGIN, END, block, put_into

SPACE = "\u00a0"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    root = tmp_path_factory.mktemp("readme")
    factories.write(root, factories.suite())
    return gather(root, "tiny")


def test_methods_are_rows_and_each_task_has_its_four_columns(evidence):
    lines = block(evidence, "2026-11-21").replace(SPACE, " ").splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert table[0] == [
        "method",
        *("`grade_school`: accuracy", "effective strategies", "seconds", "MiB"),
        *("`competition`: accuracy", "effective strategies", "seconds", "MiB"),
    ]
    assert [row[0].strip("`") for row in table[2:]] == list(factories.METHODS)
    grpo = next(row for row in table if row[0] == "`grpo`")
    # as in test_report: 64, 63 and 62 %; 42.4 seconds; 620 MiB
    assert grpo[1] == "63.0 % [60.5, 65.4]"
    assert grpo[3:5] == ["42.4", "620"]


def test_one_line_of_caption_and_the_finding_follow(evidence):
    parts = block(evidence, "2026-11-21").split("\n\n")
    for word in ("3 seeds", "n = 4 test problems per task, 16 samples each", "CPU, 1 thread", "2026-11-21"):
        assert word in parts[1]
    assert "\n" not in parts[1]
    assert parts[2].startswith("**Finding:** On `grade_school` and `competition`, all three trained methods are more")
    # accuracies 31.67 of base_model, 63.0, 58.67 and 41.33 on grade_school, 12 less each on competition: 9.67 to 31.33
    assert parts[2].endswith("Training gains 10 to 31 points of accuracy.")
    assert "CPU, 1 thread ([every figure]" in block(evidence).split("\n\n")[1]


def test_it_is_put_between_the_marks_and_nowhere_else(tmp_path, evidence):
    readme = tmp_path / "README.md"
    readme.write_text(f"# x\n\n{BEGIN}\nold\n{END}\n\nrest\n")
    put_into(readme, evidence, "2026-11-21")
    assert readme.read_text() == f"# x\n\n{BEGIN}\n{block(evidence, '2026-11-21')}\n{END}\n\nrest\n"
    put_into(readme, evidence)  # git knows no commit of forty times the letter a
    assert "2026" not in readme.read_text()
    readme.write_text("# x\n")
    with pytest.raises(ConfigurationError, match="has no place for the table"):
        put_into(readme, evidence)
