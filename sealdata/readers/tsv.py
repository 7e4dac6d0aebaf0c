"""Tab-separated corpora: NLLB, CCMatrix, CCAligned, ParaCrawl, WikiMatrix."""

import polars as pl
from pydantic import field_validator

from sealdata.readers import Source
from sealdata.readers._line_reader import LineReader
from sealdata.readers._lines import decoded, without_end
from sealdata.readers._rejects import SIDE_REJECTIONS, first_reason

# Columns in the order of the file; src is the side that comes first, whatever its language.
LAYOUTS: dict[str, tuple[str, ...]] = {
    # allenai/nllb, e.g. eng_Latn-jav_Latn.gz, but ceb_Latn-eng_Latn.gz: codes in ASCII order
    "nllb": (
        *("src", "tgt", "stored_margin", "stored_src_lid", "stored_tgt_lid"),
        *("src_corpus", "src_url", "tgt_corpus", "tgt_url"),
    ),
    "ccmatrix": ("stored_margin", "src", "tgt"),  # en-id.bitextf.tsv.gz
    "wikimatrix": ("stored_margin", "src", "tgt"),  # WikiMatrix.en-id.tsv.gz
    "ccaligned": ("src", "tgt", "stored_margin"),  # en_XX-th_TH.tsv.xz
    # sentences.tsv.gz of web documents: a side is a whole page, its lines between "|||"
    "ccaligned-documents": ("domain", "src_url", "src", "tgt_url", "tgt"),
    "paracrawl": ("src", "tgt"),  # en-xx.txt.gz
    "pairs": ("src", "tgt"),
}


class Tsv(LineReader):
    """One pair a line, fields between tabs, no header and no quoting.

    A quotation mark is text. The layout says which column is which; languages are declared in the
    order of the file.
    """

    # which column holds what: `nllb`, or another name that an error message lists
    layout: str = "nllb"

    @field_validator("layout")
    @classmethod
    def _known(cls, layout: str) -> str:
        if layout not in LAYOUTS:
            raise ValueError(f"no layout {layout!r}; known: {', '.join(LAYOUTS)}")
        return layout

    def hint(self, reason: str, raw: str) -> str:
        """The layouts with as many columns as the record has, or another reader."""
        if reason != "wrong_column_count":
            return ""
        if raw.lstrip().startswith("{"):
            return 'the file looks like JSON Lines: take reader = "jsonl"'
        columns, expected = raw.count("\t") + 1, len(LAYOUTS[self.layout])
        what = f"that line has {columns} columns, and layout {self.layout!r} has {expected}"
        fitting = [name for name, layout in LAYOUTS.items() if len(layout) == columns]
        if not fitting:
            return f"{what}; is the file separated by tabs?"
        names = " or ".join(f'"{name}"' for name in fitting)
        return f"{what}; take options = {{ layout = {names} }}"

    def records(self, source: Source, lines: pl.Series) -> pl.DataFrame:
        """The fields of each line; a blank line has a wrong column count."""
        return parse(lines, LAYOUTS[self.layout])


def parse(lines: pl.Series, layout: tuple[str, ...]) -> pl.DataFrame:
    """The fields of each line, named by ``layout``, and ``reason``: null for a good line.

    A margin or probability that is empty, and a URL or corpus that is empty or ``_``, is null.
    """
    line, parts = pl.col("line"), pl.col("parts")
    records = pl.DataFrame({"line": decoded(lines)})
    records = records.with_columns(parts=line.str.split("\t"))
    records = records.with_columns(
        parts.list.get(index, null_on_oob=True).alias(name) for index, name in enumerate(layout)
    )
    records = records.with_columns(without_end(pl.col(layout[-1])))  # which has the end of the line
    values = [_value(name) for name in layout if name not in ("src", "tgt")]
    numbers = [name for name in layout if name.startswith("stored_")]
    faults = [
        ("invalid_utf8", line.is_null()),
        ("nul_byte", line.str.contains("\0", literal=True)),
        ("wrong_column_count", parts.list.len() != len(layout)),
        *SIDE_REJECTIONS,
        *(("bad_number", (pl.col(name) != "") & _value(name).is_null()) for name in numbers),
    ]
    return records.select("src", "tgt", *values, reason=first_reason(faults))


def _value(name: str) -> pl.Expr:
    field = pl.col(name)
    if not name.startswith("stored_"):
        return pl.when(~field.is_in(["_", ""])).then(field).alias(name)
    number = field.str.strip_chars().cast(pl.Float32, strict=False)
    number = pl.when(number.is_finite()).then(number).alias(name)
    return number.clip(0, 1) if name.endswith("_lid") else number  # NLLB stores 1.00001


COMPONENT = Tsv
