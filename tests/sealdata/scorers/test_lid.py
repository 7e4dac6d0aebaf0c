import shutil

import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.pairs import make_pairs
from sealdata.scorers import lid

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


def test_probability_and_margin_are_those_of_the_whole_distribution():
    """The shortcut of asking for two labels must not show."""
    model = lid._load(lid._model_path("lid176-ftz"))
    for text in (ENGLISH, *SENTENCES.values()):
        whole = {label: min(p, 1.0) for p, label in model.predict(text, -1)}
        declared = whole.pop("__label__ms", 0.0)
        row = score((ENGLISH, text), lang="zsm_Latn").row(0, named=True)
        assert row["tgt_prob"] == pytest.approx(declared)
        assert row["tgt_margin"] == pytest.approx(declared - max(whole.values()))


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
    row = score((ENGLISH, text), (text, ENGLISH)).rows()
    assert row[0][1::2] == (None, None, None)
    assert row[1][0::2] == (None, None, None)


@pytest.mark.parametrize("odd", ["\n", "\r", "\0", "\u2028", "\t"])
def test_a_text_is_read_to_its_end(odd):
    """fastText itself stops at a line feed."""
    head, _, tail = SENTENCES["vie_Latn"].partition(" ")
    plain = score((ENGLISH, f"{head} {tail}"), lang="vie_Latn")
    broken = score((ENGLISH, f"{head}{odd}{tail}"), lang="vie_Latn")
    assert broken["tgt_prob"].item() == pytest.approx(plain["tgt_prob"].item(), abs=0.1)


def test_repeated_texts_are_identified_once(monkeypatch):
    asked = []

    class Spy(lid._Model):
        def predict(self, text, k):
            asked.append(text)
            return super().predict(text, k)

    spy = Spy(lid._model_path("lid176-ftz"))
    asked.clear()  # the model is asked once what its labels look like
    monkeypatch.setattr(lid, "_load", lambda path: spy)
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
    shutil.copy(lid._model_path("lid176-ftz"), path)
    assert score((ENGLISH, "Halo."), model=str(path)).equals(score((ENGLISH, "Halo.")))
    bundled, copied = load("scorers", "lid"), load("scorers", "lid", {"model": str(path)})
    assert bundled.fingerprint() == copied.fingerprint()
    assert len(bundled.fingerprint()["model"]) == 64


def test_labels_may_be_flores_codes():
    class Flores:
        _codes_are_flores = True

    labels = lid._Model.labels
    assert labels(Flores(), "tgl_Latn") >= {"__label__tgl_Latn", "__label__fil_Latn"}
    assert "__label__cmn_Hani" in labels(Flores(), "zho_Hans")
    assert "__label__zho_Hans" not in labels(Flores(), "zho_Hant")


def test_no_model(tmp_path):
    with pytest.raises(DataError, match=r"no language-ID model at .*absent\.bin"):
        score((ENGLISH, "Halo."), model=str(tmp_path / "absent.bin"))
    (tmp_path / "broken.bin").write_bytes(b"not a model")
    with pytest.raises(DataError, match=r"broken\.bin is no fastText model"):
        score((ENGLISH, "Halo."), model=str(tmp_path / "broken.bin"))
