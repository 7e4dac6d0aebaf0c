"""Pack: documents of one stream shuffled, tokenised and packed into sequences on disk."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl

from sealdata.files.frames import text_bytes
from sealdata.files.parquet import count_rows, reading, scan
from sealdata.files.records import PartRecord
from sealdata.formats.documents import PairFormat
from sealdata.readers import Reader, Source
from sealdata.shards.interop_sidecars import Reader as SidecarReader
from sealdata.shards.interop_sidecars import write_sidecars
from sealdata.shards.manifest import (
    Kind,
    Segment,
    Split,
    StreamManifest,
    TokenizerFacts,
    write_stream_manifest,
)
from sealdata.shards.neighbours import DOCUMENT_NAMES, document_keys, document_of, joined
from sealdata.shards.packing import Mode, pack
from sealdata.shards.shuffle import rebatched, row_keys, shuffled
from sealdata.shards.tokens import TokenDocuments, tokenize
from sealdata.shards.writer import StreamWriter, Totals
from sealdata.text.hashing import key_hashes, mix
from sealdata.tokenizers import Tokenizer
from sealdata.workflow.part_files import written
from sealdata.workflow.stage import Step

STREAM = "stream"  # the subfolder of the stage that holds the result
TOKENIZER_FOLDER = "../../../tokenizer"  # from SPLIT/KIND/NAME to the tokenizer of all streams

# Rows are read in slices, not as whole files, so that memory does not grow with ``part_rows``.
READ_ROWS = 100_000  # pairs read at a time
ROUND = 16_384  # documents tokenised and packed at a time
_SIDES = ("src", "tgt")
PARTITION_BYTES = 96 << 20  # of text shuffled at once: the whole stage stays below a GiB
_PACKED = 4  # bytes of text in a byte of a file from elsewhere, which may be compressed


@dataclass
class Tally:
    """Rows read, and rows that make no document of this stream, by reason."""

    # Every row is counted, also rows of the other split: in and out must tie in the record.
    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class PairOrigin:
    """Kept pairs of one language, in one direction."""

    files: tuple[Path, ...]
    format: PairFormat

    def params(self) -> dict[str, object]:
        """How pairs become documents; the files are inputs."""
        return self.format.params()

    def num_bytes(self) -> int:
        """About the size of the text that is read."""
        return sum(text_bytes(file, _SIDES) for file in self.files)

    def read(self, seed: int, tally: Tally) -> Iterator[pl.DataFrame]:
        """``source``, ``row``, ``src``, ``tgt``, ``key`` of the pairs that this direction takes."""
        names = DOCUMENT_NAMES if self.format.document_pairs > 1 else ()
        # The order of files and slices does not matter: ``shuffled`` sorts all rows by key.
        for file in self.files:
            for start in range(0, count_rows(file), READ_ROWS):
                pairs = _read_slice(file, start, READ_ROWS, names)
                tally.rows += pairs.height
                yield self.keyed(pairs, seed, tally)

    def keyed(self, pairs: pl.DataFrame, seed: int, tally: Tally) -> pl.DataFrame:
        """``source``, ``row``, ``src``, ``tgt``, ``key`` of the pairs that this direction takes."""
        # The key is drawn from the origin of the pair. Other rows of the corpus do not change its
        # place or template.
        keys = self._keys(pairs, seed)
        taken = self.format.takes(keys)
        # Zero unless the direction is drawn. Then the other stream takes exactly these pairs.
        tally.dropped["other_direction"] += int((~taken).sum())
        return pairs.select("source", "row", "src", "tgt", key=keys).filter(taken)

    def _keys(self, pairs: pl.DataFrame, seed: int) -> pl.Series:
        """A key per pair, or one for all pairs of a document where those are kept together."""
        if self.format.document_pairs == 1:
            return row_keys(pairs, seed)
        return document_keys(pairs.with_columns(document=document_of()), seed)

    def gather(self, frames: Iterator[pl.DataFrame], tally: Tally) -> Iterator[pl.DataFrame]:
        """Shuffled rows as they become documents: a row each, or neighbours as one row."""
        if self.format.document_pairs == 1:
            return frames
        return joined(frames, self.format.document_pairs, tally.dropped)

    def documents(self, rows: pl.DataFrame) -> pl.DataFrame:
        """See PairFormat.documents."""
        return self.format.documents(rows, rows["key"])


@dataclass(frozen=True)
class TextOrigin:
    """Documents of a reader, a share of them held out by the hash of their normal form.

    The hash is that of ``select``: a document that equals a validation sentence is validation.
    """

    reader: Reader
    source: Source
    share: float
    split: Split  # the side to keep
    limit: int | None = None  # read only the first so many records

    def params(self) -> dict[str, object]:
        """The reader, the source, and which of its documents are taken; the files are inputs."""
        return {
            "reader": [self.reader.component_name(), self.reader.identity()],
            "source": [self.source.name, self.source.src_lang],
            "share": self.share,
            "limit": self.limit,
        }

    def num_bytes(self) -> int:
        """About the size of the text that is read."""
        # Only an estimate: it decides the number of partitions, which does not change the order.
        return sum(_PACKED * file.stat().st_size for file in self.reader.files(self.source.path))

    def read(self, seed: int, tally: Tally) -> Iterator[pl.DataFrame]:
        """``source``, ``row``, ``text``, ``key`` of the documents of this split."""
        # Readers count from the beginning of the file, so a small limit must not read a whole
        # round.
        rows = ROUND if self.limit is None else min(ROUND, max(1, self.limit))
        for batch in self.reader.batches(self.source, rows):
            # A batch may reach beyond the limit. ``row`` numbers good and rejected records
            # together.
            good, rejected = (self._within(frame) for frame in batch)
            tally.rows += good.height + rejected.height
            # Records that cannot be read are counted in both splits. They belong to neither.
            tally.dropped.update(dict(rejected["reason"].value_counts().iter_rows()))
            # The hash is of the content, so the same sentence in several documents or sources has
            # one split.
            hashes = mix(key_hashes(good, ["text"])["text"], seed)
            held_out = hashes < int(self.share * 2**64)
            taken = held_out if self.split == "validation" else ~held_out
            tally.dropped["other_split"] += int((~taken).sum())
            yield good.select("source", "row", "text", key=row_keys(good, seed)).filter(taken)
            if self.limit is not None and tally.rows >= self.limit:
                return

    def _within(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame if self.limit is None else frame.filter(pl.col("row") < self.limit)

    def documents(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The documents as they are: no template, no prompt."""
        return _as_they_are(rows)


@dataclass(frozen=True)
class SideOrigin:
    """One side of kept pairs as documents of their own, in an order that the other does not have.

    Their split is that of the pairs.
    """

    files: tuple[Path, ...]
    side: Literal["src", "tgt"]

    def params(self) -> dict[str, object]:
        """The side; the files are inputs."""
        return {"side": self.side}

    def num_bytes(self) -> int:
        """About the size of the text that is read."""
        return sum(text_bytes(file, (self.side,)) for file in self.files)

    def read(self, seed: int, tally: Tally) -> Iterator[pl.DataFrame]:
        """``source``, ``row``, ``text``, ``key`` of the side of every pair."""
        for file in self.files:
            for start in range(0, count_rows(file), READ_ROWS):
                pairs = _read_slice(file, start, READ_ROWS)
                tally.rows += pairs.height
                # A number for each side goes into the key. Otherwise English would stand in the
                # order of its translations.
                keys = mix(row_keys(pairs, seed), _SIDES.index(self.side))
                yield pairs.select("source", "row", text=self.side, key=keys)

    def documents(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The sides as they are."""
        return _as_they_are(rows)


def _as_they_are(rows: pl.DataFrame) -> pl.DataFrame:
    # Without a template every token is learnt, so the prompt has no characters.
    nothing = {"template": pl.lit(0, pl.UInt8), "prompt_chars": pl.lit(0, pl.UInt32)}
    return rows.select("source", "row", "text", **nothing)


@dataclass(frozen=True)
class Layout:
    """How documents are laid into sequences; see the recipe's [pack]."""

    mode: Mode
    # Both lengths are in tokens. ``block_length`` is a multiple of ``sequence_length``.
    sequence_length: int
    block_length: int
    # Documents that are held back, so that the packer can choose one that fits the rest of a
    # sequence.
    lookahead: int
    sidecars: tuple[SidecarReader, ...] = ()  # see sealdata.shards.interop_sidecars


@dataclass(frozen=True)
class StreamLabel:
    """What the manifest says of a stream besides its tokens."""

    split: Split
    kind: Kind
    name: str
    languages: tuple[str, ...]  # in the order on the page
    language_names: dict[str, str]
    templates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pack(Step):
    """Writes a stream into ``STREAM`` under the stage's folder; nothing if it has no document."""

    name: ClassVar[str] = "pack"
    version: ClassVar[int] = 3

    # The label is a parameter, because the manifest in the output holds it.
    label: StreamLabel
    origin: PairOrigin | TextOrigin | SideOrigin
    tokenizer: Tokenizer
    layout: Layout
    seed: int

    def params(self) -> dict[str, object]:
        """All that can change the stream, except its inputs."""
        return {
            "label": asdict(self.label),
            "origin": self.origin.params(),
            "tokenizer": [self.tokenizer.name, self.tokenizer.fingerprint()],
            "layout": asdict(self.layout),
            "seed": self.seed,
        }

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: the label, ``empty``, and the counts of the manifest."""
        # A killed run may have left files of either. They cannot be continued: the pool of
        # documents was in memory.
        stream, spilled = folder / STREAM, folder / ".shuffle"
        for leftover in (stream, spilled):
            shutil.rmtree(leftover, ignore_errors=True)
        spilled.mkdir(parents=True)
        tally = Tally()
        sizes: dict[SidecarReader, int] = {}
        try:
            totals = self._write(stream, spilled, tally)
        finally:
            # Spilled text has the size of the whole stream, so it goes even if packing fails.
            shutil.rmtree(spilled, ignore_errors=True)
        # A stream without documents has no files, and no row in the manifest of the build.
        if totals.num_documents:
            write_stream_manifest(self._manifest(totals), stream)
            sizes = write_sidecars(stream, self.layout.sidecars)
        # Reasons with a count of 0 are left out, and sorted, so that equal streams have equal
        # records.
        dropped = {reason: count for reason, count in sorted(tally.dropped.items()) if count}
        return PartRecord(
            part=part,
            rows_in=tally.rows,
            rows_out=totals.num_documents,
            dropped=dropped,
            facts={**self._facts(totals), "sidecar_bytes": sizes},
            # The record lists every file of the stream, so that damage to any of them makes it
            # again.
            files=written(STREAM, folder),
        )

    def _write(self, stream: Path, spilled: Path, tally: Tally) -> Totals:
        """Shuffle, tokenise, pack, write: a round of documents at a time."""
        # Below one partition everything is sorted in memory, and nothing is spilled.
        partitions = 1 + self.origin.num_bytes() // PARTITION_BYTES
        frames = shuffled(self.origin.read(self.seed, tally), partitions, spilled)
        writer = StreamWriter(
            stream,
            eos_id=self.tokenizer.eos_id,
            vocab_size=self.tokenizer.vocab_size,
            sequence_length=self.layout.sequence_length,
            block_length=self.layout.block_length,
        )
        # Tokenised documents that no sequence has taken yet: at most ``lookahead`` between rounds.
        waiting = TokenDocuments.empty()
        with writer:
            # Rounds have a fixed number of rows. Their borders must not follow partitions, whose
            # number is an estimate.
            if isinstance(self.origin, PairOrigin):
                frames = self.origin.gather(frames, tally)
            for rows in rebatched(frames, ROUND):
                fresh = tokenize(self.tokenizer, self.origin.documents(rows))
                # An empty document would be an EOS only, which looks like padding to a trainer.
                tally.dropped["no_tokens"] += rows.height - len(fresh.ends)
                waiting = self._pack(writer, waiting.followed_by(fresh), self.layout.lookahead)
            # At the end nothing more will come, so nothing is held back.
            left = self._pack(writer, waiting, hold=0)
            assert not len(left.ends)
            return writer.close()

    def _pack(self, writer: StreamWriter, pool: TokenDocuments, hold: int) -> TokenDocuments:
        """Write what is packed; return what is held back."""
        lengths = pool.lengths
        # The packer sees lengths only. ``order`` and ``left`` together are all documents of the
        # pool.
        order, padding, left = pack(self.layout.mode, lengths, self.layout.sequence_length, hold)
        writer.write(pool.take(order), padding)
        # Documents that are left stay in their order, so the oldest is packed first next time.
        return pool.take(left)

    def _manifest(self, totals: Totals) -> StreamManifest:
        counts, segments = _counts(totals), totals.segments
        return stream_manifest(self.label, self.tokenizer, self.layout, segments, counts)

    def _facts(self, totals: Totals) -> dict[str, Any]:
        empty = totals.num_documents == 0
        return {"empty": empty, **label_facts(self.label), **_counts(totals)}


def stream_manifest(
    label: StreamLabel,
    tokenizer: Tokenizer,
    layout: Layout,
    segments: Sequence[Segment],
    counts: Mapping[str, Any],
) -> StreamManifest:
    """The manifest of a stream that holds ``segments``; ``counts`` are its num_ fields."""
    return StreamManifest(
        **label_facts(label),
        language_names=label.language_names,
        templates=list(label.templates),
        tokenizer=TokenizerFacts(
            name=tokenizer.name,
            # A relative path: the build can be moved, and the stream still finds its tokenizer.
            path=TOKENIZER_FOLDER,
            sha256=tokenizer.sha256,
            eos=tokenizer.eos,
        ),
        eos_id=tokenizer.eos_id,
        vocab_size=tokenizer.vocab_size,
        # All segments of a stream have one dtype, which follows from the vocabulary or from the
        # recipe.
        dtype=segments[0].dtype,
        sequence_length=layout.sequence_length,
        block_length=layout.block_length,
        segments=list(segments),
        **counts,
    )


def label_facts(label: StreamLabel) -> dict[str, Any]:
    """What the manifests of stream and build say of it besides counts."""
    return {
        "split": label.split,
        "kind": label.kind,
        "name": label.name,
        "languages": list(label.languages),
    }


def _counts(totals: Totals) -> dict[str, int]:
    return {
        "num_documents": totals.num_documents,
        "num_tokens": totals.num_tokens,
        "num_padding": totals.num_padding,
        "num_split_documents": totals.num_split_documents,
        "num_sequences": totals.num_sequences,
    }


def _read_slice(file: Path, start: int, rows: int, further: Sequence[str] = ()) -> pl.DataFrame:
    # A lazy scan reads only the row groups and columns of the slice.
    part = scan(file).slice(start, rows)
    with reading(file):
        return part.select("source", "row", *_SIDES, *further).collect()
