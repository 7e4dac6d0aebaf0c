"""Scores for lines of text: TSV in, the same TSV with score columns behind, block by block."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from sealdata.errors import ConfigError
from sealdata.files.signatures import HEAD_BYTES, check_text
from sealdata.languages import resolve
from sealdata.pairs import make_pairs
from sealdata.scorers import Scorer

ENGLISH = "eng_Latn"
_LINES, _BYTES = 8192, 16 << 20  # after which lines are scored together
LONGEST = 16 << 20  # bytes of a line that is scored: memory is some thirty times that


@dataclass
class Tally:
    """Lines read, and those without scores: no two texts in UTF-8, or longer than LONGEST."""

    lines: int = 0
    bad: int = 0
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
        if codes.count(ENGLISH) != 1:
            raise ConfigError(
                f"one of the two languages must be English, not {' and '.join(codes)}"
            )
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
            yield b"".join(self._scored(chunk, tally))

    def _scored(self, chunk: list[bytes], tally: Tally) -> Iterator[bytes]:
        bare = [line.removesuffix(b"\n").removesuffix(b"\r") for line in chunk]
        texts = [_two_texts(line) for line in bare]
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
        rows = texts if english_first else [(second, first) for first, second in texts]
        pairs = make_pairs(rows, tgt_lang=other)
        frames = [scorer.score(pairs) for scorer in self.scorers.values()]
        named = [
            frame.rename({c: f"{name}.{c}" for c in frame.columns})
            for name, frame in zip(self.scorers, frames, strict=True)
        ]
        return pl.concat(named, how="horizontal")


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if len(chunk) == _LINES or size >= _BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _two_texts(line: bytes) -> tuple[str, str] | None:
    fields = line.split(b"\t", 2)
    if len(fields) < 2 or len(line) > LONGEST:
        return None
    try:
        return fields[0].decode(), fields[1].decode()
    except UnicodeDecodeError:
        return None


def _written(value: object) -> bytes:
    if value is None:
        return b""
    return (f"{value:.6g}" if isinstance(value, float) else str(value)).encode()
