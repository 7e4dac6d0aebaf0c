"""Decontaminate: drops pairs of which a side is, or contains, a sentence of an evaluation set."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from sealdata.contamination.hashes import HASH_SCHEMA, hashed, is_hash_file, read_hash_file
from sealdata.contamination.index import open_index
from sealdata.contamination.sets import read_sentences
from sealdata.errors import DataError
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.records import PartRecord
from sealdata.stages.partition import mask
from sealdata.text.hashing import text_key
from sealdata.workflow.stage import Step

MATCHES = "matches"  # PART.matches.parquet: what was found, and where


@dataclass(frozen=True)
class EvaluationFile:
    """One file of an evaluation set, and the columns to read if it is a table of unknown kind."""

    set: str
    path: Path
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class References(Step):
    """Reads evaluation files and hash files into one table, with the text where it is known."""

    name: ClassVar[str] = "references"
    version: ClassVar[int] = 4

    files: tuple[EvaluationFile, ...]

    def params(self) -> list[Any]:
        """Names of sets, files and columns; the contents are inputs."""
        return [[file.set, file.path.name, file.columns] for file in self.files]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes HASH_SCHEMA and ``text``, in the order of the files, without empty lines.

        Raises:
            DataError: a set has no sentence at all.
        """
        frames, blank = [], 0
        for file in self.files:
            if is_hash_file(file.path):
                frames.append(read_hash_file(file.path))
                continue
            sentences = read_sentences(file.path, file.columns)
            frame, empty = hashed(file.set, file.path.name, sentences)
            frames.append(frame)
            blank += empty
        refs = pl.concat(frames)
        searched = set(refs["set"].unique()) | {f.set for f in self.files if is_hash_file(f.path)}
        if empty_sets := sorted({file.set for file in self.files} - searched):
            raise DataError(
                f"evaluation set {empty_sets[0]}: no file of it holds a sentence, so nothing would "
                "be kept out; fetch it again or leave it out"
            )
        write_frame(refs, folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=refs.height + blank,
            rows_out=refs.height,
            dropped={"empty_line": blank} if blank else {},
            facts={"keys": refs["key"].n_unique(), "ngrams": int(refs["ngrams"].list.len().sum())},
        )


def write_hash_file(files: tuple[EvaluationFile, ...], path: Path) -> int:
    """Write the hashes of evaluation files, and no text; the number of sentences.

    Raises:
        SealError: a file cannot be read, or ``path`` not written.
    """
    frames = [
        read_hash_file(file.path)
        if is_hash_file(file.path)
        else hashed(file.set, file.path.name, read_sentences(file.path, file.columns))[0]
        for file in files
    ]
    rows = pl.concat(frames).select(*HASH_SCHEMA)
    write_frame(rows, path)
    return rows.height


@dataclass(frozen=True)
class Decontaminate(Step):
    """Flags the pairs of which either side matches a reference (see ``Index.search``)."""

    name: ClassVar[str] = "decontaminate"
    version: ClassVar[int] = 3

    keys: Path
    references: Path
    cleaned: Path
    containment: float
    min_chars: int

    def params(self) -> tuple[float, int]:
        """When a text counts as a match."""
        return self.containment, self.min_chars

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``flag`` (bool), aligned with the part's rows, and ``PART.matches.parquet``.

        It has, for each side that matches: ``source``, ``row``, ``side``, ``kind`` (``exact`` or
        ``containment``), ``score`` (share of the sentence's n-grams), where the sentence stands
        (``set``, ``file``, ``line``, ``column``), its text (``reference``, null where only hashes
        are known) and the pair (``src``, ``tgt``). Facts: matches by set, side and kind.
        """
        pairs = read_frame(
            self.cleaned / f"{part}.parquet", columns=["source", "row", "src", "tgt"]
        )
        keys = read_frame(self.keys / f"{part}.parquet").sort("at")
        matches = pl.concat(self._side(side, pairs, keys) for side in ("src", "tgt"))
        matches = matches.sort("at", "side")
        # Both sides may match; the pair is dropped once, and both matches are listed.
        leaks = matches["at"].unique()
        write_frame(matches.drop("at"), folder / f"{part}.{MATCHES}.parquet")
        write_frame(mask(pairs.height, leaks), folder / f"{part}.parquet")
        counts = Counter(matches.select("set", "side", "kind").iter_rows())
        return PartRecord(
            part=part,
            rows_in=pairs.height,
            rows_out=pairs.height - leaks.len(),
            dropped={"eval_leak": leaks.len()},
            facts={"matches": [[*what, count] for what, count in sorted(counts.items())]},
        )

    def _side(self, side: str, pairs: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
        index, sentences = open_index(self.references)
        texts = pairs[side].gather(keys["at"])
        normal = texts.to_frame().select(text_key(side)).to_series()
        matches = index.search(keys[f"{side}_key"], normal, self.containment, self.min_chars)
        rows = keys["at"].gather(matches["at"])
        where = sentences[matches["ref"]].rename({"text": "reference"})
        return pl.concat(
            [
                rows.to_frame(),
                pairs[rows].select("source", "row"),
                matches.select("kind", "score", side=pl.lit(side)),
                where.select("set", "file", "line", "column", "reference"),
                pairs[rows].select("src", "tgt"),
            ],
            how="horizontal",
        )
