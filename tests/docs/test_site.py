"""The site builds without a warning, and its pages load nothing from a network."""

import re
import subprocess
import sys

import pytest

from tests.docs.style import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; -W makes a broken link or a page outside the menu an error."""
    out = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*build, str(ROOT / "docs"), str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


def test_every_page_is_there(site):
    pages = {
        path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")
    }
    made = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    assert pages <= made


def test_pages_load_nothing_from_a_network(site):
    loads = re.compile(r"<(?:script|img|iframe|source)[^>]*\bsrc=\"(?:https?:)?//[^\"]*\""
                       r"|<link[^>]*\bhref=\"(?:https?:)?//[^\"]*\"")  # fmt: skip
    pages = list(site.rglob("*.html"))
    assert pages
    assert not [match[0] for page in pages for match in loads.finditer(page.read_text("utf-8"))]
    sheets = "".join(sheet.read_text("utf-8") for sheet in site.rglob("*.css"))
    assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheets)
