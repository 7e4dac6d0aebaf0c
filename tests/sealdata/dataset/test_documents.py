"""Documents of several pairs, from a recipe to trace and card, and who translated them."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.dataset.build import build
from sealdata.dataset.estimate import estimate_tokens
from sealdata.dataset.trace import trace
from sealdata.pipeline.plan import Plan, load_plan
from sealdata.sanity.documents import nameless_documents
from sealdata.sanity.samples import Samples
from sealdata.shards.reader import view_sequence
from sealdata.workflow.engines import open_engine
from sealdata.workflow.protocols import NoProgress

RECIPE = """
name = "pages"
[[source]]
name = "s"
reader = "jsonl"
path = "s.jsonl"
src_lang = "en"
tgt_lang = "id"
translation = "human"
[source.options]
src_column = "en"
tgt_column = "id"
document_column = "page"
translation_column = "by"
[score.translation]
[[rule]]
reason = "machine_translated"
score = "translation.machine"
max = 0
[format]
document_pairs = {num_pairs}
document_layout = "{layout}"
directions = "{directions}"
[validation]
share = 0.0
[pack]
sequence_length = 512
block_length = 512
[tokenizer]
path = "sample:tokenizers/bpe"
"""
TEXTS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
PAGES = ["a", "b", "a", "a", None, "a", 7, "a"]  # row 2 is dropped: a machine translated it


def recipe(folder: Path, num_pairs: int = 2, layout: str = "sides", both: bool = True) -> Path:
    rows = [
        {"en": f"Page {text}.", "id": f"Halaman {text}.", "page": page}
        for text, page in zip(TEXTS, PAGES, strict=True)
    ]
    rows[2]["by"], rows[3]["by"] = "machine", "unknown"
    (folder / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = folder / "pages.toml"
    directions = "both" if both else "random"
    path.write_text(RECIPE.format(num_pairs=num_pairs, layout=layout, directions=directions))
    return path


def built(folder: Path, **options: object) -> Path:
    out = folder / "out"
    loaded = plan(folder, **options)
    with open_engine("local", 1, out, loaded.paths(), None) as engine:
        build(loaded, out, engine, NoProgress(), None)
    return out


def texts_of(out: Path, name: str) -> list[str]:
    view = view_sequence(out / "shards/train/parallel" / name)
    return sorted(document.text for document in view.documents)


def test_neighbours_of_a_page_are_one_document(tmp_path: Path) -> None:
    out = built(tmp_path)
    assert texts_of(out, "ind_Latn-eng_Latn") == [
        "Indonesian: Halaman five.\nEnglish: Page five.",
        "Indonesian: Halaman one.\nHalaman four.\nEnglish: Page one.\nPage four.",
        "Indonesian: Halaman seven.\nEnglish: Page seven.",
        "Indonesian: Halaman six.\nHalaman eight.\nEnglish: Page six.\nPage eight.",
        "Indonesian: Halaman two.\nEnglish: Page two.",
    ]
    folder = out / "shards/train/parallel/eng_Latn-ind_Latn"
    places = {
        document.text: trace(folder / "part-00000.npy", document.start).rows
        for document in view_sequence(folder).documents
    }
    assert places["English: Page one.\nPage four.\nIndonesian: Halaman one.\nHalaman four."] == (
        0,
        3,
    )
    assert sorted(places.values()) == [(0, 3), (1,), (4,), (5, 7), (6,)]
    start = next(d.start for d in view_sequence(folder).documents if "Page one" in d.text)
    result = CliRunner().invoke(main, ["trace", f"{folder}/part-00000.npy:{start}"])
    assert "s, rows 0, 3" in result.output
    card = (out / "README.md").read_text("utf-8")
    assert "| Indonesian | 7 | 6 | 0 | 1 | 0 |" in card
    pairs = pl.read_parquet(out / "pairs/eng_Latn-ind_Latn/train-00000.parquet")
    assert pairs["document"].to_list() == ["a", "b", "a", None, "a", "7", "a"]
    dropped = pl.read_parquet(out / "dropped/eng_Latn-ind_Latn/part-00000.parquet")
    assert dropped.select("row", "translation", "reason").rows() == [
        (2, "machine", "machine_translated")
    ]


def test_a_drawn_direction_is_that_of_the_whole_page(tmp_path: Path) -> None:
    out = built(tmp_path, layout="pairs", both=False)
    folders = sorted((out / "shards/train/parallel").iterdir())
    texts = [text for folder in folders for text in texts_of(out, folder.name)]
    assert len(texts) == 5
    assert sum("Page one" in text and "Page four" in text for text in texts) == 1


def plan(folder: Path, **options: object) -> Plan:
    return load_plan(str(recipe(folder, **options)))  # type: ignore[arg-type]


def test_estimates_count_documents_as_they_will_be(tmp_path: Path) -> None:
    alone, together = (plan(tmp_path, num_pairs=n) for n in (1, 9))
    [one], [all_of_page] = (estimate_tokens(p, Samples(p)) for p in (alone, together))
    assert (one.num_pairs, one.num_documents) == (8, 16)
    assert (all_of_page.num_pairs, all_of_page.num_documents) == (8, 8)
    assert all_of_page.num_tokens < one.num_tokens


@pytest.mark.parametrize(
    ("num_pairs", "column", "found"), [(2, "page", 0), (2, "none", 1), (1, "none", 0)]
)
def test_a_source_that_names_no_pages_is_said(
    tmp_path: Path, num_pairs: int, column: str, found: int
) -> None:
    path = recipe(tmp_path, num_pairs=num_pairs)
    path.write_text(path.read_text().replace('"page"', f'"{column}"'))
    loaded = load_plan(str(path))
    findings = list(nameless_documents(loaded, Samples(loaded)))
    assert [finding.name for finding in findings] == ["no-documents"] * found


@pytest.mark.parametrize(("by", "good"), [("mt", 0), ("", 1), ("_", 1), ("machine", 1)])
def test_who_translated_is_one_of_three_words(tmp_path: Path, by: str, good: int) -> None:
    path = recipe(tmp_path)
    record = {"en": "A.", "id": "B.", "by": by}
    (tmp_path / "s.jsonl").write_text(json.dumps(record) + "\n")
    loaded = load_plan(str(path))
    [(_, sample)] = Samples(loaded).tables(loaded)
    assert sample.good.height == good
    assert list(sample.rejected) == ["bad_translation"] * (1 - good)
