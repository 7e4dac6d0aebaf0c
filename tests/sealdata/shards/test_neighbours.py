"""Neighbouring pairs of a document as one row, whatever frames and partitions they come in."""

from collections import Counter
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.formats.documents import DocumentLayout, PairFormat
from sealdata.shards.neighbours import JOINED, document_keys, document_of, joined
from sealdata.shards.shuffle import row_keys, shuffled

# Pages of two sources; in the first, page "a" is in three places.
PAGES = ["a", "a", "b", None, "a", "b", "a", None, "a", "c"]
PAIRS = pl.DataFrame(
    {
        "source": ["s"] * 10 + ["t"],
        "row": range(11),
        "src": [f"en{n}" for n in range(11)],
        "tgt": [f"xx{n}" for n in range(11)],
        "document": [*PAGES, "a"],
    },
    schema_overrides={"row": pl.UInt64},
)
TOGETHER = [[0, 1, 4], [6, 8], [2, 5], [3], [7], [9], [10]]  # three at most; "t" has its own "a"


def documents(
    frames: list[pl.DataFrame], num_pairs: int, folder: Path, partitions: int = 1
) -> tuple[pl.DataFrame, Counter[str]]:
    """All documents of frames of pairs, and what was counted."""
    tally: Counter[str] = Counter()
    keyed = [frame.with_columns(key=document_keys(frame, seed=1)) for frame in frames]
    rows = shuffled(iter(keyed), partitions, folder)
    return pl.concat(list(joined(rows, num_pairs, tally))), tally


def test_pairs_of_a_page_meet_in_the_order_of_the_corpus(tmp_path: Path) -> None:
    together, tally = documents([PAIRS], 3, tmp_path)
    assert sorted(together["src"].to_list()) == sorted([f"en{n}" for n in d] for d in TOGETHER)
    assert [texts[0][2:] for texts in together["tgt"]] == [str(row) for row in together["row"]]
    assert tally == {JOINED: 4}
    # The two documents of page "a" follow each other, the first one first.
    first = together["row"].to_list().index(0)
    assert together["row"][first + 1] == 6


def test_the_order_does_not_depend_on_frames_or_partitions(tmp_path: Path) -> None:
    whole, _ = documents([PAIRS], 3, tmp_path)
    for frames, partitions in (([PAIRS[6:], PAIRS[:2], PAIRS[2:6]], 1), ([PAIRS], 7)):
        assert documents(frames, 3, tmp_path, partitions)[0].equals(whole)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 5), st.integers(1, 7))
def test_every_pair_is_in_one_document(pages: list[int], num_pairs: int, step: int) -> None:
    pairs = pl.DataFrame(
        {
            "source": "s",
            "row": range(len(pages)),
            "document": [str(p) if p else None for p in pages],
        },
        schema={"source": pl.String, "row": pl.UInt64, "document": pl.String},
    ).with_columns(src=pl.col("row").cast(pl.String), tgt=pl.lit("t"))
    ordered = pairs.with_columns(key=document_keys(pairs, seed=3)).sort("key", "source", "row")
    tally: Counter[str] = Counter()
    frames = [ordered[start : start + step] for start in range(0, len(pages), step)]
    rows = [[int(n) for n in texts] for d in joined(frames, num_pairs, tally) for texts in d["src"]]
    assert sorted(n for row in rows for n in row) == list(range(len(pages)))
    assert len(rows) + tally[JOINED] == len(pages)
    for row in rows:
        assert len(row) <= num_pairs
        assert row == sorted(row)
        assert len(row) == 1 or len({pages[n] for n in row}) == 1
    expected = sum(
        pages.count(0) if page == 0 else -(-pages.count(page) // num_pairs) for page in set(pages)
    )
    assert len(rows) == expected


def test_a_pair_without_a_page_has_its_own_key() -> None:
    keys = document_keys(PAIRS, seed=1)
    alone = row_keys(PAIRS, seed=1)
    assert [a == b for a, b in zip(keys, alone, strict=True)] == [p is None for p in [*PAGES, "a"]]


def test_the_name_of_a_document() -> None:
    frame = pl.DataFrame(
        {"document": ["d", None, None, None], "src_url": ["u", "u", None, None]}
    ).with_columns(tgt_url=pl.Series(["v", "v", "v", None]))
    assert frame.select(document_of())["document"].to_list() == ["d", "u", "v", None]


TEMPLATE = "{first_name}: {first}\n{second_name}: {second}"


def written(layout: DocumentLayout, english_first: bool) -> dict[str, object]:
    pairs = pl.DataFrame(
        {"source": ["s"], "row": [4], "src": [["One.", "Two."]], "tgt": [["Satu.", "Dua."]]},
        schema_overrides={"row": pl.UInt64},
    )
    form = PairFormat("ind_Latn", english_first, False, (TEMPLATE,), (1.0,), "english", 3, layout)
    return form.documents(pairs, row_keys(pairs, seed=1)).row(0, named=True)


def test_layouts() -> None:
    sides = written("sides", english_first=True)
    assert sides["text"] == "English: One.\nTwo.\nIndonesian: Satu.\nDua."
    assert sides["prompt_chars"] == len("English: One.\nTwo.\nIndonesian: ")
    pairs = written("pairs", english_first=False)
    assert pairs["text"] == ("Indonesian: Satu.\nEnglish: One.\nIndonesian: Dua.\nEnglish: Two.")
    assert pairs["prompt_chars"] == len("Indonesian: Satu.\nEnglish: ")
    assert (pairs["source"], pairs["row"], pairs["template"]) == ("s", 4, 0)
