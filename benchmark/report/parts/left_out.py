"""What lies in a suite's folder and is in no table, and what unlike rows mean for their seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.comparison.table import code, plain, words
from benchmark.report.document import BulletList, Paragraph

if TYPE_CHECKING:
    from benchmark.comparison.evidence import Evidence

__all__ = ["differences_note", "left_out", "stale_note", "unreadable_list"]


def stale_note(evidence: Evidence) -> str:
    """Results of a cell that were made with another method, model or data than the last run planned."""
    if not evidence.stale:
        return ""
    count, one = len(evidence.stale), len(evidence.stale) == 1
    names = words(code(record.job.id) for record in evidence.stale)
    return (
        f"**{count} {'result is' if one else 'results are'} stale**: {names} {'was' if one else 'were'} made with "
        f"other code, data, model files, prompt, grader or version than the suite has now; no number of "
        f"{'it' if one else 'them'} is used. `bakeoff run` says what changed and runs the jobs again."
    )


def unreadable_list(evidence: Evidence) -> list[Paragraph | BulletList]:
    """Jobs whose files cannot be read or contradict each other."""
    if not evidence.unreadable:
        return []
    count = len(evidence.unreadable)
    said = f"**{count} {'job' if count == 1 else 'jobs'} cannot be read and {'is' if count == 1 else 'are'} not used:**"
    return [Paragraph(said), BulletList(tuple(f"{code(one.job)}: {plain(one.reason)}" for one in evidence.unreadable))]


def left_out(evidence: Evidence) -> list[str]:
    """All of it as paragraphs of Markdown, the note on unlike rows last."""
    named = [
        "\n".join(f"- {item}" for item in block.items) if isinstance(block, BulletList) else block.words
        for block in unreadable_list(evidence)
    ]
    return [each for each in (stale_note(evidence), *named, differences_note(evidence)) if each]


def differences_note(evidence: Evidence) -> str:
    """In what the rows differ that moves last digits and seconds; empty where they are alike."""
    found = evidence.differences
    if not found:
        return ""
    parts = [
        f"{what} ({'; '.join(f'{plain(value)}: {words(map(code, names))}' for value, names in by.items())})"
        for what, by in found.items()
    ]
    return (
        f"**The rows were not made alike.** They differ in {words(parts)}. That moves last digits and seconds, so that "
        "seconds are not shown and not compared."
    )
