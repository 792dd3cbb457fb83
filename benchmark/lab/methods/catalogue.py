"""The objectives a suite can name: strings only, so that listing and reporting load no torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["METHODS"]

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "tb": "benchmark.lab.methods.tb:GraphTrajectoryBalance",
        "vargrad": "benchmark.lab.methods.vargrad:GraphVarGrad",
        "db": "benchmark.lab.methods.db:GraphDetailedBalance",
        "subtb": "benchmark.lab.methods.subtb:GraphSubTrajectoryBalance",
        "fm": "benchmark.lab.methods.fm:FlowMatching",
        "soft_q": "benchmark.lab.methods.soft_q:SoftQ",
        "rl": "benchmark.lab.methods.rl:PolicyGradient",
        "rl_t": "benchmark.lab.methods.rl_t:TrustRegion",
        "sub_eb": "benchmark.lab.methods.sub_eb:SubEB",
    }
)
