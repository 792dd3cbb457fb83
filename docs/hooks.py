"""Pages and files that live outside docs/ become part of the site, under the paths they have in the repository.

In the repository a page of docs/ links to `../algorithms/README.md`, and on GitHub that link works. On the site docs/
is the root, so `../` is dropped there, and `../docs/` in the other pages becomes `../`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = (
    "algorithms/*.md",
    "algorithms/*.py",
    "benchmark/contract/*.py",
    "benchmark/errors.py",
    "benchmark/report/html/assets/*",
    "benchmark/suite/builtin/*.toml",
    "reports/*.*",
    "reports/*/*.svg",
    "results/*/suite.json",
    "tests/*.py",
    "tests/programs/*.py",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
)
"""Files that pages link to; patterns relative to the root of the repository."""
FETCHED = re.compile(r'<(?:script|img|iframe|source)\b[^>]*\ssrc="(?:https?:)?//|<link\b[^>]*\shref="(?:https?:)?//')
"""What a browser would load from another host."""
RECORDS = re.compile(r"\[([^\]]*)\]\((?:\.\./)*results/[\w.-]+/?\)")
"""A link to a folder of records: the site has no folders to look into, so its text stays."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The files of docs/ and those named in `OUTSIDE`."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Links of the repository turned into links of the site."""
    source = page.file.src_uri
    markdown = RECORDS.sub(r"\1", markdown)
    if (ROOT / "docs" / source).is_file():
        depth = "../" * source.count("/")
        return re.sub(rf"\]\({re.escape(depth)}\.\./", f"]({depth}", markdown)
    return re.sub(r"\]\(((?:\.\./)*)docs/", r"](\1", markdown)


def on_post_page(output: str, page: Page, **_: object) -> str:
    """The page as it is. Raises `PluginError` where it would load something from another host."""
    found = FETCHED.search(output)
    if found is not None:
        raise PluginError(f"{page.file.src_uri}: the page would fetch from another host: {found.group()!r}")
    return output
