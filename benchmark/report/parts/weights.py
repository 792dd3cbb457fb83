"""Where trained weights were kept: the lines that load them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import Table, code
from benchmark.contract import FLOOR
from benchmark.contract.weights import WEIGHTS, how_to_load
from benchmark.report.document import Block, Paragraph, Section, TableBlock, Verbatim
from benchmark.report.tables.main import named

if TYPE_CHECKING:
    from benchmark.report.reading import ReportData

__all__ = ["weights"]


def weights(reading: ReportData) -> list[Section]:
    """The two lines for one job and the folders of all; nothing where the suite keeps none.

    Folders are named relative to the one that holds the results, so that the page is the same on every machine.
    """
    evidence, suite = reading.evidence, reading.evidence.suite
    kept = [one for one in evidence.done if one.job.algorithm.name != FLOOR and one.imported is None]
    if suite.keep == "none" or not kept:
        return []
    folders = [f"{evidence.results.name}/{suite.name}/{one.job.id}/{WEIGHTS}" for one in kept]
    what = "LoRA’s weights, without the base model" if suite.keep == "adapter" else "a whole model with its tokenizer"
    modules = "transformers" if suite.keep == "full" else "transformers and peft"
    modules += " and benchmark.model.pocket" if suite.keep == "adapter" and suite.model.source == "pocket" else ""
    said = (
        f"The suite keeps {what}, for every job that trains ({code(f'keep = {suite.keep}')}), on the machine that "
        f"ran it. After importing {modules}, these two lines load the policy of {code(kept[0].job.id)}, from the "
        f"folder that holds {code(evidence.results.name)}:"
    )
    blocks: list[Block] = [Paragraph(said), Verbatim(how_to_load(folders[0], suite.model, suite.keep), "", "python")]
    if len(kept) > 1:
        rows = tuple(
            (named(evidence, one.job.algorithm.name), code(one.job.task), str(one.job.seed), code(folder))
            for one, folder in zip(kept, folders, strict=True)
        )
        table = Table(("method", "task", "seed", "folder"), rows, left=4)
        blocks.append(TableBlock(table, f"Folders of all {len(kept)} jobs"))
    return [Section("Trained weights", tuple(blocks), depth=3)]
