"""TBA: trajectory balance with asynchrony, learning from a replay buffer of older policies' completions.

Objective    L = (1/B) Σ_i ( log Ẑ_g + Σ_t (log π_θ − log π_ref) − r_i/β )²
             log Ẑ_g = group mean of (r_j/β − Σ_t (log π_θ − log π_ref)),  constant, of the *current* policy
Source       arXiv:2503.18929; bbartoldson/TBA
Differences  one process plays searcher and trainer by turns, so runs repeat bit for bit: the sampling weights are
             refreshed every `sync_every` steps; each group of a batch is fresh with probability `fresh_share`, else an
             older prompt's completions, drawn uniformly from its distinct ones. Groups are identified by index (the
             released code reshapes, which is correct only for one prompt per micro-batch). The warm start of 500
             completions is left out, because it would count against the same budget.
Degenerates  synchronous and all fresh: `gflownet_vargrad` with τ = β, and (2/β)·(G−1)/G times RLOO in gradient. A group
             of copies of one string has no gradient and looks like convergence. With a small fresh share, old failures
             fill the buffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from algorithms._batch import Loss, Need, Now, Rollouts
from algorithms._buffer import Buffer
from algorithms._describe import describe
from algorithms._flow import balance_metrics, group_log_z
from algorithms._heads import Heads
from algorithms._on_policy import OnPolicy, roll_out, update, with_constants
from algorithms._optimiser import Optimiser
from algorithms._pieces import mean_of_rows, sum_of_tokens
from algorithms._ranges import Count, Fraction, Positive
from algorithms._weights import copies, exchanged
from benchmark.contract import Checkpoint, Run, TrainablePolicy
from benchmark.contract.aim import Aim

__all__ = ["TBA"]


@dataclass(frozen=True, slots=True)
class TBA(OnPolicy):
    """VarGrad off-policy, from a replay buffer."""

    paper: ClassVar[str] = "arXiv:2503.18929"
    smallest_group: ClassVar[int] = 2
    beta: Positive = 0.25
    """β, temperature of the target; 0.012 falling to 0.004 in the paper's GSM8K run."""
    fresh_share: Fraction = 0.5
    """m, share of groups from the newest samples; 0.95 in the paper's GSM8K run."""
    sync_every: Count = 4
    """Steps between two refreshes of the sampling weights; 2 in the paper's GSM8K run."""
    buffer_size: Count = 100
    """Completions kept per prompt, as in the paper."""

    @property
    def needs(self) -> frozenset[Need]:
        """The reference, which is part of the target."""
        return frozenset({"reference"})

    def aim(self) -> Aim:
        """The optimum of E[r] − β·KL(π‖π_ref), independent of which policy sampled."""
        return Aim("tempered", self.beta, credit="free_energy")

    def train(self, run: Run) -> Checkpoint:
        """Sample with possibly older weights, learn from the buffer."""
        optimiser = Optimiser(run, Heads(frozenset(), 0, 0), self.learning_rate, None)
        reference, searcher = run.policy.reference(), _Searcher(run.policy)
        buffer = Buffer(self.buffer_size, run.seed("buffer"), run.policy.device)
        done = run.resume(optimiser=optimiser, buffer=buffer, searcher=searcher)
        for step, problems in enumerate(run.batches(), start=done + 1):
            if (step - 1) % self.sync_every == 0:
                searcher.refresh(step, stays=self.sync_every > 1)
            with searcher.weights_in_place():
                fresh = roll_out(run, run.policy, problems, step)
            with run.phase("update"):
                buffer.add([problem.id for problem in problems], fresh, searcher.version)
                batch, ages = buffer.draw(self.fresh_share, step)
                heads = Heads(frozenset(), 0, 0)
                batch = with_constants(run, batch, heads, reference, self.needs)
                metrics = update(run, self.prepare(batch), heads, self, optimiser)
            stale = {"tba/staleness_mean": sum(ages) / len(ages), "tba/staleness_max": float(max(ages))}
            run.log(step, {**describe(fresh), **metrics, **stale, "tba/buffer": float(len(buffer))})
        return optimiser.checkpoint()

    def loss(self, batch: Rollouts, now: Now) -> Loss:
        """The objective above."""
        assert batch.ref_logp is not None
        excess = batch.reward / self.beta - sum_of_tokens(now.logp - batch.ref_logp, batch.mask)  # [B]
        log_z = group_log_z(excess, batch.group_size)
        return Loss(mean_of_rows((log_z - excess) ** 2, batch.rows), balance_metrics(batch, log_z - excess, log_z))


@dataclass(slots=True)
class _Searcher:
    """The weights that sample, as they were at the step `version`."""

    policy: TrainablePolicy
    version: int = 0
    weights: list[Tensor] = field(default_factory=list)
    """Empty where the newest weights sample."""

    def refresh(self, step: int, *, stays: bool) -> None:
        """Take the newest weights; `stays` keeps them while the policy learns on."""
        self.version, self.weights = step, copies(self.policy.trainable) if stays else []

    def weights_in_place(self) -> AbstractContextManager[None]:
        """Inside the block the policy has these weights."""
        return exchanged(self.policy.trainable, self.weights) if self.weights else nullcontext()

    def state_dict(self) -> dict[str, Any]:
        """Version and weights."""
        return {"version": self.version, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        self.version = state["version"]
        self.weights = [value.to(self.policy.device) for value in state["weights"]]
