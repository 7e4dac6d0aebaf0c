"""`import sealdata`: frames of every library in, scores and reasons out, as a build gives them."""

import subprocess
import sys

import datasets
import polars as pl
import pytest

import sealdata
from sealdata.files.places import sample_dir
from sealdata.gold.trial import try_pairs
from sealdata.recipe.reading import read_recipe
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

ROWS = [
    ("The clinic opens at 8 o'clock.", "คลินิกเปิดเวลา 8 นาฬิกา"),
    ("Wash your hands.", None),
    ("My sister bought 6 mangoes.", "พี่สาวของฉันซื้อมะม่วง 6 ลูก"),
]
FRAME = pl.DataFrame(ROWS, schema=["en", "th"], orient="row")
TRANSLATIONS = datasets.Dataset.from_list([{"translation": {"th": b, "en": a}} for a, b in ROWS])


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        (FRAME, {"src": "en", "tgt": "th"}),
        (FRAME.lazy(), {"src": "en", "tgt": "th"}),
        (FRAME.to_pandas(), {"src": "en", "tgt": "th"}),
        (FRAME.to_arrow(), {"src": "en", "tgt": "th"}),
        (FRAME.to_dicts(), {"src": "en", "tgt": "th"}),
        (datasets.Dataset.from_list(FRAME.to_dicts()), {"src": "en", "tgt": "th"}),
        (TRANSLATIONS, {}),
        (datasets.concatenate_datasets([TRANSLATIONS] * 2).select([3, 1, 5]), {}),
    ],
    ids=["polars", "lazy", "pandas", "arrow", "rows", "dataset", "translation", "selection"],
)
def test_the_rows_of_every_library_are_scored_in_their_order(data, columns):
    scored = sealdata.score(data, **columns, tgt_lang="th", scorers="length")
    assert scored["length.src_chars"].to_list() == [30, None, 27]
    assert scored["length.tgt_chars"].to_list() == [23, None, 28]


def test_english_is_the_side_called_src_whichever_column_it_is():
    scored = sealdata.score(
        FRAME, src="th", tgt="en", src_lang="tha", tgt_lang="en", scorers={"length": {}}
    )
    assert scored.columns == ["en", "th", "length.src_chars", "length.tgt_chars"]
    assert scored["length.src_chars"].to_list() == [30, None, 27]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (FRAME, {}, "no column 'src'; the frame has en, th: name the columns"),
        (FRAME, {"src": "en", "tgt": "en"}, "both sides are the column 'en'"),
        (FRAME.with_row_index(), {"src": "en", "tgt": "index"}, "'index' is not text, but UInt32"),
        (FRAME, {"src": "en", "tgt": "th", "tgt_lang": "xx"}, "unknown language 'xx'"),
        (FRAME, {"src": "en", "tgt": "th", "tgt_lang": "en"}, "must be English, not eng_Latn and"),
        (FRAME, {"src": "en", "tgt": "th", "scorers": "lengt"}, "Did you mean 'length'"),
        (TRANSLATIONS, {"tgt_lang": "id"}, "has no ind_Latn; its languages are th, en"),
        (datasets.DatasetDict(train=TRANSLATIONS), {}, "give one of them: train"),
        (TRANSLATIONS.to_iterable_dataset(), {}, r"give list\(data.take\(1000\)\)"),
        (FRAME["en"].to_arrow(), {}, "cannot read pairs from pyarrow"),
        (5, {}, "cannot read pairs from builtins.int; give a frame of"),
        (
            FRAME.with_columns(pl.lit(1).alias("length.src_chars")),
            {"src": "en", "tgt": "th"},
            "already has a column 'length.src_chars'",
        ),
    ],
)
def test_what_cannot_be_scored_is_one_line(data, options, message):
    with pytest.raises(sealdata.SealError, match=message):
        sealdata.score(data, **{"tgt_lang": "th", "scorers": "length", **options})


def test_reasons_and_scores_are_those_of_a_build():
    """Of real pairs, pairs of the next line, and texts that rules and cleaners know."""
    sides = [
        (sample_dir() / "text" / f"{lang}.txt").read_text("utf-8").splitlines()[:30]
        for lang in ("eng_Latn", "ind_Latn")
    ]
    rows = [*zip(*sides, strict=True), *zip(sides[0], sides[1][7:], strict=False)]
    rows += [
        ("A &amp; B", "A &amp; B"),
        ("ok", "ya"),
        ("Buy 5 now", "Beli 7 kini"),
        ("x", "\u200b"),
    ]
    pairs = pl.DataFrame(rows, schema=["src", "tgt"], orient="row")
    recipe, base = read_recipe("quickstart")
    with LocalEngine(1) as engine:
        tried = pairs.with_columns(lang=pl.lit("ind_Latn"))
        built = try_pairs(recipe, base, tried, (), engine, NoProgress())
    found = sealdata.evaluate(pairs, "quickstart", tgt_lang="id")
    assert found["kept"].sum() not in (0, len(rows))
    shared = [
        name for name in built.columns if name in found.columns and name not in ("src", "tgt")
    ]
    assert {"stage", "reason", "reasons", "laser.cosine", "lid.tgt_odds"} <= set(shared)
    # Where a build's reader or cleaner leaves nothing, the text is null there.
    for name in shared:
        assert found[name].to_list() == built[name].to_list(), name
    read = built["read"].struct.unnest()
    assert found["cleaned_src"].to_list() == read["src"].to_list()


def test_a_side_that_is_absent_is_said():
    found = sealdata.evaluate(FRAME, "quickstart", src="en", tgt="th", tgt_lang="th")
    assert found.columns[:7] == ["en", "th", "kept", "stage", "reason", "reasons", "cleaned_src"]
    assert found.select("kept", "stage", "reason").rows()[1] == (False, "ingest", "empty_side")
    assert found["reasons"].to_list() == [[], ["empty_side"], []]


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = "import sys, sealdata; sealdata.SealError; print({'polars', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    assert set(sealdata.__all__) <= set(dir(sealdata))
    with pytest.raises(AttributeError, match="has no attribute 'scores'"):
        _ = sealdata.scores


def test_a_script_without_a_guard_is_told_of_it(tmp_path):
    """The worker that imports the script does not start a build of its own."""
    script = tmp_path / "script.py"
    script.write_text("import sealdata\nsealdata.build('quickstart', 'out', workers=2, limit=1)\n")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'call it under if __name__ == "__main__":' in done.stderr
