"""Worlds small enough that every state is listed: grids, sequences, Bayesian networks and bit strings. No torch."""
