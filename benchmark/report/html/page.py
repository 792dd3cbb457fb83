"""The report as one HTML file that needs neither a server nor a network, with the sample browser at its end.

The words, tables and their order are the Markdown report's, rendered once by `markdown` and turned into HTML here by
markdown-it-py with raw HTML switched off: cells and sentences are Markdown anyway, and so the two cannot disagree.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from benchmark.report.figures.drawing import INK, PAPER, RULE
from benchmark.report.figures.looks import GREY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markdown_it.token import Token

    from benchmark.comparison.evidence import Evidence

__all__ = ["html", "without_figures"]

PAGE = Path(__file__).parent / "assets"
SCRIPTS = ("data.js", "text.js", "figures.js", "heatmap.js", "browser.js")
_TEMPLATES = Environment(
    loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_INKS = {
    PAPER: "var(--paper)",
    INK: "var(--ink)",
    GREY: "var(--muted)",
    RULE: "var(--faint)",
    "#000000": "var(--ink)",
}
"""Colours of a figure that are paper and ink; every other one is a method's or a phase's, `var(--hue-RRGGBB)`."""
_FOLD = re.compile(r"<details><summary>(.*)</summary>|</details>")
_COLOUR = re.compile(r"(?<=: )#[0-9a-f]{6}\b|(?<=fill=\")#[0-9a-f]{6}(?=\")")


def without_figures(page: bytes) -> bytes:
    """A page with every drawing taken out, so that two can be compared whichever matplotlib drew them."""
    return re.sub(rb"<svg.*?</svg>", b"", page, flags=re.DOTALL)


class Heading(NamedTuple):
    """A line of the table of contents."""

    level: int
    id: str
    text: str


def html(evidence: Evidence, text: str, figures: Mapping[str, bytes], payload: str) -> str:
    """The whole page: `text` is the Markdown report, `figures` are its SVG by file name, `payload` from `packed`."""
    named = {f"{evidence.suite.name}/{name}": content.decode() for name, content in figures.items()}
    body, headings = _article(text.partition("-->\n")[2], named)
    script = "\n".join((PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return _TEMPLATES.get_template("page.html.j2").render(
        name=evidence.suite.name,
        digest=evidence.digest,
        methods=json.dumps(evidence.methods),
        headings=headings,
        article=Markup(body),  # noqa: S704 - made by markdown-it with raw HTML off
        style=Markup((PAGE / "style.css").read_text(encoding="utf-8")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        payload=payload,
    )


def _article(text: str, figures: Mapping[str, str]) -> tuple[str, list[Heading]]:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    headings = _headings(tokens)
    _tables(tokens, headings)
    _folds(tokens)

    def image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:  # noqa: ANN401, ARG001
        alt = tokens[index].content
        svg = figures.get(str(tokens[index].attrs["src"]))
        return str(escape(alt)) if svg is None else inline_svg(svg, alt)

    parser.add_render_rule("image", image)
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    return str(parser.renderer.render(tokens, parser.options, {})), headings


def _open_table(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:  # noqa: ANN401, ARG001
    name = escape(tokens[index].meta["name"])
    return f'<div class="scroll" data-scroll tabindex="0" role="region" aria-label="{name}">\n<table>\n'


def _close_table(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:  # noqa: ANN401, ARG001
    return "</table>\n</div>\n"


def _headings(tokens: Sequence[Token]) -> list[Heading]:
    """Gives every heading an id, and lists them."""
    found: list[Heading] = []
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(child.content for child in inline.children or ())
            slug = re.sub(r"[^\w]+", "-", words.lower()).strip("-")
            id_ = slug if slug not in {one.id for one in found} else f"{slug}-{len(found)}"
            opening.attrSet("id", id_)
            found.append(Heading(int(opening.tag[1]), id_, words))
    return found


def _folds(tokens: Sequence[Token]) -> None:
    """The template's own folds, each on a line of its own; foreign text holds no `<` where Markdown is made."""
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        found = _FOLD.fullmatch(inline.content) if opening.type == "paragraph_open" else None
        if found:
            opening.hidden = closing.hidden = True
            inline.type, inline.children = "html_block", None
            words = re.sub(r"&lt;(/?code)&gt;", r"<\1>", str(escape(found[1] or "")))
            inline.content = f"<details><summary>{words}</summary>\n" if found[1] else "</details>\n"


def _tables(tokens: Sequence[Token], headings: Sequence[Heading]) -> None:
    """First cells become row headers, alignment a class, and each table a region that scrolls on its own."""
    names = iter(headings)
    count, heading, first = 0, "", False
    for token, inside in zip(tokens, (*tokens[1:], None), strict=True):
        if token.type == "heading_open":
            heading = next(names).text
        elif token.type == "table_open":
            count += 1
            token.meta["name"] = f"Table {count}: {heading}"
        elif token.type == "tr_open":
            first = True
        elif token.type in {"td_open", "th_open"}:
            right = "right" in str(token.attrs.pop("style", ""))
            token.attrs |= {"class": "number"} if right else {}
            if token.type == "th_open":
                token.tag = "th" if inside is not None and inside.content else "td"
                token.attrs |= {"scope": "col"} if token.tag == "th" else {}
            elif first:
                token.tag, token.attrs = "th", token.attrs | {"scope": "row"}
            first, tag = False, token.tag
        elif token.type in {"td_close", "th_close"}:
            token.tag = tag


def inline_svg(svg: str, name: str) -> str:
    """A figure of matplotlib as part of the page: named, in the page's inks, without ids that another may have."""
    mark = hashlib.sha256(svg.encode()).hexdigest()[:8]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{mark}-", body)
    body = _COLOUR.sub(lambda found: _ink(found[0]), body)
    opening, _, rest = body.partition(">")
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    frame = f'<span class="figure" data-scroll tabindex="0" role="img" aria-label="{escape(name)}">'
    return f'{frame}{opening} aria-hidden="true">{rest}</span>'


def _ink(colour: str) -> str:
    return _INKS.get(colour) or f"var(--hue-{colour[1:]}, {colour})"
