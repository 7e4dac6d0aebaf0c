"""What a text contains besides its sentence: addresses, personal data, listed terms."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import ConfigError, DataError
from sealdata.pairs import make_pairs

LISTS = str(Path(__file__).parent / "toxicity")


def score(name, src, tgt, lang="ind_Latn", **params):
    return load("scorers", name, params).score(make_pairs([(src, tgt)], tgt_lang=lang)).row(0)


@pytest.mark.parametrize(
    ("src", "tgt", "mismatch"),
    [
        ("See https://who.int/news.", "Lihat https://www.WHO.int/news/", 0),
        ("See www.who.int", "Lihat situs kami", 1),
        ("See http://a.org and http://b.org", "ดูที่http://b.orgและhttp://c.org", 2),
        ("(https://a.org/x_(y)?q=1&r=2)", "“https://a.org/x_(y)?q=1&r=2”", 0),
        ("the www and http", "www", 0),
    ],
)
def test_addresses_that_one_side_lacks(src, tgt, mismatch):
    assert score("urls", src, tgt, "tha_Thai")[0] == mismatch


def test_share_of_addresses():
    assert score("urls", "http://a.org", "Di http://a.org") == (0, 1.0, 12 / 15)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Write to siti.nur+1@mail.co.id, or ask @siti.", (1, 0, 0)),
        ("Call +62 812-3456-7890 or (021) 555 1234.", (0, 2, 0)),
        ("โทร 081-234-5678 หรือ ๐๘๑-๒๓๔-๕๖๗๘", (0, 2, 0)),
        ("0912345678", (0, 1, 0)),
        ("NIK 3174054408920001", (0, 0, 1)),
        ("บัตร 1-2345-67890-12-3", (0, 0, 1)),
        ("IC 920815-14-5678, NRIC S1234567D", (0, 0, 2)),
        ("၁၂/ဥကမ(နိုင်)၁၂၃၄၅၆", (0, 0, 1)),
        ("CCCD 001099012345", (0, 0, 1)),
        ("11010519491231002X", (0, 0, 1)),
        # Numbers of other kinds:
        ("In 2019-2020 it cost 1,500,000 Rp (12.5 %), 7:45, 26/11/2020.", (0, 0, 0)),
        ("ISBN 978-3-16-148410-0; 3.14159265; 1990-05-12", (0, 0, 0)),
        ("a@b, me@localhost, 50 @ 3", (0, 0, 0)),
    ],
)
def test_personal_data(text, counts):
    assert score("pii", text, "") == counts
    assert score("pii", "", text) == counts
    [masked] = load("cleaners", "mask_pii").clean(pl.Series([text])).to_list()
    assert (masked != text) == any(counts)
    assert score("pii", masked, "") == (0, 0, 0)


def test_masks_say_what_they_hide_and_can_be_switched_off():
    text = pl.Series(["Mail a@b.co or 081-234-5678, NIK 3174054408920001."])
    masked = load("cleaners", "mask_pii").clean(text).item()
    assert masked == "Mail [EMAIL] or [PHONE], NIK [ID]."
    masked = load("cleaners", "mask_pii", {"phones": False, "ids": False}).clean(text).item()
    assert masked == "Mail [EMAIL] or 081-234-5678, NIK 3174054408920001."


@pytest.mark.parametrize(
    ("src", "tgt", "lang", "terms"),
    [
        ("You fool, you bloody  idiot!", "x", "ind_Latn", (1, 0, 1)),  # two spaces: another text
        ("You FOOL, you bloody idiot!", "Kamu bodoh.", "ind_Latn", (2, 1, 1)),
        ("A foolish fool's fools", "kebodohan", "ind_Latn", (1, 0, 1)),
        ("foolish", "bodoh bodoh tolol", "ind_Latn", (0, 2, 2)),
        ("x", "มันโง่เหมือนควายจริงๆ", "tha_Thai", (0, 2, 2)),  # no spaces around
        ("x", "กาแฟ", "tha_Thai", (0, 1, 1)),  # inside a word, on the edge of a cluster
        ("x", "เกาะ กาำ", "tha_Thai", (0, 0, 0)),  # never within one
        ("x", "y", "lao_Laoo", (0, None, None)),  # no list
    ],
)
def test_toxicity(src, tgt, lang, terms):
    assert score("toxicity", src, tgt, lang, lists=LISTS) == terms


def test_toxicity_needs_lists(tmp_path):
    with pytest.raises(ConfigError, match=r"no toxicity lists in .*eng_Latn.txt"):
        score("toxicity", "a", "b", lists=str(tmp_path))
    (tmp_path / "eng.txt").write_bytes(b"\xff\n")
    with pytest.raises(DataError, match=r"eng.txt: byte 0 is not UTF-8"):
        score("toxicity", "a", "b", lists=str(tmp_path))


def test_lists_are_part_of_what_a_score_depends_on(tmp_path):
    (tmp_path / "en.txt").write_text("one\n")
    before = load("scorers", "toxicity", {"lists": str(tmp_path)}).fingerprint()
    (tmp_path / "en.txt").write_text("two\n")
    after = load("scorers", "toxicity", {"lists": str(tmp_path)}).fingerprint()
    assert before != after
