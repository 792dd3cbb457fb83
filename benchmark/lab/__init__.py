"""Worlds in which one object can be built in several ways, and GFlowNet training on them with exact answers.

`worlds` lists every state of a world, `exact` computes what any policy and any reward imply, `policies` and `sampling`
are the learned parts, `methods` the objectives, `train` the loop, `suite` and `job` the way into the harness.
"""
