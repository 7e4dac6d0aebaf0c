"""Write the sample corpus: the hand-written sentences in true corpus formats, with planted defects.

    python -m tests.make_sample.corpus [OUT]

OUT is ``corpus/`` beside this file by default. The same sentences give the same content: nothing
depends on the clock, and every choice is a hash of what is chosen for.
"""

import csv
import gzip
import io
import json
import struct
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sealdata.files.places import sample_dir
from sealdata.gold.noise import encoded, fraction
from tests.make_sample.plan import FILES, PLAN, File
from tests.make_sample.spoil import KINDS, Pair

SAMPLE = sample_dir()
ENGLISH = "eng_Latn"
MONOLINGUAL = ("ind_Latn", "tha_Thai", "vie_Latn")
MISALIGNED = "misaligned"

CORPORA = ("xlsum", "opensubtitles", "globalvoices", "tatoeba")
SITES = (
    "kabar-pagi.example", "mekong-news.example", "www.kitab-suci.example", "pulau-travel.example",
    "gov-portal.example", "resep-ibu.example", "forum.sekolah.example",
)  # fmt: skip
ARCHIVE_NOTES = {
    "README": "A sample in the layout of OPUS NLLB v1 archives. The sentences were written for\n"
    "the SealData project; the scores are made up.\n",
    "LICENSE": "CC0 1.0 Universal\nhttps://creativecommons.org/publicdomain/zero/1.0/\n",
}


@dataclass(frozen=True)
class Record:
    """One record of a corpus file; ``defect`` and ``reason`` are empty where the pair is clean."""

    english: str
    other: str
    margin: float
    defect: str = ""
    reason: str = ""


def pick(options: tuple[str, ...], *parts: object) -> str:
    """One of ``options``, always the same for the same ``parts``."""
    return options[int(fraction(*parts) * len(options))]


def read_pairs(part: str, lang: str) -> list[Pair]:
    """The aligned sentences of English and ``lang`` in ``text`` or ``eval``."""
    return list(zip(read_lines(part, ENGLISH), read_lines(part, lang), strict=True))


def read_lines(part: str, lang: str) -> list[str]:
    """The sentences of one language in ``text`` or ``eval``."""
    text = (SAMPLE / part / f"{lang}.txt").read_text(encoding="utf-8")
    return text.removesuffix("\n").split("\n")


# --- records ----------------------------------------------------------------------------------


def records(lang: str) -> list[Record]:
    """All clean pairs of a language and the planted defects, by falling margin as NLLB has them."""
    clean = [
        Record(*pair, _margin(lang, place)) for place, pair in enumerate(read_pairs("text", lang))
    ]
    for place in _unbalanced(clean, lang):
        clean[place] = replace(clean[place], other=f'"{clean[place].other}')
    return sorted([*clean, *_planted(lang)], key=lambda record: -record.margin)


def _unbalanced(clean: list[Record], lang: str) -> list[int]:
    """Two clean pairs that get a quotation mark that nothing closes: no defect, but a trap for
    readers that take it for quoting."""
    whole = [place for place, record in enumerate(clean) if '"' not in record.english]
    return sorted(whole, key=lambda place: fraction("unbalanced", lang, place))[:2]


def _planted(lang: str) -> Iterable[Record]:
    used: set[tuple[str, int]] = set()
    for entry in PLAN[lang]:
        name, _, argument = entry.partition("/")
        if name == MISALIGNED:
            yield _misaligned(lang, argument)
            continue
        kind = KINDS[name]
        pairs = read_pairs(kind.pairs, lang)
        fitting = [
            place
            for place, pair in enumerate(pairs)
            if kind.fits(pair) and (kind.reason, place) not in used
        ]
        place = min(fitting, key=lambda place: fraction(lang, entry, place))
        used.add((kind.reason, place))
        third = read_lines(kind.pairs, argument)[place] if argument else ""
        margin = _margin(lang, name, place)
        if kind.reason == "duplicate":  # not before the pair it repeats
            margin = min(margin, _margin(lang, place))
        yield Record(*kind.spoil(pairs[place], third), margin, name, kind.reason)


def _misaligned(lang: str, lines: str) -> Record:
    """The English of one line (counted from 1) beside the translation of another."""
    english, other = (int(number) - 1 for number in lines.split(":"))
    texts = read_lines("text", ENGLISH)[english], read_lines("text", lang)[other]
    return Record(*texts, _margin(lang, MISALIGNED, lines), MISALIGNED, "low_similarity")


def _margin(lang: str, *parts: object) -> float:
    """A made-up ratio margin: 1.06, the threshold of NLLB, to 1.25, mostly low."""
    return 1.06 + 0.19 * fraction("margin", lang, *parts) ** 2


# --- formats ----------------------------------------------------------------------------------


def nllb(file: File, rows: list[Record]) -> bytes:
    """Nine columns between tabs, unquoted, gzip; the Khmer file lacks the last line feed."""
    lines = ["\t".join(_nllb_fields(file, row)) for row in rows]
    text = "\n".join(lines) + ("\n" if file.english_first else "")
    return gzip.compress(encoded(text), mtime=0)


def _nllb_fields(file: File, row: Record) -> list[str]:
    key = (file.source, row.english, row.other)
    sides = [
        (text, _language_id(*key, side), *_provenance(*key, side))
        for side, text in (("eng", row.english), ("other", row.other))
    ]
    (text, lid, *place), (text2, lid2, *place2) = sides if file.english_first else sides[::-1]
    score = "n/a" if row.defect == "score is no number" else _float32(row.margin)
    fields = [text, text2, score, lid, lid2, *place, *place2]
    return fields[:5] if row.defect == "columns missing" else fields


def _language_id(*key: str) -> str:
    """A made-up probability; the real ones exceed 1 by float error, too."""
    value = fraction("lid", *key)
    return "1.0000100135803223" if value < 0.4 else _float32(1 - (value - 0.4) ** 3)


def _provenance(*key: str) -> tuple[str, str]:
    """Corpus and URL of one side; a corpus that is no crawl has ``_`` for a URL."""
    if fraction("crawled", *key) < 0.3:
        return pick(CORPORA, "corpus", *key), "_"
    week, number = (1 + int(fraction(name, *key) * 50) for name in ("week", "number"))
    crawl = f"crawl-data/CC-MAIN-2020-{week:02}/segments/{number:05}/wet/{number:05}.warc.wet.gz"
    return crawl, f"https://{pick(SITES, 'site', *key)}/{week}/{number}/"


def _float32(value: float) -> str:
    """A float as a program prints it that stored it in 32 bits: 1.2499876022338867."""
    return repr(struct.unpack("<f", struct.pack("<f", value))[0])


def moses(file: File, rows: list[Record]) -> bytes:
    """An archive of three aligned files, as OPUS packs NLLB."""
    stem = f"NLLB.{file.path.removesuffix('.txt.zip')}"
    columns = {
        stem.rpartition("-")[2]: [row.other for row in rows],
        "en": [row.english for row in rows],
        "scores": [_float32(row.margin) for row in rows],
    }
    members = {
        f"{stem}.{suffix}": encoded("".join(f"{text}\n" for text in texts))
        for suffix, texts in columns.items()
    }
    members |= {name: text.encode() for name, text in ARCHIVE_NOTES.items()}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16  # the same on any system
            zipped.writestr(info, members[name], zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def scb(file: File, rows: list[Record]) -> bytes:
    """Comma-separated text with a header, quoted where a field needs it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["en_text", "th_text"])
    for row in rows:
        extra = ["th"] if row.defect == "column too many" else []
        writer.writerow([row.english, row.other, *extra])
    return encoded(text.getvalue())


WRITERS = {"nllb": nllb, "moses": moses, "csv": scb}


def replay() -> bytes:
    """English documents as JSON lines (id, text, source), gzip."""
    documents = (SAMPLE / "text" / "documents.eng.txt").read_text(encoding="utf-8").strip()
    lines = [
        json.dumps({"id": f"document-{number:03}", "text": text, "source": "sealdata-sample"})
        for number, text in enumerate(documents.split("\n\n"))
    ]
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)


def write_corpus(out: Path) -> None:
    """Write every file of the corpus and ``defects.tsv``, the key to what is planted where."""
    out.mkdir(parents=True, exist_ok=True)
    key = ["source\trow\tdefect\treason"]
    for file in FILES:
        rows = records(file.lang)
        (out / file.path).write_bytes(WRITERS[file.format](file, rows))
        key += [
            f"{file.source}\t{number}\t{row.defect}\t{row.reason}"
            for number, row in enumerate(rows)
            if row.defect
        ]
    (out / "replay-english.jsonl.gz").write_bytes(replay())
    for lang in MONOLINGUAL:
        name = f"monolingual.{lang}.txt"
        (out / name).write_bytes((SAMPLE / "text" / name).read_bytes())
    (out / "defects.tsv").write_text("".join(f"{line}\n" for line in key), encoding="utf-8")


if __name__ == "__main__":
    write_corpus(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE / "corpus")
