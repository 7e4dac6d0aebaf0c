"""Fertility: counted on the same pairs, never by white space where a script has none."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
import sentencepiece
from tokenizers import Tokenizer as HfTokenizer
from tokenizers import models, pre_tokenizers

from sealdata.errors import DataError, SealError
from sealdata.files.frames import write_frame
from sealdata.files.places import sample_dir
from sealdata.languages import resolve
from sealdata.pairs import make_pairs
from sealdata.report.fertility_chart import fertility_svg
from sealdata.tokenizers import Tokenizer, open_tokenizer
from sealdata.tokens.fertility import FERTILITY_SCHEMA, _interval, fertility, sample_pairs

SAMPLE = sample_dir()
BPE = open_tokenizer(SAMPLE / "tokenizers" / "bpe")
UNIGRAM = open_tokenizer(SAMPLE / "tokenizers" / "unigram")
THAI = make_pairs([("The boat is here.", "เรืออยู่ที่นี่"), ("Yes.", "ใช่")], tgt_lang="tha_Thai")
MALAY = make_pairs([("The boat is here.", "Bot ada di sini.")], tgt_lang="zsm_Latn")


def count(*texts: str) -> int:
    return len(BPE.encode(texts).ids)


def test_a_table() -> None:
    frame = fertility({"bpe": BPE}, [("tha_Thai", THAI), ("zsm_Latn", MALAY)])
    assert frame.schema == FERTILITY_SCHEMA
    assert frame["lang"].to_list() == ["eng_Latn", "tha_Thai", "zsm_Latn"]
    assert frame["num_pairs"].to_list() == [3, 2, 1]
    thai = frame.row(1, named=True)
    tokens = count(*THAI["tgt"])
    assert thai["bytes_per_token"] == pytest.approx((14 + 3) * 3 / tokens)
    assert thai["tokens_per_char"] == pytest.approx(tokens / (14 + 3))
    assert thai["parity"] == pytest.approx(tokens / count("The boat is here.", "Yes."))
    assert thai["words_by"].startswith("ICU")
    assert thai["tokens_per_word"] == pytest.approx(tokens / 5)  # เรือ อยู่ ที่ นี่, ใช่
    assert thai["tokens_per_grapheme"] == pytest.approx(tokens / (7 + 2))
    assert thai["parity_low"] <= thai["parity"] <= thai["parity_high"]
    assert thai["cost_percent"] == pytest.approx(100 * (thai["parity"] - 1))
    assert thai["context_words"] == pytest.approx(4096 / thai["tokens_per_word"])
    documents = (f"English: {e}\nThai: {t}" for e, t in THAI["src", "tgt"].iter_rows())
    others = (f"Thai: {t}\nEnglish: {e}" for e, t in THAI["src", "tgt"].iter_rows())
    assert thai["tokens_per_pair"] == (count(*documents, *others) + 4) / 2
    assert thai["pairs_in_budget"] == int(34_700_000_000 / thai["tokens_per_pair"])
    malay = frame.row(2, named=True)
    assert malay["tokens_per_word"] == pytest.approx(count("Bot ada di sini.") / 4)
    english = frame.row(0, named=True)
    assert english["parity"] == 1
    assert english["tokens_per_word"] == pytest.approx(
        count("The boat is here.", "Yes.", "The boat is here.") / 9
    )


@pytest.mark.parametrize(
    ("text", "share"),
    [(" the", 0.0), ("\U0001f9ff", 1.0), (" the \U0001f9ff", 5 / 6)],  # a space and four bytes
)
def test_single_bytes(text: str, share: float) -> None:
    frame = fertility({"bpe": BPE}, [("zsm_Latn", make_pairs([("a", text)]))])
    assert frame.row(1, named=True)["single_byte_share"] == pytest.approx(share)


def test_sentencepiece_counts_byte_pieces() -> None:
    frame = fertility({"unigram": UNIGRAM}, [("zsm_Latn", make_pairs([("a", "\U0001f9ff")]))])
    row = frame.row(1, named=True)
    # a piece for the space put before the text, and four for the bytes of the character
    assert (row["single_byte_share"], row["tokens_per_char"]) == (1.0, 5.0)


def test_nothing_to_count() -> None:
    assert fertility({"bpe": BPE}, [("tha_Thai", THAI.clear())]).height == 0
    assert fertility({}, [("tha_Thai", THAI)]).height == 0
    row = fertility({"bpe": BPE}, [("tha_Thai", make_pairs([("", "")]))]).row(1, named=True)
    assert [row[name] for name in ("bytes_per_token", "tokens_per_char", "parity")] == [None] * 3


def test_the_bundled_tokenizers_differ_by_language() -> None:
    def side(code: str) -> list[str]:
        return (SAMPLE / "text" / f"{code}.txt").read_text("utf-8").splitlines()

    codes = ("ind_Latn", "tha_Thai", "mya_Mymr")
    pairs = [
        (code, make_pairs(list(zip(side("eng_Latn"), side(code), strict=True)))) for code in codes
    ]
    frame = fertility({"bpe": BPE, "unigram": UNIGRAM}, pairs)
    parity = {
        (name, lang): value for name, lang, value in frame["tokenizer", "lang", "parity"].rows()
    }
    assert 1.3 < parity["bpe", "ind_Latn"] < parity["bpe", "tha_Thai"] < parity["bpe", "mya_Mymr"]
    for code in codes:
        assert parity["unigram", code] < parity["bpe", code]


def test_the_sample_does_not_depend_on_the_files(tmp_path: Path) -> None:
    pairs = make_pairs([(f"Number {n}.", f"Nomor {n}.") for n in range(1000)])
    whole, first, second = (tmp_path / f"{name}.parquet" for name in ("whole", "a", "b"))
    write_frame(pairs, whole)
    write_frame(pairs[:300], first)
    write_frame(pairs[300:], second)
    drawn = sample_pairs([whole], max_pairs=50, seed=1)
    assert drawn.height == 50
    parts = sample_pairs([second, first], max_pairs=50, seed=1)
    assert sorted(parts["tgt"]) == sorted(drawn["tgt"])
    assert drawn["src"].str.replace("Number", "Nomor").equals(drawn["tgt"])
    numbers = drawn["tgt"].str.extract(r"(\d+)").cast(int)
    assert numbers.max() > 900  # type: ignore[operator]
    assert numbers.min() < 100  # type: ignore[operator]
    assert sorted(sample_pairs([whole], 50, seed=2)["tgt"]) != sorted(drawn["tgt"])


def test_small_and_absent_files(tmp_path: Path) -> None:
    file = tmp_path / "few.parquet"
    write_frame(THAI, file)
    assert sample_pairs([file], max_pairs=50).rows() == THAI["src", "tgt"].rows()
    write_frame(THAI.clear(), file)
    assert sample_pairs([file]).height == 0
    assert sample_pairs([]).height == 0
    with pytest.raises(DataError, match="no such file of pairs"):
        sample_pairs([tmp_path / "absent.parquet"])


def test_without_a_segmenter_the_column_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealdata.text.words._icu_version", lambda: None)
    row = fertility({"bpe": BPE}, [("tha_Thai", THAI)]).row(1, named=True)
    assert row["words_by"] == "none: pip install 'sealdata[segment]'"
    assert [row[name] for name in ("tokens_per_word", "continued_share", "context_words")] == [
        None
    ] * 3


@pytest.mark.parametrize(("tokenizer", "num_cut"), [(BPE, 2), (UNIGRAM, 3)])
def test_continued_words(tokenizer: Tokenizer, num_cut: int) -> None:
    """The emoji, four tokens of one byte each, and the nonsense are cut; of UNIGRAM "boat" too.

    In UNIGRAM the space before "here" is a token that ends where the word begins.
    """
    text = "The boat is here \U0001f9ff and zzyzx"
    starts, ends = tokenizer.spans([text])
    assert len(starts) == len(tokenizer.encode([text]).ids)
    assert (starts <= ends).all()
    row = fertility({"t": tokenizer}, [("zsm_Latn", make_pairs([("a", text)]))]).row(1, named=True)
    assert row["continued_share"] == pytest.approx(num_cut / 7)
    assert row["tokens_per_word"] == pytest.approx(len(starts) / 7)


def test_unknown_tokens(tmp_path: Path) -> None:
    assert BPE.vocabulary.unk_id is None
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("\u2581", -1.0), ("a", -1.0)]
    made = HfTokenizer(models.Unigram(pieces, unk_id=0))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.save(str(tmp_path / "tokenizer.json"))
    tokenizer = open_tokenizer(tmp_path, options={"eos": "</s>"})
    pairs = make_pairs([("a", "a b a")])  # a space before each of the three, and one letter unknown
    row = fertility({"t": tokenizer}, [("zsm_Latn", pairs)]).row(1, named=True)
    assert row["unknown_share"] == pytest.approx(1 / 6)


def test_an_unknown_token_is_not_a_byte(tmp_path: Path) -> None:
    path = tmp_path / "bare.model"
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a few words of a few letters"] * 9),
            model_writer=file,
            vocab_size=20,
            hard_vocab_limit=False,
            minloglevel=2,
        )
    tokenizer = open_tokenizer(path)
    assert tokenizer.vocabulary.unk_id == 0
    assert tokenizer.vocabulary.piece_bytes[:4].tolist() == [0, 0, 0, 1]  # unknown, BOS, EOS
    pairs = make_pairs([("a", "a few Z words")])  # 13 letters and spaces, and the unknown one
    row = fertility({"t": tokenizer}, [("zsm_Latn", pairs)]).row(1, named=True)
    assert row["unknown_share"] == pytest.approx(1 / 14)
    assert row["single_byte_share"] == pytest.approx(13 / 14)


def test_the_interval_of_parity() -> None:
    """95 % of 1,000 samples, drawn by the seed: the same at every run."""
    tokens = np.array([3, 5, 8, 2, 9, 4, 4, 7, 1, 6] * 4)
    english = np.array([2, 4, 4, 2, 3, 4, 3, 5, 1, 3] * 4)
    assert tokens.sum() / english.sum() == pytest.approx(1.5806, abs=1e-4)
    assert _interval(tokens, english, 1) == pytest.approx((1.4015, 1.7721), abs=1e-4)
    assert _interval(tokens, english, 2) == pytest.approx((1.4117, 1.7743), abs=1e-4)
    assert _interval(tokens, np.zeros_like(english), 1) == (None, None)


def test_a_chart_of_twelve_languages_and_five_tokenizers() -> None:
    codes = [path.stem for path in sorted((SAMPLE / "text").glob("???_????.txt"))]
    rows = [
        {"tokenizer": f"t{n}", "lang": code, "parity": 1 + n / 5 + place / 7}
        for n in range(5)
        for place, code in enumerate(codes)
    ]
    svg = fertility_svg(pl.DataFrame(rows))
    ElementTree.fromstring(svg)
    order = [svg.index(f">{resolve(code).name}<") for code in codes if code != "eng_Latn"]
    assert order == sorted(order, reverse=True)  # the costliest first
    ticks = [float(tick) for tick in re.findall(r'text-anchor="middle">([\d.]+)<', svg)]
    highest = max(row["parity"] for row in rows)
    assert ticks[-2] <= highest < ticks[-1]
    with pytest.raises(SealError, match="nothing to draw"):
        fertility_svg(pl.DataFrame(rows).filter(pl.col("lang") == "eng_Latn"))
