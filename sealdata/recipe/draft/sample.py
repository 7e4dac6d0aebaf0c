"""The beginning of a source, read as a build would: its size, languages and stored scores."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.fetch.models.store import find_model
from sealdata.languages import ENGLISH, confusable_set, find_language
from sealdata.lid.labels import labels_of
from sealdata.lid.language_checker import LanguageChecker
from sealdata.lid.model import open_model
from sealdata.readers import Source
from sealdata.readers._bytes_read import track

MAX_ROWS = 50_000  # records of a file that are read; of a larger one the number is estimated
LID_ROWS = 500  # of them, spread evenly, whose languages are identified
MAX_REJECTED = 0.05  # a larger share of records that cannot be read is marked
FILL = "FILL"  # what stands where a person must write; no language, file or column has this name
_BATCH = 1_000  # so small that the records of a block that was read are nearly known


@dataclass
class SourceDraft:
    """A source as it will stand in the recipe, and what to say of it there."""

    name: str
    reader: str
    path: Path
    src_lang: str  # in the order of the file; FILL if it is not known
    tgt_lang: str
    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what was seen
    checks: list[str] = field(default_factory=list)  # what rests on a guess, or contradicts itself
    fills: list[str] = field(default_factory=list)  # what a person must write
    records: str = ""  # how many, and whether that is an estimate
    scores: str = ""  # the range of its stored margins, if it has them


def read_beginning(draft: SourceDraft) -> None:
    """Read up to MAX_ROWS records, and write down what they show.

    Raises:
        DataError: the reader refuses the file, or it has no record.
    """
    if FILL in str(draft.options):
        return
    pairs, rejected = _records(draft)
    if rejected.height:
        rows = pairs.height + rejected.height
        reason = rejected["reason"].value_counts(sort=True)["reason"][0]
        text = f"{rejected.height:,} of {rows:,} records cannot be read, most as {reason}"
        is_much = rejected.height > MAX_REJECTED * rows
        (draft.checks if is_much else draft.notes).append(text)
    if pairs.is_empty():
        return
    _check_languages(draft, pairs.gather_every(max(1, pairs.height // LID_ROWS)))
    margins = pairs["stored_margin"].drop_nulls()
    if not margins.is_empty():
        low, middle, high = (margins.quantile(q, "nearest") for q in (0.05, 0.5, 0.95))
        draft.scores = f"5 % are below {low:.4g}, half below {middle:.4g}, 95 % below {high:.4g}"


def _records(draft: SourceDraft) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good and rejected records from the beginning; ``records`` of the draft is set."""
    reader = load("readers", draft.reader, draft.options)
    others = [code for code in (draft.tgt_lang, draft.src_lang) if code not in (ENGLISH, FILL)]
    # English is declared first, whatever it is, so that ``src`` stays the first side of the file.
    # Readers by position only write the languages down.
    source = Source(draft.name, draft.path, ENGLISH, others[0] if others else "fra_Latn")
    size = reader.size(draft.path) or 0
    good, rejected, rows, consumed, estimate = [], [], 0, 0, 0.0
    with track() as meter:
        for batch in reader.batches(source, _BATCH):
            if rows < MAX_ROWS:
                good.append(batch.good)
                rejected.append(batch.rejected)
            # Files are read in blocks. When the next one is read, all bytes of those before have
            # become records.
            if consumed and meter.consumed() > consumed:
                estimate = rows * size / consumed
            consumed = meter.consumed()
            rows += batch.good.height + batch.rejected.height
            # A file that is all read is counted to its end.
            if rows >= MAX_ROWS and estimate and consumed < size:
                break
        else:
            estimate = 0.0
    if rows == 0:
        raise DataError(f"{draft.path} has no records")
    draft.records = f"{rows:,}"
    if estimate:
        draft.records = f"about {round(estimate, -3):,.0f}"
        draft.notes.append(f"{draft.records} records, estimated from the first {rows:,}")
    else:
        draft.notes.append(f"{rows:,} records")
    return pl.concat(good), pl.concat(rejected)


def _check_languages(draft: SourceDraft, pairs: pl.DataFrame) -> None:
    """Set the languages in the order of the file, and say where names and text disagree."""
    first, first_share = likeliest(pairs["src"])
    second, second_share = likeliest(pairs["tgt"])
    sides = draft.src_lang, draft.tgt_lang
    named = [code for code in sides if code not in (ENGLISH, FILL)]
    english_last = second == ENGLISH and first != ENGLISH
    other, share = (first, first_share) if english_last else (second, second_share)
    if ENGLISH not in (first, second):
        draft.checks.append(f"language ID finds English on neither side: {first} and {second}")
    elif draft.reader in ("tsv", "csv"):  # languages are in the order of the columns
        draft.src_lang, draft.tgt_lang = _ordered(sides, english_last)
        if (draft.src_lang, draft.tgt_lang) != sides:
            draft.notes.append("the columns are in another order than the languages in the name")
    if not named:
        _fill_language(draft, other, share, english_last)
    elif other not in (named[0], "") and share > 0.5:
        text = f"language ID says {other} for {share:.0%} of the lines that should be {named[0]}"
        if other in confusable_set(named[0]):
            draft.notes.append(f"{text}; it mixes these two up")
        else:
            draft.checks.append(text)
    elif other:
        draft.notes.append("language ID agrees with the name")


def _ordered(sides: tuple[str, str], english_last: bool) -> tuple[str, str]:
    first, second = sorted(sides, key=lambda code: code != ENGLISH)
    return (second, first) if english_last else (first, second)


def _fill_language(draft: SourceDraft, other: str, share: float, english_last: bool) -> None:
    language = find_language(other) if other else None
    said = f"language ID says {other or 'nothing'} for {share:.0%} of its lines"
    code = FILL
    if language is None or language.code == ENGLISH or share < 0.5:
        draft.fills.append(f"the language besides English; {said}")
    else:
        code = language.code
        draft.checks.append(f"the name of the file has no language; {said}")
    draft.src_lang, draft.tgt_lang = _ordered((ENGLISH, code), english_last)


def likeliest(texts: pl.Series) -> tuple[str, float]:
    """The language of most texts, and their share of those that have letters; ("", 0) without."""
    model = open_model(find_model("lid176-ftz"))
    checker = LanguageChecker(labels_of(model.labels), model.likeliest, 20)
    codes = checker.scores(texts.drop_nulls(), ENGLISH)["top"].drop_nulls().to_list()
    if not codes:
        return "", 0.0
    code, count = Counter(codes).most_common(1)[0]
    return code, count / len(codes)
