"""The exact world against an independent oracle, every method against its own aim, broken copies against the judge."""

import inspect
import json
import math
from dataclasses import replace
from pathlib import Path

import broken
import pytest
import torch
from typer.testing import CliRunner

from algorithms import CATALOGUE
from algorithms.gflownet_tb import TrajectoryBalance
from algorithms.rloo import RLOO
from benchmark.adapter import Adapter
from benchmark.cli import app
from benchmark.commands.exact_world.check import TABLE, check, check_named
from benchmark.commands.exact_world.gradient import agreement, exact_gradient, off_reference_logits
from benchmark.commands.exact_world.network import network_policy, table_of
from benchmark.commands.exact_world.policy import TreePolicy
from benchmark.commands.exact_world.run import ExactRun, exact_job
from benchmark.commands.exact_world.targets import best, correct, length_tempered, loss_kl, tempered
from benchmark.commands.exact_world.tree import BINARY, GRADED, WORLDS
from benchmark.commands.exact_world.verdict import COLUMNS, CheckResult, Tolerances, cells, with_verdict
from benchmark.contract import Algorithm, Completion
from benchmark.contract.aim import Aim
from benchmark.errors import ConfigurationError, Diverged
from benchmark.model.policy import LanguagePolicy
from benchmark.suite.registry import adapter_class

EXAMPLES = Path(__file__).parent / "examples" / "algorithm.json"
SHORT = replace(
    TABLE,
    training=replace(TABLE.training, steps=300),  # the command line takes more, and is stricter
    tolerances=Tolerances(tempered=1e-2, whitened=3e-2, loss_kl=3e-2),
)
BROKEN = [one for one in vars(broken).values() if inspect.isclass(one) and one.__module__ == "broken"]
BY_GRADIENT = {
    "CISPOAttached",
    "DAPOWithoutEnd",
    "DrGRPODividedByStd",
    "DrGRPOPerLength",
    "GRPOFlipped",
    "GRPOTokenMean",
    "GRPOWithKLReversed",
    "GRPOWithoutKL",
    "PGFlipped",
    "PPOWithValues",
    "PPOWithoutKL",
    "RAFTKeepsWrong",
    "RLOOFlipped",
    "RLOOWithKLReversed",
    "RLOOWithoutEnd",
    "RLOOWrongGroups",
    "ReMaxFlipped",
    "ReinforceWithoutEnd",
    "ReinforceWrongToken",
    "TBFlipped",
    "TBWithoutEnd",
    "VarGradDetached",
    "VarGradPerLength",
}
SAME_END = {"DAPOWithoutEnd", "DrGRPOPerLength", "GRPOTokenMean"}  # the same best; optima 0.03 apart, at the tolerance


@pytest.fixture(scope="module", params=["tree_v2_T4_binary", "tree_v3_T3_graded"])
def oracle(request):
    trees = json.loads(EXAMPLES.read_text())["oracles"]["trees"]
    world = BINARY if "binary" in request.param else GRADED
    return world, next(tree for tree in trees if tree["id"] == request.param)


def near(actual, expected):
    return torch.as_tensor(actual, dtype=torch.float64) == pytest.approx(expected, abs=1e-6)


def test_trees_are_the_oracles(oracle):
    world, tree = oracle
    assert [list(node) for node in world.nodes] == tree["states"] + tree["leaves"]
    assert world.lengths.tolist() == tree["lengths"]
    assert world.terminated.int().tolist() == tree["terminated"]
    assert world.rewards.tolist() == tree["rewards"]
    assert near(world.log_p(world.reference), tree["ref_logprob"])


def test_targets_are_the_oracles(oracle):
    world, tree = oracle
    vectors, log_z, config = tree["targets"], tree["log_z"], tree["config"]
    for key, target in {
        "gflownet.ref_prior": tempered(world, config["tau"], 1.0),
        "gflownet.no_prior": tempered(world, config["tau"], 0.0),
        "kl_rl.reward_kl": tempered(world, config["beta_kl"], 1.0),
        "flowrl.raw_reward": length_tempered(world, 1 / config["flowrl_beta"]),
        "raft": correct(world),
    }.items():
        assert near(target.p, vectors[key]), key
        assert target.log_z is None or target.log_z == pytest.approx(log_z[key], abs=1e-6), key
    assert best(world).p.nonzero().flatten().tolist() == tree["argmax_leaves"]


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("span", ["sum", "row_mean"])
def test_optimum_of_a_kl_in_the_loss_is_the_oracles(oracle, corrected, span):
    world, tree = oracle
    key = f"grpo.loss_kl.{'corrected' if corrected else 'plain_k3'}{'.seq_mean' if span == 'row_mean' else ''}"
    target = loss_kl(world, tree["config"]["beta_kl"], tree["config"]["kappa"], corrected=corrected, span=span)
    assert near(target.p, tree["targets"][key])


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize(
    "aim",
    [
        Aim("tempered", 0.25, credit="free_energy"),
        Aim("loss_kl", 0.25, credit="reward"),
        Aim("loss_kl", 0.25, credit="reward", span="row_mean"),
        Aim("loss_kl", 0.25, credit="reward", span="row_mean", corrected_kl=True),
    ],
    ids=["tempered", "sum", "row_mean", "corrected"],
)
def test_exact_gradient_vanishes_at_the_exact_target_and_nowhere_near(world, aim):
    from benchmark.commands.exact_world.targets import target_of

    p = target_of(world, aim, 8).p
    mass = torch.zeros(len(world.nodes), dtype=torch.float64)  # of all leaves behind a node
    for leaf, chance in zip(world.nodes[world.states :], p, strict=True):
        for t in range(len(leaf) + 1):
            mass[world.nodes.index(leaf[:t])] += chance
    table = (mass[world.successor[: world.states]] / mass[: world.states, None]).log()
    assert exact_gradient(world, table, aim, 8).norm() < 1e-9
    assert exact_gradient(world, off_reference_logits(world), aim, 8).norm() > 1e-2


def test_group_normalised_credit_by_hand():
    # G = 2: a right and a wrong one are ±1/√2 (deviation of 0, 1 is √½), equal ones 0; so the right leaf expects
    # (1−p)/√2, the wrong one −p/√2, p = E[r]: the gradient of centred rewards, r − p, over √2
    logits = off_reference_logits(BINARY)
    by_std = exact_gradient(BINARY, logits, Aim("best", credit="group_std"), 2)
    plain = exact_gradient(BINARY, logits, Aim("best", credit="reward"), 2)  # κ = ½ of r − p
    assert torch.allclose(by_std, plain * 2 / math.sqrt(2))


def test_agreement_is_of_directions():
    g = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert agreement(7 * g, g) == pytest.approx((0, 1), abs=1e-7)
    assert agreement(-g, g) == (math.inf, pytest.approx(-1))
    # (3, 4) turned by 90° and added at a tenth: tan = 0.1, cos = 1/√1.01
    assert agreement(g + 0.1 * torch.tensor([[-4.0, 3.0]]), g) == pytest.approx((0.1, 1 / math.sqrt(1.01)))


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("kind", ["table", "network"])
def test_probabilities_of_all_leaves_add_up(world, kind):
    policy = TreePolicy(world, off_reference_logits(world)) if kind == "table" else network_policy(world, 0)
    p = world.log_p(table_of(policy, world)).exp()
    assert float(p.sum()) == pytest.approx(1, abs=1e-5)
    assert p.min() > 0


@pytest.mark.parametrize("kind", ["table", "network"])
def test_a_policy_samples_what_it_scores(kind):
    world = BINARY
    policy = TreePolicy(world, off_reference_logits(world)) if kind == "table" else network_policy(world, 0)
    p = world.log_p(table_of(policy, world)).exp()
    prompts = policy.encode(["<end>", "<end>"])
    noise = torch.rand(4000, world.limit, generator=torch.Generator().manual_seed(0))
    sampled = policy.sample(prompts, noise, temperature=1.0)
    with torch.no_grad():
        scored = policy.score(prompts, sampled.ids, sampled.mask, temperature=1.0, ends=True)
    assert torch.allclose(scored.logp, sampled.logp, atol=1e-5)
    ended = sampled.mask.bool() & (sampled.ids == world.content)
    assert torch.allclose(scored.end_logp[ended], scored.logp[ended], atol=1e-6)
    leaves = [(" ".join(map(str, node[: node.index(2)] if 2 in node else node)), 2 not in node) for node in world.nodes]
    counted = torch.zeros(len(p), dtype=torch.float64)
    for completion in policy.decode(sampled):
        counted[leaves[world.states :].index((completion.text, completion.truncated))] += 1 / 4000
    # 4000 draws: the expected total variation of the counts is at most ½·√(31/4000)
    assert float((counted - p).abs().sum() / 2) < 0.5 * math.sqrt(31 / 4000)


def test_the_table_has_the_face_of_the_language_policy():
    used = ["encode", "sample", "decode", "prefixes", "score", "reference", "snapshot", "encode_completions"]
    for name in used:
        ours, theirs = (inspect.signature(vars(cls)[name]).parameters for cls in (TreePolicy, LanguagePolicy))
        assert list(ours) == list(theirs)


def test_a_column_behind_the_last_token_is_the_leafs_own_state():
    policy = TreePolicy(BINARY)
    given = policy.encode_completions(["1", "0 1"], BINARY.limit)
    assert given.ids.tolist() == [[1, 2, 2], [0, 1, 2]]
    ids, mask = (torch.nn.functional.pad(x, (0, 1)) for x in (given.ids, given.mask))
    scored = policy.score(policy.encode(["x", "x"]), ids, mask, temperature=1.0)
    nodes = [[BINARY.nodes[int(state.argmax())] for state in row] for row in scored.states]
    assert nodes == [[(), (1,), (1, 2), (1, 2)], [(), (0,), (0, 1), (0, 1, 2)]]
    assert scored.logp[0, 2:].tolist() == [0, 0]


def test_greedy_and_prefixes():
    policy = TreePolicy(BINARY)
    greedy = policy.sample(policy.encode(["x"]), torch.zeros(1, 4), temperature=0.0)
    # reference logits: () 0.0, 0.597, −0.795 → 1; (1) −0.204, −0.441, 0.791 → end
    assert greedy.ids.tolist() == [[1, 2]]
    assert policy.prefixes(greedy) == [["", "1", "1"]]


def test_a_frozen_copy_does_not_follow_and_the_reference_is_the_worlds():
    policy = TreePolicy(BINARY, off_reference_logits(BINARY))
    copy, reference = policy.snapshot(), policy.reference()
    with torch.no_grad():
        policy.logits.zero_()
    assert torch.allclose(copy.logits.double(), off_reference_logits(BINARY), atol=1e-6)
    assert torch.allclose(reference.logits.double(), BINARY.reference, atol=1e-6)
    assert not copy.logits.requires_grad


def test_a_run_pays_by_the_rule_and_refuses_nan(tmp_path):
    job = exact_job(GRADED, Algorithm("x", "a:B"), TABLE.training, 0)
    run = ExactRun(GRADED, job, TreePolicy(GRADED), tmp_path, lambda _: None)
    given = [Completion("2 1", 3, truncated=False), Completion("2 1 2", 3, truncated=True)]
    assert run.rewards([], [given]) == [[0.75, 0.0]]
    batches = list(run.batches())
    assert len({problem.id for batch in batches[:4] for problem in batch}) == 4 * TABLE.training.prompts_per_step
    assert batches[0][0].solution == "2 2"
    with pytest.raises(Diverged, match="loss = nan"):
        run.log(1, {"loss": math.nan})


@pytest.mark.parametrize("name", [name for name, target in CATALOGUE.items() if not adapter_class(target).own_loop])
def test_every_method_passes(name):
    finding = check_named(name, SHORT)
    assert finding.passed, finding.reasons


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_broken_copies_fail(cls):
    finding = check(cls(**cls.exact_settings), cls.__name__, settings=SHORT)
    assert not finding.passed
    by = {reason.partition(":")[0] for reason in finding.reasons}
    assert ("gradient" in by) == (cls.__name__ in BY_GRADIENT)
    assert "distance" in by or cls.__name__ in SAME_END


@pytest.mark.parametrize("adapter", [TrajectoryBalance(tau=0.5), RLOO(kl_coef=0.5)], ids=["tb", "rloo"])
def test_graded_rewards_are_matched_too(adapter):
    finding = check(adapter, settings=SHORT, world=GRADED)
    assert finding.passed, finding.reasons


def test_a_method_that_names_no_aim_must_learn_something():
    still = CheckResult("x", None, 0.4, None, reward_end=0.45)
    assert with_verdict(still, Tolerances()).reasons == ("reward: rose by 0.050, expected 0.1 at least",)
    assert with_verdict(replace(still, reward_end=0.6), Tolerances()).passed


def test_nothing_must_not_be_met():
    close = CheckResult("x", Aim("nothing", 0.5), 0.4, 0.4, reward_end=0.9, distance_end=0.1)
    assert len(with_verdict(close, Tolerances()).reasons) == 2
    assert len(cells(with_verdict(close, Tolerances()))) == len(COLUMNS)


def test_nan_figures_fail():
    assert not with_verdict(
        CheckResult("x", Aim("start"), 0.4, 0.0, 0.4, 0.0, gradient_error=math.nan), Tolerances()
    ).passed
    assert not with_verdict(CheckResult("x", Aim("start"), 0.4, 0.0, math.nan, math.nan), Tolerances()).passed


class WithItsOwnLoop(Adapter):
    own_loop = True
    paper = "–"

    def train(self, run):
        raise AssertionError(run)


def test_a_loop_of_its_own_is_refused_politely():
    with pytest.raises(ConfigurationError, match="has its own loop; the exact world cannot run it"):
        check(WithItsOwnLoop(), "trl_x")


def test_the_command_prints_writes_and_exits(tmp_path):
    page = tmp_path / "docs" / "exact.md"
    passed = CliRunner().invoke(app, ["check", "base_model", "--markdown", str(page)])
    assert passed.exit_code == 0, passed.output
    assert "bakeoff check base_model" in page.read_text(encoding="utf-8")
    assert "| base_model | the start | 0.435 → 0.435 |" in page.read_text(encoding="utf-8")
    failed = CliRunner().invoke(app, ["check", "broken:TBFlipped"])
    assert failed.exit_code == 1
    assert "fail" in failed.output
    assert "E[r]" in failed.output
    assert isinstance(CliRunner().invoke(app, ["check"]).exception, ConfigurationError)
