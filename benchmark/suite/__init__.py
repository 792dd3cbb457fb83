"""The question: which suites there are, what a TOML file asks, and whether its rows can be compared."""
