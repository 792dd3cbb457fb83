"""Generated problem families, whose correct strategies are all known."""
