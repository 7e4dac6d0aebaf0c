"""Sentence marks of every script are marks; a script without any is not held to them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.component import load
from sealdata.pairs import make_pairs
from sealdata.text.characters import members_of


def ending(src, tgt, lang="ind_Latn"):
    scores = load("scorers", "ending").score(make_pairs([(src, tgt)], tgt_lang=lang))
    return scores.select("differ", "apart").row(0)


@pytest.mark.parametrize(
    ("src", "tgt", "lang", "cut"),
    [
        ("It rains again, and the river is high.", "Hujan lagi, dan sungai naik.", "ind_Latn", 0),
        ("It rains again, and the river is high.", "Hujan lagi, dan sun", "ind_Latn", 3.34),
        (
            "It rains ag",
            "Hujan lagi, dan air sungai naik.",
            "ind_Latn",
            4.90,
        ),  # ends in two letters
        ("It rains agai", "Hujan lagi, dan air sungai naik.", "ind_Latn", 2.49),  # or a headline
        ("It rains again and the", "Hujan lagi, dan air sungai itu naik terus.", "ind_Latn", 3.42),
        ("The weather today", "Cuaca hari ini hujan.", "ind_Latn", -0.32),  # a heading
        ("The Weather Today", "Cuaca hari ini sangat buruk di kota.", "ind_Latn", 0),  # surely one
        ("Plum", "สีพลัม (ม่วง)", "tha_Thai", 0),  # a label and what it means
        ("It rains again, and the river is high.", "ฝนตก", "tha_Thai", 0),  # it lacks none
        ("It rains ag", "ฝนตกอีกแล้ว และน้ำในแม่น้ำก็สูงขึ้นมาก", "tha_Thai", 6.89),
        ("It rains ag.", "ฝนตกอีกแล้ว และน้ำในแม่น้ำก็สูงขึ้นมาก", "tha_Thai", 0),
        ("It rains again, and the river is high.", "下雨了；", "zho_Hans", 0),  # it goes on
        ("It rains again, and the river is high.", "Hujan turun,", "ind_Latn", 0),
        ("It rains again;", "ភ្លៀងធ្លាក់ម្ដងទៀតហើយ ទឹកទន្លេក៏ឡើងខ្ពស់។", "khm_Khmr", 0),
    ],
)
def test_cut_off_needs_both_signs(src, tgt, lang, cut):
    scores = load("scorers", "ending").score(make_pairs([(src, tgt)], tgt_lang=lang))
    assert scores["cut"].item() == pytest.approx(cut, abs=0.01)


@pytest.mark.parametrize(
    ("src", "tgt", "lang", "scores"),
    [
        ("It rains.", "Hujan.", "ind_Latn", (0, 0)),
        ("It rains.", "Hujan", "ind_Latn", (1, 1)),
        ("It rains", "Hujan", "ind_Latn", (0, 0)),
        ("It rains again.", "ភ្លៀងធ្លាក់ម្ដងទៀតហើយ។", "khm_Khmr", (0, 0)),
        ("The end.", "ចប់៕", "khm_Khmr", (0, 0)),
        ("It rains again.", "မိုးရွာနေပြန်ပြီ။", "mya_Mymr", (0, 0)),
        ("Rain, wind.", "မိုး၊ လေ၊", "mya_Mymr", (1, 1)),  # its comma ends nothing
        ("It rains. It pours.", "下雨了。下大雨了。", "zho_Hans", (0, 0)),
        ("Does it rain?", "下雨了吗？", "zho_Hans", (0, 0)),
        ("Wait…", "等等……", "zho_Hans", (0, 0)),
        ("He said: “It rains.”", "他说：“下雨了。”", "zho_Hans", (0, 0)),
        ("(See below.)", "«Lihat di bawah.» ", "ind_Latn", (0, 0)),
        ("Really?!", "Benarkah?", "ind_Latn", (0, 0)),
        ("3.5 km from seal.example", "3,5 km dari seal.example", "ind_Latn", (0, 0)),
        ("One. Two! Three? Four.", "Satu", "ind_Latn", (1, 4)),
        ("It rains; it pours: stay in.", "မိုးရွာသည်။ မိုးသည်းသည်။ အိမ်ထဲနေ။", "mya_Mymr", (0, 0)),
        ("It rains; it pours.", "下雨了。下大雨了。别出去。天黑了。", "zho_Hans", (0, 2)),
        ("It rains. It pours. Stay.", "Hujan; lebat; diam; di rumah.", "ind_Latn", (0, 0)),
        ("It rains. It pours. Stay in.", "ฝนตก ตกหนัก อยู่ในบ้าน", "tha_Thai", (None, None)),
        ("It rains.", "ຝົນຕົກ", "lao_Laoo", (None, None)),
        ("", "", "ind_Latn", (0, 0)),
        ("...", "", "ind_Latn", (1, 1)),
    ],
)
def test_ending(src, tgt, lang, scores):
    assert ending(src, tgt, lang) == scores


MARKS = "".join(map(chr, members_of(r"[\p{Sentence_Terminal}\u{2026}--[\u{104a}.!?]]")))
CLOSERS = "".join(map(chr, members_of(r"[\p{Pe}\p{Pf}\p{Pi}\p{Quotation_Mark}]")))
TEXTS = st.text(st.sampled_from(f".!?;：…。។၊3a ก\u3000”)'{MARKS[::9]}{CLOSERS[::9]}"), max_size=20)


@settings(deadline=None)  # the first call compiles
@given(src=TEXTS, tgt=TEXTS)
def test_marks_by_a_regular_expression(src, tgt):
    after, marks = rf"[\s{re.escape(CLOSERS)}]", re.escape(MARKS)
    run = rf"[{marks}.!?]*[{marks}][{marks}.!?]*|[.!?]+(?={after}|\Z)"
    counts = [len(re.findall(run, text)) for text in (src, tgt)]
    ends = [bool(re.search(rf"[{marks}.!?]{after}*\Z", text)) for text in (src, tgt)]
    pauses = [len(re.findall("[;：]", text)) for text in (src, tgt)]
    apart = abs(counts[0] - counts[1])
    apart -= min(apart, pauses[counts[1] < counts[0]]) if apart else 0
    assert ending(src, tgt) == (ends[0] != ends[1], apart)
