"""One objective a file, each opening with its formula. Where a text has the same equation, the text's class is used.

A world's backward policy stands where a text's reference stands: with τ = 1, a = 1, r := log R(x) and
log π_ref := log P_B, every residual of `algorithms/gflownet_*.py` is the residual of the same name on a graph.
"""
