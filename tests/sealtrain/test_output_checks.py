"""Signs of failing translations, on real sentences."""

from pathlib import Path

import pytest

from sealtrain.scores import bleu_tokenizer, paired_bootstrap
from sealtrain.output_checks import is_repetitive, signs

THAI = "กรุณาล้างมือด้วยสบู่และน้ำสะอาดก่อนรับประทานอาหาร"
ENGLISH = "Please wash your hands with soap and clean water before you eat."
MALAY = "Sila basuh tangan anda dengan sabun dan air bersih sebelum makan."


@pytest.mark.parametrize(
    ("text", "expected"),
    [(THAI, False), (ENGLISH, False), ("kura-kura berjalan-jalan di tepi pantai", False),
     ("ก" * 40, True), ("the cat sat " * 6, True), ("ha ha ha", False), ("", False)],
)  # fmt: skip
def test_repetitive(text: str, expected: bool) -> None:
    assert is_repetitive(text) is expected


def test_shares_over_a_direction() -> None:
    found = signs([THAI, ENGLISH, MALAY, "", "แมว แมว แมว แมว แมว แมว แมว แมว"], "tha_Thai")
    assert found.empty == 0.2
    assert found.repetitive == 0.2
    assert found.english == 0.2  # English where Thai was asked for: the collapse of the paper
    assert found.other_language == 0.2


def test_english_is_no_failure_where_it_was_asked_for() -> None:
    found = signs([ENGLISH, THAI], "eng_Latn")
    assert found.english is None
    assert found.other_language == 0.5


def test_malay_counts_as_indonesian_and_unknown_languages_are_not_judged() -> None:
    assert signs([MALAY], "ind_Latn").other_language == 0.0
    assert signs([MALAY], "shn_Mymr").other_language is None


def test_bleu_takes_the_flores_model_where_it_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path
    monkeypatch.setenv("SACREBLEU", str(home))
    assert bleu_tokenizer("tha_Thai") == "char"
    (home / "models").mkdir()
    (home / "models" / "flores200sacrebleuspm").write_bytes(b"")
    assert bleu_tokenizer("tha_Thai") == "flores200"


def test_bootstrap_tells_a_difference_from_none() -> None:
    references = [f"the cat number {i} sat on the mat today" for i in range(40)]
    worse = [f"the cat number {i} sits at a rug now" for i in range(40)]
    bleu, chrf = paired_bootstrap(worse, references, references, "eng_Latn")
    assert (bleu.metric, chrf.metric) == ("bleu", "chrf")
    assert bleu.system == pytest.approx(100)
    assert bleu.p_value < 0.01
    same, _ = paired_bootstrap(worse, worse, references, "eng_Latn")
    assert same.baseline == same.system
    assert same.p_value == 1.0
