"""Pairs to measure on: a sample of a build, of a recipe's sources, or of references."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sealdata.build_manifest import MANIFEST, pair_name, read_build_manifest
from sealdata.errors import ConfigError
from sealdata.gold.references import read_references
from sealdata.pairs import english_first
from sealdata.pipeline.plan import Plan, load_plan
from sealdata.recipe.reading import builtin_recipes
from sealdata.shards.shuffle import row_keys
from sealdata.tokens.fertility import MAX_PAIRS, sample_pairs

Samples = list[tuple[str, pl.DataFrame]]  # language of ``tgt``, frame with ``src`` and ``tgt``
# Larger batches hold more text in memory and make no other draw.
_READ_ROWS = 100_000


def pair_samples(where: Sequence[str], max_pairs: int = MAX_PAIRS, seed: int = 1) -> Samples:
    """At most ``max_pairs`` pairs per language, drawn by hash and never from the head of a file.

    ``where`` is a build's folder (its training pairs), a recipe (its sources, before any cleaning
    or rule), a folder of references or their files, see ``read_references``.

    Raises:
        ConfigError: it is none of these.
        SealError: a file cannot be read.
    """
    # What is on disk decides the kind. A name of a recipe comes last, so a folder of that name
    # wins.
    first, *more = where
    path = Path(first)
    # Several names can only be files of references.
    if more or (path.is_file() and path.suffix != ".toml"):
        return _of_references(_existing(where), max_pairs, seed)
    if (path / MANIFEST).is_file():
        # Training pairs only: they are what the tokenizer will be used on.
        languages = read_build_manifest(path).languages
        files = {
            lang: sorted((path / "pairs" / pair_name(lang)).glob("train-*")) for lang in languages
        }
        return [(lang, sample_pairs(paths, max_pairs, seed)) for lang, paths in files.items()]
    if path.is_dir():
        return _of_references(path, max_pairs, seed)
    if first in builtin_recipes() or path.suffix == ".toml":
        return _of_sources(load_plan(first), max_pairs, seed)
    raise ConfigError(
        f"{first} is neither the folder of a build, nor a recipe, nor references: a folder or "
        "files such as eng_Latn.txt and tha_Thai.txt"
    )


def _existing(names: Sequence[str]) -> list[Path]:
    paths = [Path(name) for name in names]
    # All names are checked before any file is read.
    if absent := [path for path in paths if not path.is_file()]:
        raise ConfigError(f"{absent[0]}: no such file; give one folder or recipe, or files")
    return paths


def _of_references(where: Path | list[Path], max_pairs: int, seed: int) -> Samples:
    # The keys need a source and a row. References have lines, which are the same in every language.
    pairs = read_references(where).with_columns(source="set", row=pl.col("line").cast(pl.UInt64))
    return [
        (str(lang), draw(frame, max_pairs, seed).select("src", "tgt"))
        for (lang,), frame in pairs.partition_by("lang", as_dict=True, maintain_order=True).items()
    ]


def _of_sources(plan: Plan, max_pairs: int, seed: int) -> Samples:
    # At most ``max_pairs`` pairs per language are held while the sources pass through.
    drawn: dict[str, pl.DataFrame] = {}
    for table in plan.recipe.source:
        reader, source = plan.reader(table)
        lang = table.other_lang
        for good, _ in reader.batches(source, _READ_ROWS):
            fresh = english_first(good).select("source", "row", "src", "tgt")
            # A language may have several sources: all of them compete for its places.
            held = [drawn[lang]] if lang in drawn else []
            drawn[lang] = draw(pl.concat([*held, fresh]), max_pairs, seed)
    return [(lang, frame.select("src", "tgt")) for lang, frame in drawn.items()]


def draw(pairs: pl.DataFrame, max_pairs: int, seed: int) -> pl.DataFrame:
    """The pairs with the smallest keys, in the order of source and row."""
    # The smallest of all keys are the smallest of each batch's smallest, so batches do not change
    # the draw.
    keyed = pairs.with_columns(key=row_keys(pairs, seed))
    return keyed.bottom_k(max_pairs, by="key").drop("key").sort("source", "row")
