"""Suites: find and read the TOML file, resolve its methods, and check whether its rows can be compared."""
