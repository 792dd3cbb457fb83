"""A world small enough to list: every completion, its exact probability, and what each method must converge to.

`tree` the worlds, `targets` where a method must end, `gradient` where its first step must point, `policy` and `network`
a table and a small transformer over the tree, `run` the job an adapter sees, `check` compares a trained
method with its aim.
"""
