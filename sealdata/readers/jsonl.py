"""Pairs in JSON Lines: one object a line, a key for each side."""

import json
import math
from typing import Any

import polars as pl

from sealdata.readers import Source
from sealdata.readers._columns import STRUCT, ColumnReader, check_records, in_language
from sealdata.readers._line_reader import LineReader
from sealdata.readers._lines import as_text, json_keys, text_series


class Jsonl(LineReader, ColumnReader):
    """One JSON object a line, plain or compressed; its keys are the columns.

    An absent or null side is missing. A side that is not a string makes the record ``bad_json``.
    """

    def hint(self, reason: str, raw: str) -> str:
        """The keys that the record has, or another reader."""
        if reason == "bad_json" and "\t" in raw and not raw.lstrip().startswith("{"):
            return 'the file looks like text between tabs: take reader = "tsv"'
        if reason == "bad_json" and raw.lstrip()[:1] in ("[", "{", "]", "}"):
            return "one JSON object a line is needed; `jq -c .[]` makes that of an array"
        if reason != "missing_language":
            return ""
        keys = json_keys(raw)
        names = f": {', '.join(keys)}" if keys else ""
        return f"name the keys of the two sides by src_column and tgt_column{names}"

    def records(self, source: Source, lines: pl.Series) -> pl.DataFrame:
        """The fields of each line; a blank line is bad JSON."""
        text = as_text(lines)
        parsed = [{} if line is None else self._parse(source, line) for line in text]
        frame = pl.DataFrame(
            {
                "undecoded": text.is_null(),
                "bad": pl.Series([fields is None for fields in parsed], dtype=pl.Boolean),
            }
        )
        rows = [fields or {} for fields in parsed]
        texts = {role: [row.get(role) for row in rows] for role in ("src", "tgt")}
        for role in self.optional_columns():
            values = [row.get(role) for row in rows]
            series = pl.Series(values, dtype=pl.Float64) if role == "score" else text_series(values)
            frame = frame.with_columns(series.alias(role))
        missing = [src is None or tgt is None for src, tgt in zip(*texts.values(), strict=True)]
        frame = frame.with_columns(
            *(text_series(values).alias(role) for role, values in texts.items()),
            missing=pl.Series(missing, dtype=pl.Boolean),
        )
        return check_records(
            frame, [("invalid_utf8", pl.col("undecoded")), ("bad_json", pl.col("bad"))]
        )

    def _parse(self, source: Source, line: str) -> dict[str, Any] | None:
        """What the line holds, by role; None if it is not an object or a side is not a string."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(record, dict):
            return None
        fields = {
            "src": _side(record, self.src_column, source.src_lang),
            "tgt": _side(record, self.tgt_column, str(source.tgt_lang)),
        }
        if not all(side is None or isinstance(side, str) for side in fields.values()):
            return None
        for role, name in self.optional_columns().items():
            value = _at(record, name)
            if role == "score":
                fields[role] = _number(value)
            else:
                fields[role] = _text(value) if role != "document" else _name(value)
        return fields


def _side(record: dict[str, Any], column: str | None, lang: str) -> Any:
    if column is not None:
        return _at(record, column)
    inner = record.get(STRUCT)
    sides = inner if isinstance(inner, dict) else record
    names = in_language(sides, lang)
    return sides[names[0]] if len(names) == 1 else None


def _at(record: dict[str, Any], name: str) -> Any:
    if name in record:
        return record[name]
    outer, _, field = name.partition(".")
    inner = record.get(outer)
    return inner.get(field) if isinstance(inner, dict) else None


def _number(value: Any) -> float | None:
    """NaN where the value is not a number."""
    if value is None:
        return None
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _name(value: Any) -> str | None:
    """A name of a document; some corpora number theirs."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else _text(value)


COMPONENT = Jsonl
