"""Decontaminate: a pair is dropped when either side is a sentence of an evaluation set."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.errors import ConfigError, DataError, SealError
from sealdata.frames import count_rows, read_frame, write_frame
from sealdata.keys import key_hashes
from sealdata.languages import resolve
from sealdata.manifest import PartRecord
from sealdata.stages.partition import mask


def reference_files(path: Path) -> list[Path]:
    """The evaluation files meant by a path: itself, or a folder's files named ``{language}.*``.

    Raises:
        ConfigError: nothing there, or a folder without such files.
    """
    if path.is_file():
        return [path]
    found = sorted(file for file in path.glob("*.*") if file.is_file() and _names_language(file))
    if not found:
        raise ConfigError(
            f"no evaluation text at {path}: expected a file, or a folder of files named by "
            "language, such as eng_Latn.dev and tha_Thai.dev"
        )
    return found


def _names_language(file: Path) -> bool:
    try:
        resolve(file.name.partition(".")[0])
    except SealError:
        return False
    return True


@dataclass(frozen=True)
class References:
    """Reads evaluation files, a sentence a line, and keeps only the hashes of their keys."""

    files: tuple[Path, ...]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``key`` (u64), sorted and distinct; empty lines are not sentences."""
        lines = pl.concat([pl.Series("text", _lines(file), pl.String) for file in self.files])
        kept = lines.filter(lines.str.strip_chars().str.len_bytes() > 0)
        keys = key_hashes(kept.to_frame(), ["text"]).select(key="text").unique().sort("key")
        write_frame(keys, folder / f"{part}.parquet")
        blank = lines.len() - kept.len()
        facts = {"keys": keys.height}
        return PartRecord(
            part=part,
            rows_in=lines.len(),
            rows_out=kept.len(),
            dropped={"empty_line": blank} if blank else {},
            facts=facts,
        )


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: byte {error.start} is not UTF-8; an evaluation file must be"
        ) from None


@dataclass(frozen=True)
class Decontaminate:
    """Flags the pairs of which either side's key is among the references'."""

    keys: Path
    references: Path
    cleaned: Path

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``flag`` (bool), aligned with the part's rows: true for a leak."""
        height = count_rows(self.cleaned / f"{part}.parquet")
        known = read_frame(self.references)["key"].implode()
        pairs = read_frame(self.keys / f"{part}.parquet")
        leaks = pairs.filter(pl.col("src_key").is_in(known) | pl.col("tgt_key").is_in(known))["at"]
        write_frame(mask(height, leaks), folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=height,
            rows_out=height - leaks.len(),
            dropped={"eval_leak": leaks.len()},
        )
