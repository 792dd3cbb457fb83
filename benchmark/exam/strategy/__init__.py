"""Which way a solution takes: read its expressions, join them to equations, make a key of their graph."""
