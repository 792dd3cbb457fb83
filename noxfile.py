"""Everything this repository does, as sessions: `nox -l` lists them."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_external_run = True
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"  # uv does not see a locally provided torch build

SHARED = ".nox/bakeoff"  # one environment for all: torch is installed once


def install(session: nox.Session) -> None:
    """The package with everything training and the tests need."""
    session.install("-q", "-e", ".[train,dev]")


@nox.session(venv_location=SHARED)
def compare(session: nox.Session) -> None:
    """Train the methods of a suite (default: pocket) on this machine and print the table. `-- SUITE [--data DIR]`."""
    install(session)
    arguments = session.posargs or ["pocket"]
    session.run("bakeoff", "run", *arguments, "--results", "results/local", "--reports", "reports/local")


@nox.session(venv_location=SHARED)
def report(session: nox.Session) -> None:
    """Write the committed reports again from the committed results. `-- --check` only compares."""
    install(session)
    session.run("bakeoff", "report", *session.posargs)


@nox.session(venv_location=SHARED)
def lint(session: nox.Session) -> None:
    """Ruff: all rules but those excused in pyproject.toml, and the formatter."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(venv_location=SHARED)
def types(session: nox.Session) -> None:
    """Mypy, strict, on both packages."""
    install(session)
    session.run("mypy")


@nox.session(venv_location=SHARED)
def tests(session: nox.Session) -> None:
    """Pytest, offline, on the processor; then whether the committed reports are what the committed results say."""
    install(session)
    session.run("pytest", *session.posargs, env={"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})
    session.run("bakeoff", "report", "--check")


@nox.session(venv_location=SHARED)
def bench(session: nox.Session) -> None:
    """pytest-benchmark: our loop beside TRL's, our sampler beside `generate`, the grader, the losses."""
    install(session)
    columns = "--benchmark-columns=median,iqr,rounds"
    session.run("pytest", "-q", "-c", "pyproject.toml", "-o", "addopts=", columns, *session.posargs, "tests/benchmarks")
