"""Imports go downhill: the syntax tree of every module is held against the floors of the house."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# A module may import rooms of lower floors, and its own room in any order that makes no cycle.
FLOORS: dict[str, int] = {
    "benchmark": 0,
    "benchmark.contract": 0,
    "benchmark.errors": 0,
    "benchmark.seeds": 0,
    "benchmark.importing": 1,
    "benchmark.grading": 1,
    "benchmark.model": 1,
    "benchmark.stats": 1,
    "benchmark.store": 2,
    "benchmark.exam": 3,
    "benchmark.adapter": 4,
    "benchmark.tasks": 4,
    "algorithms": 5,
    "benchmark.suite": 6,
    "benchmark.run": 7,
    "benchmark.lab": 8,
    "benchmark.comparison": 8,
    "benchmark.report": 9,
    "benchmark.commands": 10,
    "benchmark.cli": 11,
    "benchmark.__main__": 12,
}
ALGORITHMS_MAY = {
    "benchmark.contract.aim",
    "benchmark.contract",
    "benchmark.errors",
    "benchmark.adapter",
    "benchmark.model.policy",
    "benchmark.model.sampler",
}
TORCH = {"torch", "transformers", "peft", "trl", "safetensors", "accelerate", "tokenizers"}
MAY_IMPORT_PIECES = {"benchmark.lab"}  # the same losses on other worlds
MAY_IMPORT_TORCH = {
    "benchmark.model.sampler",
    "benchmark.model.policy",
    "benchmark.model.load",
    "benchmark.model.lora",
    "benchmark.model.network",
    "benchmark.model.scoring",
    "benchmark.model.tokens",
    "benchmark.model.verify",
    "benchmark.run.live_run",
    "benchmark.run.checkpoint",
    "benchmark.run.parts",
    "benchmark.run.state_tree",
    "benchmark.run.compute",
    "benchmark.run.job",
    "benchmark.run.train",
    "benchmark.run.examine",
    "benchmark.run.handover",
    "benchmark.run.charging",
    "benchmark.run.program",
    "benchmark.run.devices",
    "benchmark.run.ready",
    "benchmark.run.shortage",
    "benchmark.commands.pretrain",
    "benchmark.model.pocket.tokenizer",
    "benchmark.commands.tape.store",
    "benchmark.commands.tape.record",
    "benchmark.commands.tape.replay",
    "benchmark.commands.tape.compare",
    "benchmark.commands.exact_world.tree",
    "benchmark.commands.exact_world.targets",
    "benchmark.commands.exact_world.gradient",
    "benchmark.commands.exact_world.policy",
    "benchmark.commands.exact_world.network",
    "benchmark.commands.exact_world.check",
    "benchmark.lab.policies",
    "benchmark.lab.sampling",
    "benchmark.lab.train",
    "benchmark.lab.methods.method",
    "benchmark.lab.methods.backward",
    "benchmark.lab.methods.fm",
    "benchmark.lab.methods.rl_t",
    "benchmark.lab.methods.soft_q",
    "benchmark.lab.methods.sub_eb",
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


def room(name: str) -> str:
    """The folder or module directly below a package; the whole of `algorithms` is one room."""
    parts = name.split(".")
    return "algorithms" if parts[0] == "algorithms" else ".".join(parts[:2])


def test_every_room_has_a_floor_and_every_floor_a_room():
    assert {room(name) for name in (*BENCHMARK, *ALGORITHMS)} == set(FLOORS)
    assert len(set(FLOORS.values())) <= 16
    assert len(list((ROOT / "benchmark").glob("*.py"))) <= 8


@pytest.mark.parametrize("name", sorted(BENCHMARK))
def test_imports_go_down_the_stairs(name):
    for target in imported(BENCHMARK[name], local=True):
        if room(target) in FLOORS and room(target) != room(name):
            assert FLOORS[room(target)] < FLOORS[room(name)], f"{name} imports {target}, which is not below it"


@pytest.mark.parametrize("rooms", [BENCHMARK, ALGORITHMS], ids=["benchmark", "algorithms"])
def test_no_imports_go_in_a_circle(rooms):
    graph = {name: imported(tree, local=True) & set(rooms) for name, tree in rooms.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("name", sorted(BENCHMARK))
def test_nothing_imports_an_algorithm_by_name(name):
    found = {target for target in imported(BENCHMARK[name], local=True) if target.startswith("algorithms.")}
    pieces = {target for target in found if target.startswith("algorithms._")}  # shared formulas, no algorithm
    assert not (found - pieces if room(name) in MAY_IMPORT_PIECES else found)


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


MAY_CATCH_EVERYTHING = [
    "benchmark.commands.exact_world.check",  # a check, whose failure is what is asked for
    "benchmark.grading",  # a fault on one pair is the verdict `error`, which is counted and shown, and ends no training
    "benchmark.importing",  # the import of a user's module, which becomes a sentence with its place
    "benchmark.run.job",  # a method's fault is the record of its job
]


@pytest.mark.parametrize("name", sorted(name for name in BENCHMARK if name.startswith("benchmark.report")))
def test_a_report_examines_nothing(name):
    """What graders and tasks say is stored beside the outcomes; a report reads it there."""
    rooms = {room(target) for target in imported(BENCHMARK[name], local=True)}
    assert not rooms & {"benchmark.grading", "benchmark.tasks", "benchmark.model"}


def test_broad_excepts_are_in_the_named_places_only():
    places = [
        name
        for name, tree in {**BENCHMARK, **ALGORITHMS}.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or re.search("id='(Base)?Exception'", ast.dump(node.type)))
    ]
    assert sorted(places) == MAY_CATCH_EVERYTHING


def test_abilities_are_declared_and_never_probed():
    for name, tree in {**BENCHMARK, **ALGORITHMS}.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "hasattr", f"{name}:{node.lineno}"
                literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
                assert not (node.func.id == "getattr" and literal), f"{name}:{node.lineno}"


def test_a_type_name_has_one_meaning():
    """Classes and type aliases of both packages: a reader who meets `Exam` needs not ask which one."""
    homes = {}
    for module, tree in {**BENCHMARK, **ALGORITHMS}.items():
        for name in defined_types(tree):
            homes.setdefault(name, []).append(module)
    assert {"Exam", "Outcome", "Run", "Suite", "Aim", "Credit", "Direction"} <= set(homes)
    assert not {name: modules for name, modules in homes.items() if len(modules) > 1}


def test_a_type_that_is_defined_twice_is_seen():
    assert defined_types(ast.parse("class Exam: ...")) == {"Exam"}
    assert defined_types(ast.parse("Exam = dict[str, int]\nT: TypeAlias = int\nLIMIT = 3\n_Own = int\nx = 1")) == {
        "Exam"
    }


def defined_types(tree):
    """Public classes and aliases at the top of a module; constants are in capitals, type variables have one letter."""
    names = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if name[0].isupper() and not name.isupper()}


@pytest.mark.parametrize("command", [["list"], ["report", "--check"]])
def test_listing_and_reporting_load_no_torch(command, tmp_path):
    code = (
        "import sys\nfrom benchmark.cli import app\n"
        f"try:\n    app({command!r}, standalone_mode=False)\n"
        "except Exception as error:\n    assert 'no results' in str(error), error\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'torch was loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
