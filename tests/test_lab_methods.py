"""Objectives of worlds: zero at the exact solution, right against enumeration, and broken copies are found out."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from lab_worlds import TINY, log_back, log_prob, paths_of, put, random_backward, solve, tabular, trajectories

from benchmark.contract import Training
from benchmark.errors import Diverged
from benchmark.lab import exact
from benchmark.lab.methods.backward import Guide, backward_gradient, backward_likelihood, inner
from benchmark.lab.methods.catalogue import METHODS
from benchmark.lab.methods.fm import FlowMatching, flow_matching
from benchmark.lab.methods.method import ways_back
from benchmark.lab.methods.rl import PolicyGradient
from benchmark.lab.methods.rl_t import TrustRegion, trust_region_step
from benchmark.lab.methods.soft_q import SoftQ, soft_targets
from benchmark.lab.methods.sub_eb import SubEB, evaluation_balance
from benchmark.lab.policies import tables
from benchmark.lab.sampling import concatenated, sample_backward, sample_forward
from benchmark.lab.suite import method_class
from benchmark.lab.train import Silent, build_view, train
from benchmark.lab.worlds.catalogue import load_world

SQUARES = ("tb", "vargrad", "db", "subtb", "fm", "soft_q")
WORLDS = [name for name in TINY if name != "bits"]


def view_of(name, graph, log_backward, *, solved=True, **settings):
    """A method with everything it needs on all trajectories of a world, at the exact solution or at random weights."""
    method = method_class(METHODS[name])(**settings)
    networks = tabular(graph, method.needs | {"backward"})
    if solved:
        solve(networks, graph, log_backward, edge_flows=name in ("fm", "soft_q"))
    else:
        put(networks.backward_policy, log_backward)
    view = build_view(networks, paths_of(graph, trajectories(graph)), networks, learn_backward=True)
    return method, view


def backward_of(graph, kind):
    return exact.uniform_backward(graph) if kind == "uniform" else random_backward(graph)


@pytest.mark.parametrize("kind", ["uniform", "random"])
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", SQUARES)
def test_the_loss_is_zero_at_the_exact_solution_of_any_backward_policy(name, world, kind):
    graph = TINY[world]()
    method, view = view_of(name, graph, backward_of(graph, kind))
    found = method.loss(view)
    assert float(found.total.detach()) == pytest.approx(0, abs=1e-10)
    assert float(found.metrics["gfn/log_z"]) == pytest.approx(exact.log_z(graph), abs=1e-6)
    found.total.backward()
    assert all(p.grad is None or p.grad.abs().max() < 1e-5 for p in view.networks.parameters())


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", [name for name in SQUARES if name != "vargrad"])
def test_and_nowhere_near_it(name, world):
    graph = TINY[world]()
    method, view = view_of(name, graph, backward_of(graph, "random"), solved=False)
    assert float(method.loss(view).total.detach()) > 0.1


class TestBrokenCopies:
    """Each mistake is made on the batch of the exact solution, where the right loss is 0."""

    def loss(self, name, change, world="grid"):
        graph = TINY[world]()
        method, view = view_of(name, graph, exact.uniform_backward(graph))
        return float(method.loss(change(graph, view)).total.detach())

    @pytest.mark.parametrize("name", ["tb", "db", "subtb"])
    def test_the_sign_of_the_backward_policy(self, name):
        broken = self.loss(name, lambda _, v: replace(v, batch=replace(v.batch, ref_logp=-v.batch.ref_logp)))
        assert broken > 0.1

    @pytest.mark.parametrize("name", ["tb", "vargrad", "db", "subtb", "soft_q"])
    def test_a_missing_backward_policy(self, name):
        nothing = self.loss(name, lambda _, v: replace(v, batch=replace(v.batch, ref_logp=0 * v.batch.ref_logp)))
        assert nothing > 0.05

    @pytest.mark.parametrize("name", ["tb", "db", "subtb", "soft_q"])
    def test_a_wrong_count_of_parents(self, name):
        """1/D for every cell of a grid, also on its edge where there is one way back."""

        def change(graph, view):
            onward = view.paths.actions != view.world.stop
            halves = torch.where(onward, -math.log(graph.parent.shape[1]), 0.0)
            return replace(view, batch=replace(view.batch, ref_logp=halves))

        assert self.loss(name, change) > 0.05

    @pytest.mark.parametrize("name", ["tb", "db", "subtb"])
    def test_a_mask_that_takes_padding_for_actions(self, name):
        def change(_, view):
            everything = torch.ones_like(view.batch.mask)
            logp = torch.where(view.batch.mask.bool(), view.now.logp, -1.0)
            return replace(
                view,
                now=replace(view.now, logp=logp),
                batch=replace(view.batch, mask=everything, tokens=float(everything.sum())),
            )

        assert self.loss(name, change) > 0.05

    @pytest.mark.parametrize("name", ["tb", "vargrad", "db", "subtb", "fm", "soft_q"])
    def test_the_sign_of_the_reward(self, name):
        assert self.loss(name, lambda _, v: replace(v, batch=replace(v.batch, reward=-v.batch.reward))) > 0.1

    def test_flow_matching_with_one_parent_left_out(self):
        graph = TINY["grid"]()
        _, view = view_of("fm", graph, exact.uniform_backward(graph))
        undoable = view.world.undoable.clone()
        undoable[undoable.sum(1) > 1, 0] = False
        world = replace(view.world, undoable=undoable)
        assert float(FlowMatching().loss(replace(view, world=world)).total.detach()) > 0.05


def brute_db(graph, chosen, forward, backward, flow):
    squares = []
    for states, actions in chosen:
        for t, action in enumerate(actions):
            if t + 1 < len(states):
                after = states[t + 1]
                goal = flow[after] + backward[after, graph.slot[action]]
            else:
                goal = graph.log_reward[states[-1]]
            squares.append((flow[states[t]] + forward[states[t], action] - goal) ** 2)
    return squares


@pytest.mark.parametrize("world", WORLDS)
def test_losses_and_gradients_against_a_loop_over_trajectories(world):
    """TB, DB and SubTB(λ → ∞, 1 pair) written out with Python loops and compared in value and gradient."""
    graph = TINY[world]()
    chosen = trajectories(graph)[::3]
    for name in ("tb", "db"):
        method = method_class(METHODS[name])()
        networks = tabular(graph, method.needs | {"backward"})
        view = build_view(networks, paths_of(graph, chosen), learn_backward=True)
        ours = torch.autograd.grad(method.loss(view).total, list(networks.parameters()), allow_unused=True)
        every = torch.arange(graph.states)
        forward, backward = networks.log_forward(every), networks.log_backward(every)
        if name == "tb":
            deltas = [
                networks.log_z
                + log_prob(each, forward)
                - graph.log_reward[each[0][-1]]
                - log_back(graph, each, backward)
                for each in chosen
            ]
            brute = torch.stack([delta**2 for delta in deltas]).mean()
        else:
            flow = networks.read(networks.flow, every).squeeze(-1)
            brute = torch.stack(brute_db(graph, chosen, forward, backward, flow)).mean()
        theirs = torch.autograd.grad(brute, list(networks.parameters()), allow_unused=True)
        assert float(method.loss(view).total.detach()) == pytest.approx(float(brute.detach()), rel=1e-9)
        for one, other in zip(ours, theirs, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def kl_gradient(graph, networks, log_backward):
    """∇ KL(P_F‖P_B·R/Z) over all trajectories, and the KL."""
    forward = networks.log_forward(torch.arange(graph.states))
    chosen = trajectories(graph)
    logp = torch.stack([log_prob(each, forward) for each in chosen])
    goal = torch.tensor(
        [graph.log_reward[each[0][-1]] + log_back(graph, each, log_backward) - exact.log_z(graph) for each in chosen]
    )
    kl = (logp.exp() * (logp - goal)).sum()
    return torch.autograd.grad(kl, list(networks.policy.parameters())), float(kl.detach())


@pytest.mark.parametrize("world", ["grid", "any_order", "bayes_net"])
def test_the_expected_gradient_of_tb_is_twice_that_of_the_kl(world):
    graph = TINY[world]()
    method = method_class(METHODS["tb"])()
    networks = tabular(graph, method.needs, spread=0.3)
    exact_gradient, _ = kl_gradient(graph, networks, exact.uniform_backward(graph))
    expected = [torch.zeros_like(p) for p in networks.policy.parameters()]
    forward = networks.log_forward(torch.arange(graph.states)).detach()
    for each in trajectories(graph):
        view = build_view(networks, paths_of(graph, [each]))
        found = torch.autograd.grad(method.loss(view).total, list(networks.policy.parameters()))
        p = math.exp(float(log_prob(each, forward)))
        expected = [total + p * one for total, one in zip(expected, found, strict=True)]
    for one, other in zip(expected, exact_gradient, strict=True):
        torch.testing.assert_close(one, 2 * other, rtol=1e-6, atol=1e-9)


def sampled_view(graph, networks, rows=60_000):
    table = networks.log_forward(torch.arange(graph.states)).exp().detach().numpy()
    paths = sample_forward(networks.world, table.__getitem__, rows, np.random.default_rng(0))
    return build_view(networks, paths)


@pytest.mark.parametrize("name", ["rl", "sub_eb"])
def test_policy_gradients_point_along_the_kl(name):
    """60,000 trajectories with a wrong critic and a wrong log Z: unbiased for λ = 1, centred over the batch."""
    graph = TINY["grid"]()
    method = method_class(METHODS[name])(lam=1.0)
    networks = tabular(graph, method.needs, spread=0.3)
    view = sampled_view(graph, networks)
    ours = torch.autograd.grad(method.loss(view).total, list(networks.policy.parameters()))
    theirs, _ = kl_gradient(graph, networks, exact.uniform_backward(graph))
    one, other = (torch.cat([g.flatten() for g in each]) for each in (ours, theirs))
    cosine = float(one @ other / one.norm() / other.norm())
    assert cosine > 0.98, "a flipped sign of the costs gives −0.98"
    assert float(one @ other / other.norm() ** 2) == pytest.approx(1, abs=0.1)


def test_policy_gradients_move_log_z_by_the_mean_residual():
    graph = TINY["grid"]()
    method = PolicyGradient()
    networks = tabular(graph, method.needs)
    view = build_view(networks, paths_of(graph, trajectories(graph)))
    found = torch.autograd.grad(method.loss(view).total, networks.log_z)[0]
    residual = [
        float(networks.log_z.detach())
        + float(log_prob(each, networks.log_forward(torch.arange(graph.states)).detach()))
        - graph.log_reward[each[0][-1]]
        - log_back(graph, each, exact.uniform_backward(graph))
        for each in trajectories(graph)
    ]
    assert float(found) == pytest.approx(np.mean(residual), rel=1e-9)


def test_the_evaluator_of_sub_eb_is_in_balance_at_the_exact_solution_and_only_there():
    graph = TINY["grid"]()
    networks = tabular(graph, SubEB().needs)
    solve(networks, graph, exact.uniform_backward(graph))
    view = build_view(networks, paths_of(graph, trajectories(graph)))
    assert float(evaluation_balance(view.now.value, view.batch, 0.9).detach()) == pytest.approx(0, abs=1e-12)
    assert float(evaluation_balance(-view.now.value, view.batch, 0.9).detach()) > 0.1
    value = networks.value[-1].weight
    gradient = torch.autograd.grad(SubEB().loss(view).total, value)[0]
    assert gradient.abs().max() < 1e-6


def test_soft_targets_by_hand():
    """log P_B + soft value on the way, log R at the end."""
    y = soft_targets(
        torch.tensor([[-0.5, 0.0]]), torch.tensor([[2.0, 9.0]]), torch.tensor([[False, True]]), torch.tensor([0.7])
    )
    assert y[0].tolist() == pytest.approx([1.5, 0.7])


def test_flow_matching_by_hand():
    """One inner state with 1.0 in and 0.5 out, one object with 2.0 against log R 1.0: (0.25 + 1)/2."""
    loss = flow_matching(
        torch.tensor([[9.0, 1.0]]),
        torch.tensor([[9.5, 0.5]]),
        torch.tensor([[0.0, 1.0]]),
        torch.tensor([2.0]),
        torch.tensor([1.0]),
    )
    assert float(loss) == pytest.approx(0.625)


class TestBackward:
    def test_maximum_likelihood_by_enumeration(self):
        graph = TINY["any_order"]()
        networks = tabular(graph, {"backward"})
        chosen = trajectories(graph)
        table = networks.log_backward(torch.arange(graph.states))
        expected = -torch.stack([log_back(graph, each, table) for each in chosen]).mean()
        assert float(backward_likelihood(networks, paths_of(graph, chosen)).detach()) == pytest.approx(
            float(expected.detach())
        )

    def test_a_uniform_backward_policy_counts_the_ways_that_are_there(self):
        graph = TINY["grid"]()
        networks = tabular(graph, set())
        paths = paths_of(graph, [((0, 1, 4, 4 + 1), (1, 0, 1, graph.actions - 1))])  # (0,0) (0,1) (1,1) (1,2) stop
        assert ways_back(networks, paths)[0].tolist() == pytest.approx([0, -math.log(2), -math.log(2), 0])

    @pytest.mark.parametrize("flip", [1, -1])
    def test_rl_b_points_along_the_kl_to_the_forward_policy(self, flip):
        """∇ of Σ_x p(x)·KL(P_B(·|x)‖P_F) by enumeration; with the costs' sign flipped it points away."""
        graph = TINY["any_order"]()
        networks = tabular(graph, {"backward", "backward_value"}, spread=0.3)
        objects = np.flatnonzero(graph.ends)
        forward = networks.log_forward(torch.arange(graph.states)).detach()
        backward = networks.log_backward(torch.arange(graph.states))
        chosen = trajectories(graph)
        logp = torch.stack([log_back(graph, each, backward) for each in chosen])
        goal = torch.stack([log_prob(each, forward) for each in chosen])
        kl = (logp.exp() * (logp - goal)).sum() / len(objects)
        exact_gradient = torch.autograd.grad(kl, networks.backward_policy[-1].weight)[0].flatten()
        table = networks.log_backward(torch.arange(graph.states)).exp().detach().numpy()
        repeated = torch.from_numpy(np.tile(objects, 5000))
        drawn = sample_backward(networks.world, table.__getitem__, repeated, np.random.default_rng(0))
        goal_logp = forward[drawn.states, drawn.actions]
        own = ways_back(networks, drawn)
        cost_goal = goal_logp if flip > 0 else 2 * own.detach() - goal_logp
        value = networks.read(networks.backward_value, drawn.following).squeeze(-1)
        loss = backward_gradient(own, cost_goal, value, inner(drawn, networks.world.stop))
        ours = torch.autograd.grad(loss, networks.backward_policy[-1].weight)[0].flatten()
        cosine = float(ours @ exact_gradient / ours.norm() / exact_gradient.norm())
        assert flip * cosine > 0.97

    def test_the_guide_of_a_grid_rarely_stops_where_the_reward_is_low(self):
        graph = load_world("grid_8x8")
        networks = tabular(graph, {"backward", "backward_value"}, spread=0.0)
        guide = Guide(networks.world, "guided")
        stop = graph.actions - 1
        low, high = 3 * 8 + 3, int(np.flatnonzero(graph.mode)[0])
        paths = paths_of(graph, [((low,), (stop,)), ((high,), (stop,))])
        found = guide.log_prob(networks, paths)[:, 0].exp()
        assert float(found[0]) == pytest.approx(1e-5 / (2 + 1e-5))
        assert float(found[1]) == pytest.approx(1 / 3)

    def test_the_guide_of_sequences_follows_the_mean_reward_seen(self):
        graph = TINY["any_order"]()
        networks = tabular(graph, {"backward", "backward_value"}, spread=0.0)
        guide = Guide(networks.world, "guided")
        chosen = trajectories(graph)[:1]
        guide.remember(paths_of(graph, chosen))
        seen = guide.log_prob(networks, paths_of(graph, chosen))[0]
        assert seen.exp()[:-1].sum() == pytest.approx(1 / 6 + 1 / 4 + 1 / 2)  # one reward seen: all means are equal
        assert float(seen[-1]) == pytest.approx(0)


class TestSampling:
    def test_forward_frequencies_are_the_exact_distribution(self):
        graph = TINY["bayes_net"]()
        networks = tabular(graph, set(), spread=0.5)
        paths = sampled_view(graph, networks).paths
        exact_p = exact.terminal(graph, networks.whole_forward())
        seen = np.bincount(paths.last.numpy(), minlength=graph.states) / len(paths.last)
        assert np.abs(seen - exact_p).sum() / 2 < 0.02

    def test_backward_frequencies_are_the_exact_ways(self):
        graph = TINY["grid"]()
        networks = tabular(graph, {"backward"})
        table = networks.log_backward(torch.arange(graph.states)).exp().detach().numpy()
        objects = torch.full((40_000,), 8)  # (2, 2)
        paths = sample_backward(networks.world, table.__getitem__, objects, np.random.default_rng(0))
        log_backward = np.log(np.maximum(table, 1e-300))
        for each in trajectories(graph):
            if each[0][-1] == 8:
                same = (paths.states == torch.tensor(each[0])).all(1)
                assert float(same.double().mean()) == pytest.approx(
                    math.exp(log_back(graph, each, log_backward)), abs=0.01
                )

    def test_a_backward_trajectory_is_one_in_forward_order(self):
        graph = TINY["both_ends"]()
        world = tables(graph)
        uniform = np.exp(exact.uniform_backward(graph)).astype(np.float32)
        objects = torch.from_numpy(np.flatnonzero(graph.ends))
        paths = sample_backward(world, uniform.__getitem__, objects, np.random.default_rng(1))
        known = set(trajectories(graph))
        for states, actions, mask in zip(
            paths.states.tolist(), paths.actions.tolist(), paths.mask.tolist(), strict=True
        ):
            n = int(sum(mask))
            assert (tuple(states[:n]), tuple(actions[:n])) in known

    def test_batches_of_different_length_are_padded_alike(self):
        graph = TINY["grid"]()
        chosen = trajectories(graph)
        short, long = paths_of(graph, chosen[:1]), paths_of(graph, chosen[-3:])
        both = concatenated(short, long)
        again = paths_of(graph, [chosen[0], *chosen[-3:]])
        for name in ("states", "actions", "mask"):
            assert (getattr(both, name) == getattr(again, name)).all()


class TestTrustRegion:
    def test_the_step_lowers_the_surrogate_within_its_radius(self):
        graph = TINY["grid"]()
        method = TrustRegion(radius=0.02)
        networks = tabular(graph, method.needs, spread=0.3)
        view = sampled_view(graph, networks, rows=4000)
        every = torch.arange(graph.states)
        before = networks.log_forward(every).detach()
        start = exact.distances(graph, exact.terminal(graph, networks.whole_forward())).kl
        found = trust_region_step(view, method)
        after = networks.log_forward(every).detach()
        visited = view.paths.states, view.paths.mask
        kl = ((before.exp() * (before - after)).sum(-1)[visited[0]] * visited[1]).sum(1).mean()
        share = found["trust/step_share"]
        assert share in (1, 0.5)
        assert 0 < float(kl) <= 0.02
        assert float(kl) == pytest.approx(share**2 * 0.02, rel=0.3), "½·xᵀHx of the whole step is δ"
        assert exact.distances(graph, exact.terminal(graph, networks.whole_forward())).kl < start


class TestTraining:
    def run(self, name, world="grid_8x8", steps=60, seed=0, **settings):
        watch = Silent()
        method = method_class(METHODS[name])(**settings)
        training = Training(steps=steps, prompts_per_step=1, group_size=64, learning_rate=3e-3, probe_every=steps)
        trained = train(tables(load_world(world)), method, training, seed, watch)
        return watch.steps, trained

    @pytest.mark.parametrize("name", METHODS)
    def test_every_method_comes_nearer_to_its_target(self, name):
        steps, trained = self.run(name, "bayes_net_3" if name == "soft_q" else "grid_8x8", steps=150)
        assert steps[-1][1]["kl_to_target"] < 0.7 * steps[0][1]["kl_to_target"]
        assert trained.trajectories == 150 * 64

    @pytest.mark.parametrize(
        "settings",
        [
            {"backward": "same_loss"},
            {"backward": "max_likelihood"},
            {"backward": "policy_gradient"},
            {"backward": "guided"},
            {"epsilon": 0.1},
            {"replay": 0.5},
        ],
        ids=str,
    )
    def test_with_every_backward_policy_and_exploration(self, settings):
        steps, trained = self.run("tb", steps=150, **settings)
        assert steps[-1][1]["kl_to_target"] < 0.7 * steps[0][1]["kl_to_target"]
        if "backward" in settings:
            assert np.ptp(np.exp(trained.networks.whole_backward())[9]) > 1e-3, "it has moved away from uniform"

    def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(self):
        one, other, third = (self.run("tb", steps=10, seed=seed)[0] for seed in (0, 0, 1))
        assert one == other != third

    def test_with_the_same_seed_all_methods_start_from_the_same_policy(self):
        starts = [self.run(name, steps=1)[0][0][1]["total_variation"] for name in ("tb", "rl", "fm")]
        assert len(set(starts)) == 1

    def test_a_loss_that_is_not_finite_ends_the_training(self):
        with pytest.raises(Diverged, match="not finite at step"):
            self.run("tb", steps=400, log_z_rate=1e30)

    def test_whole_reading_and_reading_by_state_agree(self):
        graph = TINY["grid"]()
        networks = tabular(graph, set())
        states = torch.tensor([[0, 3], [3, 8]])
        unique, places = torch.unique(states, return_inverse=True)
        by_state = networks.policy(networks.world.features[unique])[places]
        torch.testing.assert_close(networks.read(networks.policy, states), by_state)

    def test_soft_q_needs_its_slow_copy(self):
        assert "slow" in SoftQ().networks


class TestRefusals:
    def test_policy_gradients_take_their_own_trajectories_only(self):
        assert "set epsilon and replay to 0" in PolicyGradient(epsilon=0.1).refuses(is_tree=False)
        assert PolicyGradient().refuses(is_tree=True) is None

    def test_a_tree_has_no_backward_policy_to_learn(self):
        assert "one way only" in method_class(METHODS["tb"])(backward="same_loss").refuses(is_tree=True)

    def test_flow_matching_has_no_backward_policy(self):
        assert "expected one of uniform" in FlowMatching(backward="same_loss").refuses(is_tree=False)
