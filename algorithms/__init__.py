"""The catalogue: maps the name that a suite writes to `module:Class`. Strings only, so reading it imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CATALOGUE", "LOSS_RULES"]

LOSS_RULES = "algorithms._contract:broken_loss_rules"
"""What the shared loop relies on in a loss; `bakeoff check` tries it."""

CATALOGUE: Mapping[str, str] = MappingProxyType(
    {
        "base_model": "algorithms.base_model:BaseModel",
        # supervised
        "sft": "algorithms.sft:SFT",
        "raft": "algorithms.raft:RAFT",
        "expert_iteration": "algorithms.expert_iteration:ExpertIteration",
        # reward maximisers
        "grpo": "algorithms.grpo:GRPO",
        "grpo_areal": "algorithms.grpo_areal:GRPOAReaL",
        "dr_grpo": "algorithms.dr_grpo:DrGRPO",
        "dapo": "algorithms.dapo:DAPO",
        "gspo": "algorithms.gspo:GSPO",
        "cispo": "algorithms.cispo:CISPO",
        "rloo": "algorithms.rloo:RLOO",
        "reinforce_pp": "algorithms.reinforce_pp:ReinforcePP",
        "remax": "algorithms.remax:ReMax",
        "ppo": "algorithms.ppo:PPO",
        # preferences
        "paired": "algorithms.paired:Paired",
        # GFlowNets
        "gflownet_tb": "algorithms.gflownet_tb:TrajectoryBalance",
        "gflownet_vargrad": "algorithms.gflownet_vargrad:VarGrad",
        "gflownet_db": "algorithms.gflownet_db:DetailedBalance",
        "gflownet_subtb": "algorithms.gflownet_subtb:SubTrajectoryBalance",
        "gflownet_subtb_prefix": "algorithms.gflownet_subtb_prefix:PrefixSubTrajectoryBalance",
        "gflownet_pg": "algorithms.gflownet_pg:PolicyGradientGFlowNet",
        "tba": "algorithms.tba:TBA",
        "flowrl": "algorithms.flowrl:FlowRL",
        "gflownet_naive": "algorithms.gflownet_naive:NaiveGFlowNet",
        # TRL's trainers, as reference rows
        "trl_grpo": "algorithms.trl_grpo:TRLGRPO",
        "trl_rloo": "algorithms.trl_rloo:TRLRLOO",
        "trl_online_dpo": "algorithms.trl_online_dpo:TRLOnlineDPO",
    }
)
