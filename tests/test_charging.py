"""What a method spends is charged where it is made; no method charges anything itself."""

import ast
import copy
from pathlib import Path

import pytest
import torch
from test_every_algorithm import PROBLEMS, live

from algorithms import CATALOGUE
from benchmark.contract import METHOD_PHASES, PHASES, TRAINING_PHASES, Completion
from benchmark.errors import BudgetSpent, MethodFault
from benchmark.model.policy import LanguagePolicy
from benchmark.run.charging import charged_generation
from benchmark.run.live_run import CompletionBudget


@pytest.fixture
def policy(pocket):
    """A policy of its own, charged to a budget of 20 completions."""
    return LanguagePolicy(copy.deepcopy(pocket.model), pocket.tokenizer).charged_to(CompletionBudget(20))


def drawn(policy, rows, limit=6):
    prompts = policy.encode(["1 + 1"] * rows)
    return policy.sample(prompts, torch.rand(rows, limit, generator=torch.Generator().manual_seed(0)), temperature=1.0)


def test_completions_are_charged_where_they_are_sampled(policy):
    first = drawn(policy, 3)
    assert policy.till.completions == 3
    assert policy.till.tokens == int(first.mask.sum())
    greedy = policy.sample(policy.encode(["2"]), torch.zeros(1, 4), temperature=0.0)
    given = policy.encode_completions(["1+1=2.", "1"], limit=4)
    assert policy.till.completions == 3 + 1 + 2
    assert policy.till.tokens == int(first.mask.sum() + greedy.mask.sum() + given.mask.sum())
    policy.complete(["1"], samples=2, temperature=1.0, max_tokens=3, seed=0, batch_completions=1)
    assert policy.till.completions == 8
    assert policy.till.completions_left == 12


@pytest.mark.parametrize("way", ["snapshot", "reference"])
def test_copies_charge_what_they_sample(policy, way):
    drawn(getattr(policy, way)(), 4)
    assert policy.till.completions == 4


def test_what_exceeds_the_budget_raises_and_is_not_counted(policy):
    drawn(policy, 18)
    with pytest.raises(BudgetSpent, match="asked for 3 completions with 2 of 20 left"):
        drawn(policy, 3)
    assert policy.till.completions == 18
    drawn(policy, 2)
    assert policy.till.completions_left == 0


def test_a_budget_is_read_and_not_written(policy):
    with pytest.raises(AttributeError):
        policy.till.completions_left += 5
    with pytest.raises(ValueError, match="no count is negative"):
        policy.till.charge(-1, 0)


def test_generate_is_charged_with_tokens_up_to_the_first_end(policy):
    ids = torch.tensor([policy.vocabulary.prompt_rows(["1 + 1"])[0]] * 4)
    with charged_generation(policy, policy.till):
        torch_state = torch.random.get_rng_state()
        torch.manual_seed(0)
        rows = policy.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=True
        )
        copy.deepcopy(policy.model).generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=1)
        torch.random.set_rng_state(torch_state)
    new = rows[:, ids.shape[1] :].tolist()
    counted = 0
    for row in new:
        for token in row:
            counted += 1
            if token in policy.vocabulary.ends:
                break
    assert policy.till.completions == 4 + 4
    assert policy.till.tokens == counted + 4
    policy.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=1)
    assert policy.till.completions == 8  # outside the block nothing is charged


def test_probes_are_not_charged_and_rewards_are_counted(pocket, tmp_path):
    run, _ = live(pocket, CATALOGUE["grpo"], tmp_path, probe_every=1)
    run.log_start()
    assert run.budget.completions == 0
    run.rewards(PROBLEMS[:2], [[Completion("#### 1", 2, truncated=False)] * 3, [Completion("x", 1, truncated=False)]])
    assert run.rewarded == 4


@pytest.mark.parametrize("name", PHASES)
def test_a_method_divides_its_time_and_enters_no_phase_of_the_harness(pocket, tmp_path, name):
    run, _ = live(pocket, CATALOGUE["grpo"], tmp_path)
    if name in METHOD_PHASES:
        with run.phase(name):
            pass
    else:
        with pytest.raises(MethodFault, match=f"'{name}' is not a method's phase to enter"):
            run.phase(name)


def test_the_rest_of_training_counts_as_training():
    assert set(TRAINING_PHASES) == {*METHOD_PHASES, "other"}


def test_no_method_charges_or_enters_a_phase_of_the_harness(repository):
    """In the syntax trees of all algorithms: no `spend`, no `charge`, no other phase."""
    for path in sorted(Path(repository, "algorithms").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"spend", "charge"}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "phase":
                assert node.args[0].value in METHOD_PHASES, path
