"""The table of docs/grading.md: every grader on the corpus, the committed cases and restyled MATH answers, by class.

`nox -s grader_table` prints it as Markdown; `-- 40 cases restyled` restyles every fortieth MATH answer and leaves the
corpus out. Needs the published data (BAKEOFF_DATA). A restyled MATH answer is a gold answer of the test split in
another dress that must be accepted, and next to it the same dress around another value, which must not.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from published import rows

from benchmark import grading
from benchmark.grading import extract_answer, extract_gold_math
from benchmark.grading.rivals import GRADERS
from benchmark.grading.rivals.whole import _worker

CASES = Path(__file__).parent / "answers_as_written.jsonl"
PLAIN = re.compile(r"-?\d+(?:\.\d+)?|\\frac\{\d+\}\{\d+\}|-?\d*\\sqrt\{\d+\}|\(-?\d+,\s*-?\d+\)|\[-?\d+,\s*-?\d+\]")
NUMBER = re.compile(r"-?\d+")

# (class, how an answer is written); {} is the answer.
DRESSES = [
    ("thoughts", "<think>Perhaps \\boxed{{0}}.</think>\n\nThe answer is ${}$."),
    ("thoughts", "Perhaps \\boxed{{0}}.\n</think>\n\\boxed{{{}}}"),
    ("answer tags", "<answer>${}$</answer>"),
    ("answer tags", "So \\boxed{{0}} at first.\n<answer>\\boxed{{{}}}</answer>"),
    ("headings", "**Answer**\n\n${}$"),
    ("headings", "## Final Answer\n\n$${}$$"),
    ("beyond the end", "\\boxed{{{}}}<|im_end|>\n<|im_start|>user\n\\boxed{{0}}"),
    ("beyond the end", "The answer is ${}$.\n\nQuestion: And then?\nThe answer is $0$."),
    ("remarks", "The answer is ${}$, as was to be shown."),
    ("presentation", "\\boxed{{\\textcolor{{blue}}{{{}}}}}"),
    ("presentation", "\\boxed{{\\large {}}}"),
    ("presentation", "\\boxed{{~{}~}}"),
    ("labels", "\\boxed{{\\text{{The answer is }} {}}}"),
    ("labels", "#### Answer: ${}$"),
]


def corpus() -> list[tuple[str, str, str, bool]]:
    """(class, completion, gold, expected) of the graded corpus without its matters of choice."""
    found = []
    for row in rows("grading/dev"):
        if row["kind"] != "policy":
            gold = row["gold"] if row["gold_form"] == "answer" else extract_answer(row["gold"]) or row["gold"]
            found.append((row["kind"], row["prediction"], gold, row["expected"]))
    return found


def cases() -> list[tuple[str, str, str, bool]]:
    """The committed rows, by class."""
    read = [json.loads(line) for line in CASES.read_text(encoding="utf-8").split("\n") if line]
    return [(row["kind"], row["prediction"], row["gold"], row["expected"]) for row in read]


def restyled(every: int) -> list[tuple[str, str, str, bool]]:
    """Every so-manieth plain answer of the MATH test split in every dress, and another value in the same one."""
    golds = [extract_gold_math(row["solution"]) for row in rows("math/test")]
    found = []
    for gold in [gold for gold in golds if PLAIN.fullmatch(gold)][::every]:
        other = NUMBER.sub(lambda match: str(int(match[0]) + 1), gold, count=1)
        for kind, dress in DRESSES:
            found.append((kind, dress.format(gold), gold, True))
            found.append((kind, dress.format(other), gold, False))
    return found


def main(every: int, names: list[str], titles: list[str]) -> None:
    """Print one table for each source of pairs that is asked for."""
    grading._worker.seconds = _worker().seconds = 20.0  # a busy machine kills nothing that a quiet one would answer
    sources = {"corpus": corpus, "cases": cases, "restyled MATH answers": lambda: restyled(every)}
    for title, pairs in ((title, make()) for title, make in sources.items() if title.split()[0] in titles):
        counts: dict[str, list[int]] = defaultdict(lambda: [0] * (1 + 3 * len(names)))
        for kind, completion, gold, expected in pairs:
            for line in (counts["all"], counts[kind]):
                line[0] += 1
            for place, name in enumerate(names):
                accepted = GRADERS[name].grade(completion, gold).kind == "correct"
                for line in (counts["all"], counts[kind]):
                    line[1 + 3 * place] += accepted == expected
                    line[2 + 3 * place] += accepted and not expected
        sys.stdout.write(f"\n| {title} | pairs | {' | '.join(f'`{name}`' for name in names)} |\n")
        sys.stdout.write(f"| --- | --: | {' | '.join('--:' for _ in names)} |\n")
        for kind in sorted(counts, key=lambda kind: (kind != "all", kind)):
            line = counts[kind]
            cells = []
            for place in range(len(names)):
                right, accepts = line[1 + 3 * place], line[2 + 3 * place]
                cells.append(
                    f"{right / line[0]:.{4 if title == 'corpus' else 3}f}" + (f" ({accepts})" if accepts else "")
                )
            sys.stdout.write(f"| {kind} | {line[0]:,} | {' | '.join(cells)} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    chosen = sys.argv[2:] or ["corpus", "cases", "restyled"]
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40, list(GRADERS), chosen)
