"""Methods with one deliberate, realistic mistake each; every one must fail `bakeoff check`."""

from dataclasses import dataclass, replace

import torch

from algorithms._batch import Loss
from algorithms._flow import anchors, group_log_z, log_reward, terminal
from algorithms._normalise import leave_one_out
from algorithms._pieces import (
    k1,
    log_ratio,
    mean_of_row_means,
    mean_of_rows,
    mean_of_tokens,
    sum_of_tokens,
    token_rewards,
    whiten,
)
from algorithms._surrogate import token_surrogate
from algorithms.cispo import CISPO
from algorithms.dapo import DAPO
from algorithms.dr_grpo import DrGRPO
from algorithms.flowrl import FlowRL
from algorithms.gflownet_db import DetailedBalance
from algorithms.gflownet_pg import PolicyGradientGFlowNet
from algorithms.gflownet_subtb import SubTrajectoryBalance
from algorithms.gflownet_subtb_prefix import PrefixSubTrajectoryBalance
from algorithms.gflownet_tb import TrajectoryBalance
from algorithms.gflownet_vargrad import VarGrad
from algorithms.grpo import GRPO
from algorithms.paired import Paired
from algorithms.ppo import PPO
from algorithms.raft import RAFT
from algorithms.reinforce_pp import ReinforcePP
from algorithms.remax import ReMax
from algorithms.rloo import RLOO
from algorithms.tba import TBA


def without_end(batch):
    """The mask one token short: the last token of every completion is lost."""
    last = batch.mask.cumsum(1) == batch.mask.sum(1, keepdim=True)
    return replace(batch, mask=batch.mask * ~last)


class GRPOFlipped(GRPO):
    """The surrogate's sign."""

    def loss(self, batch, now):
        return GRPO.loss(self, replace(batch, advantage=-batch.advantage), now)


class GRPOWithoutKL(GRPO):
    """Says it has a KL, has none."""

    def loss(self, batch, now):
        return GRPO.loss(self, replace(batch, ref_logp=None), now)


class GRPOWithKLReversed(GRPO):
    """k3 with d = log π_ref − log π."""

    def loss(self, batch, now):
        mirrored = 2 * now.logp.detach() - batch.ref_logp
        return GRPO.loss(self, replace(batch, ref_logp=mirrored), now)


class GRPOTokenMean(GRPO):
    """Mean over all tokens where the paper has a mean of row means."""

    def loss(self, batch, now):
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        d = log_ratio(now.logp, batch.ref_logp, batch.mask)
        u = surrogate.term + self.kl_weight * (torch.exp(-d) + d - 1)
        return Loss(mean_of_tokens(u, batch.mask, batch.tokens), {})


class DrGRPOPerLength(DrGRPO):
    """1/n, which is what Dr. GRPO takes away."""

    def loss(self, batch, now):
        surrogate = token_surrogate(batch, now, self.clip, self.clip)
        d = log_ratio(now.logp, batch.ref_logp, batch.mask)
        u = surrogate.term + self.kl_weight * (torch.exp(-d) + d - 1)
        return Loss(mean_of_row_means(u, batch.mask, batch.rows), {})


class DrGRPODividedByStd(DrGRPO):
    """The deviation, which Dr. GRPO takes away too."""

    def prepare(self, batch):
        return GRPO.prepare(GRPO(), batch)


class CISPOAttached(CISPO):
    """The importance weight without its detach."""

    def loss(self, batch, now):
        weight = log_ratio(now.logp, batch.old_logp, batch.mask).exp()
        return Loss(-mean_of_tokens(weight * batch.advantage * now.logp, batch.mask, batch.tokens), {})


class DAPOWithoutEnd(DAPO):
    """Off by one in the mask."""

    def loss(self, batch, now):
        return DAPO.loss(self, without_end(batch), now)


class RLOOFlipped(RLOO):
    """The mean of the others less the own."""

    def prepare(self, batch):
        right = RLOO.prepare(self, batch)
        return replace(right, advantage=-right.advantage)


class RLOOWithKLReversed(RLOO):
    """Pays for leaving the reference."""

    def prepare(self, batch):
        to_ref = sum_of_tokens(k1(batch.old_logp, batch.ref_logp, batch.mask), batch.mask)
        return batch.with_advantage(leave_one_out(batch.reward + self.kl_coef * to_ref, batch.group_size))


class RLOOWithoutEnd(RLOO):
    """Off by one in the mask."""

    def loss(self, batch, now):
        return RLOO.loss(self, without_end(batch), now)


class RLOOWrongGroups(RLOO):
    """Advantages one row off: each completion is paid for its neighbour's reward."""

    def prepare(self, batch):
        gain = batch.reward - self.kl_coef * sum_of_tokens(batch.old_logp - batch.ref_logp, batch.mask)
        return batch.with_advantage(leave_one_out(gain.roll(1), batch.group_size))


class ReinforceWrongToken(ReinforcePP):
    """The reward on the first token, so that later ones do not see it."""

    def prepare(self, batch):
        rewards = token_rewards(
            torch.zeros_like(batch.reward), batch.old_logp - batch.ref_logp, batch.mask, self.kl_coef
        )
        rewards[:, 0] += batch.reward
        gain = rewards.flip(1).cumsum(1).flip(1)
        return batch.with_advantage(whiten(gain, batch.mask))


class ReinforceWithoutEnd(ReinforcePP):
    """Off by one in the mask."""

    def loss(self, batch, now):
        return ReinforcePP.loss(self, without_end(batch), now)


class ReMaxFlipped(ReMax):
    """The greedy completion's reward less the own."""

    def prepare(self, batch):
        return batch.with_advantage(batch.greedy_reward - batch.reward)


class PPOWithValues(PPO):
    """The critic's opinion in place of the advantages."""

    def prepare(self, batch):
        return PPO.prepare(self, batch).with_advantage(whiten(batch.old_value, batch.mask))


class PPOWithoutKL(PPO):
    """Says it has a KL in the reward, has none."""

    def prepare(self, batch):
        return PPO.prepare(self, replace(batch, ref_logp=batch.old_logp))


class RAFTKeepsWrong(RAFT):
    """Keeps what was wrong."""

    def prepare(self, batch):
        return batch.kept((batch.reward < self.threshold).float())


class PairedFlipped(Paired):
    """The worse one wins."""

    def prepare(self, batch):
        right = Paired.prepare(self, batch)
        return replace(right, advantage=1 - right.advantage)


class PairedPerLength(Paired):
    """Means over tokens where the equation has sums."""

    def loss(self, batch, now):
        n = batch.mask.sum(1, keepdim=True)
        return Paired.loss(self, replace(batch, ref_logp=batch.ref_logp / n), replace(now, logp=now.logp / n))


@dataclass(frozen=True, slots=True)
class TBFlipped(TrajectoryBalance):
    """The log-reward's sign."""

    def loss(self, batch, now):
        return TrajectoryBalance.loss(self, replace(batch, reward=-batch.reward), now)


class TBWithoutEnd(TrajectoryBalance):
    """Off by one in the mask."""

    def loss(self, batch, now):
        return TrajectoryBalance.loss(self, without_end(batch), now)


class VarGradPerLength(VarGrad):
    """Residuals over their length."""

    def loss(self, batch, now):
        excess = log_reward(batch, self.tau, self.ref_power) - sum_of_tokens(now.logp, batch.mask)
        excess = excess / batch.mask.sum(1)
        return Loss(mean_of_rows((group_log_z(excess, batch.group_size) - excess) ** 2, batch.rows), {})


class VarGradDetached(VarGrad):
    """Detached in the wrong place: only the group's mean learns."""

    def loss(self, batch, now):
        excess = log_reward(batch, self.tau, self.ref_power) - sum_of_tokens(now.logp, batch.mask)
        log_z = excess.view(-1, batch.group_size).mean(1).repeat_interleave(batch.group_size)
        return Loss(mean_of_rows((log_z - excess.detach()) ** 2, batch.rows), {})


class DBFreeEnd(DetailedBalance):
    """The terminal flow left to the head, so that no reward enters."""

    @property
    def needs(self):
        return frozenset({"reference", "flow_head", "terminal_flow"})

    def loss(self, batch, now):
        end = now.flow.gather(1, batch.mask.sum(1, keepdim=True).long()).squeeze(1)
        a, _ = anchors(now.flow, now.logp - batch.ref_logp, end, batch.mask)
        return Loss(mean_of_tokens((a[:, :-1] - a[:, 1:]) ** 2, batch.mask, batch.tokens), {})


class DBUniformBackward(DetailedBalance):
    """A backward policy of 1/V on a tree, where it is 1."""

    def loss(self, batch, now):
        return DetailedBalance.loss(self, batch, replace(now, logp=now.logp + torch.log(torch.tensor(3.0))))


class SubTBWithoutReference(SubTrajectoryBalance):
    """Flows relative to the reference, steps not."""

    def loss(self, batch, now):
        _, end = terminal(batch, now, self.tau, self.ref_power, self.floor, relative=True)
        a, exists = anchors(now.flow, now.logp, end, batch.mask)
        squares = (a.unsqueeze(2) - a.unsqueeze(1)) ** 2 * exists.unsqueeze(1) * exists.unsqueeze(2)
        return Loss(squares.sum() / batch.rows, {})


class PrefixWithoutEnd(PrefixSubTrajectoryBalance):
    """Forgets that a prefix's flow is its reward over the probability of stopping."""

    def loss(self, batch, now):
        return PrefixSubTrajectoryBalance.loss(self, batch, replace(now, end_logp=torch.zeros_like(now.end_logp)))


class PGFlipped(PolicyGradientGFlowNet):
    """Costs maximised."""

    def prepare(self, batch):
        right = PolicyGradientGFlowNet.prepare(self, batch)
        return replace(right, advantage=-right.advantage)


class TBAStaleLogP(TBA):
    """The residual of the policy that sampled, not of the one that learns."""

    def loss(self, batch, now):
        gain = batch.reward / self.beta - sum_of_tokens(batch.old_logp - batch.ref_logp, batch.mask)
        log_z = group_log_z(gain, batch.group_size)
        return Loss(mean_of_rows((log_z - gain).detach() * sum_of_tokens(now.logp, batch.mask), batch.rows), {})


class FlowRLWithSums(FlowRL):
    """Sums where the equation has means over the length."""

    def loss(self, batch, now):
        to_ref = sum_of_tokens(now.logp - batch.ref_logp, batch.mask)
        delta = now.log_z + to_ref - self.beta * batch.advantage[:, 0]
        return Loss(mean_of_rows(delta**2, batch.rows), {})


class FlowRLFlipped(FlowRL):
    """The reward's sign."""

    def prepare(self, batch):
        return batch.with_advantage(-batch.reward)
