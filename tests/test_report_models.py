"""What a report says of real models: the prompt in full, kept weights, transfer exams, how the model was read."""

from __future__ import annotations

import re
from dataclasses import replace

import factories
import pytest

from benchmark.comparison.evidence import gather
from benchmark.comparison.transfer import transfer_accuracy
from benchmark.contract import Model
from benchmark.report import document, write_report
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.store.outcomes import write_outcomes
from benchmark.store.records import job_folder

SPACE = "\u00a0"
GRADE = ("grade_school",)
PROMPT = "Q: <b>2</b> + 3?\n```\nA:\x1b|</details>"


def text_of(tmp_path, asked, change=factories.same, *, whole=False):
    factories.write(tmp_path / "results", asked, change)
    return shown(tmp_path, asked, whole=whole)


def shown(tmp_path, asked, *, whole=False):
    evidence = gather(tmp_path / "results", asked.name)
    text = document.markdown(asked.name, evidence.digest, sections(ReportData(evidence)), whole=whole)
    return text.replace(SPACE, " ")


def with_prompt(prompt):
    return lambda one: replace(one, provenance=replace(one.provenance, rendered_prompt=prompt))


def transferring(*exams):
    asked = factories.suite(tasks=GRADE)
    return replace(asked, exam=replace(asked.exam, transfer=exams))


def with_transfer(one):
    right = {"base_model": 0.2, "grpo": 0.5, "flowrl": 0.45, "sft": 0.21}[one.job.algorithm.name]
    right += 0.01 * ((one.job.seed * 7 + list(factories.METHODS).index(one.job.algorithm.name) * 3) % 4)
    return replace(one, metrics=one.metrics | {"transfer/svamp/accuracy": right, "transfer/svamp/problems": 4.0})


# --- prompts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
def test_the_prompt_of_every_task_is_shown_in_full(tmp_path, whole):
    text = text_of(tmp_path, factories.suite(), with_prompt(PROMPT), whole=whole)
    assert text.count("Q: <b>2</b> + 3?\n```\nA:\\x1b|</details>\n````") == 2
    assert text.count("<details><summary>Prompt of <code>") == 2


def test_the_page_shows_a_hostile_prompt_as_text_in_a_fold(tmp_path):
    asked = factories.suite(tasks=GRADE)
    factories.write(tmp_path / "results", asked, with_prompt(PROMPT))
    with factories.undrawn():
        write_report(tmp_path / "results", tmp_path / "reports", "tiny")
    page = (tmp_path / "reports" / "tiny.html").read_text()
    fold = re.search(r"<details><summary>Prompt of <code>grade_school</code></summary>(.*?)</details>", page, re.DOTALL)
    assert "Q: &lt;b&gt;2&lt;/b&gt; + 3?\n```\nA:\\x1b|&lt;/details&gt;" in fold[1]


def test_records_of_two_prompts_say_so(tmp_path):
    def change(one):
        return with_prompt("one" if one.job.seed else "two")(one)

    text = text_of(tmp_path, factories.suite(tasks=GRADE), change)
    assert "The records of `grade_school` hold 2 different prompts; shown is that of 8 of 12." in text
    assert "\none\n```" in text
    assert "\ntwo\n" not in text


def test_without_a_kept_prompt_there_is_no_section(tmp_path):
    assert "Prompt of" not in text_of(tmp_path, factories.suite(tasks=GRADE))


# --- weights ---------------------------------------------------------------------------------------------------------


def test_the_lines_that_load_kept_weights_are_shown(tmp_path):
    asked = replace(factories.suite(tasks=GRADE), keep="adapter", model=Model("org/base", revision="abc", lora_rank=8))
    text = text_of(tmp_path, asked)
    assert "base = transformers.AutoModelForCausalLM.from_pretrained('org/base', revision='abc')\n" in text
    assert re.search(r"PeftModel.from_pretrained\(base, 'results/tiny/\w+-grade_school-s0-0123abcd/weights'\)", text)
    assert text.count("/weights` |") == 9  # three trained methods, three seeds; nothing of base_model
    assert "base_model-grade_school-s0-0123abcd/weights" not in text


def test_a_whole_model_comes_back_with_its_tokenizer_and_none_without_keep(tmp_path):
    asked = replace(factories.suite(tasks=GRADE), keep="full")
    text = text_of(tmp_path, asked)
    assert "model = transformers.AutoModelForCausalLM.from_pretrained('results/tiny/" in text
    assert "tokenizer = transformers.AutoTokenizer.from_pretrained('results/tiny/" in text
    assert "from_pretrained" not in text_of(tmp_path / "none", factories.suite(tasks=GRADE))


# --- transfer --------------------------------------------------------------------------------------------------------


def test_transfer_exams_have_accuracy_and_verdict_by_the_rules_of_the_main_table(tmp_path):
    asked = transferring("svamp")
    factories.write(tmp_path / "results", asked, with_transfer)
    for one in gather(tmp_path / "results", "tiny").records:  # the exam itself: 4 problems, 100 samples of each
        exam = factories.exam(replace(one, metrics={"accuracy": one.metrics["transfer/svamp/accuracy"]}))
        write_outcomes(job_folder(tmp_path / "results", one.job), exam, texts=False, task="svamp")
    found = transfer_accuracy(gather(tmp_path / "results", "tiny"), "svamp")
    grpo = found.of("grpo", "grade_school")
    assert grpo.mean == pytest.approx((0.53 + 0.52 + 0.51) / 3)
    assert (grpo.problems, grpo.samples, grpo.over) == (4, 100, "seeds and problems")
    pair = found.verdicts["grade_school"]["grpo", "base_model"]
    assert pair.difference.mean == pytest.approx((0.33 + 0.29 + 0.29) / 3)  # base_model: 0.20, 0.23, 0.22
    assert pair.decision == "better"
    text = shown(tmp_path, asked)
    assert "| method | accuracy on `svamp` | against `base_model` |" in text
    assert re.search(r"\| `grpo` \| 52\.0 %[^|]* \| \*\*better\*\*, \+30\.3", text)
    assert re.search(r"\| `base_model` \| 21\.7 %[^|]* \| – \|", text)
    assert "Problems: `svamp` 4." in text


def test_transfer_without_outcomes_is_estimated_from_the_seeds(tmp_path):
    factories.write(tmp_path / "results", transferring("svamp"), with_transfer)
    found = transfer_accuracy(gather(tmp_path / "results", "tiny"), "svamp").of("sft", "grade_school")
    assert (found.mean, found.over) == (pytest.approx((0.22 + 0.21 + 0.24) / 3), "seeds")
    assert 0 < found.low < found.mean < found.high < 1


def test_a_failed_job_shows_its_status_and_a_suite_without_transfer_no_section(tmp_path):
    def change(one):
        done = with_transfer(one)
        return factories.failed(done) if one.job.algorithm.name == "sft" else done

    text = text_of(tmp_path, transferring("svamp"), change)
    assert "| `sft` | failed | – |" in text.split("## Transfer", 1)[1]
    assert "## Transfer" not in text_of(tmp_path / "none", factories.suite(tasks=GRADE))
