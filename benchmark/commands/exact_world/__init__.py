"""A world small enough to list every completion, its exact probability, and the optimum of each method.

`tree` holds the worlds, `targets` the exact optima, `gradient` the exact first gradients, `policy` and `network` a
table and a small transformer over the tree, `run` the job that an adapter sees; `check` compares a trained method
with its aim.
"""
