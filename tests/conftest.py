import random
from pathlib import Path

import pytest
import torch

from benchmark import grading
from benchmark.contract import Model
from benchmark.model.load import load_policy

torch.set_num_threads(1)
grading._worker.seconds = 20.0  # Math-Verify's second is wall time, which two test workers on two cores share


SLOW = {
    "test_architectures.py",
    "test_admission.py",
    "test_against_trl.py",
    "test_author.py",
    "test_browser.py",
    "test_cheats.py",
    "test_command_line.py",
    "test_every_algorithm.py",
    "test_exact_world.py",
    "test_exam_command.py",
    "test_extra_tensors.py",
    "test_graded_corpus.py",
    "test_hostile.py",
    "test_identity.py",
    "test_import.py",
    "test_kill.py",
    "test_lab_suite.py",
    "test_model_refusals.py",
    "test_page.py",
    "test_pocket.py",
    "test_programs.py",
    "test_real_tasks.py",
    "test_report.py",
    "test_report_figures.py",
    "test_report_numbers.py",
    "test_resume.py",
    "test_runner.py",
    "test_sweep.py",
    "test_tape.py",
    "test_variety.py",
    "test_weird_suites.py",
}
"""Files that train, sample, draw or start processes, or take seconds for each test; `nox -s slow` runs them."""

QUICK = {"test_every_algorithm.py", "test_exact_world.py", "test_architectures.py"}


def pytest_collection_modifyitems(items):
    """Marks the tests of `SLOW`; where every method or architecture is tried, one of them stays in the quick run."""
    for item in items:
        quick = item.path.name in QUICK and item.name.endswith(("[grpo]", "[qwen2]", "[template]"))
        if item.path.name in SLOW and not quick:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def pocket():
    """The committed pocket policy; tests that train work on a copy."""
    return load_policy(Model(), "")


@pytest.fixture(autouse=True)
def _no_global_generators(request):
    """Nothing in the packages may draw from a global generator: their states must not move during a test."""
    states = random.getstate(), torch.random.get_rng_state()
    yield
    if "benchmarks" in request.path.parts:
        return  # other people's trainers seed what they like
    assert random.getstate() == states[0], "Python's global generator was used"
    assert torch.equal(torch.random.get_rng_state(), states[1]), "torch's global generator was used"


@pytest.fixture(scope="session")
def repository():
    return Path(__file__).resolve().parent.parent
