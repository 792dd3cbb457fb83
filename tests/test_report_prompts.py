"""The prompt a model read and the lines that load its weights, as the report prints them."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import factories
import pytest
from markdown_it import MarkdownIt

from benchmark.comparison.evidence import gather
from benchmark.contract import Model
from benchmark.model.keep import how_to_load
from benchmark.report import document, write_report
from benchmark.report.document import Section, Verbatim
from benchmark.report.parts.prompts import prompts
from benchmark.report.parts.weights import weights
from benchmark.report.reading import ReportData

PROMPT = (
    "<|im_start|>user\n```python\nprint('|x|')\n```\n\n# no heading\n\n| a | b |\n</details><script>alert(1)</script>"
    "&amp; *star* $x<y$ \x1b[31m\r\n\u202e-->\n<|im_start|>assistant\n"
)


def prompted(tmp_path, text_of, asked=None):
    """A suite on disk whose records hold the prompts that `text_of` gives."""
    asked = asked or factories.suite()

    def with_prompt(record):
        source = replace(record.provenance, rendered_prompt=text_of(record.job))
        return replace(record, provenance=source)

    factories.write(tmp_path / "results", asked, with_prompt)
    return gather(tmp_path / "results", asked.name)


def page(sections):
    return document.markdown("tiny", "d" * 12, sections, whole=True)


def fences(text):
    return [token.content for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]


def test_each_task_shows_one_prompt_character_for_character(tmp_path):
    evidence = prompted(tmp_path, lambda job: f"{job.task}: {PROMPT}")
    text = page(prompts(ReportData(evidence)))
    wanted = PROMPT.replace("\x1b", "\\x1b").replace("\r", "\\r").replace("\u202e", "\\u202e")
    assert fences(text) == [f"{task}: {wanted}\n" for task in evidence.suite.tasks]
    assert text.count("<summary>") == 2


def test_the_page_folds_it_and_runs_nothing_of_it(tmp_path):
    prompted(tmp_path, lambda _: PROMPT)
    with factories.undrawn():
        write_report(tmp_path / "results", tmp_path / "reports", "tiny")
    whole = (tmp_path / "reports" / "tiny.html").read_text(encoding="utf-8")
    shown = re.findall(
        r"<details><summary>Prompt of <code>(\w+)</code></summary>\n<pre><code[^>]*>(.*?)</code></pre>",
        whole,
        re.DOTALL,
    )
    assert [task for task, _ in shown] == ["grade_school", "competition"]
    assert "<|im_start|>assistant" in html.unescape(shown[0][1])
    assert "</details><script>alert" not in whole
    assert '<h1 id="no-heading">' not in whole


def test_records_without_a_prompt_show_none(tmp_path):
    assert prompts(ReportData(prompted(tmp_path, lambda _: None))) == []


def test_a_task_without_a_prompt_is_left_out(tmp_path):
    evidence = prompted(tmp_path, lambda job: "asked" if job.task == "competition" else None)
    assert fences(page(prompts(ReportData(evidence)))) == ["asked\n"]


def test_records_that_differ_are_counted(tmp_path):
    text = page(prompts(ReportData(prompted(tmp_path, lambda job: "two" if job.seed else "one"))))
    assert fences(text) == ["two\n", "two\n"]
    assert "hold 2 different prompts; shown is that of 8 of 12." in text  # 4 methods × 2 of 3 seeds


@pytest.mark.parametrize("text", ["", "`", "```", "a ``````` b", "~~~", "    indented", "\ttab", "end\n\n"])
def test_no_text_ends_its_own_block(text):
    assert fences(page([Section("x", (Verbatim(text), Verbatim("next")))])) == [f"{text}\n", "next\n"]


def test_kept_weights_name_their_two_lines(tmp_path):
    asked = replace(factories.suite(), keep="adapter", model=Model(source="org/base", revision="f" * 40, lora_rank=4))
    text = page(weights(ReportData(prompted(tmp_path, lambda _: None, asked))))
    first = "results/tiny/flowrl-competition-s0-0123abcd/weights"  # of the first record
    (lines,) = fences(text)
    assert lines.splitlines() == [
        f"base = transformers.AutoModelForCausalLM.from_pretrained('org/base', revision='{'f' * 40}')",
        f"model = peft.PeftModel.from_pretrained(base, '{first}')",
    ]
    assert "Folders of all 18 jobs" in text  # 3 trained methods × 2 tasks × 3 seeds
    assert "base_model" not in text
    assert str(tmp_path) not in text


def test_nothing_is_said_where_no_weights_are_kept(tmp_path):
    assert weights(ReportData(prompted(tmp_path, lambda _: None))) == []


def test_the_lines_are_python_for_any_folder():
    odd = 'it\'s "mine"\\new'
    for keep in ("full", "adapter"):
        for source in ("pocket", odd):
            lines = how_to_load(odd, Model(source=source, lora_rank=4), keep)
            compile(lines, "lines", "exec")
            assert len(lines.splitlines()) == 2
    assert "POCKET" in how_to_load("kept", Model(), "adapter")
    with pytest.raises(ValueError, match="no weights are kept"):
        how_to_load("kept", Model(), "none")
