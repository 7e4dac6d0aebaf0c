import shutil
import unicodedata

import fasttext
import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import ConfigError, DataError
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
    """Nothing speaks for it. A label that the model is sure of speaks against it."""
    row = score((ENGLISH, SENTENCES["ind_Latn"]), lang="ace_Latn").row(0, named=True)
    assert (row["tgt_prob"], row["tgt_margin"], row["tgt_set_prob"]) == (None, None, None)
    assert row["tgt_top"] == "ind_Latn"
    assert row["tgt_set_margin"] == pytest.approx(-row["tgt_top_prob"])
    assert row["tgt_odds"] < -0.6
    short = score((ENGLISH, "Tôi là bác sĩ."), lang="kac_Latn").row(0, named=True)
    assert (short["tgt_set_margin"], short["tgt_short_margin"] < -0.5) == (None, True)


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


ISO3 = {"en": "eng", "id": "ind", "ms": "msa", "vi": "vie", "th": "tha", "zh": "zho", "jv": "jav"}


def relabelled(path, codes):
    """The bundled model with labels of another code system: a label ends in a zero byte."""
    content = find_model("lid176-ftz").read_bytes()
    for old, new in codes.items():
        assert f"__label__{old}\0".encode() in content
        content = content.replace(f"__label__{old}\0".encode(), f"__label__{new}\0".encode())
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("lang", ["ind_Latn", "vie_Latn", "tha_Thai", "zho_Hans"])
def test_labels_of_another_code_system_give_the_same_scores(tmp_path, lang):
    model = relabelled(tmp_path / "iso3.ftz", ISO3)
    rows = [(ENGLISH, SENTENCES[lang]), (SENTENCES[lang], SENTENCES["vie_Latn"])]
    same = score(*rows, lang=lang, model=model)
    assert same.drop("src_top", "tgt_top").equals(
        score(*rows, lang=lang).drop("src_top", "tgt_top")
    )
    assert same["src_prob"][0] > 0.8


def test_a_model_without_any_declared_language_is_an_error(tmp_path):
    names = {code: f"x{number}" for number, code in enumerate(ISO3)}
    model = relabelled(tmp_path / "odd.ftz", names)
    scorer = load("scorers", "lid", {"model": model})
    with pytest.raises(ConfigError, match=r"no label of odd.ftz means a language of the recipe "):
        scorer.for_languages(["eng_Latn", "ind_Latn"]).fingerprint()
    assert scorer.for_languages(["eng_Latn", "tgl_Latn"]).fingerprint()["version"] == scorer.version


def test_languages_without_a_label_are_named():
    known = load("scorers", "lid").for_languages(["eng_Latn", "jav_Latn"])
    assert [use.note for use in known.models()] == [""]
    [use] = known.for_languages(["eng_Latn", "ace_Latn", "shn_Mymr"]).models()
    assert use.note.startswith("It has no label for Acehnese (ace_Latn), Shan (shn_Mymr). There, ")
    assert known.for_languages(["ace_Latn"]).fingerprint() == known.fingerprint()
    assert known.fingerprint() == load("scorers", "lid").fingerprint()


def test_capitals_are_read_as_small_letters():
    for lang in ("ind_Latn", "vie_Latn", "tgl_Latn"):
        sentence, title = SENTENCES[lang], SENTENCES[lang].title()
        shouted = (ENGLISH.upper(), sentence.upper())
        lowered = (ENGLISH.lower(), sentence.lower())
        scores = score(shouted, lowered, (ENGLISH, title), lang=lang)
        assert scores[0].equals(scores[1])
        assert scores["tgt_prob"][2] == scores["tgt_prob"][1] > 0.5
        assert scores["tgt_odds"].min() > 0 < scores["src_odds"].min()
    mixed = "Kantor WHO dan PBB di Jakarta tutup."  # 7 capitals of 29 letters
    assert score((mixed, mixed))[0].equals(score((mixed.lower(), mixed.lower()))[0])
    german = "Die Kinder spielen am Abend gern mit dem Hund."  # 4 of 37
    below = "Die Kinder spielen am Abend gern mit dem kleinen Hund."  # 4 of 44
    for text, is_lowered in ((german, True), (below, False)):
        plain, lower = score((text, text), (text.lower(), text.lower()))["src_top_prob"]
        assert (plain == lower) == is_lowered


def test_separate_accents_and_wide_letters_are_read_as_usual_ones():
    apart = unicodedata.normalize("NFD", SENTENCES["vie_Latn"])
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in ENGLISH)
    assert wide.startswith("Ｔｈｅ ")
    scores = score((ENGLISH, apart), (wide, SENTENCES["vie_Latn"]), lang="vie_Latn")
    assert scores[0].equals(scores[1])


@pytest.mark.parametrize(
    ("text", "is_stranger"),
    [
        ("私たちは明日の朝、市場へ野菜を買いに行きます。", True),
        ("他们说《となりのトトロ》是一部很好看的日本动画电影，明天一起去看吧。", False),
        ("우리는 내일 아침 시장에 갑니다.", True),
    ],
)
def test_kana_and_hangul_are_not_chinese(text, is_stranger):
    row = score((ENGLISH, text), lang="zho_Hans").row(0, named=True)
    margins = (row["tgt_set_margin"], row["tgt_margin"])
    assert (margins == (-1, -1)) == is_stranger


def test_no_model(tmp_path):
    with pytest.raises(DataError, match=r"no model at .*absent\.bin: give the path"):
        score((ENGLISH, "Halo."), model=str(tmp_path / "absent.bin"))
    (tmp_path / "broken.bin").write_bytes(b"not a model")
    with pytest.raises(DataError, match=r"broken\.bin cannot be read as a fastText classifier"):
        score((ENGLISH, "Halo."), model=str(tmp_path / "broken.bin"))
