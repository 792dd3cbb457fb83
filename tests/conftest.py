import random
from pathlib import Path

import pytest
import torch

from benchmark.contract import Model
from benchmark.model.load import load_policy

torch.set_num_threads(1)


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
