"""Translation scores by sacrebleu, and tests whether two systems differ by more than chance."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sealtrain.records import Number, Saved

# The code that shards use; see `sealdata/languages`.
ENGLISH = "eng_Latn"
SCRIPTS_WITHOUT_SPACES = ("tha_", "lao_", "khm_", "mya_")
CHINESE = ("zho_", "cmn_", "yue_")
FLORES_MODEL = "flores200sacrebleuspm"  # the file sacrebleu's `flores200` tokenizer looks for
NUM_SAMPLES = 1000  # of the bootstrap; the default of sacrebleu


class Score(Saved):
    """Corpus scores of one direction, each with the signature that reproduces it."""

    src: str  # FLORES code
    tgt: str  # FLORES code; decides the tokenizer of BLEU
    num_sentences: int
    bleu: Number  # 0 to 100
    bleu_signature: str  # has the tokenizer and the version of sacrebleu
    chrf: Number  # chrF++, 0 to 100
    chrf_signature: str


class Comparison(NamedTuple):
    """One metric of two systems on the same sentences.

    `p_value` is the probability that equally good systems would differ as much.
    """

    metric: str  # `bleu` or `chrf`
    baseline: float
    system: float
    p_value: float


def score(hypotheses: Sequence[str], references: Sequence[str], src: str, tgt: str) -> Score:
    """Corpus BLEU and chrF++ of some translations, each with its signature."""
    bleu, chrf = _metrics(tgt)
    bleu_score = bleu.corpus_score(hypotheses, [references])
    chrf_score = chrf.corpus_score(hypotheses, [references])
    return Score(
        src=src,
        tgt=tgt,
        num_sentences=len(references),
        bleu=bleu_score.score,
        bleu_signature=str(bleu.get_signature()),
        chrf=chrf_score.score,
        chrf_signature=str(chrf.get_signature()),
    )


def bleu_tokenizer(tgt: str) -> str:
    """The sacrebleu tokenizer for a language, as a FLORES code.

    It is `flores200` if its model is in sacrebleu's cache (it is never downloaded here). Otherwise
    it is `zh` for Chinese, `char` for scripts without spaces between words, and `13a` for others.
    """
    home = Path(os.environ.get("SACREBLEU", Path.home() / ".sacrebleu"))
    # Not downloaded, because evaluation must work without a network, and a figure must not depend
    # on whether one was there.
    if (home / "models" / FLORES_MODEL).is_file():
        return "flores200"
    if tgt.startswith(CHINESE):
        return "zh"
    return "char" if tgt.startswith(SCRIPTS_WITHOUT_SPACES) else "13a"


def paired_bootstrap(
    baseline: Sequence[str], system: Sequence[str], references: Sequence[str], tgt: str
) -> list[Comparison]:
    """BLEU and chrF++ of two systems, and the p-value of each difference.

    Source: Koehn 2004, "Statistical significance tests for machine translation evaluation", as
    sacrebleu implements it, with its fixed seed.
    """
    from sacrebleu.significance import PairedTest

    names = ["bleu", "chrf"]
    # No references here: the metrics hold theirs, prepared once for both systems.
    test = PairedTest(
        [("baseline", list(baseline)), ("system", list(system))],
        dict(zip(names, _metrics(tgt, [list(references)]), strict=True)),
        references=None,
        test_type="bs",
        n_samples=NUM_SAMPLES,
    )
    columns: Any = test()[1]
    rows = [results for column, results in columns.items() if column != "System"]
    comparisons = []
    for name, (first, second) in zip(names, rows, strict=True):
        # The test counts samples that differ by more, so identical outputs would get p = 1/1001.
        p_value = 1.0 if first.score == second.score else float(second.p_value)
        comparisons.append(Comparison(name, first.score, second.score, p_value))
    return comparisons


def _metrics(tgt: str, references: list[list[str]] | None = None) -> tuple[Any, Any]:
    """BLEU and chrF++ for a target language; references given here are prepared only once."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu = BLEU(tokenize=bleu_tokenizer(tgt), references=references)
    # Two word n-grams make chrF into chrF++.
    return bleu, CHRF(word_order=2, references=references)
