"""Which tokenizer BLEU uses, and whether two systems differ beyond chance."""

from pathlib import Path

import pytest

from sealtrain.scores import bleu_tokenizer, paired_bootstrap


def test_bleu_uses_the_flores_model_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path
    monkeypatch.setenv("SACREBLEU", str(home))
    assert bleu_tokenizer("tha_Thai") == "char"
    (home / "models").mkdir()
    (home / "models" / "flores200sacrebleuspm").write_bytes(b"")
    assert bleu_tokenizer("tha_Thai") == "flores200"


def test_bootstrap_distinguishes_a_difference_from_none() -> None:
    references = [f"the cat number {i} sat on the mat today" for i in range(40)]
    worse = [f"the cat number {i} sits at a rug now" for i in range(40)]
    bleu, chrf = paired_bootstrap(worse, references, references, "eng_Latn")
    assert (bleu.metric, chrf.metric) == ("bleu", "chrf")
    assert bleu.system == pytest.approx(100)
    assert bleu.p_value < 0.01
    same, _ = paired_bootstrap(worse, worse, references, "eng_Latn")
    assert same.baseline == same.system
    assert same.p_value == 1.0
