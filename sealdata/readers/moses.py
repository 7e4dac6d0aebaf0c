"""Moses text: one aligned file per language, loose or in the zip archives of OPUS."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import polars as pl

from sealdata.errors import DataError
from sealdata.files.hidden import is_hidden
from sealdata.languages import find_language
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._lines import as_raw, as_text, line_batches
from sealdata.readers._open import member_names, open_archive, open_member, open_stream
from sealdata.readers._rejects import SIDE_REJECTIONS, either_side, first_reason, pair_batch

_COMPRESSION = (".gz", ".xz", ".bz2", ".zst")
_SCORES, _IDS = "scores", "ids"
# Bytes of text of a file whose lines are counted before anything is read: some seconds of work. The
# lines of a larger one are compared while it is read.
MAX_COUNTED = 2 << 30
_COUNT_BLOCK = 4 << 20


class Moses(Reader):
    """Line-aligned files, one per language, and the corpus's own scores where it has them.

    The path is an OPUS archive (``en-id.txt.zip``), or the common start of loose files:
    ``corpus.en-id`` for ``corpus.en-id.en``, ``.id`` and ``.scores``. Suffixes may be any known
    code of the declared languages.

    With ``documents`` a further aligned file, ``.ids``, names the document of each line: what
    stands before the first tab, as in the archives of OPUS. The lines of a Bible may be verses
    (``GEN 1:1``); then ``document_end = ":"`` makes chapters of them.
    """

    documents: bool = False  # read the file `.ids`
    document_end: str = "\t"  # where the name of a document ends in a line of `.ids`

    def files(self, path: Path) -> list[Path]:
        """The archive, or the loose files of every known language and of the scores.

        If there are none it is the path itself, so that opening it reports the missing file.
        """
        return [path] if path.is_file() else sorted(_loose(path).values()) or [path]

    def left_out(self, path: Path) -> list[str]:
        """Hidden and temporary members of the archive, or files that share the common start."""
        if path.is_file():
            return super().left_out(path)
        return sorted(n.name for n in path.parent.glob(f"{path.name}.*") if is_hidden(n.name))

    def check_whole(self, source: Source) -> None:
        """Count the lines of all files, up to MAX_COUNTED bytes in each.

        Raises:
            DataError: the counts differ.
        """
        with ExitStack() as stack:
            streams = self._open(source, stack)
            counts = {role: _count_lines(stream) for role, stream in streams.items()}
        if None not in counts.values() and len(set(counts.values())) > 1:
            raise _unequal(source, counts)

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of aligned lines.

        Raises:
            DataError: a file is missing or damaged, or line counts differ: then it is unknown
                which lines belong together.
        """
        assert source.tgt_lang is not None, "a parallel corpus has two languages"
        with ExitStack() as stack:
            streams = self._open(source, stack)
            row, seen = 0, dict.fromkeys(streams, 0)
            readers = {
                role: line_batches(stream, batch_rows, f"{source.path} ({role})", len(streams))
                for role, stream in streams.items()
            }
            for columns in _aligned(readers):
                for role, lines in columns.items():
                    seen[role] += len(lines)
                if len(set(seen.values())) > 1:
                    # What was not read yet is counted now.
                    totals = {role: n + sum(map(len, readers[role])) for role, n in seen.items()}
                    raise _unequal(source, totals)
                yield self._batch(source, row, columns)
                row = seen["src"]

    def _open(self, source: Source, stack: ExitStack) -> dict[str, BinaryIO]:
        """Streams of ``src``, ``tgt`` and, where there is one and it is read, ``scores``, ``ids``.

        Raises:
            DataError: a file is missing, or two hold the same.
        """
        if source.path.is_file():
            archive = stack.enter_context(open_archive(source.path))
            members = _by_suffix(member_names(archive))
            chosen = self._choose(source, members)
            return {
                role: stack.enter_context(open_member(archive, name))
                for role, name in chosen.items()
            }
        loose = {suffix: str(path) for suffix, path in _loose(source.path).items()}
        chosen = self._choose(source, loose)
        return {role: stack.enter_context(open_stream(Path(name))) for role, name in chosen.items()}

    def _choose(self, source: Source, by_suffix: dict[str, str]) -> dict[str, str]:
        chosen = _choose(source, by_suffix)
        if not self.documents:
            return chosen
        if _IDS not in by_suffix:
            raise DataError(
                f"{source.path}: no file of ids (.{_IDS}); without one, leave out `documents`"
            )
        return chosen | {_IDS: by_suffix[_IDS]}

    def _batch(self, source: Source, row: int, lines: dict[str, pl.Series]) -> Batch:
        texts = pl.DataFrame({role: as_text(series) for role, series in lines.items()})
        faults = [
            ("invalid_utf8", pl.any_horizontal(pl.col(*lines).is_null())),
            ("nul_byte", either_side(lambda side: side.str.contains("\0", literal=True))),
            *SIDE_REJECTIONS,
        ]
        if _SCORES in lines:
            written = pl.col(_SCORES).str.strip_chars()
            margin = written.cast(pl.Float32, strict=False)
            texts = texts.with_columns(stored_margin=pl.when(margin.is_finite()).then(margin))
            faults.append(("bad_number", (written != "") & pl.col("stored_margin").is_null()))
        if _IDS in lines:
            name = pl.col(_IDS).str.splitn(self.document_end, 2).struct.field("field_0")
            texts = texts.with_columns(document=pl.when(name != "").then(name))
        records = texts.with_columns(reason=first_reason(faults))
        bad = records["reason"].is_not_null()
        src, tgt = as_raw(lines["src"].filter(bad)), as_raw(lines["tgt"].filter(bad))
        return pair_batch(source, row, records, src + "\t" + tgt)


def _aligned(readers: dict[str, Iterator[pl.Series]]) -> Iterator[dict[str, pl.Series]]:
    """Equally many lines of every file. At the end, what is left where a file ended earlier."""
    none = pl.Series("line", [], pl.Binary)
    waiting = dict.fromkeys(readers, none)
    while True:
        for role, lines in waiting.items():
            waiting[role] = next(readers[role], none) if lines.is_empty() else lines
        height = min(map(len, waiting.values()))
        if height == 0:
            break
        yield {role: lines[:height] for role, lines in waiting.items()}
        waiting = {role: lines[height:] for role, lines in waiting.items()}
    if any(map(len, waiting.values())):
        yield waiting


def _loose(prefix: Path) -> dict[str, Path]:
    """Files named ``prefix.SUFFIX`` by suffix, one for each known language and the scores."""
    names = [
        path.name
        for path in prefix.parent.glob(f"{prefix.name}.*")
        if path.is_file() and not is_hidden(path.name)
    ]
    direct = [name for name in names if "." not in _bare(name)[len(prefix.name) + 1 :]]
    return {suffix: prefix.parent / name for suffix, name in _by_suffix(direct).items()}


def _by_suffix(names: list[str]) -> dict[str, str]:
    """Names by what their suffix means: a FLORES-200 code, ``scores`` or ``ids``; no others."""
    meanings: dict[str, str] = {}
    for name in sorted(names):
        suffix = _bare(name).rpartition(".")[2]
        # First, because a code of three letters may be that of a language.
        language = None if suffix in (_SCORES, _IDS) else find_language(suffix)
        if suffix not in (_SCORES, _IDS) and language is None:
            continue
        meaning = language.code if language else suffix
        if meaning in meanings:
            raise DataError(f"{meanings[meaning]} and {name} both hold {meaning}; remove one")
        meanings[meaning] = name
    return meanings


def _bare(name: str) -> str:
    """``name`` without a suffix of compression."""
    return next((name.removesuffix(end) for end in _COMPRESSION if name.endswith(end)), name)


def _choose(source: Source, by_suffix: dict[str, str]) -> dict[str, str]:
    roles = {"src": source.src_lang, "tgt": str(source.tgt_lang)}
    for lang in roles.values():
        if lang not in by_suffix:
            files = ", ".join(sorted(by_suffix.values())) or "nothing"
            raise DataError(f"{source.path}: no file of {lang}; known languages found in: {files}")
    chosen = {role: by_suffix[lang] for role, lang in roles.items()}
    return chosen | ({_SCORES: by_suffix[_SCORES]} if _SCORES in by_suffix else {})


def _count_lines(stream: BinaryIO) -> int | None:
    """Lines of a stream; None if it is too long to be counted in a check."""
    count = read = 0
    last = b"\n"
    while block := stream.read(_COUNT_BLOCK):
        read += len(block)
        if read > MAX_COUNTED:
            return None
        count, last = count + block.count(b"\n"), block[-1:]
    return count + (last != b"\n")


def _unequal(source: Source, counts: Mapping[str, int | None]) -> DataError:
    names = {"src": source.src_lang, "tgt": source.tgt_lang, _SCORES: _SCORES, _IDS: _IDS}
    written = ", ".join(f"{names[role]} {count:,}" for role, count in counts.items())
    return DataError(f"{source.path}: line counts differ: {written}; fetch it again")


COMPONENT = Moses
