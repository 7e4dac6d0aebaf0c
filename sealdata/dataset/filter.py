"""Scores for lines of text: TSV in, the same TSV with score columns behind, block by block."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from sealdata.errors import ConfigError
from sealdata.files.signatures import HEAD_BYTES, check_text
from sealdata.languages import ENGLISH, resolve
from sealdata.pairs import make_pairs
from sealdata.pipeline.score_pairs import named_scores
from sealdata.scorers import Scorer

_LINES, _BYTES = 8192, 16 << 20  # after which lines are scored together
LONGEST = 16 << 20  # bytes of a line that is scored: memory is some thirty times that


@dataclass
class Tally:
    """Lines read, and those without scores: no two texts in UTF-8, or longer than LONGEST."""

    lines: int = 0
    bad: int = 0
    # The first bad line is named on stderr, so that its cause can be looked up.
    first_bad: int = 0  # counted from 1; 0: none


@dataclass(frozen=True)
class LineScorer:
    """Scores the first two columns of a line; what is behind them stays as it is.

    The columns are in ``src_lang`` and ``tgt_lang``, one of them English; ``src_`` in the name of
    a score means the English one, whichever it is.
    """

    scorers: Mapping[str, Scorer]
    src_lang: str
    tgt_lang: str

    def __post_init__(self) -> None:
        codes = [resolve(code).code for code in (self.src_lang, self.tgt_lang)]
        # Scores are defined for English and one other language.
        if codes.count(ENGLISH) != 1:
            raise ConfigError(
                f"one of the two languages must be English, not {' and '.join(codes)}"
            )
        # The class is frozen, so aliases such as ``fil_Latn`` are replaced by this way round.
        object.__setattr__(self, "src_lang", codes[0])
        object.__setattr__(self, "tgt_lang", codes[1])

    @property
    def columns(self) -> list[str]:
        """Names of the columns that are added, in order."""
        return [f"{name}.{c}" for name, scorer in self.scorers.items() for c in scorer.columns]

    def blocks(self, lines: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
        """Each line with its scores, in order, as many at a time as are scored together; empty
        where a score has no meaning.

        A bad line comes out as it went in, with empty scores, and is counted in ``tally``.

        Raises:
            DataError: the first lines are not text, for example those of a compressed file.
        """
        for number, chunk in enumerate(_chunks(lines)):
            if number == 0:
                check_text(b"".join(chunk[:100])[:HEAD_BYTES], "the input")
            # One write per block: a write per line would cost more than the cheap scores.
            yield b"".join(self._scored(chunk, tally))

    def _scored(self, chunk: list[bytes], tally: Tally) -> Iterator[bytes]:
        # CRLF is allowed in the input. The output has LF.
        bare = [line.removesuffix(b"\n").removesuffix(b"\r") for line in chunk]
        texts = [_two_texts(line) for line in bare]
        # Bad lines are taken out for scoring, and their places are filled again below.
        good = [pair for pair in texts if pair is not None]
        scores = iter(self._scores(good).iter_rows())
        none = (None,) * len(self.columns)
        for line, pair in zip(bare, texts, strict=True):
            tally.lines += 1
            if pair is None:
                tally.bad += 1
                tally.first_bad = tally.first_bad or tally.lines
            values = none if pair is None else next(scores)
            yield b"\t".join([line, *(_written(value) for value in values)]) + b"\n"

    def _scores(self, texts: list[tuple[str, str]]) -> pl.DataFrame:
        english_first = self.src_lang == ENGLISH
        other = self.tgt_lang if english_first else self.src_lang
        # Scorers expect English as the source side, whichever column it is in.
        rows = texts if english_first else [(second, first) for first, second in texts]
        return named_scores(self.scorers, make_pairs(rows, tgt_lang=other))


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        # One long line may exceed the limit by itself. It is then a chunk of its own, with those
        # before it.
        chunk.append(line)
        size += len(line)
        # Two limits: the first for many short lines, the second for few long ones.
        if len(chunk) == _LINES or size >= _BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _two_texts(line: bytes) -> tuple[str, str] | None:
    # Only the first two tabs matter; further columns pass through unread.
    fields = line.split(b"\t", 2)
    # A line without a tab has no pair. A very long one would take too much memory to score.
    if len(fields) < 2 or len(line) > LONGEST:
        return None
    try:
        # Strict UTF-8. A replacement character would be scored as text.
        return fields[0].decode(), fields[1].decode()
    except UnicodeDecodeError:
        return None


def _written(value: object) -> bytes:
    if value is None:
        return b""
    # Six digits: float32 has about seven, and the last one differs between machines.
    return (f"{value:.6g}" if isinstance(value, float) else str(value)).encode()
