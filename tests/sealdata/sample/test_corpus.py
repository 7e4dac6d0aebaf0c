"""The sample corpus is what its scripts write, in true formats, and its key tells the truth."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl

from sealdata.text.hashing import text_key
from tests.make_sample.corpus import SAMPLE, read_lines, read_pairs, write_corpus
from tests.make_sample.plan import FILES, PLAN, File
from tests.make_sample.spoil import KINDS

from .for_all import for_all

CORPUS = SAMPLE / "corpus"
BY_SOURCE = {file.source: file for file in FILES}
REASONS = {
    *("wrong_column_count", "bad_number", "invalid_utf8", "nul_byte", "empty_side"),
    *("embedded_newline", "markup", "mojibake", "copy", "wrong_script", "length_ratio"),
    *("repetition", "number_mismatch", "duplicate", "eval_leak", "wrong_language"),
    *("low_similarity", "too_short", "too_long"),
}


class Raw(NamedTuple):
    """A record as a plain parser finds it; undecodable bytes are U+FFFD."""

    english: str
    other: str
    fields: list[str]


def content(path: Path) -> object:
    """What is in a file, whatever version of zlib compressed it."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [
                (info.filename, info.date_time, archive.read(info)) for info in archive.filelist
            ]
    return path.read_bytes()


@cache
def parse(file: File) -> list[Raw]:
    """The records of one file, by the standard library alone."""
    path = CORPUS / file.path
    if file.format == "moses":
        return _parse_moses(path)
    if file.format == "csv":
        text = io.StringIO(path.read_bytes().decode("utf-8", "replace"), newline="")
        header, *rows = csv.reader(text)
        assert header == ["en_text", "th_text"]
        return [Raw(row[0], row[1], row) for row in rows]
    lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    rows = [line.split("\t") for line in lines]
    first, second = (0, 1) if file.english_first else (1, 0)
    return [Raw(row[first], row[second], row) for row in rows]


def _parse_moses(path: Path) -> list[Raw]:
    with zipfile.ZipFile(path) as archive:
        members = {
            name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()
        }
    stem = f"NLLB.{path.name.removesuffix('.txt.zip')}"
    second = stem.rpartition("-")[2]
    assert set(members) == {f"{stem}.{suffix}" for suffix in ("en", second, "scores")} | {
        "README",
        "LICENSE",
    }
    columns = [
        members[f"{stem}.{suffix}"].removesuffix("\n").split("\n")
        for suffix in ("en", second, "scores")
    ]
    return [Raw(row[0], row[1], list(row)) for row in zip(*columns, strict=True)]


@cache
def key() -> dict[tuple[str, int], tuple[str, str]]:
    """(source, row) -> (defect, reason)."""
    with (CORPUS / "defects.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    found = {(row["source"], int(row["row"])): (row["defect"], row["reason"]) for row in rows}
    assert len(found) == len(rows)
    return found


def clean_rows(file: File) -> list[Raw]:
    return [raw for row, raw in enumerate(parse(file)) if (file.source, row) not in key()]


def test_the_scripts_write_the_corpus_again(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    written = {path.name for path in tmp_path.iterdir()}
    assert written | {"README.md"} == {path.name for path in CORPUS.iterdir()}
    for name in written:
        assert content(tmp_path / name) == content(CORPUS / name), name


@for_all("file", FILES)
def test_every_clean_pair_is_there_once_and_nothing_else_unlabelled(file: File) -> None:
    found = sorted((raw.english, raw.other.removeprefix('"')) for raw in clean_rows(file))
    expected = [
        (english, other.removeprefix('"')) for english, other in read_pairs("text", file.lang)
    ]
    assert found == sorted(expected)


@for_all("file", FILES)
def test_some_clean_pairs_have_an_unbalanced_quotation_mark(file: File) -> None:
    odd = [raw for raw in clean_rows(file) if raw.other.count('"') % 2]
    assert len(odd) == 2


@for_all("file", [file for file in FILES if file.format == "nllb"])
def test_nllb_files(file: File) -> None:
    whole = [raw.fields for raw in parse(file) if len(raw.fields) == 9 and raw.fields[2] != "n/a"]
    assert len(whole) >= 163
    margins = [float(fields[2]) for fields in whole]
    assert margins == sorted(margins, reverse=True)
    assert 1.0599 < margins[-1] < margins[0] <= 1.25
    probabilities = {float(field) for fields in whole for field in fields[3:5]}
    assert 1.0000100135803223 in probabilities
    assert all(0.5 < probability < 1.0001 for probability in probabilities)
    for fields in whole:
        for corpus, url in (fields[5:7], fields[7:9]):
            assert (url == "_") != corpus.startswith("crawl-data/CC-MAIN-")
            assert url == "_" or url.startswith("https://")
    assert any("www.kitab-suci.example" in fields[6] for fields in whole)


@for_all("source", ["opus-ind", "opus-vie", "opus-zho"])
def test_moses_scores_fall(source: str) -> None:
    scores = [float(raw.fields[2]) for raw in parse(BY_SOURCE[source])]
    assert scores == sorted(scores, reverse=True)


def test_replay_and_monolingual_text() -> None:
    lines = gzip.decompress((CORPUS / "replay-english.jsonl.gz").read_bytes()).splitlines()
    documents = [json.loads(line) for line in lines]
    assert len(documents) == 60
    assert all(list(document) == ["id", "text", "source"] for document in documents)
    assert len({document["id"] for document in documents}) == 60
    for lang in ("ind_Latn", "tha_Thai", "vie_Latn"):
        text = (CORPUS / f"monolingual.{lang}.txt").read_text(encoding="utf-8")
        assert len(text.splitlines()) == 24


def test_all_reasons_and_kinds_are_planted() -> None:
    assert {reason for _, reason in key().values()} == REASONS
    assert {defect for defect, _ in key().values()} == {*KINDS, "misaligned"}
    assert len(key()) == sum(map(len, PLAN.values()))
    assert f"with {len(key())} planted defects" in (CORPUS / "README.md").read_text("utf-8")


def keys_of(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs in the normal form of exact dedup."""
    frame = pl.DataFrame(pairs, schema=["src", "tgt"], orient="row")
    return frame.select(text_key("src"), text_key("tgt")).rows()


@for_all("file", FILES)
def test_only_planted_duplicates_repeat_and_they_come_later(file: File) -> None:
    seen: set[tuple[str, str]] = set()
    unreadable = {"wrong_column_count", "bad_number", "invalid_utf8", "nul_byte", "empty_side"}
    texts = keys_of([(raw.english, raw.other) for raw in parse(file)])
    for row, text in enumerate(texts):
        _, reason = key().get((file.source, row), ("", ""))
        if reason in unreadable | {"embedded_newline"}:
            continue
        assert (text in seen) == (reason == "duplicate"), (row, reason)
        seen.add(text)


@for_all("file", FILES)
def test_only_planted_leaks_are_evaluation_sentences(file: File) -> None:
    held_out = {side for pair in keys_of(read_pairs("eval", file.lang)) for side in pair}
    for row, text in enumerate(keys_of([(raw.english, raw.other) for raw in parse(file)])):
        leaked = key().get((file.source, row), ("", ""))[1] == "eval_leak"
        assert any(side in held_out for side in text) == leaked, row


@cache
def translations(file: File) -> dict[str, str]:
    return dict(read_pairs("text", file.lang))


def _whole_pair(file: File, raw: Raw) -> bool:
    return translations(file).get(raw.english) == raw.other


def _columns(file: File, raw: Raw) -> bool:
    return len(raw.fields) != {"nllb": 9, "csv": 2}[file.format]


def _one_side_kept(file: File, raw: Raw) -> bool:
    known = translations(file)
    return (raw.english in known) != (raw.other in known.values())


def _third_language(file: File, raw: Raw) -> bool:
    others = {line for lang in PLAN if lang != file.lang for line in read_lines("text", lang)}
    return _one_side_kept(file, raw) and (raw.english in others or raw.other in others)


def _misaligned(file: File, raw: Raw) -> bool:
    known = translations(file)
    both = raw.english in known and raw.other in known.values()
    return both and not any(c.isdecimal() for c in raw.english + raw.other)


CLAIMS: dict[str, Callable[[File, Raw], bool]] = {
    "wrong_column_count": _columns,
    "bad_number": lambda file, raw: raw.fields[2] == "n/a",
    "invalid_utf8": lambda file, raw: "\ufffd" in raw.other,
    "nul_byte": lambda file, raw: "\0" in raw.english,
    "empty_side": lambda file, raw: not (raw.english.strip() and raw.other.strip()),
    "embedded_newline": lambda file, raw: "\n" in raw.other,
    "too_short": lambda file, raw: len(raw.english) == len(raw.other) == 1,
    "too_long": lambda file, raw: min(len(raw.english), len(raw.other)) > 2000,
    "markup": _one_side_kept,
    "mojibake": _one_side_kept,
    "copy": lambda file, raw: raw.english.lower() == raw.other.lower(),
    "wrong_script": _third_language,
    "length_ratio": _one_side_kept,
    "repetition": lambda file, raw: any(
        raw.english.count(line) == 6 and raw.other.count(known) == 6
        for line, known in translations(file).items()
    ),
    "number_mismatch": _one_side_kept,
    "wrong_language": _third_language,
    "low_similarity": lambda file, raw: _misaligned(file, raw) and not _whole_pair(file, raw),
}


# Duplicates and leaks are what the tests above look for in every row.
CLAIMED = sorted(place for place, (_, reason) in key().items() if reason in CLAIMS)


@for_all("claimed", CLAIMED)
def test_the_key_points_at_what_it_claims(claimed: tuple[str, int]) -> None:
    source, row = claimed
    file, (defect, reason) = BY_SOURCE[source], key()[source, row]
    assert CLAIMS[reason](file, parse(file)[row]), (defect, parse(file)[row])
