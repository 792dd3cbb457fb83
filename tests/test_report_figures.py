"""What can be measured of a figure: contrast, clipping, labels and their lines, points that hide one another."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import factories
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.text import Annotation, Text

from benchmark.comparison.evidence import gather
from benchmark.contract import PHASES
from benchmark.report import check_report, document, write_report
from benchmark.report.figures.cost import TONES
from benchmark.report.figures.drawing import rendered
from benchmark.report.figures.looks import _KNOWN, COLOURS, GREY, style_of
from benchmark.report.html.page import PAGE
from benchmark.report.plan import sections
from benchmark.report.reading import ReportData
from benchmark.report.versions import drawn_elsewhere

WHITE = "#ffffff"
TEXTLIKE = 4.5
"""Smallest contrast of text, WCAG 2.2 level AA."""


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    """Every figure of the factories' suite, laid out."""
    root = tmp_path_factory.mktemp("figures")
    factories.write(root, factories.suite())
    found = {}
    for figure in document.figures(sections(ReportData(gather(root, "tiny")))):
        drawing = figure.draw()
        FigureCanvasAgg(drawing).draw()
        found[figure.file] = (drawing, rendered(figure.draw).decode())
    return found


def linear(colour):
    """Red, green and blue in linear light (sRGB)."""
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """(L1 + 0.05) / (L2 + 0.05) with the relative luminances of WCAG, the lighter above."""
    light, dark = sorted((float(linear(each) @ [0.2126, 0.7152, 0.0722]) + 0.05 for each in (one, other)), reverse=True)
    return light / dark


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", WHITE) == pytest.approx(21)
    assert contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.005)  # once our ink, just below AA


def test_every_word_of_every_figure_can_be_read_on_its_white_ground(drawings):
    for name, (_, svg) in drawings.items():
        inks = set(re.findall(r"<text [^>]*fill: (#[0-9a-f]{6})", svg))
        assert inks, name
        for ink in inks:
            assert contrast(ink, WHITE) >= TEXTLIKE, (name, ink)
        assert re.search(r'id="patch_1">\s*<path [^>]*style="fill: #ffffff"', svg), name


def test_labels_can_be_read_on_the_dark_page_too():
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    paper, dark = re.search(r"--paper: light-dark\((#\w+), (#\w+)\)", style).groups()
    assert paper == WHITE
    for colour in COLOURS:
        own = re.search(rf"--hue-{colour[1:]}: light-dark\(#\w+, (#\w+)\)", style)[1]
        assert contrast(own, dark) >= TEXTLIKE, colour
        assert contrast(colour, WHITE) >= TEXTLIKE
    assert contrast(GREY, WHITE) >= TEXTLIKE


_SEEN_BY = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Machado, Oliveira and Fernandes 2009, severity 1, in linear light."""


def lab(light):
    """CIELAB of linear sRGB under D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ np.clip(light, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", _SEEN_BY)
def test_any_two_colours_are_30_apart_for_every_kind_of_eyes(eyes):
    for one, other in combinations(COLOURS, 2):
        seen = [lab(np.array(_SEEN_BY[eyes]) @ linear(each)) for each in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) >= 30, (one, other)


def test_a_method_looks_the_same_in_every_report_and_no_two_alike():
    looks = {name: style_of(name) for name in _KNOWN}
    assert len({(one.colour, one.line, one.marker) for one in looks.values()}) == len(looks)
    pocket = ("sft", "grpo", "ppo", "gflownet_tb", "flowrl")
    assert len({looks[name].colour for name in pocket}) == len(pocket)
    assert style_of("my_own_method") == style_of("my_own_method")
    assert style_of("my_own_method").colour in COLOURS


def test_phases_are_drawn_in_nobodys_colour():
    assert set(TONES) == set(PHASES)
    assert not set(TONES.values()) & {*COLOURS, GREY}
    assert min(contrast(tone, WHITE) for tone in TONES.values()) >= 2.99


def texts(drawing):
    """Those that are drawn: matplotlib also keeps ticks outside of the axis."""
    absent = set()
    for axes in drawing.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            absent |= {
                label
                for tick in axis.get_major_ticks()
                if not low <= tick.get_loc() <= high
                for label in (tick.label1, tick.label2)
            }
    found = [one for one in drawing.findobj(Text) if one.get_visible() and one.get_text().strip()]
    return [one for one in found if one not in absent]


def test_no_word_is_cut_at_the_edge(drawings):
    for name, (drawing, _) in drawings.items():
        frame = drawing.bbox
        for one in texts(drawing):
            box = one.get_window_extent()
            inside = (
                frame.x0 - 1 <= box.x0 and box.x1 <= frame.x1 + 1 and frame.y0 - 1 <= box.y0 and box.y1 <= frame.y1 + 1
            )
            assert inside, (name, one.get_text())


def labels(drawing):
    return [one for one in drawing.findobj(Annotation) if one.get_text()]


def test_labels_have_their_curves_colour_and_leaders_end_at_them(drawings):
    seen = 0
    for name in ("learning.svg", "pass_at_k.svg", "accuracy_diversity.svg"):
        for label in labels(drawings[name][0]):
            assert label.get_color() == style_of(label.get_text()).colour
            if label.arrow_patch is None:
                continue
            seen += 1
            path = label.arrow_patch.get_path().transformed(label.arrow_patch.get_transform()).vertices
            box = Text.get_window_extent(label)
            gap = min(
                np.hypot(max(box.x0 - x, 0, x - box.x1), max(box.y0 - y, 0, y - box.y1)) for x, y in path[[0, -1]]
            )
            assert gap < 4 * drawings[name][0].dpi / 72, (name, label.get_text())
    assert seen > 4


def test_labels_lie_on_no_other_label_and_on_no_bar(drawings):
    for name in ("learning.svg", "pass_at_k.svg", "accuracy_diversity.svg", "accuracy_strategies.svg"):
        drawing, _ = drawings[name]
        for axes in drawing.axes:
            boxes = [Text.get_window_extent(one) for one in labels(axes)]
            assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])], name
            for bars in axes.findobj(LineCollection):
                for segment in bars.get_segments():
                    (x0, y0), (x1, y1) = axes.transData.transform(segment)
                    on_it = [b for b in boxes if b.x0 < max(x0, x1) and min(x0, x1) < b.x1 and b.y0 < max(y0, y1) and min(y0, y1) < b.y1]  # fmt: skip  # noqa: E501
                    assert not on_it, name


def test_dots_of_memory_do_not_hide_one_another(drawings):
    drawing, _ = drawings["memory_rss.svg"]
    for axes in drawing.axes:
        spots = [axes.transData.transform(np.asarray(cloud.get_offsets())) for cloud in axes.collections]
        for one, other in combinations(np.concatenate(spots), 2):
            assert np.hypot(*(one - other)) > 4 * drawing.dpi / 72


def test_intervals_are_bars_beside_one_another_and_never_bands(drawings):
    for name, (drawing, _) in drawings.items():
        if name.startswith(("learning", "pass", "strategies_at")):
            for axes in drawing.axes:
                bars = [b for b in axes.findobj(LineCollection) if b.get_segments()]
                at = sorted(float(bar.get_segments()[0][0][0]) for bar in bars)
                assert len(at) > 2
                assert all(left < right for left, right in pairwise(at)), name
                assert not [one for one in axes.collections if "Poly" in type(one).__name__], name


# --- which matplotlib ----------------------------------------------------------------------------------------------


def test_figures_of_another_matplotlib_are_not_compared_and_everything_else_is(tmp_path, monkeypatch):
    factories.write(tmp_path / "results", factories.suite(tasks=("grade_school",), seeds=(0, 1)))
    monkeypatch.setattr("benchmark.report.versions.LOCK", tmp_path / "none")
    write_report(tmp_path / "results", tmp_path, "tiny")
    assert drawn_elsewhere(tmp_path, ["tiny"]) == ""
    learning = tmp_path / "tiny" / "learning.svg"
    learning.write_text(learning.read_text().replace("</svg>", "<!-- edited --></svg>"))
    assert check_report(tmp_path / "results", tmp_path, "tiny") == ["tiny/learning.svg"]

    lock = tmp_path / "constraints.txt"
    lock.write_text("numpy==2.0\nmatplotlib==0.1\n")
    monkeypatch.setattr("benchmark.report.versions.LOCK", lock)
    assert drawn_elsewhere(tmp_path, ["tiny"]) == "0.1"
    assert check_report(tmp_path / "results", tmp_path, "tiny") == []
    text = tmp_path / "tiny.md"
    text.write_text(text.read_text() + "one line more\n")
    learning.unlink()
    assert check_report(tmp_path / "results", tmp_path, "tiny") == ["tiny.md", "tiny/learning.svg"]


def test_without_a_lock_the_figures_name_their_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.report.versions.LOCK", tmp_path / "none")
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "a.svg").write_text("<svg><metadata><dc:title>matplotlib 3.9.1</dc:title></metadata></svg>")
    assert drawn_elsewhere(tmp_path, ["tiny"]) == "3.9.1"
