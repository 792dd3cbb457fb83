"""The report of a suite of worlds."""
