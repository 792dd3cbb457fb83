"""Everything this repository does, as sessions: `nox -l` lists them."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]

SHARED = Path(".nox") / "bakeoff"  # one environment for all sessions: torch is installed once


def run(session: nox.Session, command: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run a command of the shared environment, which is made and brought up to date first."""
    programs = SHARED / ("Scripts" if sys.platform == "win32" else "bin")
    if not programs.exists():
        session.run(sys.executable, "-m", "virtualenv", "-q", str(SHARED))  # pip, because uv does not see local builds
    install = ("-m", "pip", "install", "-q", "-e", ".[train,dev,browser]")
    session.run(str(programs / "python"), *install, silent=True, external=True)
    session.run(str(programs / command), *arguments, env=env, external=True)


@nox.session(venv_backend="none")
def compare(session: nox.Session) -> None:
    """Train the methods of a suite (default: pocket) on this machine and print the table. `-- SUITE [--data DIR]`."""
    suite = session.posargs or ["pocket"]
    run(session, "bakeoff", "run", *suite, "--results", "results/local", "--reports", "reports/local")


@nox.session(venv_backend="none")
def report(session: nox.Session) -> None:
    """Write the committed reports again from the committed results. `-- --check` only compares."""
    run(session, "bakeoff", "report", *session.posargs)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Ruff: all rules but those excused in pyproject.toml, and the formatter."""
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Mypy, strict, on both packages."""
    run(session, "mypy")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Whether the committed reports are what the committed results say; then pytest, offline, on the processor."""
    run(session, "bakeoff", "report", "--check")
    run(session, "pytest", *session.posargs, env={"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"})


@nox.session(venv_backend="none")
def browser(session: nox.Session) -> None:
    """The report's page in headless chromium, which must be there: filters, addresses, hostile texts, axe-core."""
    run(session, "pytest", "tests/test_browser.py", *session.posargs, env={"BAKEOFF_BROWSER": "required"})


@nox.session(venv_backend="none")
def simulate(session: nox.Session) -> None:
    """How often intervals and verdicts hold where the truth is known: the tables of docs/statistics.md, 20 minutes.

    `-- 0.1` with a tenth of the repetitions.
    """
    run(session, "python", "tests/simulation.py", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="virtualenv")
def oracles(session: nox.Session) -> None:
    """What rliable and statsmodels compute of the worked examples in tests/test_stats_oracles.py."""
    session.install("rliable==1.2.0", "statsmodels==0.15.0", "pandas<3")  # rliable does not import beside pandas 3
    session.run("python", "tests/oracles.py")


@nox.session(venv_backend="virtualenv")
def trackers(session: nox.Session) -> None:
    """`bakeoff export` into the real MLflow, trackio and W&B, all offline; plain `nox` tests their signatures only."""
    session.install("-e", ".[dev,mlflow,trackio,wandb]")
    session.run("pytest", "-q", "--noconftest", "-k", "real", "tests/test_export.py")  # conftest.py needs torch


@nox.session(venv_backend="none")
def grader_table(session: nox.Session) -> None:
    """Every grader on the graded corpus, the committed cases and restyled MATH answers: the tables of docs/grading.md.

    Needs the published data (BAKEOFF_DATA); `-- 10` restyles every tenth MATH answer.
    """
    run(session, "python", "tests/grader_table.py", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """pytest-benchmark: our loop beside TRL's, our sampler, the grader, a step of each method, the bootstrap."""
    options = ["-q", "-o", "addopts=", "--benchmark-columns=median,iqr,rounds", *session.posargs]
    environment = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    run(session, "pytest", *options, "tests/benchmarks", env=environment)
