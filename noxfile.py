"""Everything this repository does, as sessions: `nox -l` lists them.

What is committed was tested with exactly the versions in `constraints.txt`; sessions install them. `nox -s lock` writes
that file again, `lowest` and `newest` test the two ends of the ranges in `pyproject.toml`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]

SHARED = Path(".nox") / "bakeoff"  # one environment for all sessions: torch is installed once
LOCK = Path("constraints.txt")
EXTRAS = ".[train,dev,browser]"
OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
PARALLEL = ("-n", "auto", "--maxprocesses", "8", "--dist", "worksteal")


def run(session: nox.Session, command: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run a command of the shared environment, which is brought up to date when the lock or pyproject.toml changed."""
    programs = SHARED / ("Scripts" if sys.platform == "win32" else "bin")
    if not programs.exists():
        session.run(sys.executable, "-m", "virtualenv", "-q", str(SHARED))  # pip, because uv does not see local builds
    wanted = hashlib.sha256(b"".join(Path(name).read_bytes() for name in ("pyproject.toml", LOCK))).hexdigest()
    stamp = SHARED / "installed.sha256"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        install = ("-m", "pip", "install", "-q", "-c", str(LOCK), "-e", EXTRAS)
        session.run(str(programs / "python"), *install, silent=True, external=True)
        stamp.write_text(wanted, encoding="utf-8")
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
    """Pytest without the tests marked slow, offline, on the processor, one worker a core."""
    run(session, "pytest", *PARALLEL, "-m", "not slow", *session.posargs, env=OFFLINE)


@nox.session(venv_backend="none")
def slow(session: nox.Session) -> None:
    """The tests marked slow, and whether the committed reports are what the committed results say."""
    run(session, "bakeoff", "report", "--check")
    run(session, "pytest", *PARALLEL, "-m", "slow", *session.posargs, env=OFFLINE)


@nox.session(venv_backend="none")
def everything(session: nox.Session) -> None:
    """Lint, types, and all tests."""
    for name in ("lint", "types", "tests", "slow"):
        session.notify(name)


@nox.session(venv_backend="virtualenv")
def lock(session: nox.Session) -> None:
    """Write constraints.txt: the newest versions that the ranges in pyproject.toml admit today."""
    session.install("-e", EXTRAS)
    frozen = str(session.run("pip", "freeze", "--exclude-editable", silent=True)).splitlines()
    pins = sorted({re.sub(r"\+[\w.]+$", "", line) for line in frozen if "==" in line}, key=str.lower)
    head = "# Written by `nox -s lock`: the versions with which this commit was tested. Records name their own."
    LOCK.write_text("\n".join((head, *pins)) + "\n", encoding="utf-8")


@nox.session(venv_backend="virtualenv", python="3.11")
def lowest(session: nox.Session) -> None:
    """The tests without the slow ones under the lowest versions that pyproject.toml admits.

    `-- torch==2.13.0` takes another version of a package, for example one that needs no gigabytes of CUDA.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = (*project["dependencies"], *project["optional-dependencies"]["train"])
    bounds = (re.match(r"([\w.-]+)\s*[>=]=([\w.]+)", one) for one in ranges)
    pins = {bound[1]: f"{bound[1]}=={bound[2]}" for bound in bounds if bound}
    pins |= {pin.partition("==")[0]: pin for pin in session.posargs}
    session.install(*pins.values(), "pytest", "pytest-xdist", "pytest-benchmark", "hypothesis", "sacrebleu")
    session.install("--no-deps", "-e", ".")
    session.run("pytest", *PARALLEL, "-m", "not slow", "-W", "default", env=OFFLINE)


@nox.session(venv_backend="virtualenv")
def newest(session: nox.Session) -> None:
    """The tests without the slow ones under the newest versions that pyproject.toml admits; warnings are no errors."""
    session.install("-e", EXTRAS)
    session.run("pytest", *PARALLEL, "-m", "not slow", "-W", "default", env=OFFLINE)


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


@nox.session(venv_backend="none")
def kill(session: nox.Session) -> None:
    """Kill sweeps 200 times at random points and compare what they end with: an hour. `-- --kills 20` for less.

    `-- --write` writes reports/kill.md.
    """
    run(session, "python", "tests/kill_session.py", *session.posargs, env=OFFLINE)


@nox.session(venv_backend="virtualenv")
def docs(session: nox.Session) -> None:
    """Build the documentation into site/; fails on a broken link. `-- serve` shows it while one edits."""
    session.install("mkdocs-material>=9.7,<10", "mkdocstrings[python]>=1.0,<2", "ruff==0.17.5")  # formats signatures
    arguments = session.posargs or ["build", "--strict"]
    session.run("mkdocs", *arguments, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(venv_backend="virtualenv")
def oracles(session: nox.Session) -> None:
    """What rliable and statsmodels compute of the worked examples in tests/test_stats_oracles.py."""
    session.install("rliable==1.2.0", "statsmodels==0.15.0", "pandas<3")  # rliable does not import beside pandas 3
    session.run("python", "tests/oracles.py")


@nox.session(venv_backend="virtualenv")
def torchgfn(session: nox.Session) -> None:
    """Torchgfn's TB and DB on one batch of a grid beside ours, and the seconds of a training step of both."""
    session.install("torchgfn==2.4.1", "numpy<2", "-e", ".[train]")  # torchgfn refuses numpy 2
    session.run("python", "tests/torchgfn_oracle.py", env={"OMP_NUM_THREADS": "1"})


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


@nox.session(venv_backend="virtualenv")
def exchange(session: nox.Session) -> None:
    """lm-evaluation-harness, inspect_ai and TRL write completions anew; `import` reads them, inspect_ai our export."""
    session.install("-e", EXTRAS, "lm-eval>=0.4.13", "inspect-ai>=0.3.285")
    out = Path(session.create_tmp()).resolve() / "foreign"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "tests/foreign.py", str(out), env=OFFLINE)
    session.run("pytest", "-q", "tests/test_foreign_files.py", env=OFFLINE | {"BAKEOFF_FOREIGN": str(out)})


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """pytest-benchmark: our loop beside TRL's, our sampler, the grader, a step of each method, the bootstrap."""
    options = ["-q", "-o", "addopts=", "--benchmark-columns=median,iqr,rounds", *session.posargs]
    run(session, "pytest", *options, "tests/benchmarks", env=OFFLINE)


@nox.session(venv_backend="virtualenv")
def prompts(session: nox.Session) -> None:
    """Every prompt preset beside lm-evaluation-harness's own rendering."""
    session.install("-e", ".[train,dev]", "lm-eval[math]==0.4.13", "pyyaml")
    session.run("pytest", "-q", "-o", "addopts=", "tests/test_prompts_beside_lm_eval.py", *session.posargs)


@nox.session(venv_backend="virtualenv")
def gemma(session: nox.Session) -> None:
    """A local model's completions and likelihoods beside lm-evaluation-harness's. `-- MODEL DATA [--problems 64]`."""
    session.install("-e", ".[train]", "lm-eval==0.4.13")
    session.run("python", "tests/gemma_beside_lm_eval.py", *session.posargs)
