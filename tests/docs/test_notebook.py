"""The notebook is that of its page, and runs from its first cell to its last."""

import ast
import json

import pytest

from tests.docs.style import ROOT
from tests.docs.test_reference import generate

PAGE = ROOT / "docs" / "how-to" / "use-from-python.md"
NOTEBOOK = PAGE.with_suffix(".ipynb")


def test_the_committed_notebook_is_that_of_the_page():
    text = generate.notebook(PAGE.read_text("utf-8"))
    assert NOTEBOOK.read_text("utf-8") == text, "run: python docs/generate.py"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    names: dict[str, object] = {}
    shown = []
    for cell in cells:
        if cell["cell_type"] == "code":
            *body, last = ast.parse("".join(cell["source"])).body
            exec(compile(ast.Module(body, []), "cell", "exec"), names)
            assert isinstance(last, ast.Expr), "a cell ends with what it shows"
            shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    scored, judged, build, dropped, histogram, change = shown
    assert scored["numerals.conflict"].to_list()[1] > 0
    assert judged["reason"].to_list() == [None, "number_mismatch", "copy"]
    assert repr(build).endswith("thai-only, 163 pairs kept")
    funnel = build.funnel()
    assert dropped["len"].sum() == funnel["records"].item() - 163
    kept = build.pairs("tha").collect()
    assert histogram["kept"].sum() == kept.height
    low, high = histogram.row(3)[1:3]
    lengths = kept["length.src_chars"]
    assert histogram["kept"][3] == ((lengths >= low) & (lengths < high)).sum()
    [(lang, before, after, gone_for)] = change
    assert (lang, before, after) == ("tha_Thai", 163, 163 - gone_for["too_short"])
    assert build.pairs("tha", split="train").collect().height == 152
