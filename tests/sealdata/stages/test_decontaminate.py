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
    """Han counts as ten thirds of a letter, kana and hangul as two letters."""
    texts = [
        "Yes.",
        "She cried all night.",
        "我今天不去。",
        "好的是。",
        "さむかったですね。",
        "ありがとう",
    ]
    texts += ["감사합니다", "오늘은 학교에 안 가요"]
    assert [at for at, _, _ in search(index_of(*texts), *texts, min_chars=15)] == [1, 2, 4, 7]
    assert [at for at, _, _ in search(index_of(*texts), *texts)] == list(range(len(texts)))


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


@pytest.mark.parametrize(
    ("sentence", "text", "found"),
    [
        # Too short to mean anything inside another text.
        ("Yes, of course.", "Yes, of course. And thank you.", False),
        ("谢谢大家。", "他说：“谢谢大家。”然后就走了。", False),
        # Short: all of it must be there.
        ("He turned on the tap.", "It was hot. He turned on the tap. Then he drank.", True),
        ("He turned on the tap.", "It was hot. He turned on the lap. Then he drank.", False),
        ("He turned on the old tap today.", "He turned on the old tap todas. It was hot.", False),
        ("他打开了水龙头。", "天气很热。他打开了水龙头。然后喝了水。", True),
        ("他打开了水龙头。", "天气很热。他打开了水箱头。然后喝了水。", False),
        ("彼は蛇口を開けた。", "暑かった。彼は蛇口を開けた。そして飲んだ。", True),
        ("เขาเปิดก๊อกน้ำแล้ว", "อากาศร้อน เขาเปิดก๊อกน้ำแล้ว จากนั้นเขาก็ดื่ม", True),
        ("그는 수도꼭지를 틀었다.", "더웠다. 그는 수도꼭지를 틀었다. 그리고 마셨다.", True),
        # Long: most of it.
        ("2019年，这家工厂生产了四千三百辆汽车，比前一年多得多。",
         "据报道，2018年，这家工厂生产了四千三百辆汽车，比前一年多得多。记者", True),
        ("2019年，这家工厂生产了四千三百辆汽车，比前一年多得多。",
         "据报道，2019年，那家饭店接待了四千三百位客人，比前一年多得多。记者", False),
        ("その工場は2019年に四千三百台の自動車を生産しており、前年より多い。",
         "報道では、その工場は2018年に四千三百台の自動車を生産しており、前年より多い。記者", True),
    ],
)  # fmt: skip
def test_what_a_longer_text_contains_of_a_sentence(sentence, text, found):
    assert search(index_of(sentence), text) == ([(0, 0, "containment")] if found else [])


WORDS = ["ab", "c", "ขา", "ว", "ရွ", "漢", "é", "か", "한", "字"]
WIDE = {"漢": 10, "字": 10, "か": 6, "한": 6}
words = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=6), st.lists(words, max_size=6), st.floats(0.5, 1))
def test_containment_is_what_brute_force_says(refs, texts, containment):
    with pytest.MonkeyPatch.context() as patch:  # short n-grams, and no minimum: texts are short
        patch.setattr(hashes, "NGRAM", 3)
        patch.setattr("sealdata.contamination.index.NGRAM", 3)
        patch.setattr(hashes, "MIN_LETTERS", 6)
        patch.setattr(hashes, "MIN_WHOLE", 4)
        check_containment(refs, texts, containment)


def thirds(run: str) -> int:
    return sum(WIDE.get(char, 3) for char in run)


def check_containment(refs, texts, containment):
    def ngrams(text: str) -> set[str]:
        normal = pl.DataFrame({"t": [text]}).select(text_key("t")).item()
        runs = (normal[i : j + 1] for j in range(len(normal)) for i in range(j + 1))
        wide = [run for run in runs if thirds(run) >= 3 * hashes.NGRAM]
        return {run for run in wide if thirds(run[1:]) < 3 * hashes.NGRAM}

    def share(grams: set[str], inside: set[str]) -> float:
        widths = sorted(thirds(gram[-1]) for gram in grams)
        letters = hashes.NGRAM + sum(widths[:-1]) // 3
        if not grams or letters < hashes.MIN_WHOLE:
            return 0
        found = len(grams & inside) / len(grams)
        return found if letters >= hashes.MIN_LETTERS or found == 1 else 0

    known = [ngrams(ref) for ref in refs]
    expected = {}
    for at, text in enumerate(texts):
        inside = ngrams(text)
        shares = [share(grams, inside) for grams in known]
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
XNLI = XNLI_HEAD + 'th\tneutral\tเขาพูดว่า "ไม่\tเขาปฏิเสธ\nqaa\tneutral\tx\ty\n'


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
        (FLORES_PLUS | {"iso_639_3": "qaa", "iso_15924": "Arab"}, []),  # no language
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
    others = ["flores/dev/qaa_Arab.dev", "flores/metadata_dev.tsv", "flores/README.md",
              "NTREX/newstest2019-ref.xxx.txt", "belebele/qaa_Arab.jsonl"]  # fmt: skip
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
    with pytest.raises(DataError, match=r"no evaluation text at .*absent"):
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


@pytest.mark.parametrize(
    ("sentence", "lowest"),  # the least share of it that is enough
    [
        ("abcdefghijklmnopqrstuvwxyzäöü", 0.8),  # 29 letters
        ("abcdefghijklmnopqrstuvwxyzäö", 1),
        ("abcdefghijklmno", 1),
        ("abcdefghijklmn", None),
        ("abcdefghijklmno" * 3, 1),  # what repeats counts once: 15 n-grams
        ("甲乙丙丁戊己庚辛壬", 0.8),  # 9 Han characters say 30 letters
        ("甲乙丙丁戊己庚辛", 1),
        ("甲乙丙丁戊", 1),
        ("甲乙丙丁", None),
        ("かきくけこさしすせそたちつてと", 0.8),  # 15 kana
        ("かきくけこさしすせそたちつて", 1),
    ],
)
def test_how_long_a_sentence_must_be(sentence, lowest):
    frame, _ = hashed("set", "file", [Sentence(1, "", sentence)])
    assert (frame["ngrams"].list.len().item() > 0) == (lowest is not None)
    assert frame["whole"].item() == (lowest != 0.8)
