"""Worlds and their exact answers: published counts and normalisers, and dynamic programming against enumeration."""

import itertools
import math

import numpy as np
import pytest
from lab_worlds import TINY, log_back, log_prob, random_backward, trajectories
from scipy.stats import multivariate_t

from benchmark.errors import DataUnavailable, MalformedRow, UnknownName
from benchmark.lab import exact
from benchmark.lab.worlds.bayes_net import bayes_net, every_dag
from benchmark.lab.worlds.bge import linear_gaussian, local_scores
from benchmark.lab.worlds.bits import bits
from benchmark.lab.worlds.catalogue import TREES, WORLDS, load_world
from benchmark.lab.worlds.graph import NONE, make_graph
from benchmark.lab.worlds.hypergrid import hypergrid
from benchmark.lab.worlds.sequence import any_order, both_ends, finished
from benchmark.lab.worlds.tfbind import read_tfbind8

GRIDS = [  # D, H, R0, Z, log Z, cells of the highest reward
    (2, 8, 0.1, 22.4, 3.1090609589, 4),
    (2, 8, 0.01, 16.64, 2.8118094354, 4),
    (2, 8, 0.001, 16.064, 2.776580, 4),
    (4, 8, 0.1, 569.6, 6.3449343601, 16),
    (4, 8, 0.01, 200.96, 5.3031058833, 16),
    (4, 8, 0.001, 164.096, 5.1004516224, 16),
    (2, 16, 0.1, 65.6, 4.183575696, 4),
    (2, 16, 0.01, 42.56, 3.750914845, 4),
    (2, 64, 0.01, 840.96, 6.7345440964, 144),
    (2, 128, 0.01, 3563.84, 8.178594, 676),
    (2, 256, 0.01, None, 9.535850, 2500),
    (3, 32, 0.01, 2807.68, 7.940114, 216),
    (4, 16, 0.01, 2735.36, 7.914018, 16),
    (4, 20, 0.01, 7112.0, 8.869539, 256),
    (3, 64, 0.01, None, 10.019555, 1728),
]


@pytest.mark.parametrize(("ndim", "height", "r0", "z", "log_z", "modes"), GRIDS)
def test_the_normaliser_of_every_grid(ndim, height, r0, z, log_z, modes):
    """With k outer and b band values of an axis, Z = R0·H^D + 0.5·k^D + 2·b^D: counted here value by value."""
    u = [abs(2 * x - (height - 1)) for x in range(height)]
    k = sum(2 * each > height - 1 for each in u)
    b = sum(3 * (height - 1) < 5 * each < 4 * (height - 1) for each in u)
    by_hand = r0 * height**ndim + 0.5 * k**ndim + 2 * b**ndim
    graph = hypergrid(ndim, height, r0)
    assert math.exp(exact.log_z(graph)) == pytest.approx(by_hand, rel=1e-12)
    assert z is None or by_hand == pytest.approx(z, rel=1e-10)
    assert exact.log_z(graph) == pytest.approx(log_z, abs=1e-6)
    assert graph.mode.sum() == modes == b**ndim


def test_the_band_of_the_grid_of_sixteen_holds_two_values_an_axis():
    """u = 15, 13, 11, 9, …: 45 < 5u < 60 leaves u = 11 on either side; naive floats also let 9 and its like in."""
    assert hypergrid(1, 16).mode.sum() == 2


@pytest.mark.parametrize(("nodes", "count"), [(2, 3), (3, 25), (4, 543), (5, 29281)])
def test_the_directed_acyclic_graphs_are_counted(nodes, count):
    graphs, codes = every_dag(nodes)
    assert len(graphs) == count == len(set(codes.tolist()))
    power = graphs.astype(np.int64)
    for _ in range(nodes):
        power = np.minimum(power @ graphs.astype(np.int64), 1)
    assert not power.any(), "a walk of more than n edges is a circle"


def test_more_nodes_than_can_be_listed_are_refused():
    with pytest.raises(ValueError, match="6 nodes: expected 2 to 5"):
        every_dag(6)


LARGE = {"sequence_8x4", "sequence_10x4_ends", "grid_64x64x64", "grid_20x20x20x20"}
"""160,000 to 1,398,101 states: seconds to build."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.slow] if one in LARGE else []) for one in WORLDS if one != "tfbind8"],
)
def test_every_world_of_the_catalogue_is_sound(name):
    graph = load_world(name)
    assert graph.is_tree == (name in TREES)
    assert graph.mode.any()
    assert graph.mode[graph.ends].sum() == graph.mode.sum()
    assert graph.features.max() == 1
    if graph.states <= 5000:
        assert len(np.unique(graph.features, axis=0)) == graph.states


def test_an_unknown_world_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'grid_8x8'"):
        load_world("grid_8x9")


@pytest.mark.parametrize("name", TINY)
class TestAgainstEnumeration:
    def policy(self, graph):
        logits = np.where(graph.allowed, np.random.default_rng(1).normal(size=graph.allowed.shape), -np.inf)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def test_the_terminal_distribution_is_the_sum_over_trajectories(self, name):
        graph = TINY[name]()
        forward = self.policy(graph)
        summed = np.zeros(graph.states)
        passed = np.zeros(graph.states)
        for each in trajectories(graph):
            p = math.exp(log_prob(each, forward))
            summed[each[0][-1]] += p
            passed[list(each[0])] += p
        assert exact.terminal(graph, forward) == pytest.approx(summed, abs=1e-12)
        assert exact.reach(graph, forward) == pytest.approx(passed, abs=1e-12)
        assert summed.sum() == pytest.approx(1)

    @pytest.mark.parametrize("backward", ["uniform", "random"])
    def test_flows_and_marginals_are_sums_over_trajectories(self, name, backward):
        graph = TINY[name]()
        log_backward = exact.uniform_backward(graph) if backward == "uniform" else random_backward(graph)
        passed = np.zeros(graph.states)
        for each in trajectories(graph):
            passed[list(each[0])] += math.exp(graph.log_reward[each[0][-1]] + log_back(graph, each, log_backward))
        assert np.exp(exact.log_flows(graph, log_backward)) == pytest.approx(passed, rel=1e-10)
        assert exact.marginals(graph, log_backward) == pytest.approx(passed / passed[0], rel=1e-10)
        assert exact.log_flows(graph, log_backward)[0] == pytest.approx(exact.log_z(graph), abs=1e-12)

    @pytest.mark.parametrize("backward", ["uniform", "random"])
    def test_the_exact_policy_is_in_balance_and_samples_the_target(self, name, backward):
        graph = TINY[name]()
        log_backward = exact.uniform_backward(graph) if backward == "uniform" else random_backward(graph)
        forward, flows = exact.forward_policy(graph, log_backward), exact.log_flows(graph, log_backward)
        assert np.abs(exact.balance_residuals(graph, forward, log_backward, flows)).max() < 1e-12
        found = exact.distances(graph, exact.terminal(graph, forward))
        assert found.total_variation < 1e-12
        assert found.jensen_shannon == pytest.approx(0, abs=1e-12)
        assert found.kl == pytest.approx(0, abs=1e-12)
        off = flows.copy()
        off[-1] += 0.1
        assert np.abs(exact.balance_residuals(graph, forward, log_backward, off)).max() == pytest.approx(0.1)

    def test_ways_back_undo_actions(self, name):
        graph = TINY[name]()
        for state, action in zip(*np.nonzero(graph.child != NONE), strict=True):
            after = graph.child[state, action]
            assert graph.parent[after, graph.slot[action]] == state
            assert graph.parent_action[after, graph.slot[action]] == action
        assert (graph.parent != NONE).sum() == (graph.child != NONE).sum()


def test_ways_to_an_object():
    """A sequence of 3 letters has 3! ways in any order and 2·2·2 from both ends; a graph of m edges m! ways."""
    for graph, ways in ((any_order(3, 2), 6), (both_ends(3, 2), 8), (bits(8, 4), 1)):
        count = np.zeros(graph.states)
        for states, _ in trajectories(graph):
            count[states[-1]] += 1
        assert set(count[graph.ends]) == {ways}
    graph = bayes_net(3, 2)
    count = np.zeros(graph.states)
    for states, _ in trajectories(graph):
        count[states[-1]] += 1
    assert count.tolist() == [math.factorial(edges) for edges in graph.depth]


def test_distances_by_hand():
    """Two objects with R 3 : 1 and p ½ : ½: TV ¼, KL ½·log(½·4/3) + ½·log(½·4/1)."""
    child = np.array([[1, 2], [NONE, NONE], [NONE, NONE]], np.int32)
    graph = make_graph(
        "two",
        child,
        np.array([0, 1], np.int32),
        2,
        np.array([-np.inf, math.log(3), 0.0]),
        np.eye(3, dtype=np.uint8),
        np.array([False, True, False]),
        str,
    )
    found = exact.distances(graph, np.array([0, 0.5, 0.5]))
    assert found.total_variation == pytest.approx(0.25)
    assert found.kl == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    m = (0.625, 0.375)
    js = 0.5 * (0.5 * math.log(0.5 / m[0]) + 0.5 * math.log(0.5 / m[1]))
    js += 0.5 * (0.75 * math.log(0.75 / m[0]) + 0.25 * math.log(0.25 / m[1]))
    assert found.jensen_shannon == pytest.approx(js)
    assert (found.mean_reward, found.mode_mass) == (pytest.approx(2), 0.5)


def test_a_table_that_is_no_graph_is_refused():
    rest = (np.zeros(1, np.int32), 1, np.zeros(2), np.eye(2, dtype=np.uint8), np.zeros(2, np.bool_), str)
    with pytest.raises(ValueError, match="cannot be reached"):
        make_graph("broken", np.full((2, 1), NONE, np.int32), *rest)
    three = np.array([[1, 2], [2, NONE], [NONE, NONE]], np.int32)  # 0 → 2 and 0 → 1 → 2
    rest = (np.array([0, 1], np.int32), 2, np.zeros(3), np.eye(3, dtype=np.uint8), np.zeros(3, np.bool_), str)
    with pytest.raises(ValueError, match="two depths"):
        make_graph("broken", three, *rest)
    two = np.array([[1, 1], [NONE, NONE]], np.int32)
    rest = (np.zeros(2, np.int32), 1, np.zeros(2), np.eye(2, dtype=np.uint8), np.zeros(2, np.bool_), str)
    with pytest.raises(ValueError, match="undone in the same way"):
        make_graph("broken", two, *rest)
    rest = (
        np.array([0, 1], np.int32),
        2,
        np.array([0, -np.inf]),
        np.eye(2, dtype=np.uint8),
        np.zeros(2, np.bool_),
        str,
    )
    with pytest.raises(ValueError, match="neither an action nor a stop"):
        make_graph("broken", two, *rest)


class TestBGe:
    def test_the_full_graph_has_the_evidence_of_a_normal_with_unknown_mean_and_precision(self):
        """Predictive densities one row after another: multivariate t with the normal-Wishart's updated parameters."""
        _, data = linear_gaussian(3, 3, 6, seed=4)
        n, u, w = 3, 1.0, 5.0
        t = u * (w - n - 1) / (u + 1)
        mean, scatter, strength, freedom = np.zeros(n), t * np.eye(n), u, w
        evidence = 0.0
        for row in data:
            df = freedom - n + 1
            evidence += multivariate_t.logpdf(row, mean, scatter * (strength + 1) / (strength * df), df)
            scatter = scatter + strength / (strength + 1) * np.outer(row - mean, row - mean)
            mean = (strength * mean + row) / (strength + 1)
            strength, freedom = strength + 1, freedom + 1
        local = local_scores(data)
        assert local[0, 0b000] + local[1, 0b001] + local[2, 0b011] == pytest.approx(evidence, abs=1e-9)

    def test_graphs_with_the_same_independences_have_the_same_score(self):
        _, data = linear_gaussian(3, 2, 50, seed=1)
        local = local_scores(data)
        chains = [
            local[0, 0] + local[1, 0b001] + local[2, 0b010],  # 0 → 1 → 2
            local[2, 0] + local[1, 0b100] + local[0, 0b010],  # 0 ← 1 ← 2
            local[1, 0] + local[0, 0b010] + local[2, 0b010],  # 0 ← 1 → 2
        ]
        collider = local[0, 0] + local[2, 0] + local[1, 0b101]
        assert chains == pytest.approx([chains[0]] * 3)
        assert abs(collider - chains[0]) > 0.05
        full = [
            sum(local[order[i], sum(1 << before for before in order[:i])] for i in range(3))
            for order in itertools.permutations(range(3))
        ]
        assert full == pytest.approx([full[0]] * 6)

    def test_a_node_is_not_its_own_parent(self):
        _, data = linear_gaussian(2, 1, 5, seed=0)
        assert local_scores(data)[0, 0b01] == -np.inf

    def test_the_drawn_graph_has_its_edges_and_is_among_the_best(self):
        truth, data = linear_gaussian(4, 4, 5000, seed=0)
        assert truth.sum() == 4
        graphs, _ = every_dag(4)
        local = local_scores(data)
        masks = (graphs * (1 << np.arange(4))[:, None]).sum(axis=1)
        scores = local[np.arange(4), masks].sum(axis=1)
        own = scores[[bool((graph == truth).all()) for graph in graphs]]
        assert (scores > own + 1e-6).mean() < 0.02


class TestLandscape:
    def test_both_constructions_have_the_same_objects_and_rewards(self):
        one, other = any_order(4, 3, seed=5), both_ends(4, 3, seed=5)
        by_text = [
            {graph.describe(s): graph.log_reward[s] for s in np.flatnonzero(graph.ends)} for graph in (one, other)
        ]
        assert len(by_text[0]) == 81
        assert by_text[0] == pytest.approx(by_text[1])
        modes = [{graph.describe(s) for s in np.flatnonzero(graph.mode)} for graph in (one, other)]
        assert modes[0] == modes[1]

    def test_the_seed_decides_and_there_are_several_modes(self):
        rewards = [any_order(5, 4, seed=seed) for seed in (0, 0, 1)]
        assert (rewards[0].log_reward == rewards[1].log_reward).all()
        assert (rewards[0].log_reward != rewards[2].log_reward).any()
        assert all(graph.mode.sum() >= 2 for graph in rewards)
        assert math.exp(rewards[0].log_reward.max()) == pytest.approx(10)

    def test_a_mode_is_improved_by_no_single_letter(self):
        graph = any_order(4, 3)
        ends = np.flatnonzero(graph.ends)
        texts = {graph.describe(s): graph.log_reward[s] for s in ends}
        for state in np.flatnonzero(graph.mode):
            text = graph.describe(state)
            neighbours = [text[:i] + letter + text[i + 1 :] for i in range(4) for letter in "ACG"]
            assert max(texts[each] for each in neighbours) == texts[text]


class TestTFBind8:
    def table(self, folder, lines):
        (folder / "tfbind8.txt").write_text("\n".join(lines), encoding="utf-8")

    def test_half_of_each_pair_of_complements_is_enough(self, tmp_path):
        texts = ["".join("ACGT"[d] for d in row) for row in finished(8, 4)]
        complement = {text: text.translate(str.maketrans("ACGT", "TGCA"))[::-1] for text in texts}
        half = [text for text in texts if text <= complement[text]]
        self.table(tmp_path, ["8-mer\t8-mer.1\tE-score", *(f"{t}\t{complement[t]}\t{i}" for i, t in enumerate(half))])
        found = read_tfbind8(tmp_path)
        assert found.shape == (65536,)
        assert (found.min(), found.max()) == (0, 1)
        assert found[texts.index("AAAAAAAA")] == found[texts.index("TTTTTTTT")] == 0
        assert found[texts.index(half[1])] == pytest.approx(1 / (len(half) - 1))

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            (["a,b", "AAAAAAAA,1"], ":1: expected a column called E-score"),
            (["8-mer,E-score", "AAAAAAAN,1"], ":2: expected 8 letters"),
            (["8-mer,E-score", "AAAAAAAA,high"], ":2: no number in column 2"),
            (["8-mer,E-score", "AAAAAAAA,nan"], ":2: expected 8 letters of ACGT and a finite number"),
            (["8-mer,E-score", "AAAAAAAA,1"], "65534 of 65536 sequences have no value"),
        ],
    )
    def test_another_table_is_refused_with_its_line(self, tmp_path, lines, said):
        self.table(tmp_path, lines)
        with pytest.raises(MalformedRow, match=said):
            read_tfbind8(tmp_path)

    def test_without_the_table_the_message_says_where_to_put_it(self):
        with pytest.raises(DataUnavailable, match="put the published table there"):
            load_world("tfbind8")


def test_bits_by_hand():
    """8 bits: 00000001 is 1 from 00000000; 01010101 is 4 from all but … the nearest of the five patterns."""
    graph = bits(8, 4)
    reward = {graph.describe(s): graph.log_reward[s] for s in np.flatnonzero(graph.ends)}
    assert reward["00000000"] == reward["00111100"] == 0
    assert reward["00000001"] == -1
    assert reward["01010101"] == -4
    assert graph.mode.sum() == 5
    with pytest.raises(ValueError, match="multiple of 8"):
        bits(12, 4)
