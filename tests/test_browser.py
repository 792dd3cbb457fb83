"""The report in a real browser: Debian's chromium, headless, driven by Playwright.

Skipped where there is no chromium or no Playwright, unless BAKEOFF_BROWSER=required.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import unicodedata
from itertools import permutations
from pathlib import Path
from urllib.parse import quote

import factories
import pytest

from benchmark.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = importlib.util.find_spec("playwright") and importlib.util.find_spec("axe_playwright_python")
if not (CHROMIUM and DRIVER):
    missing = "no chromium on the path" if DRIVER else "the extra 'browser' is not installed"
    if os.environ.get("BAKEOFF_BROWSER") == "required":
        pytest.fail(f"BAKEOFF_BROWSER=required, but {missing}", pytrace=False)
    pytest.skip(missing, allow_module_level=True)

from axe_playwright_python.base import AXE_FILE_PATH  # noqa: E402
from playwright.sync_api import expect, sync_playwright  # noqa: E402

QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
METHODS = tuple(factories.METHODS)
OTHERS = {("p4", -1): {"exact": "wrong"}, ("p6", 2): {"flexible": "correct", "minerva": "wrong"}}
"""What other graders say of grpo's completions of seed 0."""


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    return root, factories.write_hostile(root / "results")


@pytest.fixture(scope="module")
def outcomes(results):
    return results[1]


@pytest.fixture(scope="module")
def report(results):
    job = factories.job(factories.suite("hostile", seeds=(0, 1), tasks=("competition",)), "grpo", "competition", 0)
    path = write_report(results[0] / "results", results[0] / "reports", "hostile", {job.id: OTHERS})
    return path.with_suffix(".html")


@pytest.fixture
def visit(chromium, report):
    """Opens the page at an address. In the end nothing was complained of, and nothing fetched but the page itself."""
    complaints, fetched, contexts = [], [], []

    def opened(address="", path=report, scheme="light", before=None, width=1280):
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url.partition("#")[0]))
        if before:
            page.add_init_script(before)
        page.goto(path.as_uri() + address)
        if not before:
            page.wait_for_selector("#browser:not([hidden])")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert {Path(address).suffix for address in fetched} == {".html"}
    assert all(address.startswith("file://") for address in fetched)


def link(problem, seed=0, sample="greedy", query=""):
    parts = "/".join(quote(str(part), safe="") for part in ("competition", problem, seed, sample))
    return f"#samples/{parts}{'?' + query if query else ''}"


def shown_problem(page):
    return page.locator("#problem-title").text_content()


def named(text):
    """A text as the page shows it: what cannot be seen is written as its code point."""
    return "".join(
        f"U+{ord(one):04X}" if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} and one not in "\n\t" else one
        for one in text
    )


# --- filters --------------------------------------------------------------------------------------------------------


def considered(outcomes, seed, sample):
    """Problem → method → outcomes: of one sample, or of all where it is None."""
    return {
        problem: {
            method: [
                one
                for one in outcomes.get((method, seed), ())
                if one.problem == problem and sample in (None, one.sample)
            ]
            for method in METHODS
        }
        for problem in factories.HOSTILE_IDS
    }


def a_right_b_wrong(cells, a="flowrl", b="base_model"):
    bad = ("wrong", "no_answer")
    right = any(one.verdict == "correct" for one in cells[a])
    return right and bool(cells[b]) and all(one.verdict in bad for one in cells[b])


def lone_strategy(cells):
    owners = {}
    for method, found in cells.items():
        for one in found:
            if one.verdict == "correct" and one.strategy:
                owners.setdefault(one.strategy, set()).add(method)
    return any(len(methods) == 1 for methods in owners.values())


def disagreed(cells):
    return any((one.problem, one.sample) in OTHERS for one in cells["grpo"])


def cut(cells):
    return any(one.truncated for found in cells.values() for one in found)


FILTERS = {"differ": a_right_b_wrong, "lone": lone_strategy, "truncated": cut, "graders": disagreed}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(("scope", "sample"), [("any", None), ("shown", -1), ("shown", 2)])
def test_a_filter_shows_the_problems_that_the_outcomes_say(visit, outcomes, name, scope, sample):
    page = visit()
    for label, choice in {"#sample": str(sample or 0), "#scope": scope, "#filter": name}.items():
        page.select_option(label, choice)
    if name == "differ":
        page.select_option("#a", label="flowrl")
        page.select_option("#b", label="base_model")
    passing = [id_ for id_, cells in considered(outcomes, 0, sample).items() if FILTERS[name](cells)]
    expect(page.locator("#count")).to_have_text(f"{len(passing)} of 8 problems")
    assert page.locator("#problems bdi").all_text_contents() == [named(id_) for id_ in passing]
    if name == "differ":
        assert page.locator(".card h4").all_text_contents()[:2] == ["flowrl", "base_model"]


def test_a_right_b_wrong_is_said_of_every_pair(visit, outcomes):
    page = visit()
    for a, b in permutations(METHODS, 2):
        for seed in (0, 1):
            passing = [id_ for id_, cells in considered(outcomes, seed, -1).items() if a_right_b_wrong(cells, a=a, b=b)]
            address = link("p4", seed=seed, query=f"filter=differ&a={a}&b={b}")
            page.evaluate("hash => { location.hash = hash; }", address)
            expect(page.locator("#a")).to_have_value(str(METHODS.index(a)))
            expect(page.locator("#b")).to_have_value(str(METHODS.index(b)))
            expect(page.locator("#count")).to_have_text(f"{len(passing)} of 8 problems")


def test_the_filters_of_this_fixture_neither_pass_nor_refuse_everything(outcomes):
    for name, passes in FILTERS.items():
        count = sum(passes(cells) for cells in considered(outcomes, 0, None).values())
        assert 0 < count < 8, name


def test_a_card_says_what_the_outcome_says(visit, outcomes):
    page = visit(link("p4"))
    words = {"correct": "✓ correct", "wrong": "✗ wrong", "no_answer": "○ no answer"}
    words |= {"undecided": "? undecided", "error": "! grader error"}
    for place, method in enumerate(METHODS):
        one = considered(outcomes, 0, -1)["p4"][method][0]
        card = page.locator(".card").nth(place)
        assert card.locator("h4").text_content() == method
        assert card.locator(".badge").first.text_content() == words[one.verdict]
        facts = dict(zip(card.locator("dt").all_text_contents(), card.locator("dd").all_text_contents(), strict=True))
        assert facts == {
            "answer": one.answer or "–",
            "strategy": one.strategy or "–",
            "reward": "1" if one.verdict == "correct" else "0",
            "tokens": "19",
            "judged by": "exact",
        }
    assert "exact: wrong" in page.locator(".card").nth(1).locator(".badges").text_content()


def test_a_job_without_a_result_says_why(visit):
    page = visit(link("p4", seed=1))
    assert "failed: <img src=x onerror='window.hacked = 1'>" in page.locator(".card").nth(3).text_content()
    assert page.evaluate("window.hacked") is None


def test_search_finds_text_as_it_is_written(visit):
    page = visit()
    page.locator("#search").fill("onerror")
    expect(page.locator("#count")).to_have_text("1 of 8 problems")
    assert shown_problem(page) == "<b>id</b>"
    page.reload()
    expect(page.locator("#search")).to_have_value("onerror")


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", factories.HOSTILE_IDS)
def test_an_address_leads_to_its_problem_and_survives_a_reload(visit, problem):
    page = visit(link(problem, seed=1, sample=2, query="filter=lone&scope=any"))
    for _ in range(2):
        assert shown_problem(page) == named(problem)
        values = {name: page.locator(name).input_value() for name in ("#seed", "#sample", "#filter", "#scope")}
        assert values == {"#seed": "1", "#sample": "2", "#filter": "lone", "#scope": "any"}
        page.reload()
        page.wait_for_selector("#browser:not([hidden])")


def test_back_and_forward_go_through_what_was_looked_at(visit):
    page = visit(link("p4"))
    page.locator("#problems a", has_text="p5").click()
    expect(page.locator("#problem-title")).to_have_text("p5")
    page.select_option("#sample", "1")
    page.go_back()
    expect(page.locator("#sample")).to_have_value("-1")
    page.go_back()
    expect(page.locator("#problem-title")).to_have_text("p4")
    page.go_forward()
    expect(page.locator("#problem-title")).to_have_text("p5")


def test_an_address_of_a_problem_that_is_not_there_says_so(visit):
    page = visit("#samples/competition/nowhere/0/greedy")
    assert "This page has no problem nowhere" in page.locator("#problem").text_content()


def test_without_an_address_the_report_is_seen_first(visit):
    page = visit()
    assert page.evaluate("window.scrollY") == 0
    assert shown_problem(page) == factories.HOSTILE_IDS[0]


# --- texts are data -------------------------------------------------------------------------------------------------


def check_texts(page):
    """Every hostile completion reads as it was written, and made no element and no script."""
    for place, problem in enumerate(factories.HOSTILE_IDS):
        page.evaluate("hash => { location.hash = hash; }", link(problem))
        expect(page.locator("#problem-title")).to_have_text(named(problem))
        while page.locator("button.more").count():
            page.locator("button.more").first.click()
        texts = page.locator(".card pre").all_text_contents()
        assert texts == [named(f"{factories.HOSTILE[place]} {order} -1") for order in range(4)]
    assert page.evaluate("window.hacked") is None


def foreign_elements(page):
    return page.locator("#problem pre :not(.unseen), #samples bdi :not(.unseen)").count()


def test_hostile_completions_stay_text(visit):
    page = visit()
    check_texts(page)
    assert foreign_elements(page) == 0
    assert page.locator("script").count() == 2


def test_a_page_without_the_escaping_is_caught(chromium, results, tmp_path, monkeypatch):
    module = importlib.import_module("benchmark.report.html.page")
    mutant = tmp_path / "page"
    shutil.copytree(module.PAGE, mutant)
    source = (mutant / "text.js").read_text()
    safe, unsafe = "else node.append(part);", 'else node.insertAdjacentHTML("beforeend", part);'
    assert source.count(safe) == 1
    (mutant / "text.js").write_text(source.replace(safe, unsafe))
    monkeypatch.setattr(module, "PAGE", mutant)
    path = write_report(results[0] / "results", tmp_path, "hostile").with_suffix(".html")
    page = chromium.new_page()
    page.goto(path.as_uri() + link("<b>id</b>"))
    page.wait_for_selector(".card pre")
    assert foreign_elements(page) > 0
    with pytest.raises(AssertionError):
        check_texts(page)
    assert page.evaluate("window.hacked") is None  # even so: the page's policy stops the handler
    page.close()


def test_the_policy_lets_no_other_script_run(chromium, report):
    page = chromium.new_page()
    page.goto(report.as_uri())
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'hacked = 1'}))")
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.evaluate("fetch('https://example.org/').then(() => 'fetched', () => 'refused')") == "refused"
    page.close()


def test_directions_are_kept_apart_and_unseen_characters_named(visit):
    page = visit(link("p5"))
    text = page.locator(".card pre").first
    assert (text.get_attribute("dir"), text.evaluate("node => getComputedStyle(node).unicodeBidi")) == (
        "auto",
        "isolate",
    )
    page.evaluate("hash => { location.hash = hash; }", link("p4"))
    expect(page.locator("#problem-title")).to_have_text("p4")
    named_ones = page.locator(".card").first.locator("pre .unseen").all_text_contents()
    assert named_ones == ["U+202E", "U+202C", "U+200B", "U+0007", "U+FEFF"]


def test_a_long_completion_is_folded_until_asked_for(visit):
    page = visit(link("p6"))
    card = page.locator(".card").first
    assert len(card.locator("pre").text_content()) == 1500
    card.get_by_role("button", name=re.compile("show all 100,008 characters")).click()  # 3 + 100,000 + 5
    assert len(card.locator("pre").text_content()) == 100_008


def test_texts_that_were_not_kept_are_missed_aloud(visit, tmp_path):
    factories.write_hostile(tmp_path / "results", texts=False)
    page = visit(path=write_report(tmp_path / "results", tmp_path, "hostile").with_suffix(".html"))
    assert "Texts of competition were not kept: verdicts only." in page.locator("#note").text_content()
    assert page.locator(".card .badge").count() >= 4
    assert page.locator(".card pre").count() == 0


def test_a_browser_that_cannot_unpack_says_so(visit):
    page = visit(before="delete globalThis.DecompressionStream")
    expect(page.locator("#note")).to_contain_text("This browser cannot unpack gzip")
    assert page.locator("#browser").is_hidden()


# --- hands and eyes -------------------------------------------------------------------------------------------------


def test_keys_move_search_and_help(visit):
    page = visit(link("p4"))
    for key, problem in (("j", "p5"), ("ArrowRight", "p6"), ("k", "p5"), ("ArrowLeft", "p4")):
        page.keyboard.press(key)
        assert shown_problem(page) == problem
    for key, sample in (("n", "0"), ("n", "1"), ("p", "0")):
        page.keyboard.press(key)
        assert page.locator("#sample").input_value() == sample
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.locator("#search").input_value() == "jk"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation_and_the_scheme_is_followed(visit, scheme):
    page = visit(link("p5", query="filter=lone&scope=any"), scheme=scheme)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    for state in ("page", "help"):
        if state == "help":
            page.keyboard.press("?")
        found = page.evaluate("axe.run().then((all) => all.violations)")
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert serious == []


def test_the_button_overrules_the_system_and_is_remembered(visit):
    page = visit(scheme="light")
    colours = []
    for _ in range(3):
        page.locator("#theme").click()
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] == colours[2] == "rgb(255, 255, 255)" != colours[1]  # light, dark, as the system
    page.locator("#theme").click()
    page.locator("#theme").click()
    page.reload()
    assert page.locator("#theme").text_content() == "Theme: dark"


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_makes_the_page_wider_than_its_window(visit, width):
    page = visit(link("p6"), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# --- figures, heat map, wide tables ---------------------------------------------------------------------------------


def test_a_method_is_switched_off_in_every_figure_and_on_again(visit):
    page = visit()
    curves = page.locator(".figure .series-1")
    assert curves.count() > 10
    page.locator(".switches summary").first.click()
    box = page.locator(".switches").first.get_by_label("grpo")
    box.uncheck()
    assert page.locator(".figure .series-1:visible").count() == 0
    assert page.locator(".figure .series-2:visible").count() > 0
    assert page.locator('.switches input[value="1"]:checked').count() == 0
    page.locator(".switches").first.get_by_role("button", name="all").click()
    assert page.locator('.switches input[value="1"]:not(:checked)').count() == 0
    assert page.locator(".figure .series-1:visible").count() > 0


def shares_of(outcomes, method, problem):
    """Percent of correct samples over the seeds, the greedy one left out."""
    found = [
        one.verdict == "correct"
        for seed in (0, 1)
        for one in outcomes.get((method, seed), ())
        if one.problem == problem and one.sample >= 0
    ]
    return 100 * sum(found) / len(found)


def test_the_heat_map_shows_the_share_of_correct_samples_and_sorts(visit, outcomes):
    page = visit()
    rows = page.locator("#heat-table tbody tr")
    assert rows.count() == 8
    for place, problem in enumerate(factories.HOSTILE_IDS):
        assert rows.nth(place).locator("th").text_content() == named(problem)
        shown = rows.nth(place).locator("td").all_text_contents()
        for text, method in zip(shown, METHODS, strict=True):
            assert abs(int(text) - shares_of(outcomes, method, problem)) <= 0.5
    page.locator("#heat-table thead button", has_text="grpo").click()
    found = [int(text) for text in page.locator("#heat-table tbody tr td:nth-child(3)").all_text_contents()]
    assert found == sorted(found, reverse=True)
    assert page.locator("#heat-table th[aria-sort=descending]").text_content() == "grpo"
    page.select_option("#heat-order", "hardest")
    means = [
        sum(int(text) for text in row.locator("td").all_text_contents())
        for row in page.locator("#heat-table tbody tr").all()
    ]
    assert means == sorted(means) or max(a - b for a, b in zip(means, sorted(means), strict=True)) <= 4  # rounding


def test_a_problem_of_the_heat_map_opens_its_completions(visit):
    page = visit()
    page.locator("#heat-table tbody a", has_text="p5").click()
    expect(page.locator("#problem-title")).to_have_text("p5")


def test_a_table_wider_than_the_window_says_so(visit):
    page = visit(width=400)
    expect(page.locator(".hint").first).to_have_text("Wider than the window: scroll sideways →")
    for table in page.locator(".scroll").all():
        wide = table.evaluate("node => node.scrollWidth > node.clientWidth + 1")
        assert wide == table.evaluate("node => node.previousElementSibling?.classList.contains('hint') ?? false")


def test_a_short_list_of_problems_is_open_and_the_buttons_go_on(visit):
    page = visit(link("p4"))
    assert page.locator("#list").evaluate("node => node.open")  # eight problems are a short list
    page.locator("#next").click()
    expect(page.locator("#problem-title")).to_have_text("p5")
    page.locator("#previous").click()
    expect(page.locator("#problem-title")).to_have_text("p4")
