"""Strategies of solutions: read expressions, join them to equations, and make a key of their graph."""
