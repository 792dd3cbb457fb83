"""The plan of a report: its sections in their order. Change the order here, and what a section says in `parts/`.

A section or block marked `html_only` is left out of the Markdown page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.report.document import Section, figures
from benchmark.report.parts.checks import fairness, graders, health
from benchmark.report.parts.costs import cost
from benchmark.report.parts.curves import diversity, learning_curves, levels, more_samples
from benchmark.report.parts.details import conditions, failures, files, measurements, published
from benchmark.report.parts.opening import across, matrices, opening, results, verdicts
from benchmark.report.parts.prompts import prompts
from benchmark.report.parts.transfer import transfer
from benchmark.report.parts.weights import weights

if TYPE_CHECKING:
    from benchmark.report.reading import ReportData

__all__ = ["PLAN", "sections"]

PLAN: tuple[Callable[[ReportData], list[Section]], ...] = (
    opening,
    results,
    verdicts,
    transfer,
    matrices,
    across,
    learning_curves,
    more_samples,
    diversity,
    levels,
    cost,
    graders,
    fairness,
    health,
    measurements,
    failures,
    conditions,
    prompts,
    weights,
    published,
)


def sections(reading: ReportData) -> tuple[Section, ...]:
    """The whole report; where its files lie comes last, since it names the figures."""
    found = [section for make in PLAN for section in make(reading)]
    return (*found, *files(reading, figures(found)))
