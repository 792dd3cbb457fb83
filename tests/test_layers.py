"""Imports go downhill: the syntax tree of every module is held against the levels of the house."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# A module may import those of lower levels, and those named beside it on its own level.
LEVELS: dict[str, float] = {
    "benchmark": 0,
    "benchmark.contract": 0,
    "benchmark.errors": 0,
    "benchmark.seeds": 0,
    "benchmark.hub": 0,
    "benchmark.aims": 0,
    "benchmark.files": 0.5,
    "benchmark.grading.worker": 1,
    "benchmark.grading.child": 1.1,
    "benchmark.grading.algebra": 1,
    "benchmark.grading.evaluation": 1.1,
    "benchmark.grading.powers": 1.1,
    "benchmark.grading.functions": 1.2,
    "benchmark.grading.tokens": 1,
    "benchmark.grading.spelling": 1,
    "benchmark.grading.structures": 1.1,
    "benchmark.grading.latex": 1.3,
    "benchmark.grading.answers": 1.35,
    "benchmark.grading.comparison": 1.35,
    "benchmark.grading.extract": 1.4,
    "benchmark.grading": 1.5,
    "benchmark.expressions": 0.9,
    "benchmark.grading.rivals.grader": 1.6,
    "benchmark.grading.rivals.normal": 1.6,
    "benchmark.grading.rivals.find": 1.7,
    "benchmark.grading.rivals.whole": 1.6,
    "benchmark.grading.rivals": 1.8,
    "benchmark.texts": 0,
    "benchmark.grade_file": 2,
    "benchmark.grade_tables": 2.1,
    "benchmark.grade_command": 2.2,
    "benchmark.equations": 1,
    "benchmark.strategies": 1.5,
    "benchmark.wording": 0.5,
    "benchmark.judge": 1,
    "benchmark.diversity": 1,
    "benchmark.metrics": 1.6,
    "benchmark.stats.scores": 1,
    "benchmark.stats.intervals": 1.1,
    "benchmark.stats.verdicts": 1.2,
    "benchmark.stats.greedy": 1.1,
    "benchmark.stats.ties": 1,
    "benchmark.stats.outlook": 1.2,
    "benchmark.stats.bootstrap": 1.1,
    "benchmark.stats.across": 1.2,
    "benchmark.stats": 1.3,
    "benchmark.per_problem": 1.95,
    "benchmark.tasks.task": 2,
    "benchmark.tasks.files": 2,
    "benchmark.tasks.dataset": 2.1,
    "benchmark.tasks.gsm8k": 2.2,
    "benchmark.tasks.math": 2.2,
    "benchmark.tasks": 2.3,
    "benchmark.pocket": 0,
    "benchmark.pocket.worked": 2.1,
    "benchmark.pocket.grade_school": 2.2,
    "benchmark.pocket.competition": 2.2,
    "benchmark.variety": 0,
    "benchmark.variety.samples": 2.2,
    "benchmark.variety.columns": 2.3,
    "benchmark.variety.rows": 2.4,
    "benchmark.variety.measure": 2.4,
    "benchmark.variety.tables": 2.5,
    "benchmark.variety.command": 2.6,
    "benchmark.provenance": 2,
    "benchmark.measure": 2,
    "benchmark.outcomes": 1.9,
    "benchmark.records": 2,
    "benchmark.evaluate": 2,
    "benchmark.aggregate": 2,
    "benchmark.suite": 2.4,
    "benchmark.fairness": 2.4,
    "benchmark.chart": 1,
    "benchmark.doctor": 1.1,
    "benchmark.sampler": 3,
    "benchmark.policy": 3.1,
    "benchmark.flops": 0,
    "benchmark.meter": 3.2,
    "benchmark.adapter": 3,
    "benchmark.pocket.tokenizer": 3,
    "benchmark.pocket.pretrain": 3.2,
    "benchmark.registry": 4,
    "benchmark.report.labels": 5,
    "benchmark.report.evidence": 5.1,
    "benchmark.report.problems": 5.2,
    "benchmark.report.cells": 5.2,
    "benchmark.report.verdicts": 5.25,
    "benchmark.report.runs": 5.3,
    "benchmark.report.tables": 5.3,
    "benchmark.report.conditions": 5.35,
    "benchmark.report.health": 5.3,
    "benchmark.report.graders": 5.3,
    "benchmark.report.budgets": 5.3,
    "benchmark.report.drawing": 5.3,
    "benchmark.report.levels": 5.3,
    "benchmark.report.figures_cost": 5.37,
    "benchmark.report.figures_learning": 5.37,
    "benchmark.report.figures_plane": 5.37,
    "benchmark.report.figures_samples": 5.37,
    "benchmark.report.sections": 5.38,
    "benchmark.report.samples": 5.25,
    "benchmark.report.disagreements": 5.35,
    "benchmark.report.payload": 5.4,
    "benchmark.report.html": 5.2,
    "benchmark.report.export": 5.4,
    "benchmark.report.terminal": 5.4,
    "benchmark.report.markdown": 5.4,
    "benchmark.report": 5.5,
    "benchmark.exchange": 0,
    "benchmark.exchange.extras": 1,
    "benchmark.exchange.rows": 2.1,
    "benchmark.exchange.matching": 2.2,
    "benchmark.exchange.imports": 2.5,
    "benchmark.exchange.parquet": 5.3,
    "benchmark.exchange.lm_eval": 5.3,
    "benchmark.exchange.trackers": 5.3,
    "benchmark.exchange.command": 5.4,
    "benchmark.live": 5,
    "benchmark.runner": 5.1,
    "benchmark.display": 5,
    "benchmark.sweep": 5.2,
    "benchmark.plan": 5.3,
    "benchmark.tape": 0,
    "benchmark.tape.store": 3.2,
    "benchmark.tape.record": 3.3,
    "benchmark.tape.replay": 5.1,
    "benchmark.tape.compare": 5.2,
    "benchmark.tape.figures": 5.3,
    "benchmark.tape.page": 5.4,
    "benchmark.exact_world": 0,
    "benchmark.exact_world.tree": 1,
    "benchmark.exact_world.targets": 2,
    "benchmark.exact_world.gradient": 2,
    "benchmark.exact_world.verdict": 2,
    "benchmark.exact_world.policy": 3.2,
    "benchmark.exact_world.network": 3.3,
    "benchmark.exact_world.run": 5.1,
    "benchmark.exact_world.check": 5.2,
    "benchmark.cli": 6,
    "benchmark.__main__": 6.1,
    "algorithms": 0,
}
ALGORITHMS_MAY = {
    "benchmark.aims",
    "benchmark.contract",
    "benchmark.errors",
    "benchmark.adapter",
    "benchmark.policy",
    "benchmark.sampler",
}
TORCH = {"torch", "transformers", "peft", "trl", "safetensors", "accelerate", "tokenizers"}
MAY_IMPORT_TORCH = {
    "benchmark.sampler",
    "benchmark.policy",
    "benchmark.live",
    "benchmark.meter",
    "benchmark.runner",
    "benchmark.plan",
    "benchmark.pocket.pretrain",
    "benchmark.pocket.tokenizer",
    "benchmark.tape.store",
    "benchmark.tape.record",
    "benchmark.tape.replay",
    "benchmark.tape.compare",
    "benchmark.exact_world.tree",
    "benchmark.exact_world.targets",
    "benchmark.exact_world.gradient",
    "benchmark.exact_world.policy",
    "benchmark.exact_world.network",
    "benchmark.exact_world.check",
}


def modules(package: str) -> dict[str, ast.Module]:
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(tree: ast.AST, *, local: bool) -> set[str]:
    """Modules imported at the top of a module; with `local` also inside functions. Type-only ones are left out."""
    names = set()
    nodes = list(tree.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if (ROOT / f"{inner.replace('.', '/')}.py").exists() else node.module)
        elif local or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return names


BENCHMARK, ALGORITHMS = modules("benchmark"), modules("algorithms")


def test_every_module_has_a_level_and_every_level_a_module():
    assert set(BENCHMARK) | {"algorithms"} == set(LEVELS)


@pytest.mark.parametrize("name", sorted(BENCHMARK))
def test_imports_go_downhill(name):
    for target in imported(BENCHMARK[name], local=True) & set(LEVELS):
        assert LEVELS[target] < LEVELS[name], f"{name} imports {target}, which is not below it"


@pytest.mark.parametrize("name", sorted(BENCHMARK))
def test_nothing_imports_an_algorithm_by_name(name):
    assert not {target for target in imported(BENCHMARK[name], local=True) if target.startswith("algorithms.")}


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_algorithms_see_the_contract_and_each_others_underscored_pieces_only(name):
    known = set(BENCHMARK) | set(ALGORITHMS)
    for target in imported(ALGORITHMS[name], local=True) & known:
        own_piece = target.startswith("algorithms._")
        assert own_piece or target in ALGORITHMS_MAY, f"{name} imports {target}"


@pytest.mark.parametrize("name", sorted(BENCHMARK))
def test_torch_is_loaded_in_few_places(name):
    tops = {target.partition(".")[0] for target in imported(BENCHMARK[name], local=False)}
    assert name in MAY_IMPORT_TORCH or not tops & TORCH


def test_broad_excepts_are_in_one_place_only():
    places = [
        name
        for name, tree in {**BENCHMARK, **ALGORITHMS}.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or "Exception'" in ast.dump(node.type).replace("BaseException", "Exception"))
    ]
    assert places == ["benchmark.runner"]


def test_abilities_are_declared_and_never_probed():
    for name, tree in {**BENCHMARK, **ALGORITHMS}.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "hasattr", f"{name}:{node.lineno}"
                literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
                assert not (node.func.id == "getattr" and literal), f"{name}:{node.lineno}"


@pytest.mark.parametrize("command", [["list"], ["report", "--check"]])
def test_listing_and_reporting_load_no_torch(command, tmp_path):
    code = (
        "import sys\nfrom benchmark.cli import app\n"
        f"try:\n    app({command!r}, standalone_mode=False)\n"
        "except Exception as error:\n    assert 'no results' in str(error), error\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'torch was loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
