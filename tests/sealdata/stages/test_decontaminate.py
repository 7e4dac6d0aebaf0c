"""Decontamination: sentences of evaluation sets are found in every disguise and in every language,
in every format that the sets are published in, and what only shares a phrase with them stays."""

import csv
import json
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sealcli.sealdata import main
from sealdata.contamination import hashes
from sealdata.contamination.hashes import hashed
from sealdata.contamination.index import Index
from sealdata.contamination.sets import evaluation_files, read_sentences
from sealdata.contamination.texts import Sentence
from sealdata.errors import ConfigError, DataError
from sealdata.text.hashing import key_hashes, text_key

# (English, other side) of the evaluation set; nothing here is from a published one
EVAL = {
    "tha_Thai": ("The old bridge was closed after the flood last winter.",
                 "สะพานเก่าถูกปิดหลังจากน้ำท่วมเมื่อฤดูหนาวที่แล้ว"),
    "khm_Khmr": ("Our neighbours repaired the roof before the rain came.",
                 "អ្នកជិតខាងរបស់យើងបានជួសជុលដំបូលផ្ទះមុនពេលភ្លៀងធ្លាក់"),
    "vie_Latn": ("She teaches mathematics at a school near the harbour.",
                 "Cô ấy dạy toán ở một ngôi trường gần bến cảng cũ."),
    "mya_Mymr": ("The market opens very early in the morning every Sunday.",
                 "တနင်္ဂနွေနေ့တိုင်း ဈေးသည် မနက်စောစော ဖွင့်လှစ်ပါသည်။"),
    "zho_Hans": ("Farmers in the valley grow more rice than they did before the dam was built.",
                 "自从水坝建成以后，山谷里的农民种植的水稻比以前多得多，而且收成也一年比一年更加稳定。"),
}  # fmt: skip
DISGUISES = {
    "as it is": lambda t: t,
    "CRLF": lambda t: t + "\r",
    "zero-width spaces": lambda t: "\u200b".join(t[i : i + 5] for i in range(0, len(t), 5)),
    "NFD": lambda t: unicodedata.normalize("NFD", t),
    "capitals": str.upper,
    "no final mark": lambda t: t.rstrip(".。။"),
    "quoted": lambda t: f"“{t}”",
    "text behind": lambda t: f"{t} (Photo: archive, 12 May 1998)",
    "text before": lambda t: f"12. Reuters, 3 May — {t}",
    "one word more": lambda t: t[: len(t) * 9 // 10] + "xyz" + t[len(t) * 9 // 10 :],
}


def index_of(*texts: str) -> Index:
    frame, _ = hashed("set", "file", [Sentence(i, "", t) for i, t in enumerate(texts, start=1)])
    return Index.of(frame)


def search(
    index: Index, *texts: str, containment: float = 0.8, min_chars: int = 1
) -> list[tuple[int, int, str]]:
    frame = pl.DataFrame({"t": texts}, schema={"t": pl.String})
    keys = key_hashes(frame, ["t"]).to_series()
    normal = frame.select(text_key("t")).to_series()
    found = index.search(keys, normal, containment, min_chars)
    return found.select("at", "ref", "kind").rows()


def test_a_short_side_is_no_leak_by_itself() -> None:
    """Han counts as three characters; what a longer side contains is another matter."""
    texts = ["Yes.", "Thank you.", "She cried all night.", "好的。", "我今天不去学校。"]
    assert [at for at, _, _ in search(index_of(*texts), *texts, min_chars=15)] == [2, 4]
    assert [at for at, _, _ in search(index_of(*texts), *texts)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("lang", EVAL)
def test_a_sentence_is_found_in_every_disguise(lang, disguise):
    index = index_of("Something else entirely, long enough to have n-grams.", *EVAL[lang])
    disguised = [DISGUISES[disguise](text) for text in EVAL[lang]]
    found = search(index, *disguised)
    assert [(at, ref) for at, ref, _ in found] == [(0, 1), (1, 2)]
    changed = disguise in ("text behind", "text before", "one word more")
    assert {kind for _, _, kind in found} == {"containment" if changed else "exact"}


@pytest.mark.parametrize(
    "text",
    [
        "The old bridge was open before the flood last summer.",  # same words, other sentence
        "after the flood last winter",  # a phrase of it
        "She teaches music at a school in the capital.",
        "สะพานใหม่เปิดแล้วเมื่อฤดูหนาวที่แล้ว",
        "山谷里的农民",
        "",
    ],
)
def test_a_text_that_shares_a_phrase_is_none(text):
    assert search(index_of(*(t for pair in EVAL.values() for t in pair)), text) == []


def test_a_short_sentence_is_found_only_as_a_whole_side():
    index = index_of("Yes, of course.")
    assert search(index, "yes of course", "Yes, of course. And thank you.") == [(0, 0, "exact")]


WORDS = ["ab", "c", "ขา", "ว", "ရွ", "漢", "é"]
words = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=6), st.lists(words, max_size=6), st.floats(0.5, 1))
def test_containment_is_what_brute_force_says(refs, texts, containment):
    with pytest.MonkeyPatch.context() as patch:  # short n-grams, and no minimum: texts are short
        patch.setattr(hashes, "NGRAM", 3)
        patch.setattr("sealdata.contamination.index.NGRAM", 3)
        patch.setattr(hashes, "MIN_NGRAMS", 2)
        check_containment(refs, texts, containment)


def check_containment(refs, texts, containment):
    def ngrams(text: str) -> set[str]:
        normal = pl.DataFrame({"t": [text]}).select(text_key("t")).item()
        return {normal[i : i + hashes.NGRAM] for i in range(len(normal) - hashes.NGRAM + 1)}

    known = [ngrams(ref) for ref in refs]
    expected = {}
    for at, text in enumerate(texts):
        inside = ngrams(text)
        shares = [
            len(grams & inside) / len(grams) if len(grams) >= hashes.MIN_NGRAMS else 0.0
            for grams in known
        ]
        if max(shares) >= containment - 1e-9:
            expected[at] = shares.index(max(shares))
    found = search(index_of(*(ref or "-" for ref in refs)), *texts, containment=containment)
    near = {at: ref for at, ref, kind in found if kind == "containment"}
    exact = {at for at, _, kind in found if kind == "exact"}
    assert {at: ref for at, ref in expected.items() if at not in exact} == near


FLORES_PLUS = {"id": 1, "iso_639_3": "tha", "iso_15924": "Thai", "text": "สวัสดี"}
BELEBELE = {
    "link": "x", "question_number": 1, "question": "What was closed after the flood?",
    "flores_passage": "The old bridge was closed after the flood last winter. Nobody was hurt, "
    "said the mayor. It will open again when the river has fallen.",
    "mc_answer1": "The bridge", "dialect": "eng_Latn",
}  # fmt: skip
XCOPA = {
    "premise": "น้ำท่วม",
    "choice1": "ฝนตก",
    "choice2": "แดดออก",
    "question": "cause",
    "label": 0,
}
XNLI_HEAD = "language\tgold_label\tsentence1\tsentence2\n"
XNLI = XNLI_HEAD + 'th\tneutral\tเขาพูดว่า "ไม่\tเขาปฏิเสธ\nur\tneutral\tx\ty\n'


def write_table(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text(lines, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
@pytest.mark.parametrize(
    ("row", "texts"),
    [
        (FLORES_PLUS, [(1, "text", "สวัสดี")]),
        (FLORES_PLUS | {"iso_639_3": "ace", "iso_15924": "Arab"}, []),  # no language of ours
        (XCOPA, [(1, "premise", "น้ำท่วม"), (1, "choice1", "ฝนตก"), (1, "choice2", "แดดออก")]),
        (
            BELEBELE,
            [
                (1, "flores_passage", "The old bridge was closed after the flood last winter."),
                (1, "flores_passage", "Nobody was hurt, said the mayor. It will open again when "
                 "the river has fallen."),
                (1, "question", "What was closed after the flood?"),
            ],
        ),
        ({"premise": "ก", "hypothesis": "ข"}, [(1, "premise", "ก"), (1, "hypothesis", "ข")]),
    ],
)  # fmt: skip
def test_tables_of_known_sets(tmp_path, suffix, row, texts):
    path = write_table(tmp_path / f"test{suffix}", [row])
    assert evaluation_files(tmp_path) == [path]
    lines = 1 if suffix == ".csv" else 0  # the header is a line
    expected = [(line + lines, column, text) for line, column, text in texts]
    assert [tuple(sentence) for sentence in read_sentences(path)] == expected


def test_xnli_quotes_nothing_and_speaks_only_known_languages(tmp_path):
    path = tmp_path / "xnli.dev.tsv"
    path.write_text(XNLI, encoding="utf-8")
    assert evaluation_files(tmp_path) == [path]
    assert [tuple(sentence) for sentence in read_sentences(path)] == [
        (2, "sentence1", 'เขาพูดว่า "ไม่'),
        (2, "sentence2", "เขาปฏิเสธ"),
    ]


def test_a_named_column_of_any_table(tmp_path):
    path = write_table(tmp_path / "mine.jsonl", [{"q": "Why?", "n": 1}, {"q": None, "n": 2}])
    assert [s.text for s in read_sentences(path, ("q",))] == ["Why?", ""]
    bare = tmp_path / "bare.tsv"
    bare.write_text("1\tHello\n2\tBye\n")
    assert [s.text for s in read_sentences(bare, ("2",))] == ["Hello", "Bye"]
    with pytest.raises(ConfigError, match=r"name the columns of text.*it has: q, n"):
        list(read_sentences(path))
    with pytest.raises(ConfigError, match="row 1 has no column 'a'; it has: q, n"):
        list(read_sentences(path, ("a",)))
    with pytest.raises(ConfigError, match="column 'n' does not hold text"):
        list(read_sentences(path, ("n",)))


def test_folders_of_flores_ntrex_and_xcopa(tmp_path):
    named = ["flores/dev/tha_Thai.dev", "flores/devtest/eng_Latn.devtest",
             "NTREX/newstest2019-ref.tha.txt", "NTREX/newstest2019-src.eng.txt",
             "xcopa/th/test.th.jsonl", "belebele/tha_Thai.jsonl"]  # fmt: skip
    others = ["flores/dev/ace_Arab.dev", "flores/metadata_dev.tsv", "flores/README.md",
              "NTREX/newstest2019-ref.xxx.txt", "belebele/ace_Arab.jsonl"]  # fmt: skip
    for name in (*named, *others):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "URL\tdomain\tsplit\n" if path.suffix == ".tsv" else json.dumps(XCOPA) + "\n"
        path.write_text(text, encoding="utf-8")
    assert evaluation_files(tmp_path) == sorted(tmp_path / name for name in named)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("eng_Latn.dev", b"ok\n\xff", r"eng_Latn\.dev: byte 3 is not UTF-8"),
        ("x.jsonl", b'{"text": "a"}\n{', r"x\.jsonl: line 2 is not JSON"),
        ("x.jsonl", b"[1]\n", r"x\.jsonl: line 1 is not a JSON object"),
        ("x.tsv", b"text\n\xff\n", r"x\.tsv: line 2, byte 0 is not UTF-8"),
        ("x.parquet", b"PAR1", r"x\.parquet is not a Parquet file, or is damaged"),
    ],
)
def test_damage_names_the_place(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message):
        list(read_sentences(tmp_path / name))


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"no evaluation text at .*nothing: expected a file"):
        evaluation_files(tmp_path / "nothing")


def flores(folder: Path) -> None:
    """A folder as FLORES lays it out, of the sentences above."""
    folder.mkdir()
    (folder / "eng_Latn.dev").write_text("".join(f"{en}\n" for en, _ in EVAL.values()), "utf-8")
    for lang, (_, other) in EVAL.items():
        (folder / f"{lang}.dev").write_text(f"{other}\n", encoding="utf-8")


SOURCES = {
    ("sun", "sun_Latn"): [
        (EVAL["tha_Thai"][0].upper() + " (Photo: archive)", "Jambatan kuno ditutup."),
        ("The bridge was closed.", "Jambatan ditutup."),
    ],
    ("khm", "khm_Khmr"): [("A free translation of it.", f"«{EVAL['khm_Khmr'][1]}»")],
    ("vie", "vie_Latn"): [(EVAL["vie_Latn"][0], unicodedata.normalize("NFD", EVAL["vie_Latn"][1]))],
}


def matches(build) -> list[tuple[object, ...]]:
    names = ("source", "row", "side", "kind", "set", "file", "line", "reference")
    return build.rows("matches").select(names).rows()


def test_an_english_sentence_of_the_set_drops_its_pair_in_every_language(small_build):
    flores(small_build.folder / "dev")
    manifest = small_build(SOURCES, '[decontaminate]\nrefs = [{ path = "dev", name = "mine" }]')
    leaks = {("sun", 0), ("khm", 0), ("vie", 0)}
    assert small_build.reasons() == dict.fromkeys(leaks, "eval_leak")
    assert sorted(matches(small_build)) == [
        ("khm", 0, "tgt", "exact", "mine", "khm_Khmr.dev", 1, EVAL["khm_Khmr"][1]),
        ("sun", 0, "src", "containment", "mine", "eng_Latn.dev", 1, EVAL["tha_Thai"][0]),
        ("vie", 0, "src", "exact", "mine", "eng_Latn.dev", 3, EVAL["vie_Latn"][0]),
        ("vie", 0, "tgt", "exact", "mine", "vie_Latn.dev", 1, EVAL["vie_Latn"][1]),
    ]
    found = [(row.source, row.set, row.side, row.kind, row.matches) for row in manifest.leaks]
    assert ("sun", "mine", "src", "containment", 1) in found
    assert len(found) == 4


def test_hashes_find_the_same_and_know_no_text(small_build):
    flores(small_build.folder / "dev")
    out = small_build.folder / "flores.parquet"
    args = ["hash-refs", str(small_build.folder / "dev"), "--out", str(out), "--name", "mine"]
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    assert "10 sentences of 6 files" in done.output
    strings = pl.read_parquet(out).select(pl.col(pl.String)).unique(["set", "file", "column"])
    assert set(strings["set"]) | set(strings["column"]) == {"mine", ""}
    assert set(strings["file"]) == {f"{lang}.dev" for lang in ("eng_Latn", *EVAL)}
    small_build(SOURCES, '[decontaminate]\nrefs = ["dev"]')
    by_text = (small_build.reasons(), [match[:4] for match in matches(small_build)])
    small_build(SOURCES, '[decontaminate]\nrefs = ["flores.parquet"]')
    assert (small_build.reasons(), [match[:4] for match in matches(small_build)]) == by_text
    assert {match[-1] for match in matches(small_build)} == {None}


def test_hashes_of_another_release_are_refused(small_build):
    flores(small_build.folder / "dev")
    out = small_build.folder / "old.parquet"
    frame, _ = hashed("s", "f", [Sentence(1, "", "Hello")])
    frame.drop("text").with_columns(format=pl.lit("older")).write_parquet(out)
    with pytest.raises(DataError, match=r"old\.parquet holds hashes of another kind"):
        small_build(SOURCES, '[decontaminate]\nrefs = ["old.parquet"]')


def test_a_set_that_is_not_there_is_named(small_build):
    with pytest.raises(ConfigError, match=r"no evaluation text at .*absent"):
        small_build(SOURCES, '[decontaminate]\nrefs = ["absent"]')


@pytest.mark.parametrize(("min_chars", "dropped"), [(15, 0), (4, 1)])
def test_a_short_side_is_a_leak_from_min_chars_on(small_build, min_chars, dropped):
    """The limit of the recipe reaches the search."""
    (small_build.folder / "dev").mkdir()
    (small_build.folder / "dev" / "eng_Latn.dev").write_text("Good day.\n", "utf-8")
    table = f'[decontaminate]\nrefs = ["dev"]\nmin_chars = {min_chars}'
    small_build({("one", "ind_Latn"): [("Good day!", "Selamat siang."), ("No.", "Tidak.")]}, table)
    assert list(small_build.reasons().values()).count("eval_leak") == dropped


def test_boundaries_of_the_search():
    """At the share itself a text matches; of equal sentences the first is named."""
    sentence = "The old bridge was closed after the flood."
    assert search(index_of(sentence), f"{sentence} Again.", containment=1.0) == [
        (0, 0, "containment")
    ]
    assert search(index_of("x y z", sentence, sentence.upper()), sentence) == [(0, 1, "exact")]


@pytest.mark.parametrize(("length", "found"), [(29, [(0, 0, "containment")]), (28, [])])
def test_a_sentence_of_twenty_ngrams_is_long_enough(length, found):
    """29 characters have 20 n-grams of 10."""
    letters = "abcdefghijklmnopqrstuvwxyzäöüß"[:length]
    assert search(index_of(letters), f"{letters} 12345") == found
