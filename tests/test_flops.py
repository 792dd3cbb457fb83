"""Model FLOPs by formula, held against what torch's own counter sees; and that counting changes nothing."""

import copy

import pytest
import torch
from test_every_algorithm import PROBLEMS
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from algorithms._heads import Heads
from benchmark.model.policy import LanguagePolicy
from benchmark.run import flops
from benchmark.run.compute import Meter

# the pocket policy: 3 layers, width 96, 4 heads, feed-forward 288, vocabulary 640, output head tied to the embedding
MATRICES = 3 * (4 * 96 * 96 + 3 * 96 * 288)
SHAPE = flops.Shape(MATRICES, MATRICES, 3 * 96)


@pytest.fixture
def policy(pocket):
    return LanguagePolicy(copy.deepcopy(pocket.model), pocket.tokenizer)


def equal_prompts(policy, count):
    """Prompts of one length: nothing is padded, so torch's counter counts tokens only."""
    by_length = {}
    for problem in PROBLEMS:
        by_length.setdefault(policy.encode([problem.prompt]).ids.shape[1], []).append(problem.prompt)
    chosen = max(by_length.values(), key=len)[:count]
    assert len(chosen) == count
    return policy.encode(chosen)


def counted(policy, work):
    """What torch counts, and what we count. Attention by plain products: torch does not count its CPU kernel."""
    torchs = FlopCounterMode(display=False)
    with Meter(policy, models=True) as meter, torchs, sdpa_kernel(SDPBackend.MATH):
        work()
    return torchs.get_total_flops(), meter.flops


def test_the_formula_by_hand():
    # N = 10, 3 of them trained, 2 layers × width 4 = 8; a prompt of 3 tokens sees 1 + 2 + 3 = 6
    shape, passes = flops.Shape(10, 3, 8), flops.Passes(3, 6)
    assert flops.forward(shape, passes) == 2 * 10 * 3 + 4 * 8 * 6
    assert flops.backward(shape, passes) == 2 * (10 + 3) * 3 + 8 * 8 * 6
    assert flops.matrix(50, 4) == 2 * 50 * 4
    assert flops.matrix(50, 4, backward_rows=4) == 3 * 2 * 50 * 4
    assert flops.matrix(50, 4, backward_rows=4, trained=False) == 2 * 2 * 50 * 4


def scored(policy, prompts, length=24, group=4):
    ids = torch.full((len(prompts.ids) * group, length), 7)
    return policy.score(prompts, ids, torch.ones(ids.shape), temperature=1.0)


def test_a_forward_pass_is_what_torch_counts_but_for_the_causal_half(policy):
    prompts = equal_prompts(policy, 2)
    with torch.no_grad():
        torchs, ours = counted(policy, lambda: scored(policy, prompts))
    p, q, rows = prompts.ids.shape[1], 23, 8  # the last of 24 tokens is not fed
    # torch counts the whole rectangle of scores, we count what a token may see
    whole = 2 * p * p + rows * q * (p + q)
    seen = 2 * p * (p + 1) // 2 + rows * (q * p + q * (q + 1) // 2)
    assert ours == flops.forward(SHAPE, flops.Passes(2 * p + rows * q, seen)) + 2 * 96 * 640 * rows * 24
    assert ours + 4 * SHAPE.attention * (whole - seen) == pytest.approx(torchs, rel=0.01)
    assert ours == pytest.approx(torchs, rel=0.05)


def test_a_backward_pass_costs_twice_the_forward(policy):
    prompts = equal_prompts(policy, 2)
    with torch.no_grad():
        _, there = counted(policy, lambda: scored(policy, prompts))
    torchs, both = counted(policy, lambda: scored(policy, prompts).logp.sum().backward())
    assert both == 3 * there
    assert both == pytest.approx(torchs, rel=0.08)


def test_a_pass_without_gradient_through_it_has_no_backward(policy):
    prompts = equal_prompts(policy, 2)
    with torch.no_grad():
        _, there = counted(policy, lambda: scored(policy, prompts))
    assert counted(policy, lambda: scored(policy, prompts))[1] == there  # a graph that nobody walks back


def test_a_reference_made_while_counting_is_counted_forwards_only(policy):
    prompts = equal_prompts(policy, 2)
    with torch.no_grad():
        _, there = counted(policy, lambda: scored(policy, prompts))
    _, reference = counted(policy, lambda: scored(policy.reference(), prompts))
    assert reference == there


def test_sampling_with_a_cache(policy):
    prompts = equal_prompts(policy, 4)
    noise = torch.rand(32, 20, generator=torch.Generator().manual_seed(0))
    drawn = []
    torchs, ours = counted(policy, lambda: drawn.append(policy.sample(prompts, noise, temperature=1.0)))
    p, lengths = prompts.ids.shape[1], drawn[0].mask.sum(1).int().tolist()
    seen = 4 * p * (p + 1) // 2 + sum(p + j for n in lengths for j in range(1, n))
    tokens = 4 * p + sum(n - 1 for n in lengths)
    # each prompt is read once for its group, and its logits are computed once
    assert ours == flops.forward(SHAPE, flops.Passes(tokens, seen)) + 2 * 96 * 640 * (4 + sum(n - 1 for n in lengths))
    assert ours == pytest.approx(torchs, rel=0.03)


def test_padding_costs_nothing(policy):
    short, long = sorted((p.prompt for p in PROBLEMS[:8]), key=lambda text: policy.encode([text]).ids.shape[1])[::7]
    ids, mask = torch.full((1, 6), 7), torch.ones(1, 6)
    with torch.no_grad():
        apart = [
            counted(policy, lambda p=p: policy.score(policy.encode([p]), ids, mask, temperature=1.0))[1]
            for p in (short, long)
        ]
        pair = policy.encode([short, long])
        _, together = counted(policy, lambda: policy.score(pair, ids.expand(2, 6), mask.expand(2, 6), temperature=1.0))
    assert pair.mask.min() == 0
    assert together == sum(apart)


def test_heads_and_updates_are_counted_and_probes_are_not(policy):
    heads = Heads({"value_head"}, 96, 0)
    adam = torch.optim.AdamW([*policy.trainable, *heads.parameters()])
    alone = torch.optim.AdamW(heads.parameters())
    with Meter(policy, models=True) as meter:
        meter.watch(heads)
        heads.value(torch.zeros(2, 5, 96)).sum().backward()
        # ten states through 96 × 96 and 96 × 1, forwards and twice backwards
        assert meter.flops == 3 * 2 * (96 * 96 + 96) * 10
        with meter.paused():
            policy.complete(["1 + 1"], samples=1, temperature=0.0, max_tokens=2, seed=0, batch_completions=1)
        assert meter.flops == 3 * 2 * (96 * 96 + 96) * 10
        adam.step()
        alone.step()  # holds no weight of the policy
    adam.step()
    assert meter.updates == 1


def test_a_foreign_trainers_flops_stay_unknown(policy):
    with Meter(policy, models=False) as meter:
        policy.encode(["1"])
    assert meter.flops is None


def test_counting_leaves_no_hook_and_moves_no_number(policy):
    prompts = equal_prompts(policy, 2)
    plain = scored(policy, prompts).logp
    (before,) = torch.autograd.grad(plain.sum(), policy.trainable[:1])
    with Meter(policy, models=True):
        watched = scored(policy, prompts).logp
        (after,) = torch.autograd.grad(watched.sum(), policy.trainable[:1])
    assert torch.equal(plain, watched)
    assert torch.equal(before, after)
    assert not any(module._forward_hooks for module in policy.model.modules())
