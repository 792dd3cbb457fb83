"""TB and DB of torchgfn beside ours on one batch of one grid, and both trainings' speed; run by `nox -s torchgfn`.

torchgfn needs numpy < 2, so this file runs in an environment of its own and prints what it found. It exits with 1 when
a loss differs by more than 1e-5 of its size, and says by what factor our training step is faster.
"""

from __future__ import annotations

import sys
import time

import torch
from gfn.estimators import DiscretePolicyEstimator, ScalarEstimator
from gfn.gflownet import DBGFlowNet, TBGFlowNet
from gfn.gym import HyperGrid
from gfn.preprocessors import KHotPreprocessor
from gfn.samplers import Sampler
from gfn.utils.modules import MLP

from benchmark.contract import Training
from benchmark.lab.methods.catalogue import METHODS
from benchmark.lab.methods.method import Method
from benchmark.lab.policies import Networks, tables
from benchmark.lab.sampling import Paths
from benchmark.lab.suite import method_class
from benchmark.lab.train import Silent, build_view, train
from benchmark.lab.worlds.hypergrid import hypergrid

HEIGHT, BATCH, STEPS = 8, 128, 100


def theirs() -> tuple[HyperGrid, TBGFlowNet, DBGFlowNet]:
    """A grid with the same rewards, and both losses over the same networks."""
    env = HyperGrid(
        ndim=2,
        height=HEIGHT,
        reward_fn_str="original",
        reward_fn_kwargs={"R0": 0.01, "R1": 0.5, "R2": 2.0},
    )
    pre = KHotPreprocessor(height=HEIGHT, ndim=2)
    module_pf = MLP(input_dim=pre.output_dim, output_dim=env.n_actions, hidden_dim=64, n_hidden_layers=2)
    module_pb = MLP(input_dim=pre.output_dim, output_dim=env.n_actions - 1, hidden_dim=64, n_hidden_layers=2)
    module_f = MLP(input_dim=pre.output_dim, output_dim=1, hidden_dim=64, n_hidden_layers=2)
    pf = DiscretePolicyEstimator(module_pf, env.n_actions, preprocessor=pre)
    pb = DiscretePolicyEstimator(module_pb, env.n_actions, is_backward=True, preprocessor=pre)
    flow = ScalarEstimator(module_f, preprocessor=pre)
    return env, TBGFlowNet(pf=pf, pb=pb, init_logZ=0.5), DBGFlowNet(pf=pf, pb=pb, logF=flow)


class SameNetworks(Networks):
    """Ours, reading torchgfn's modules."""

    def __init__(self, tb: TBGFlowNet, db: DBGFlowNet) -> None:
        super().__init__(tables(hypergrid(2, HEIGHT)), frozenset({"backward", "flow_head", "log_z_head"}), 0)
        self.policy, self.backward_policy, self.flow = tb.pf.module, tb.pb.module, db.logF.module
        with torch.no_grad():
            self.log_z.fill_(float(tb.logZ))


def paths_of(trajectories: object) -> Paths:
    """Their trajectories as ours: the same order of coordinates and actions."""
    cells = trajectories.states.tensor  # [T+1, B, 2]
    actions = trajectories.actions.tensor.squeeze(-1)  # [T, B]
    lengths = trajectories.terminating_idx
    width = actions.shape[0]
    taken = torch.arange(width).unsqueeze(1) < lengths
    index = (cells[:width, :, 0] * HEIGHT + cells[:width, :, 1]).clamp(min=0)
    last = index.gather(0, (lengths - 1).unsqueeze(0))
    return Paths(
        torch.where(taken, index, last).T.contiguous(),
        torch.where(taken, actions, 2).T.contiguous(),
        taken.float().T.contiguous(),
    )


def ours(name: str, networks: Networks, paths: Paths) -> float:
    """Our loss."""
    method: Method = method_class(METHODS[name])()
    return float(method.loss(build_view(networks, paths, learn_backward=True)).total.detach())


def seconds_of_theirs(env: HyperGrid, tb: TBGFlowNet) -> float:
    """A training step of TB, on-policy, as their tutorials write it."""
    sampler = Sampler(estimator=tb.pf)
    optimiser = torch.optim.Adam(
        [{"params": tb.pf_pb_parameters(), "lr": 1e-3}, {"params": tb.logz_parameters(), "lr": 1e-1}]
    )
    start = time.process_time()
    for _ in range(STEPS):
        trajectories = sampler.sample_trajectories(env, n=BATCH, save_logprobs=True)
        optimiser.zero_grad()
        tb.loss(env, trajectories, recalculate_all_logprobs=False).backward()
        optimiser.step()
    return (time.process_time() - start) / STEPS


def seconds_of_ours() -> float:
    """A training step of TB with a learned backward policy, as theirs has."""
    world = tables(hypergrid(2, HEIGHT))
    training = Training(steps=STEPS, prompts_per_step=1, group_size=BATCH, learning_rate=1e-3, probe_every=0)
    method = method_class(METHODS["tb"])(backward="same_loss")
    start = time.process_time()
    train(world, method, training, 0, Silent())
    return (time.process_time() - start) / STEPS


def main() -> int:
    """Print both; the exit code."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    env, tb, db = theirs()
    trajectories = Sampler(estimator=tb.pf).sample_trajectories(env, n=BATCH, save_logprobs=False)
    networks, paths = SameNetworks(tb, db), paths_of(trajectories)
    worst = 0.0
    for name, found in (
        ("tb", tb.loss(env, trajectories, recalculate_all_logprobs=True)),
        ("db", db.loss(env, trajectories.to_transitions(), recalculate_all_logprobs=True)),
    ):
        one, other = float(found.detach()), ours(name, networks, paths)
        worst = max(worst, abs(one - other) / abs(one))
        print(f"{name}: torchgfn {one:.6f}, ours {other:.6f}")
    slow, fast = seconds_of_theirs(env, tb), seconds_of_ours()
    print(f"a step of TB, batch {BATCH}: torchgfn {1000 * slow:.1f} ms, ours {1000 * fast:.1f} ms: {slow / fast:.1f} ×")
    print("losses equal" if worst < 1e-5 else f"losses differ by {worst:.1e}")
    return int(worst >= 1e-5)


if __name__ == "__main__":
    sys.exit(main())
