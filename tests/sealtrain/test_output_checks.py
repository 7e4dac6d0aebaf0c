"""Checks of translations that fail, on real sentences."""

import pytest

from sealtrain.output_checks import check_outputs, is_repetitive

THAI = "กรุณาล้างมือด้วยสบู่และน้ำสะอาดก่อนรับประทานอาหาร"
ENGLISH = "Please wash your hands with soap and clean water before you eat."
MALAY = "Sila basuh tangan anda dengan sabun dan air bersih sebelum makan."


@pytest.mark.parametrize(
    ("text", "expected"),
    [(THAI, False), (ENGLISH, False), ("kura-kura berjalan-jalan di tepi pantai", False),
     ("ก" * 40, True), ("the cat sat " * 6, True), ("ha ha ha", False), ("", False),
     # of 19 n-grams 9 are distinct, and 10
     ("abcdefghi" * 2 + "abcdef", True), ("abcdefghij" * 2 + "abcd", False)],
)  # fmt: skip
def test_repetitive(text: str, expected: bool) -> None:
    assert is_repetitive(text) is expected


def test_shares_over_a_direction() -> None:
    checks = check_outputs(
        [THAI, ENGLISH, MALAY, "", "แมว แมว แมว แมว แมว แมว แมว แมว"], "tha_Thai"
    )
    assert checks.empty == 0.2
    assert checks.repetitive == 0.2
    assert checks.english == 0.2  # English instead of Thai: the collapse that the paper describes
    assert checks.other_language == 0.2


def test_english_is_not_a_failure_where_it_is_the_target() -> None:
    checks = check_outputs([ENGLISH, THAI], "eng_Latn")
    assert checks.english is None
    assert checks.other_language == 0.5


def test_malay_counts_as_indonesian_and_unknown_languages_have_no_share() -> None:
    assert check_outputs([MALAY], "ind_Latn").other_language == 0.0
    assert check_outputs([MALAY], "shn_Mymr").other_language is None
