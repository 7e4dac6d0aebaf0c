"""Every link of the project's Markdown leads somewhere, and every path that it names exists."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.style import ROOT

FOLDERS = ("docs", "sealdata", "sealtrain", "cli", "tests", "data_cards")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
)
CODE = sorted(
    path
    for folder in ("sealdata", "sealtrain", "cli", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".toml", ".j2"}
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
NAMED = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w\.(?:py|md|toml|txt|tsv|svg)\b")


def prose(text: str) -> str:
    """Markdown without blocks of code."""
    return re.sub(r"^(`{3,}|~{3,}).*?^\1\s*$", "", text, flags=re.MULTILINE | re.DOTALL)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def anchors(page: Path) -> set[str]:
    """All anchors of a page; of equal headings the first."""
    text = prose(page.read_text("utf-8"))
    return {slug(found) for found in re.findall(r"^#{1,6} (.*)$", text, flags=re.MULTILINE)}


def broken_links(page: Path) -> list[str]:
    """Links of a page whose file or anchor is not there."""
    broken = []
    for link in LINK.findall(prose(page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_resolve(page):
    assert not broken_links(page)


@pytest.mark.parametrize("link", ["absent.md", "page.md#absent", "#absent", "![x](absent.svg)"])
def test_broken_links_are_found(link, tmp_path):
    page = tmp_path / "page.md"
    shown = link if link.startswith("!") else f"[a]({link})"
    page.write_text(
        f"# A `b`, c\n\n[ok](#a-b-c) [ok](page.md#a-b-c) {shown}\n```\n[a](gone)\n```\n"
    )
    assert len(broken_links(page)) == 1


def test_paths_that_pages_name_exist():
    pages = [page for page in PAGES if page.is_relative_to(ROOT / "docs") or page.parent == ROOT]
    named = {
        (str(page.relative_to(ROOT)), path)
        for page in pages
        if page.name != "CHANGELOG.md"  # it may name what is no longer there
        for path in NAMED.findall(prose(page.read_text("utf-8")))
    }
    assert len(named) > 20
    missing = {path for _, path in named if not (ROOT / path).exists()}
    assert missing == {"sealdata/readers/colon.py", "sealdata/scorers/questions.py"}  # to be added


def test_pages_that_code_names_exist():
    named = [
        (str(path.relative_to(ROOT)), page)
        for path in CODE
        for page in re.findall(r"(?<![\w/])docs/[\w./-]+\.md", path.read_text("utf-8"))
    ]
    assert named
    assert not [(path, page) for path, page in named if not (ROOT / page).exists()]
