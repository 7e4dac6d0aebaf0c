"""Fertility before and after a vocabulary extension, on pairs that it was not learnt from."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from sealdata.dataset.pair_samples import pair_samples
from sealdata.tokenizers import Tokenizer, open_tokenizer
from sealdata.tokens.extension import TRAIN_PAIRS, Extension, extend, free_place, split_sample
from sealdata.tokens.fertility import fertility
from sealdata.workflow.protocols import NO_PROGRESS, Progress


def extend_and_measure(
    base: Mapping[str, Tokenizer],
    where: Sequence[str],
    max_pairs: int,
    num_pieces: int,
    out: Path | None,
    progress: Progress = NO_PROGRESS,
) -> tuple[Extension, pl.DataFrame]:
    """The extension of the one tokenizer of ``base``, and FERTILITY_SCHEMA rows of both.

    New pieces are learnt from the sides that are not English, of at most ``TRAIN_PAIRS`` pairs per
    language, and measured on at most ``max_pairs`` others. ``out`` is the folder to write to.

    Raises:
        SealError: see ``pair_samples``, ``extend`` and ``Extension.write``.
    """
    [(name, tokenizer)] = base.items()
    if out is not None:
        free_place(out)  # before the work, not after it
    # (language, measured pairs, learnt pairs). A pair is never in both.
    samples = [
        (lang, *split_sample(pairs, max_pairs))
        for lang, pairs in pair_samples(where, TRAIN_PAIRS + max_pairs)
    ]
    # Only sides that are not English: the extension is made for them.
    texts = [text for _, _, learnt in samples for text in learnt["tgt"]]
    # One extension for all languages together, so a language with more text gets more pieces.
    extension = extend(tokenizer, texts, num_pieces)
    # A tokenizer can only be opened from files, also one that no one wants to keep.
    with tempfile.TemporaryDirectory() as temporary:
        folder = out or Path(temporary) / "extended"
        # Opened from what was written, so that the measurement is of the files that a user gets.
        extended = open_tokenizer(extension.write(folder, tokenizer), options=_eos(tokenizer))
        both = {name: tokenizer, f"{name} + {extension.num_added:,}": extended}
        return extension, fertility(
            both, [(lang, measured) for lang, measured, _ in samples], progress=progress
        )


def _eos(tokenizer: Tokenizer) -> dict[str, str]:
    # The new file may not name its EOS, so the option of the old one is passed on.
    return {} if tokenizer.eos is None else {"eos": tokenizer.eos}
