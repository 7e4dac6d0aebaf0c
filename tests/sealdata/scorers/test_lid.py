import shutil

import fasttext
import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.fetch.models.store import find_model
from sealdata.lid.model import FastText
from sealdata.pairs import make_pairs

ENGLISH = "The children are playing in the garden behind the school."
SENTENCES = {
    "ind_Latn": "Pemerintah akan membangun sekolah baru di desa itu tahun depan.",
    "vie_Latn": "Chính phủ sẽ xây một trường học mới ở ngôi làng đó vào năm tới.",
    "tgl_Latn": "Magtatayo ang pamahalaan ng bagong paaralan sa nayon sa susunod na taon.",
    "tha_Thai": "รัฐบาลจะสร้างโรงเรียนใหม่ในหมู่บ้านนั้นปีหน้า",
    "lao_Laoo": "ລັດຖະບານຈະສ້າງໂຮງຮຽນໃໝ່ໃນບ້ານນັ້ນປີໜ້າ",
    "khm_Khmr": "រដ្ឋាភិបាលនឹងសាងសង់សាលារៀនថ្មីនៅភូមិនោះនៅឆ្នាំក្រោយ។",
    "mya_Mymr": "အစိုးရသည် လာမည့်နှစ်တွင် ထိုရွာ၌ ကျောင်းသစ်ဆောက်မည်။",
    "tam_Taml": "அரசு அடுத்த ஆண்டு அந்த கிராமத்தில் புதிய பள்ளியைக் கட்டும்.",
    "zho_Hans": "他们说这个城市的天气很好，我们明天可以一起去公园。",
}


def score(*rows, lang="ind_Latn", **options):
    return load("scorers", "lid", options).score(make_pairs(list(rows), tgt_lang=lang))


@pytest.mark.parametrize("lang", SENTENCES)
def test_a_sentence_in_its_language(lang):
    row = score((ENGLISH, SENTENCES[lang]), lang=lang).row(0, named=True)
    assert (row["src_top"], row["tgt_top"]) == ("eng_Latn", lang)
    assert row["src_prob"] > 0.8
    assert row["tgt_prob"] > 0.5
    assert row["tgt_margin"] > 0.2


def test_a_sentence_in_another_language():
    row = score((ENGLISH, SENTENCES["tha_Thai"])).row(0, named=True)
    assert row["tgt_top"] == "tha_Thai"
    assert row["tgt_prob"] < 0.01
    assert row["tgt_margin"] < -0.9


def test_probability_and_margins_are_those_of_the_whole_distribution():
    """Telling only the likeliest labels must not show beyond what the docstring allows."""
    model = fasttext.load_model(str(find_model("lid176-ftz"))).f
    related = {"__label__id", "__label__jv", "__label__su", "__label__min"}
    for text in (ENGLISH, SENTENCES["ind_Latn"], SENTENCES["vie_Latn"], SENTENCES["tgl_Latn"]):
        whole = {label: min(p, 1.0) for p, label in model.predict(text + "\n", -1, 0.0, "strict")}
        row = score((ENGLISH, text), lang="zsm_Latn").row(0, named=True)
        declared = whole.pop("__label__ms", 0.0)
        inside = [p for label, p in whole.items() if label in related]
        outside = [p for label, p in whole.items() if label not in related]
        close = {"abs": 0.015}  # a few labels below 0.005
        assert row["tgt_prob"] == pytest.approx(declared, **close)
        assert row["tgt_margin"] == pytest.approx(declared - max(whole.values()), **close)
        assert row["tgt_set_prob"] == pytest.approx(declared + sum(inside), **close)
        assert row["tgt_within_set_margin"] == pytest.approx(
            declared - max(inside, default=0.0), **close
        )
        set_margin = declared + sum(inside) - max(outside)
        assert row["tgt_set_margin"] == pytest.approx(set_margin, **close)


MALAY = "Kerajaan akan membina sekolah baharu di kampung itu pada tahun hadapan."


@pytest.mark.parametrize(
    ("text", "lang", "wrong", "confusable"),
    [
        (SENTENCES["ind_Latn"], "ind_Latn", False, False),
        (SENTENCES["ind_Latn"], "jav_Latn", False, True),  # a relative
        (SENTENCES["ind_Latn"], "bjn_Latn", False, None),  # lid.176 knows its set, not Banjar
        (SENTENCES["vie_Latn"], "ind_Latn", True, False),  # a stranger in the same script
        (SENTENCES["tgl_Latn"], "ceb_Latn", False, True),
        (SENTENCES["tgl_Latn"], "vie_Latn", True, None),  # Vietnamese has no set
        (SENTENCES["lao_Laoo"], "tha_Thai", True, None),  # a set, but the letters tell them apart
        (SENTENCES["tha_Thai"], "lao_Laoo", True, None),
        (SENTENCES["zho_Hans"], "ind_Latn", True, False),
        (ENGLISH, "tha_Thai", True, None),
    ],
)
def test_strangers_and_relatives_are_told_apart(text, lang, wrong, confusable):
    row = score((ENGLISH, text), lang=lang, short=0).row(0, named=True)
    assert (row["tgt_set_margin"] < 0) == wrong
    margin = row["tgt_within_set_margin"]
    assert (None if margin is None else margin < -0.5) == confusable


def test_a_short_text_is_judged_in_a_column_of_its_own():
    scores = score((ENGLISH, "Selamat pagi."), (ENGLISH, SENTENCES["ind_Latn"]), ("Hi.", MALAY))
    assert scores["tgt_set_margin"].is_null().to_list() == [True, False, False]
    assert scores["tgt_short_margin"].is_null().to_list() == [False, True, True]
    assert scores["src_short_margin"].is_null().to_list() == [True, True, False]
    assert score((ENGLISH, "Selamat pagi."), short=0)["tgt_short_margin"].is_null().all()
    chinese = score((ENGLISH, "今天天气很好，"), lang="zho_Hans")  # 6 letters, as 18 of English
    assert chinese["tgt_set_margin"].is_null().all()
    assert score((ENGLISH, "今天天气很好啊"), lang="zho_Hans")["tgt_set_margin"].item() > 0


@pytest.mark.parametrize(
    ("text", "lang", "prob", "top"),
    [
        ("ຂອບໃຈ", "lao_Laoo", 1.0, "lao_Laoo"),  # Serbian, says lid.176
        ("ຊາຊາ abc", "lao_Laoo", 4 / 7, "lao_Laoo"),
        ("မြန်မာ", "mya_Mymr", 1.0, "mya_Mymr"),
        ("ទឹក", "khm_Khmr", 1.0, "khm_Khmr"),
        ("தேநீர்", "tam_Taml", 1.0, "tam_Taml"),
        ("ชา", "khm_Khmr", 0.0, "tha_Thai"),
        ("шоколад", "tha_Thai", 0.0, None),
    ],
)
def test_letters_come_first(text, lang, prob, top):
    row = score((ENGLISH, text), lang=lang).row(0, named=True)
    assert row["tgt_prob"] == pytest.approx(prob)
    assert row["tgt_top"] == top or top is None


def test_letters_need_no_model(monkeypatch):
    def ask(self, texts):
        assert texts.is_empty()
        return ask_model(self, texts)

    ask_model = FastText.likeliest
    monkeypatch.setattr(FastText, "likeliest", ask)
    scores = score((SENTENCES["tha_Thai"], SENTENCES["lao_Laoo"]), lang="lao_Laoo")
    assert scores["tgt_set_margin"].item() == 1.0
    assert (scores["src_prob"].item(), scores["src_margin"].item()) == (0.0, -1.0)


def test_both_kinds_of_chinese_share_a_label():
    for lang in ("zho_Hans", "zho_Hant"):
        row = score((ENGLISH, SENTENCES["zho_Hans"]), lang=lang).row(0, named=True)
        assert row["tgt_top"] == lang
        assert row["tgt_prob"] > 0.9


def test_a_language_the_model_does_not_know():
    row = score((ENGLISH, SENTENCES["ind_Latn"]), lang="ace_Latn").row(0, named=True)
    assert (row["tgt_prob"], row["tgt_margin"]) == (None, None)
    assert row["tgt_top"] == "ind_Latn"


@pytest.mark.parametrize("text", ["", "  ", "2020 – 45%", "😀", None])
def test_a_text_without_letters_has_no_language(text):
    first, second = score((ENGLISH, text), (text, ENGLISH)).rows(named=True)
    assert {value for name, value in first.items() if name.startswith("tgt")} == {None}
    assert {value for name, value in second.items() if name.startswith("src")} == {None}


@pytest.mark.parametrize("odd", ["\n", "\r", "\0", "\u2028", "\t"])
def test_a_text_is_read_to_its_end(odd):
    """fastText itself stops at a line feed."""
    head, _, tail = SENTENCES["vie_Latn"].partition(" ")
    plain = score((ENGLISH, f"{head} {tail}"), lang="vie_Latn")
    broken = score((ENGLISH, f"{head}{odd}{tail}"), lang="vie_Latn")
    assert broken["tgt_prob"].item() == pytest.approx(plain["tgt_prob"].item(), abs=0.1)


def test_repeated_texts_are_identified_once(monkeypatch):
    asked = []

    def spy(self, texts):
        asked.extend(texts)
        return ask_model(self, texts)

    ask_model = FastText.likeliest
    monkeypatch.setattr(FastText, "likeliest", spy)
    scores = score(*[(ENGLISH, SENTENCES["ind_Latn"])] * 3, (ENGLISH, "Halo semua orang."))
    assert sorted(asked) == sorted([ENGLISH, SENTENCES["ind_Latn"], "Halo semua orang."])
    assert scores.head(3).n_unique() == 1


def test_each_row_by_its_own_language():
    text = SENTENCES["ind_Latn"]
    rows = [make_pairs([(ENGLISH, text)], tgt_lang=lang) for lang in ("ind_Latn", "vie_Latn")]
    first, second = load("scorers", "lid").score(pl.concat(rows))["tgt_prob"]
    assert first > 0.5 > 0.1 > second


def test_a_model_by_path_is_the_same_model(tmp_path):
    path = tmp_path / "copy.ftz"
    shutil.copy(find_model("lid176-ftz"), path)
    assert score((ENGLISH, "Halo."), model=str(path)).equals(score((ENGLISH, "Halo.")))
    bundled, copied = load("scorers", "lid"), load("scorers", "lid", {"model": str(path)})
    assert bundled.fingerprint() == copied.fingerprint()
    assert len(bundled.fingerprint()["model"]) == 64


def test_no_model(tmp_path):
    with pytest.raises(DataError, match=r"no model at .*absent\.bin: give the path"):
        score((ENGLISH, "Halo."), model=str(tmp_path / "absent.bin"))
    (tmp_path / "broken.bin").write_bytes(b"not a model")
    with pytest.raises(DataError, match=r"broken\.bin cannot be read as a fastText classifier"):
        score((ENGLISH, "Halo."), model=str(tmp_path / "broken.bin"))
